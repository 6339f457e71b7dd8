#ifndef POSTERN_MILTER_NOTICE_RETURN_H
#define POSTERN_MILTER_NOTICE_RETURN_H

#include "bounce-decision.h"

/*
 * A notice that came back (D5). Each notice has a sender of its own, sealed for its account. So a
 * bounce that this host's Postfix made, to that address and about that account, proves that the
 * account's mailbox refused this very notice; and nothing else does.
 */

enum notice_return {
	NOTICE_RETURN_NONE,  /* it is no such thing */
	NOTICE_RETURN_TAKEN, /* Redis knows of it: nobody needs the bounce any more */
	NOTICE_RETURN_LATER, /* Redis doesn't know of it: the bounce has to come again */
};

/* recipient is the bounce's, as the MTA says it. Logs what comes of it, unless it is none. One
   round trip to Redis, or none. Thread-safe. */
enum notice_return notice_return_take(struct state *state, const struct bounce_reading *reading,
				      const struct bounce_origin *origin, const char *recipient,
				      const char *queue_id);

#endif
