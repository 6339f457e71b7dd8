#ifndef POSTERN_WORKER_DOVEADM_H
#define POSTERN_WORKER_DOVEADM_H

#include <stddef.h>
#include <stdint.h>

#include "decisions/notice-name.h"
#include "settings/settings.h"

/*
 * Dovecot's doveadm HTTP API: an end to sessions on this host, and a look for a notice in a
 * mailbox. One command a request, because Dovecot 2.3 breaks its JSON when one
 * of several fails. Every call has a deadline, and answers are bounded and checked.
 *
 * A client is for one thread; it takes the settings with each call, so a reload is felt at once.
 * Where a call fails, *error_r is one line, valid until the client's next call.
 */

struct doveadm;

/* NULL if libcurl doesn't start. curl_global_init() has been called. */
struct doveadm *doveadm_create(void);
void doveadm_free(struct doveadm **client);

enum doveadm_ended {
	DOVEADM_ENDED,	       /* all that was there to end was told to */
	DOVEADM_ENDED_WAITING, /* all but a login that is still under way */
	DOVEADM_ENDED_UNKNOWN, /* can't tell: text says why */
};

/* An account whose sessions were looked at, and how many of them were ended. */
typedef void doveadm_ended_callback_t(void *context, const char *account, enum doveadm_ended how,
				      int count, const char *text);

/* Ends the sessions of some accounts that are over, in one call, and hands out each of the accounts
   in the same order. With none, it looks at all who are logged in, and hands out those of whom some
   were ended. 0, or -1: then none were handed out. */
int doveadm_end_sessions(struct doveadm *client, const struct settings *settings,
			 const char *const accounts[], size_t count,
			 doveadm_ended_callback_t *callback, void *context, const char **error_r);

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
