#ifndef POSTERN_DAEMON_LOG_H
#define POSTERN_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

/*
 * A daemon's log lines: to stderr until it is ready, so that a failing start is seen wherever it
 * was started from; then to syslog, facility mail, unless it stays in the foreground. Priorities
 * are syslog's. Threads may log at will: a line is written in one piece.
 */

#define LOG_LINE_MAX 1024

/* What log_word() may make of a text, terminator included. */
#define LOG_WORD_SIZE 81

/* What lines begin with: the program's name, a string that must stay valid. To be called first. */
void log_begin(const char *program);

/* From here on lines go to syslog. */
void log_to_syslog(void);

void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies what somebody else chose (a login, a queue id) into a word that can't end its field or its
   line: anything but visible ASCII, and quotes and backslashes, become '?'. "-" for none. What is
   longer is cut. */
void log_word(const char *text, char word_r[LOG_WORD_SIZE]);

#endif
