#ifndef POSTERN_WORKER_DOVEADM_H
#define POSTERN_WORKER_DOVEADM_H

#include <stdint.h>

#include "notice-name.h"
#include "settings.h"

/*
 * Dovecot's doveadm HTTP API: who is logged in on this host, an end to their sessions, and a look
 * for a notice in a mailbox. One command a request, because Dovecot 2.3 breaks its JSON when one
 * of several fails. Every call has a deadline, and answers are bounded and checked.
 *
 * A client is for one thread; it takes the settings with each call, so a reload is felt at once.
 * Where a call fails, *error_r is one line, valid until the client's next call.
 */

struct doveadm;

/* NULL if libcurl doesn't start. curl_global_init() has been called. */
struct doveadm *doveadm_create(void);
void doveadm_free(struct doveadm **client);

/* A user who is logged in, and one of the addresses that the sessions come from. The same may come
   again, for another protocol. */
typedef void doveadm_session_callback_t(void *context, const char *user, const char *address);

/* Hands out the sessions of one user, or all for NULL. 0, or -1: then none were handed out. */
int doveadm_who(struct doveadm *client, const struct settings *settings, const char *user,
		doveadm_session_callback_t *callback, void *context, const char **error_r);

/* Ends the user's sessions from the address. 1, 0 if there were none, or -1. */
int doveadm_kick(struct doveadm *client, const struct settings *settings, const char *user,
		 const char *address, const char **error_r);

enum doveadm_found {
	DOVEADM_FOUND,
	DOVEADM_NOT_FOUND,
	DOVEADM_NO_USER, /* Dovecot knows of no such mailbox */
	DOVEADM_UNKNOWN, /* can't tell */
};

/* Looks for the notice of that number in all of the account's folders. */
enum doveadm_found doveadm_delivered(struct doveadm *client, const struct settings *settings,
				     const struct account_name *account,
				     const struct notice_number *number, const char **error_r);

#endif
