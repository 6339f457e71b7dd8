#ifndef POSTERN_WORKER_QUEUE_H
#define POSTERN_WORKER_QUEUE_H

#include <stdint.h>

enum queue_found {
	QUEUE_FOUND,
	QUEUE_NOT_FOUND,
	QUEUE_MISSING, /* there is no Postfix, so no queue */
	QUEUE_UNKNOWN, /* can't tell */
};

/* Whether Postfix's queue on this host has a message from the empty sender to the account that
   arrived after a time (seconds since 1970). postqueue is looked for beside sendmail, whose path is
   given, then in PATH. *error_r is for free(), NULL unless it can't tell or there is none. */
enum queue_found queue_search(const char *sendmail, const char *account, int64_t after,
			      char **error_r);

/* The same in what `postqueue -j` printed, a line of JSON for each message. */
enum queue_found queue_search_lines(const char *lines, const char *account, int64_t after);

#endif
