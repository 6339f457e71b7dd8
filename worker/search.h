#ifndef POSTERN_WORKER_SEARCH_H
#define POSTERN_WORKER_SEARCH_H

#include <stdbool.h>

#include "doveadm-client.h"
#include "decisions/notice-name.h"
#include "worker.h"

/* Looks whether a notice that may have been sent before has been: in Postfix's queue, then in the
   mailbox, by names that only this site can give it. */

enum sent {
	SENT_BEFORE,
	SENT_NEVER,
	SENT_MAYBE, /* it is on its way, or that isn't known */
};

/* For one thread. */
struct search {
	struct doveadm *doveadm;
	struct trouble trouble;
	bool missing_logged;
};

enum sent search_notice(struct search *search, const struct settings *settings,
			const struct account_name *account, const struct notice_number *number);

#endif
