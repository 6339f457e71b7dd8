#ifndef POSTERN_SESSION_MARK_H
#define POSTERN_SESSION_MARK_H

#include "decisions/session.h"

struct auth_request;

/*
 * What the passdb leaves in a request for the userdb: what the session will go by, and since when
 * the login has been in progress. The request is one and the same in both, as Dovecot keeps it
 * until a mail process asks for the user of the login; nobody else is shown it.
 */

/* password is the digest of the app password, and started of the monotonic clock, in milliseconds.
   The rest is the request's: its user is an account, and its service a protocol of ours. */
void session_mark_set(struct auth_request *request, const char *password, int64_t started);

/* FALSE for a login that the passdb didn't decide, and for look-ups that are no login. */
bool session_mark_get(const struct auth_request *request, struct session *session_r,
		      int64_t *started_r);

#endif
