#ifndef POSTERN_SENDMAIL_H
#define POSTERN_SENDMAIL_H

/*
 * Hands a message to the mail system through sendmail(1): `PATH -i -f '' -- RECIPIENT`, the message
 * on its standard input. The empty sender keeps its bounces from making others. No shell is
 * involved. Threads may call this at the same time. The process must not ignore SIGCHLD, nor wait
 * for children that it doesn't know.
 */

enum sendmail_result {
	SENDMAIL_SENT,	 /* the mail system has it */
	SENDMAIL_LATER,	 /* it may work another time; whether the mail system has it is not known */
	SENDMAIL_FAILED, /* this message will never be taken */
};

#define SENDMAIL_TEXT_SIZE 200

/*
 * Waits for sendmail for at most timeout milliseconds, and then kills it. It is also killed when
 * the calling thread ends: so a thread that lives. text_r is what to log unless it is sent: one
 * line of printable ASCII, the exit status and the first line that sendmail wrote; else "".
 */
enum sendmail_result sendmail_run(const char *path, const char *recipient, const char *message,
				  unsigned int timeout, char text_r[SENDMAIL_TEXT_SIZE]);

#endif
