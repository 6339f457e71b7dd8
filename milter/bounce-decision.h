#ifndef POSTERN_MILTER_BOUNCE_DECISION_H
#define POSTERN_MILTER_BOUNCE_DECISION_H

#include <stdbool.h>

#include "bounce/bounce.h"
#include "decision.h"
#include "decisions/failure.h"
#include "daemon/state.h"

/* What a bounce says, and what follows from it. Whatever goes wrong, the bounce itself is delivered
   (B5). */

/* How it came here. */
struct bounce_origin {
	bool internal;	    /* Postfix made it here: it came over no connection */
	bool is_own;	    /* one of our own hosts brought it; so too if it is internal */
	const char *client; /* the address of who brought it, "" if it has none */
};

struct bounce_decision {
	struct bounce_reading reading;
	/* From here on only where something failed, genuinely. */
	struct account_name account;
	enum failure_source source;
	struct failure_answer answer;
	char problem[DECISION_PROBLEM_SIZE]; /* why the verdict is FAILURE_UNAVAILABLE, else "" */
};

/* Reads the bounce, and has what failed counted (B3): one round trip to Redis, or none; two for an
   account whose name is too long for a trace. Waits for each at most the timeout of the settings.
   Thread-safe. */
void bounce_decide(struct state *state, struct bounce *bounce, const struct bounce_origin *origin,
		   struct bounce_decision *decision_r);

#endif
