#ifndef POSTERN_UNUSED_H
#define POSTERN_UNUSED_H

#include <stdint.h>

#include "account/account.h"
#include "store/command.h"
#include "settings/settings.h"

struct redisReply;

/*
 * The sweep (D2): which accounts with access on have long not been used, found through the
 * partitions' indexes (due.h). A call of unused.lua looks at one account and acts. All
 * times are milliseconds, since 1970 where they are points in time.
 */

enum unused_verdict {
	UNUSED_OFF,	   /* access went off, reason unused */
	UNUSED_WARNED,	   /* the owner was warned */
	UNUSED_USED,	   /* used since: looked at again later */
	UNUSED_NEVER,	   /* its tier has no such limit */
	UNUSED_OFF_BEFORE, /* access was off already */
	UNUSED_UNAVAILABLE,
};

struct unused_answer {
	enum unused_verdict verdict;
	int64_t used;		 /* the last use, or the switching on */
	int64_t ends;		 /* when access goes off without another one */
	const char *unavailable; /* one static sentence */
};

/* How long an account rests in the index before somebody looks at it: the least of all tiers, less
   the time for a warning. 0 if no tier has a limit: then there is nothing to sweep. */
uint64_t unused_rest(const struct settings *settings, uint64_t warning);

struct unused_request {
	const struct account_name *account;
	int64_t time;	  /* 0 for Redis's own clock */
	bool only_look;	  /* only say what would be done */
	uint64_t warning; /* how long before the end owners are warned, 0 for not at all */
};

void unused_ask(const struct unused_request *request, const struct settings *settings,
		struct command *command_r);
void unused_read(const struct redisReply *reply, struct unused_answer *answer_r);

#endif
