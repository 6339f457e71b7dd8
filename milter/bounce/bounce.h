#ifndef POSTERN_MILTER_BOUNCE_H
#define POSTERN_MILTER_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "message.h"
#include "report.h"
#include "decisions/failure.h"
#include "settings/secrets.h"
#include "keys/trace.h"

/*
 * What a message says as a bounce. Two questions that don't depend on each other: is it genuine, so
 * is there the trace of a message of ours (B2); and what failed.
 */

/* What said that something failed. */
enum bounce_form {
	BOUNCE_NOTHING,	 /* nothing did */
	BOUNCE_STATUS,	 /* a delivery status, RFC 3464 */
	BOUNCE_FEEDBACK, /* a feedback report, RFC 5965 */
	BOUNCE_WORDS,	 /* words for people */
};

struct bounce_reading {
	bool genuine;
	struct trace trace;		     /* if genuine */
	bool was_cut;			     /* there was more than is looked at */
	unsigned int received;		     /* Received headers of the message itself */
	bool was_received_from;		     /* the newest of them says from whom */
	char queue_id[BOUNCE_QUEUE_ID_SIZE]; /* of the original, if Postfix reports; "" for none */
	enum bounce_form form;
	struct bounce_given_up given_up;
	unsigned int failed_count; /* 0 if form is BOUNCE_NOTHING */
	struct failed_recipient failed[FAILURES_MAX];
};

/* Reads it, once. default_domain may be NULL. Different threads may read different bounces. */
void bounce_read(struct bounce *bounce, const struct secrets *secrets, const char *default_domain,
		 struct bounce_reading *reading_r);

#endif
