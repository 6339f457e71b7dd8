#ifndef POSTERN_REFUSAL_H
#define POSTERN_REFUSAL_H

#include <stdint.h>

#include "account/account.h"
#include "store/command.h"
#include "decisions/notice-name.h"

struct redisReply;

/*
 * Notices that access is off which a mailbox has refused, as one that is full does (D5): calls of
 * refused.lua and again.lua. Such a notice waits outside of the outbox, one to an account,
 * and is tried again after growing intervals: until access is on again, the account is erased, or
 * 30 days have passed. It is refused only when somebody has proof of it; a notice that isn't in the
 * mailbox may have been read and deleted.
 */

/* A status of RFC 3463, "5.2.2", and its terminator. */
#define REFUSAL_STATUS_SIZE 12

enum refusal_verdict {
	REFUSAL_WAITS, /* it will be tried again */
	REFUSAL_KNOWN, /* that was known before */
	REFUSAL_OVER,  /* nobody needs to be told any more */
	REFUSAL_UNAVAILABLE,
};

struct refusal_answer {
	enum refusal_verdict verdict;
	unsigned int times; /* for REFUSAL_WAITS: how often it was refused */
	int64_t next;	    /* and when it is tried again, milliseconds since 1970 */
};

/* Says that the mailbox has refused the notice. The status may be anything: what is no status is
   left out. */
void refusal_ask(const struct account_name *account, const struct notice_number *number,
		 const char *status, struct command *command_r);
void refusal_read(const struct redisReply *reply, struct refusal_answer *answer_r);

enum again_verdict {
	AGAIN_DONE,	 /* it is in the outbox again */
	AGAIN_UNCHANGED, /* it isn't time, or somebody else has done it */
	AGAIN_OVER,	 /* nobody needs to be told any more */
	AGAIN_UNAVAILABLE,
};

/* Looks at an account that due_ask() has named. To look in vain, or twice, does no harm. */
void again_ask(const struct account_name *account, struct command *command_r);
enum again_verdict again_read(const struct redisReply *reply);

#endif
