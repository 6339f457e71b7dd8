#ifndef POSTERN_MILTER_BOUNCE_TEXT_H
#define POSTERN_MILTER_BOUNCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "decisions/failure.h"

/*
 * Reads the text of a bounce that has nothing for machines. It says "failed" only where
 * the text mentions a permanent failure and nothing else: rather one failure too few.
 */

#define BOUNCE_TEXT_ADDRESSES 4

/* Lines at its beginning in which a bounce says what it has to say. */
#define BOUNCE_TEXT_LINES 300

struct bounce_text {
	bool permanent;	 /* permanently failed */
	bool unfinished; /* a delay, a failure for now, or an answer that a program gives */
	bool spam;	 /* mentions spam, a blocklist or policy */
	char status[FAILURE_STATUS_SIZE];
	unsigned int addresses_count;
	char addresses[BOUNCE_TEXT_ADDRESSES][FAILURE_ADDRESS_SIZE]; /* the first ones */
};

void bounce_text_begin(struct bounce_text *text);

/* Takes a line of the text before the original is quoted. */
void bounce_text_line(struct bounce_text *text, const char *line);

bool bounce_text_says_failed(const struct bounce_text *text);

/* Adds the addresses that the text has; a header's value for one. */
void bounce_text_addresses(struct bounce_text *text, const char *line);

#endif
