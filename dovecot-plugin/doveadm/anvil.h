#ifndef POSTERN_ANVIL_H
#define POSTERN_ANVIL_H

#include <sys/types.h>

/*
 * What Dovecot's anvil process knows of who is logged in on this host: the protocol of Dovecot 2.3,
 * which `doveadm who` speaks. It doesn't know Dovecot's headers.
 */

/* Sessions that one process serves. The strings live until the callback returns. */
struct anvil_row {
	const char *service; /* "imap" */
	const char *address; /* "" where there is none */
	const char *user;
	pid_t pid;
	unsigned int connections;
};

typedef void anvil_callback_t(void *context, const struct anvil_row *row);

/* Asks at the socket in that directory, and hands out all rows. 0, or -1 with *error_r, for free():
   then some may have been handed out, and some not. */
int anvil_read(const char *directory, anvil_callback_t *callback, void *context, char **error_r);

#endif
