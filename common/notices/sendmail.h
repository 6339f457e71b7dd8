#ifndef POSTERN_SENDMAIL_H
#define POSTERN_SENDMAIL_H

/*
 * Hands a message to the mail system through sendmail(1): `PATH -i -f SENDER -- RECIPIENT`, the
 * message on its standard input. child.h says what else that means for the calling thread and its
 * process.
 */

enum sendmail_result {
	SENDMAIL_SENT,	 /* the mail system has it */
	SENDMAIL_LATER,	 /* it may work another time; whether the mail system has it is not known */
	SENDMAIL_FAILED, /* this message will never be taken */
};

#define SENDMAIL_TEXT_SIZE 200

/*
 * Waits for sendmail for at most timeout milliseconds, and then kills it. text_r is what to log
 * unless it is sent: one line of printable ASCII without quotes, the exit status and the first
 * line that sendmail wrote; else "".
 */
enum sendmail_result sendmail_run(const char *path, const char *sender, const char *recipient,
				  const char *message, unsigned int timeout,
				  char text_r[SENDMAIL_TEXT_SIZE]);

#endif
