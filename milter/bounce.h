#ifndef POSTERN_MILTER_BOUNCE_H
#define POSTERN_MILTER_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "bounce-report.h"
#include "failure.h"
#include "secrets.h"
#include "trace.h"

/*
 * A message that may be a bounce, while it comes in, and what it says once it is here. Two
 * questions that don't depend on each other: is it genuine, so is there the trace of a message of
 * ours (B2); and what failed. Whatever is sent, the memory that this takes is bounded; what doesn't
 * fit isn't looked at.
 */
struct bounce;

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
	unsigned int received;		     /* Received headers of the message itself */
	bool was_received_from;		     /* the newest of them says from whom */
	char queue_id[BOUNCE_QUEUE_ID_SIZE]; /* of the original, if Postfix reports; "" for none */
	enum bounce_form form;
	unsigned int failed_count; /* 0 if form is BOUNCE_NOTHING */
	struct failed_recipient failed[FAILURES_MAX];
};

/* To be called once, before there are threads. */
void bounce_start(void);

/* A message of which nothing is here, for bounce_free(). NULL if memory ran out. */
struct bounce *bounce_new(void);

void bounce_free(struct bounce **bounce);

/* Takes a header of the message itself; what is no use is dropped. */
void bounce_header(struct bounce *bounce, const char *name, const char *value);

/* Takes a piece of the body, of any size. False when no more is looked at. */
bool bounce_body(struct bounce *bounce, const void *bytes, size_t size);

/* Takes a piece of a whole message as a file has it, headers and body, in place of both. */
bool bounce_whole(struct bounce *bounce, const void *bytes, size_t size);

/* Reads it. default_domain may be NULL. Different threads may read different bounces. */
void bounce_read(struct bounce *bounce, const struct secrets *secrets, const char *default_domain,
		 struct bounce_reading *reading_r);

#endif
