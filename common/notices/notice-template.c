/* Template files of notices: checked strictly when they are read, so that nothing can go wrong when
   a notice is made. */

#include "notices/notice-template.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "decisions/app-password-change.h"
#include "decisions/actor.h"
#include "settings/ini-file.h"
#include "base/utf8.h"
#include "base/text.h"

#define SUBJECT "Subject: "
#define BOM	"\xef\xbb\xbf"

/* How much is shown of an unknown variable, in bytes. */
#define SHOWN_MAX 40

#define OF(event) (1U << (event))
#define ALL	  (~0U)
#define PASSWORDS (OF(NOTICE_ENABLED) | OF(NOTICE_PASSWORD_ADDED))
#define WARNING	  OF(NOTICE_UNUSED_WARNING)

static const struct {
	const char *name;
	size_t max;	     /* bytes of the value */
	unsigned int events; /* that have it */
} variables[NOTICE_VARIABLES] = {
	[NOTICE_VAR_ACCOUNT] = { "account", ACCOUNT_NAME_MAX, ALL },
	[NOTICE_VAR_DOMAIN] = { "domain", ACCOUNT_NAME_MAX, ALL },
	[NOTICE_VAR_HELP_URL] = { "help_url", 180, ALL },
	[NOTICE_VAR_TIME] = { "time", 40, ALL },
	[NOTICE_VAR_MAIL_SERVER] = { "mail_server", ACCOUNT_NAME_MAX + 5, PASSWORDS },
	[NOTICE_VAR_BY] = { "by", ACTOR_MAX, PASSWORDS },
	[NOTICE_VAR_FROM] = { "from", ACTOR_MAX, PASSWORDS },
	[NOTICE_VAR_NUMBER] = { "number", 10, PASSWORDS },
	[NOTICE_VAR_LABEL] = { "label", APP_PASSWORD_LABEL_MAX, PASSWORDS },
	[NOTICE_VAR_UNTIL] = { "until", 40, WARNING },
};

size_t notice_variable_max(enum notice_variable variable)
{
	return variables[variable].max;
}

static int find_variable(const char *name, size_t size)
{
	for (int i = 0; i < NOTICE_VARIABLES; i++) {
		if (strlen(variables[i].name) == size && memcmp(variables[i].name, name, size) == 0)
			return i;
	}
	return -1;
}

/* What comes next in a template's line: some text as it is, or a variable. */
struct piece {
	const char *text;
	size_t size;
	int variable; /* enum notice_variable, or -1: the text is literal */
};

/* Takes the next piece of the line or text that ends at end. 1, or 0 when there is none, or -1: a
   brace that isn't closed, or a name that no variable has; the piece is what it is about. */
static int next_piece(const char **at, const char *end, struct piece *piece_r)
{
	const char *start = *at, *close;

	*piece_r = (struct piece){ .text = start, .variable = -1 };
	if (start == end)
		return 0;
	if (*start != '{') {
		const char *brace = memchr(start, '{', (size_t)(end - start));

		piece_r->size = (size_t)((brace != NULL ? brace : end) - start);
		*at += piece_r->size;
		return 1;
	}
	if (end - start > 1 && start[1] == '{') {
		piece_r->size = 1;
		*at += 2;
		return 1;
	}
	close = start + strcspn(start, "}\n");
	if (close >= end || *close != '}')
		return -1;
	piece_r->size = (size_t)(close + 1 - start);
	piece_r->variable = find_variable(start + 1, piece_r->size - 2);
	*at += piece_r->size;
	return piece_r->variable >= 0 ? 1 : -1;
}

void notice_template_expand(const char *text, const char *const values[NOTICE_VARIABLES], FILE *out)
{
	const char *end = text + strlen(text);
	struct piece piece;

	while (next_piece(&text, end, &piece) > 0) {
		if (piece.variable >= 0)
			fputs(values[piece.variable], out);
		else
			fwrite(piece.text, 1, piece.size, out);
	}
}

/* The file under the check. */
struct reading {
	const char *path;
	enum notice_event event;
	const char *line, *end; /* the current line, without its line end */
	unsigned int number;
	char *error;
};

__attribute__((format(printf, 2, 3))) static int mistake(struct reading *reading,
							 const char *expected, ...)
{
	va_list args;
	char *text;

	va_start(args, expected);
	if (vasprintf(&text, expected, args) < 0)
		abort();
	va_end(args);
	reading->error = text_format("%s:%u: expected %s", reading->path, reading->number, text);
	free(text);
	return -1;
}

/* What is in braces is checked text by now. */
static int refuse_variable(struct reading *reading, const struct piece *piece)
{
	char names[256] = "";
	size_t used = 0;

	if (piece->size == 0)
		return mistake(reading,
			       "'}' after '{' in the same line; a brace itself is written '{{'");
	for (int i = 0; i < NOTICE_VARIABLES; i++) {
		if ((variables[i].events & OF(reading->event)) != 0)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s{%s}",
						 used > 0 ? ", " : "", variables[i].name);
	}
	if (piece->size > SHOWN_MAX)
		return mistake(reading, "one of %s", names);
	return mistake(reading, "one of %s, but found %.*s", names, (int)piece->size, piece->text);
}

