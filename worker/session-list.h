#ifndef POSTERN_WORKER_SESSION_LIST_H
#define POSTERN_WORKER_SESSION_LIST_H

#include <stddef.h>

#include "account.h"
#include "doveadm.h"

/* Who is logged in on this host from outside, as Dovecot tells it. */

struct session {
	char *account; /* as account_name has it */
	char *user;    /* as Dovecot calls it */
	char address[64];
};

struct session_list {
	const struct settings *settings; /* while it is being made */
	struct session *sessions;	 /* owned: free with session_list_clear() */
	size_t count, room;
};

/* The external sessions of one user, or of all for NULL: by account, and one for all of a user from
   an address. Users who can't be accounts are left out. The list outlives the settings. 0, or -1
   with *error_r as doveadm_who() has it. */
int session_list_ask(struct session_list *list, struct doveadm *doveadm,
		     const struct settings *settings, const char *user, const char **error_r);
void session_list_clear(struct session_list *list);

/* The place of the first session of an account; count if it has none. */
size_t session_list_find(const struct session_list *list, const char *account);

/* The place behind the last session of the account that the one at a place is of. */
size_t session_list_end(const struct session_list *list, size_t place);

#endif
