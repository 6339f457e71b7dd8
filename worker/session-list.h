#ifndef POSTERN_WORKER_SESSION_LIST_H
#define POSTERN_WORKER_SESSION_LIST_H

#include <stddef.h>

#include "account.h"
#include "doveadm.h"

/* Who is logged in on this host from outside, as Dovecot tells it. */

struct session {
	char *user; /* as Dovecot calls it */
	char address[64];
};

struct session_list {
	const struct settings *settings;
	struct session *sessions; /* owned: free with session_list_clear() */
	size_t count, room;
};

/* The external sessions of one user, or of all for NULL: by user, and one for all from an address.
   0, or -1 with *error_r as doveadm_who() has it. */
int session_list_ask(struct session_list *list, struct doveadm *doveadm,
		     const struct settings *settings, const char *user, const char **error_r);
void session_list_clear(struct session_list *list);

/* The account of a session. 0, or -1 if Dovecot has a user who can't be an account. */
int session_account(const struct session_list *list, size_t place, struct account_name *account_r);

#endif
