#ifndef POSTERN_MILTER_BOUNCE_QUOTE_H
#define POSTERN_MILTER_BOUNCE_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/secrets.h"
#include "keys/trace.h"

/*
 * Looks for the original message's header with our trace in it (B2), as a bounce quotes it: in a
 * part of its own, or in its text, where it may be indented, after "> ", or broken into lines.
 */

/* Bytes of a token that is being put together. */
#define BOUNCE_TOKEN_SIZE (TRACE_VALUE_LENGTH + 1)

/* What is looked for in a text. */
enum bounce_quote_aim {
	BOUNCE_QUOTE_BEGINNING, /* where the original begins */
	BOUNCE_QUOTE_TRACE,	/* the trace as well */
};

/* What the last line of a text was. */
enum bounce_quote_place {
	BOUNCE_QUOTE_WORDS,  /* words about the original */
	BOUNCE_QUOTE_HEADER, /* the header of a message that was on its way */
	BOUNCE_QUOTE_TOKEN,  /* in that header, a trace whose token may continue in the next line */
};

struct bounce_quote {
	const struct secrets *secrets;
	const char *default_domain; /* NULL for none */
	unsigned int tries;	    /* tokens that were opened, right or wrong */
	bool found;
	struct trace trace; /* when found: the first one that is ours */

	/* Of the text that is being read. */
	enum bounce_quote_aim aim;
	enum bounce_quote_place place;
	size_t token_size;
	char token[BOUNCE_TOKEN_SIZE];
};

/* Nothing found yet. secrets and default_domain must outlive it. */
void bounce_quote_begin(struct bounce_quote *quote, const struct secrets *secrets,
			const char *default_domain);

/* Another text begins, to be read line by line. */
void bounce_quote_text(struct bounce_quote *quote, enum bounce_quote_aim aim);

/* Takes a line of it. False when there is no more to look for in this text: a trace was found, or
   the header of the original has ended, and what follows is its body, which can quote anything. */
bool bounce_quote_line(struct bounce_quote *quote, const char *line);

/* True where the lines are the original's header, and no longer words about it. */
bool bounce_quote_in_original(const struct bounce_quote *quote);

/* Takes a header of a message that is quoted whole, and looks for the trace in it. Between texts.
 */
void bounce_quote_header(struct bounce_quote *quote, const char *name, const char *value);

#endif
