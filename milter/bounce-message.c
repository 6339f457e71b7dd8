/* A message that may be a bounce, while it comes in. */

#include "bounce-message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "trace.h"

/*
 * How much is kept. What counts stands before the original's body, and before that a report about a
 * thousand recipients has its half megabyte. The lines are counted because each may be a header of
 * a part, which takes GMime ten times its own memory.
 */
#define KEPT_MAX	(800 * 1024)
#define LINES_MAX	20000
#define HEADER_SIZE_MAX (64 * 1024)

/* A header, or a field of a report, with its continuation lines: servers' replies make them long,
   and we read no more than its beginning. */
#define FIELD_MAX 2048

/* How far a trace is looked for behind what is kept: there a report of long replies may have the
   original's header. */
#define SEEN_MAX	(2 * 1024 * 1024)
#define LATE_TRACES_MAX 4096

struct bounce {
	GByteArray *bytes;
	size_t seen; /* of the message, kept or not */
	unsigned int lines;
	bool has_body;
	bool was_cut;
	bool saw_trace;	   /* at the beginning of a line */
	bool in_line;	   /* the last piece ended within a line */
	bool in_field;	   /* a line that began as a field, or continued one */
	size_t field_size; /* of it, kept */
	bool line_is_kept; /* some of the line is */
	GString *late;
};

void bounce_start(void)
{
	g_mime_init();
}

struct bounce *bounce_new(void)
{
	struct bounce *bounce = calloc(1, sizeof(*bounce));

	if (bounce == NULL)
		return NULL;
	bounce->bytes = g_byte_array_new();
	bounce->late = g_string_new(NULL);
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

static void append(struct bounce *bounce, const char *bytes, size_t size)
{
	g_byte_array_append(bounce->bytes, (const guint8 *)bytes, (guint)size);
}

static bool begins_with(const char *line, size_t size, const char *name)
{
	return size > strlen(name) && (line[0] | 0x20) == (name[0] | 0x20) &&
	       strncasecmp(line, name, strlen(name)) == 0;
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
		append(bounce, wanted[i], strlen(wanted[i]));
		append(bounce, ": ", 2);
		append(bounce, value, strlen(value));
		append(bounce, "\n", 1);
	}
}

/* "Name:", as far as that can be told from the line's first piece. */
static bool begins_field(const char *line, size_t size)
{
	size_t name = 0;

	while (name < size && line[name] > ' ' && line[name] < 0x7f && line[name] != ':')
		name++;
	return name > 0 && name < size && line[name] == ':';
}

static bool is_full(const struct bounce *bounce)
{
	return bounce->lines >= LINES_MAX || bounce->bytes->len >= KEPT_MAX;
}

/* Keeps a line, or a piece of one, as far as it is wanted. */
static void keep(struct bounce *bounce, const char *piece, size_t size, bool ends)
{
	size_t room = KEPT_MAX - bounce->bytes->len, taken = size;

	if (bounce->in_field && taken > FIELD_MAX - bounce->field_size)
		taken = FIELD_MAX - bounce->field_size;
	if (taken > room)
		taken = room;
	append(bounce, piece, taken);
	bounce->field_size += taken;
	bounce->line_is_kept = bounce->line_is_kept || taken > 0;
	if (!ends)
		return;
	if (taken < size && bounce->line_is_kept)
		append(bounce, "\n", 1);
	bounce->lines += bounce->line_is_kept;
}

static void keep_late_trace(struct bounce *bounce, const char *line, size_t size)
{
	if (bounce->late->len + size <= LATE_TRACES_MAX)
		g_string_append_len(bounce->late, line, (gssize)size);
}

/* A line from its beginning, or what is left of it. */
static void take_piece(struct bounce *bounce, const char *piece, size_t size, bool ends)
{
	if (!bounce->in_line) {
		bool continues = piece[0] == ' ' || piece[0] == '\t';
		bool has_trace = begins_with(piece, size, TRACE_HEADER);

		if (!continues || !bounce->in_field) {
			bounce->in_field = begins_field(piece, size);
			bounce->field_size = 0;
		}
		bounce->line_is_kept = false;
		bounce->saw_trace = bounce->saw_trace || has_trace;
		if (has_trace && is_full(bounce))
			keep_late_trace(bounce, piece, size);
	}
	if (is_full(bounce))
		bounce->was_cut = true;
	else
		keep(bounce, piece, size, ends);
	bounce->in_line = !ends;
}

static bool wants_more(const struct bounce *bounce)
{
	return !is_full(bounce) || (!bounce->saw_trace && bounce->seen < SEEN_MAX);
}

bool bounce_whole(struct bounce *bounce, const void *bytes, size_t size)
{
	const char *at = bytes, *end = at + size;

	while (at < end && wants_more(bounce)) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline != NULL ? newline + 1 : end;

		take_piece(bounce, at, (size_t)(next - at), newline != NULL);
		bounce->seen += (size_t)(next - at);
		at = next;
	}
	return wants_more(bounce);
}

bool bounce_body(struct bounce *bounce, const void *bytes, size_t size)
{
	if (!bounce->has_body)
		append(bounce, "\n", 1);
	bounce->has_body = true;
	return bounce_whole(bounce, bytes, size);
}

static bool is_header(const char *line, const char *end, const char *name)
{
	const char *at = line;

	if (!begins_with(line, (size_t)(end - line), name))
		return false;
	at += strlen(name);
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at < end && *at == ':';
}

/*
 * GMime reads the addresses in a message's header, groups within groups by recursion, which a long
 * enough row of them uses to overflow the stack. Nobody here wants them, so they get other names:
 * wherever a line begins with one, as there it may be a header.
 */
static void mask_addresses(GByteArray *bytes)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc", "Bcc" };
	char *at = (char *)bytes->data, *end = at + bytes->len;

	while (at != NULL && at < end) {
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			if (is_header(at, end, names[i]))
				*at = 'X';
		}
		at = memchr(at, '\n', (size_t)(end - at));
		at = at != NULL ? at + 1 : NULL;
	}
}

GMimeMessage *bounce_parse(struct bounce *bounce)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;

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
