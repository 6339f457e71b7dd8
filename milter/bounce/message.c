/* A message that may be a bounce, while it comes in. */

#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/header-field.h"
#include "keys/trace.h"

/*
 * How much is kept. What counts comes before the original's body, and before that a report about a
 * thousand recipients has its half megabyte. The lines are counted because each may be a header of
 * a part, which takes GMime ten times its own memory.
 */
#define KEPT_MAX	(800 * 1024)
#define LINES_MAX	20000
#define HEADER_SIZE_MAX (64 * 1024)

/*
 * A header, or a field of a report, with its continuation lines, and any other line with those that
 * are indented below it. Servers' replies make them long, a spammer's own server for one, so that a
 * report about his message would never come to the dead addresses among its recipients. Other mail
 * systems indent the original that they quote: what looks like a field begins a new one there.
 */
#define FIELD_MAX	2048
#define FIELD_MAX_OWN	300
#define FIELD_UNLIMITED SIZE_MAX /* a long line that is no field: it may be all of a text */

/* How far a trace is looked for after what is kept. Postfix may write 4 KB about each of a
   thousand recipients, twice, before it comes to the original. */
#define SEEN_MAX	(2 * 1024 * 1024)
#define SEEN_MAX_OWN	(16 * 1024 * 1024)
#define LATE_TRACES_MAX 4096

/* The beginning of a line, as much as has to be seen at once to know what it is. */
#define BEGINNING_MAX 256

/* The line that is coming in. */
enum line_state {
	LINE_NONE,	/* the next byte begins one */
	LINE_BEGINNING, /* too little of it has come to know what it is */
	LINE_DROPPED,	/* nothing of it is kept so far */
	LINE_KEPT,	/* some of it is */
};

struct bounce {
	bool is_own;
	GByteArray *bytes;  /* what is kept */
	unsigned int lines; /* of that */
	size_t seen;	    /* of the message, kept or not */
	bool has_body;
	bool was_cut;
	bool saw_trace; /* at the beginning of a line */
	GString *late;
	size_t field_room; /* what may still be kept of the field, or FIELD_UNLIMITED */
	enum line_state line;
	size_t beginning_size; /* of a line in LINE_BEGINNING */
	char beginning[BEGINNING_MAX];
};

void bounce_start(void)
{
	g_mime_init();
}

struct bounce *bounce_new(bool is_own)
{
	struct bounce *bounce = calloc(1, sizeof(*bounce));

	if (bounce == NULL)
		return NULL;
	bounce->is_own = is_own;
	bounce->bytes = g_byte_array_new();
	bounce->late = g_string_new(NULL);
	bounce->field_room = FIELD_UNLIMITED;
	return bounce;
}

void bounce_free(struct bounce **_bounce)
{
	struct bounce *bounce = *_bounce;

	*_bounce = NULL;
	if (bounce == NULL)
		return;
	g_byte_array_free(bounce->bytes, TRUE);
	g_string_free(bounce->late, TRUE);
	free(bounce);
}

bool bounce_is_own(const struct bounce *bounce)
{
	return bounce->is_own;
}

static void append_bytes(struct bounce *bounce, const char *bytes, size_t size)
{
	g_byte_array_append(bounce->bytes, (const guint8 *)bytes, (guint)size);
}

void bounce_header(struct bounce *bounce, const char *name, const char *value)
{
	static const char *const wanted[] = { "Content-Type", "Content-Transfer-Encoding",
					      "MIME-Version", "Received",
					      "Subject",      "X-Failed-Recipients" };

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (strcasecmp(name, wanted[i]) != 0)
			continue;
		if (bounce->bytes->len + strlen(value) > HEADER_SIZE_MAX)
			return;
		append_bytes(bounce, wanted[i], strlen(wanted[i]));
		append_bytes(bounce, ": ", 2);
		append_bytes(bounce, value, strlen(value));
		append_bytes(bounce, "\n", 1);
	}
}

/* "Name:", as everybody writes it. A reply may have a word, a blank and a colon. */
static bool begins_field(const char *line, size_t size)
{
	struct header_field field;

	return header_field_parse(line, size, &field) && field.value == field.name_size + 1;
}

/* True if the line counts as part of the field before it, or of the text. */
static bool extends_field(const struct bounce *bounce, const char *line, size_t size)
{
	size_t indent = 0;

	while (header_field_continues(line + indent, size - indent))
		indent++;
	return indent > 0 && (bounce->is_own || !begins_field(line + indent, size - indent));
}

static bool is_trace(const char *line, size_t size)
{
	struct header_field field;

	return header_field_parse(line, size, &field) &&
	       header_field_is(line, field.name_size, TRACE_HEADER);
}

static bool is_full(const struct bounce *bounce)
{
	return bounce->lines >= LINES_MAX || bounce->bytes->len >= KEPT_MAX;
}

/* Keeps a line, or a piece of one, as far as it is wanted. */
static void keep_piece(struct bounce *bounce, const char *piece, size_t size, bool ends)
{
	size_t room = KEPT_MAX - bounce->bytes->len, taken = size;

	if (taken > bounce->field_room)
		taken = bounce->field_room;
	if (taken > room)
		taken = room;
	append_bytes(bounce, piece, taken);
	if (bounce->field_room != FIELD_UNLIMITED)
		bounce->field_room -= taken;
	if (taken > 0)
		bounce->line = LINE_KEPT;
	if (!ends || bounce->line == LINE_DROPPED)
		return;
	if (taken < size)
		append_bytes(bounce, "\n", 1);
	bounce->lines++;
}

