#ifndef DOVEADM_POSTERN_ACCOUNTS_H
#define DOVEADM_POSTERN_ACCOUNTS_H

#include "decisions/accounts.h"
#include "doveadm-postern.h"

/* What the commands share that go through all accounts. They hold one page of SCAN at a time. */

/* Looks for the format stamps of all partitions: without them an empty Redis would pass for a site
   without accounts. FALSE when one is missing: the row has then been printed. */
bool postern_check_stamps(struct postern_run *run);

/* Does something with accounts of one partition. FALSE to stop: everything has then been said. */
typedef bool postern_group_callback_t(struct postern_run *run, const struct account_name *names,
				      unsigned int count, void *context);

struct postern_scan {
	char cursor[ACCOUNTS_CURSOR_SIZE];
	unsigned int group_max; /* accounts that go to the callback at a time */
	postern_group_callback_t *callback;
	void *context;
};

/* Goes through about count keys from the cursor on, and moves it on. 1 if there are more, 0 if
   these were the last, -1 when it failed or was stopped: everything has then been said. */
int postern_scan(struct postern_run *run, struct postern_scan *scan, unsigned int count);

/* Asks about accounts and checks that the reply, which is for freeReplyObject(), has something for
   each. FALSE when Redis can't tell: the row has then been printed. */
bool postern_ask_accounts(struct postern_run *run, const struct command *command,
			  struct redisReply **reply_r);

#endif
