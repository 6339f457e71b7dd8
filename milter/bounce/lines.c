/* The text of a part, line by line. */

#include "lines.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE  4096
#define ENTITY_SIZE 10

/* What the next byte is part of. */
enum lines_state {
	LINES_TEXT,
	LINES_AFTER_CR, /* text, unless it is the LF that belongs to that CR */
	LINES_TAG,	/* of HTML */
	LINES_ENTITY,	/* a character reference of HTML */
	LINES_STOPPED,	/* nothing: no more lines are wanted */
};

struct lines {
	bounce_line_t *take;
	void *context;
	bool is_html;
	enum lines_state state;
	char entity[ENTITY_SIZE]; /* without its & */
	size_t entity_size;
	size_t size;
	char line[BOUNCE_LINE_MAX + 1];
};

static void end_line(struct lines *lines)
{
	size_t size = lines->size;

	lines->size = 0;
	/* HTML has empty lines where nobody would see one. */
	if (size == 0 && lines->is_html)
		return;
	lines->line[size] = '\0';
	if (!lines->take(lines->context, lines->line, size))
		lines->state = LINES_STOPPED;
}

static void push_text(struct lines *lines, char byte)
{
	bool pair = byte == '\n' && lines->state == LINES_AFTER_CR;

	lines->state = byte == '\r' ? LINES_AFTER_CR : LINES_TEXT;
	if (pair)
		return;
	if (byte == '\n' || byte == '\r')
		end_line(lines);
	else if (lines->size < BOUNCE_LINE_MAX)
		lines->line[lines->size++] = byte == '\0' ? ' ' : byte;
}

/* What a character reference of HTML means; '?' for all that no header has in it. */
static char entity_byte(const char *name)
{
	static const struct {
		const char *name;
		char byte;
	} known[] = { { "lt", '<' },   { "gt", '>' },	{ "amp", '&' },
		      { "quot", '"' }, { "nbsp", ' ' }, { "apos", '\'' } };
	unsigned long number;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return known[i].byte;
	}
	if (name[0] != '#')
		return '?';
	number = name[1] == 'x' || name[1] == 'X' ? strtoul(name + 2, NULL, 16)
						  : strtoul(name + 1, NULL, 10);
	return number == 160 ? ' ' : (number >= ' ' && number < 0x7f) ? (char)number : '?';
}

/* Text of HTML, where a tag and a character reference may begin. */
static void push_html_text(struct lines *lines, char byte)
{
	if (byte == '<') {
		lines->state = LINES_TAG;
		end_line(lines);
	} else if (byte == '&') {
		lines->state = LINES_ENTITY;
		lines->entity_size = 0;
	} else {
		push_text(lines, byte);
	}
}

static void push_entity(struct lines *lines, char byte)
{
	if (byte == ';') {
		lines->entity[lines->entity_size] = '\0';
		push_text(lines, entity_byte(lines->entity));
	} else if (lines->entity_size < ENTITY_SIZE - 1 && (g_ascii_isalnum(byte) || byte == '#')) {
		lines->entity[lines->entity_size++] = byte;
	} else {
		/* It was none: all of it is text, and the byte is whatever may follow one. */
		push_text(lines, '&');
		for (size_t i = 0; i < lines->entity_size; i++)
			push_text(lines, lines->entity[i]);
		push_html_text(lines, byte);
	}
}

static void push_html(struct lines *lines, char byte)
{
	switch (lines->state) {
	case LINES_TEXT:
	case LINES_AFTER_CR:
		push_html_text(lines, byte);
		break;
	case LINES_TAG:
		if (byte == '>')
			lines->state = LINES_TEXT;
		break;
	case LINES_ENTITY:
		push_entity(lines, byte);
		break;
	case LINES_STOPPED:
		break;
	}
}

static void push_bytes(struct lines *lines, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && lines->state != LINES_STOPPED; i++) {
		if (lines->is_html)
			push_html(lines, bytes[i]);
		else
			push_text(lines, bytes[i]);
	}
}

/* False if no more lines were wanted. */
static bool end_part(struct lines *lines)
{
	if (lines->size > 0)
		end_line(lines);
	return lines->state != LINES_STOPPED;
}

static void push_decoded(struct lines *lines, GMimeDataWrapper *content)
{
	GMimeStream *raw = g_mime_data_wrapper_get_stream(content);
	GMimeStream *decoded = g_mime_stream_filter_new(raw);
	GMimeFilter *decoder =
		g_mime_filter_basic_new(g_mime_data_wrapper_get_encoding(content), FALSE);
	char chunk[CHUNK_SIZE];
	ssize_t size;

	g_mime_stream_filter_add(GMIME_STREAM_FILTER(decoded), decoder);
	g_mime_stream_reset(raw);
	while (lines->state != LINES_STOPPED &&
	       (size = g_mime_stream_read(decoded, chunk, sizeof(chunk))) > 0)
		push_bytes(lines, chunk, (size_t)size);
	g_object_unref(decoder);
	g_object_unref(decoded);
}

bool bounce_lines_of_part(GMimePart *part, bounce_line_t *take, void *context)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	struct lines lines = { .take = take,
			       .context = context,
			       .is_html = g_mime_content_type_is_type(type, "text", "html") };

	if (content == NULL)
		return true;
	push_decoded(&lines, content);
	return end_part(&lines);
}

bool bounce_lines_of_text(const char *text, bounce_line_t *take, void *context)
{
	struct lines lines = { .take = take, .context = context };

	push_bytes(&lines, text, strlen(text));
	return end_part(&lines);
}