static int check_bytes(struct reading *reading)
{
	const char *at = reading->line;

	while (at < reading->end) {
		size_t size = utf8_character(at, (size_t)(reading->end - at));
		unsigned int byte = (unsigned char)*at;
		long place = at - reading->line + 1;

		if (size == 0)
			return mistake(reading, "UTF-8, but byte %ld is 0x%02x", place, byte);
		if (byte == '\r')
			return mistake(reading, "lines that end with LF alone, but byte %ld is CR",
				       place);
		if (!utf8_is_text(at, size))
			return mistake(reading, "no control characters, but byte %ld is 0x%02x",
				       place, byte);
		at += size;
	}
	return 0;
}

/* Checks the variables, and that the line still is one when they are filled in. */
static int check_pieces(struct reading *reading, const char *start)
{
	size_t size = (size_t)(start - reading->line);
	struct piece piece;
	int result;

	while ((result = next_piece(&start, reading->end, &piece)) > 0) {
		if (piece.variable >= 0 &&
		    (variables[piece.variable].events & OF(reading->event)) == 0)
			return refuse_variable(reading, &piece);
		size += piece.variable >= 0 ? variables[piece.variable].max : piece.size;
	}
	if (result < 0)
		return refuse_variable(reading, &piece);
	if (size > NOTICE_LINE_MAX)
		return mistake(reading,
			       "a line of at most %d bytes, with variables as long as they can be",
			       NOTICE_LINE_MAX);
	return 0;
}

/* Goes to the next line and checks its bytes. 1, or 0 at the end of the file, or -1. */
static int next_line(struct reading *reading, const char **at, const char *end)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	reading->number++;
	reading->line = *at;
	reading->end = stop != NULL ? stop : end;
	*at = stop != NULL ? stop + 1 : end;
	if (check_bytes(reading) < 0)
		return -1;
	return reading->line < end;
}

static int read_subject(struct reading *reading, const char **at, const char *end, char **subject_r)
{
	size_t prefix = strlen(SUBJECT), size;

	if (next_line(reading, at, end) < 0)
		return -1;
	size = (size_t)(reading->end - reading->line);
	if (size >= strlen(BOM) && memcmp(reading->line, BOM, strlen(BOM)) == 0)
		return mistake(reading, "no byte order mark");
	if (size <= prefix || memcmp(reading->line, SUBJECT, prefix) != 0 ||
	    reading->line[prefix] == ' ')
		return mistake(reading, "\"Subject: \" and a subject");
	if (check_pieces(reading, reading->line + prefix) < 0)
		return -1;
	*subject_r = strndup(reading->line + prefix, size - prefix);
	if (*subject_r == NULL)
		abort();
	if (next_line(reading, at, end) < 0)
		return -1;
	if (reading->line != reading->end)
		return mistake(reading, "an empty line below the subject");
	return 0;
}

/* A body of empty lines doesn't count. The last line gets its line end if it has none. */
static int read_body(struct reading *reading, const char *at, const char *end, char **body_r)
{
	const char *body = at;
	bool is_empty = true;
	int result;

	while ((result = next_line(reading, &at, end)) > 0) {
		if (check_pieces(reading, reading->line) < 0)
			return -1;
		is_empty = is_empty &&
			   strspn(reading->line, " ") >= (size_t)(reading->end - reading->line);
	}
	if (result < 0)
		return -1;
	if (is_empty)
		return mistake(reading, "a body below the subject");
	*body_r = text_format("%.*s%s", (int)(end - body), body, end[-1] == '\n' ? "" : "\n");
	return 0;
}

/* The text is terminated, for the functions that look for a string's end; a NUL byte in it is a
   control character, and never gets that far. */
static int read_template(struct reading *reading, const char *text, size_t size,
			 struct notice_template *template_r)
{
	const char *at = text, *end = text + size;

	if (read_subject(reading, &at, end, &template_r->subject) < 0)
		return -1;
	return read_body(reading, at, end, &template_r->body);
}

struct notice_template *notice_template_load(const char *path, enum notice_event event,
					     char **error_r)
{
	struct reading reading = { .path = path, .event = event };
	struct notice_template *template;
	struct ini_text file;
	char *text;

	if (ini_text_read(path, NOTICE_TEMPLATE_MAX, false, &file, error_r) < 0)
		return NULL;
	template = calloc(1, sizeof(*template));
	text = calloc(1, file.size + 1);
	if (template == NULL || text == NULL)
		abort();
	if (file.size > 0)
		memcpy(text, file.bytes, file.size);
	if (read_template(&reading, text, file.size, template) < 0)
		notice_template_free(&template);
	*error_r = reading.error;
	free(text);
	ini_text_free(&file);
	return template;
}

void notice_template_free(struct notice_template **_template)
{
	struct notice_template *template = *_template;

	*_template = NULL;
	if (template == NULL)
		return;
	free(template->subject);
	free(template->body);
	free(template);
}
