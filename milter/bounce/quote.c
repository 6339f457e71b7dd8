/* The quoted original, and the trace in its header. */

#include "quote.h"

#include <string.h>

#include "base/header-field.h"

/* Opening one costs 2 us. A bounce with a thousand of them makes us open no more than these.
 */
#define TRIES_MAX 64

void bounce_quote_begin(struct bounce_quote *quote, const struct secrets *secrets,
			const char *default_domain)
{
	memset(quote, 0, sizeof(*quote));
	quote->secrets = secrets;
	quote->default_domain = default_domain;
}

void bounce_quote_text(struct bounce_quote *quote, enum bounce_quote_aim aim)
{
	quote->aim = aim;
	quote->place = BOUNCE_QUOTE_WORDS;
}

static bool is_token_byte(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static void try_token(struct bounce_quote *quote)
{
	if (quote->found || quote->tries == TRIES_MAX)
		return;
	quote->tries++;
	quote->found = trace_open(quote->secrets, quote->token, quote->token_size,
				  quote->default_domain, &quote->trace) == 1;
}

/* Adds what the line has of a token. It is whole when it has its length and something else follows,
   if only the line's end; a line may end in its middle. */
static void add_to_token(struct bounce_quote *quote, const char *text)
{
	bool whole;

	while (is_token_byte(*text) && quote->token_size < TRACE_VALUE_LENGTH)
		quote->token[quote->token_size++] = *text++;
	whole = quote->token_size == TRACE_VALUE_LENGTH && !is_token_byte(*text);
	if (whole || text[strspn(text, " \t")] != '\0')
		quote->place = BOUNCE_QUOTE_HEADER;
	if (whole && quote->aim == BOUNCE_QUOTE_TRACE)
		try_token(quote);
}

static void begin_token(struct bounce_quote *quote, const char *value)
{
	quote->place = BOUNCE_QUOTE_TOKEN;
	quote->token_size = 0;
	add_to_token(quote, value + strspn(value, " \t"));
}

/* What comes before a quoted line: quoting marks, and white space. */
static const char *skip_marks(const char *line)
{
	/* A space that doesn't break, in UTF-8 and in Latin-1, is how some write indentation. */
	for (;; line++) {
		line += strspn(line, " \t>|:#*%!+}");
		if ((unsigned char)line[0] == 0xc2 && (unsigned char)line[1] == 0xa0)
			line++;
		else if ((unsigned char)line[0] != 0xa0)
			return line;
	}
}

bool bounce_quote_line(struct bounce_quote *quote, const char *line)
{
	const char *text = skip_marks(line);
	struct header_field field;

	if (*text == '\0') {
		if (quote->place == BOUNCE_QUOTE_TOKEN)
			quote->place = BOUNCE_QUOTE_HEADER;
		return quote->place == BOUNCE_QUOTE_WORDS;
	}
	if (!header_field_parse(text, strlen(text), &field)) {
		/* A header's next line, or none of one: only an empty line ends them. */
		if (quote->place == BOUNCE_QUOTE_TOKEN)
			add_to_token(quote, text);
	} else if (header_field_is(text, field.name_size, TRACE_HEADER)) {
		/* One that is cut short, or not ours, is still in a header. */
		begin_token(quote, text + field.value);
	} else if (quote->place == BOUNCE_QUOTE_TOKEN ||
		   header_field_is(text, field.name_size, "Received")) {
		/* Whatever passed an MTA has this line. */
		quote->place = BOUNCE_QUOTE_HEADER;
	}
	return !quote->found;
}

bool bounce_quote_in_original(const struct bounce_quote *quote)
{
	return quote->place != BOUNCE_QUOTE_WORDS;
}

void bounce_quote_header(struct bounce_quote *quote, const char *name, const char *value)
{
	if (!header_field_is(name, strlen(name), TRACE_HEADER))
		return;
	quote->token_size = 0;
	for (; *value != '\0'; value++) {
		if (strchr(" \t\r\n", *value) != NULL)
			continue; /* folded, inside of it too */
		if (!is_token_byte(*value) || quote->token_size == TRACE_VALUE_LENGTH)
			return;
		quote->token[quote->token_size++] = *value;
	}
	if (quote->token_size == TRACE_VALUE_LENGTH)
		try_token(quote);
}