static void keep_late_trace(struct bounce *bounce, const char *line, size_t size)
{
	if (bounce->late->len + size <= LATE_TRACES_MAX)
		g_string_append_len(bounce->late, line, (gssize)size);
}

/* Says how much may be kept of the line and those that count with it. */
static void begin_field(struct bounce *bounce, const char *line, size_t size)
{
	bool extends = extends_field(bounce, line, size);

	if (extends && bounce->field_room != FIELD_UNLIMITED)
		return;
	if (extends || bounce->is_own || begins_field(line, size))
		bounce->field_room = bounce->is_own ? FIELD_MAX_OWN : FIELD_MAX;
	else
		bounce->field_room = FIELD_UNLIMITED;
}

static void begin_line(struct bounce *bounce, const char *line, size_t size)
{
	bool has_trace = is_trace(line, size);

	begin_field(bounce, line, size);
	bounce->line = LINE_DROPPED;
	bounce->saw_trace = bounce->saw_trace || has_trace;
	if (has_trace && is_full(bounce))
		keep_late_trace(bounce, line, size);
}

/* A line from its beginning, or what is left of it. */
static void take_piece(struct bounce *bounce, const char *piece, size_t size, bool ends)
{
	if (is_full(bounce))
		bounce->was_cut = true;
	else
		keep_piece(bounce, piece, size, ends);
	if (ends)
		bounce->line = LINE_NONE;
}

static bool wants_more(const struct bounce *bounce)
{
	return !is_full(bounce) ||
	       (!bounce->saw_trace && bounce->seen < (bounce->is_own ? SEEN_MAX_OWN : SEEN_MAX));
}

static void end_beginning(struct bounce *bounce, bool ends)
{
	begin_line(bounce, bounce->beginning, bounce->beginning_size);
	take_piece(bounce, bounce->beginning, bounce->beginning_size, ends);
	bounce->beginning_size = 0;
}

/* Takes as much of the line as is needed to know what it is, in this call or in later ones. How
   many bytes that were. */
static size_t take_beginning(struct bounce *bounce, const char *bytes, size_t size, bool ends)
{
	size_t room = BEGINNING_MAX - bounce->beginning_size;

	if (size > room) {
		size = room;
		ends = false;
	}
	memcpy(bounce->beginning + bounce->beginning_size, bytes, size);
	bounce->beginning_size += size;
	bounce->line = LINE_BEGINNING;
	if (ends || bounce->beginning_size == BEGINNING_MAX)
		end_beginning(bounce, ends);
	return size;
}

/* Takes the line, or a piece of it, that the bytes begin with. How many bytes that were. */
static size_t take_line(struct bounce *bounce, const char *bytes, size_t size)
{
	const char *newline = memchr(bytes, '\n', size);
	size_t taken = newline != NULL ? (size_t)(newline + 1 - bytes) : size;
	bool ends = newline != NULL;

	if (bounce->line == LINE_BEGINNING || (bounce->line == LINE_NONE && !ends)) {
		taken = take_beginning(bounce, bytes, taken, ends);
	} else {
		if (bounce->line == LINE_NONE)
			begin_line(bounce, bytes, taken);
		take_piece(bounce, bytes, taken, ends);
	}
	bounce->seen += taken;
	return taken;
}

bool bounce_whole(struct bounce *bounce, const void *bytes, size_t size)
{
	const char *at = bytes, *end = at + size;

	while (at < end && wants_more(bounce))
		at += take_line(bounce, at, (size_t)(end - at));
	return wants_more(bounce);
}

bool bounce_body(struct bounce *bounce, const void *bytes, size_t size)
{
	if (!bounce->has_body)
		append_bytes(bounce, "\n", 1);
	bounce->has_body = true;
	return bounce_whole(bounce, bytes, size);
}

static bool has_addresses(const char *line, size_t size)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc" };
	struct header_field field;

	if (!header_field_parse(line, size, &field))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (header_field_is(line, field.name_size, names[i]))
			return true;
	}
	return false;
}

/*
 * GMime reads the addresses in a message's header, groups within groups by recursion, which a long
 * enough row of them uses to overflow the stack. Nobody here wants them, so they get other names:
 * wherever a line begins with one, as there it may be a header.
 */
static void mask_addresses(GByteArray *bytes)
{
	char *at = (char *)bytes->data, *end;

	if (bytes->len == 0)
		return;
	end = at + bytes->len;
	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		if (has_addresses(at, (size_t)(end - at)))
			*at = 'X';
		at = newline != NULL ? newline + 1 : end;
	}
}

GMimeMessage *bounce_parse(struct bounce *bounce)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;

	if (bounce->line == LINE_BEGINNING)
		end_beginning(bounce, false);
	mask_addresses(bounce->bytes);
	stream = g_mime_stream_mem_new_with_byte_array(bounce->bytes);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

bool bounce_was_cut(const struct bounce *bounce)
{
	return bounce->was_cut;
}

const char *bounce_late_traces(const struct bounce *bounce)
{
	return bounce->late->str;
}
