/* The text of a part, line by line. */

#include "bounce-lines.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE  4096
#define ENTITY_SIZE 10

struct lines {
	bounce_line_t *take;
	void *context;
	bool is_html;
	bool in_tag;		  /* of HTML */
	char entity[ENTITY_SIZE]; /* of HTML, behind its &; in_entity: while it lasts */
	size_t entity_size;
	bool in_entity;
	bool after_cr;
	bool stopped;
	size_t size;
	char line[BOUNCE_LINE_MAX + 1];
};

static void end_line(struct lines *lines)
{
	/* HTML has empty lines where nobody would see one. */
	if (!lines->stopped && (lines->size > 0 || !lines->is_html)) {
		lines->line[lines->size] = '\0';
		lines->stopped = !lines->take(lines->context, lines->line, lines->size);
	}
	lines->size = 0;
}

static void add(struct lines *lines, char byte)
{
	if (lines->size < BOUNCE_LINE_MAX)
		lines->line[lines->size++] = byte == '\0' ? ' ' : byte;
}

static void push_text(struct lines *lines, char byte)
{
	bool pair = byte == '\n' && lines->after_cr;

	lines->after_cr = byte == '\r';
	if (pair)
		return;
	if (byte == '\n' || byte == '\r')
		end_line(lines);
	else
		add(lines, byte);
}

/* What a character reference of HTML stands for; '?' for all that no header has in it. */
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

/* False if it was no entity after all: then the byte is still to be taken. */
static bool push_entity(struct lines *lines, char byte)
{
	if (byte == ';') {
		lines->entity[lines->entity_size] = '\0';
		push_text(lines, entity_byte(lines->entity));
		lines->in_entity = false;
		return true;
	}
	if (lines->entity_size < ENTITY_SIZE - 1 && (g_ascii_isalnum(byte) || byte == '#')) {
		lines->entity[lines->entity_size++] = byte;
		return true;
	}
	lines->in_entity = false;
	push_text(lines, '&');
	for (size_t i = 0; i < lines->entity_size; i++)
		push_text(lines, lines->entity[i]);
	return false;
}

static void push_html(struct lines *lines, char byte)
{
	if (lines->in_entity && push_entity(lines, byte))
		return;
	if (lines->in_tag) {
		lines->in_tag = byte != '>';
	} else if (byte == '<') {
		lines->in_tag = true;
		end_line(lines);
	} else if (byte == '&') {
		lines->in_entity = true;
		lines->entity_size = 0;
	} else {
		push_text(lines, byte);
	}
}

static void push(struct lines *lines, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && !lines->stopped; i++) {
		if (lines->is_html)
			push_html(lines, bytes[i]);
		else
			push_text(lines, bytes[i]);
	}
}

static bool finish(struct lines *lines)
{
	if (lines->size > 0)
		end_line(lines);
	return !lines->stopped;
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
	while (!lines->stopped && (size = g_mime_stream_read(decoded, chunk, sizeof(chunk))) > 0)
		push(lines, chunk, (size_t)size);
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
	return finish(&lines);
}

bool bounce_lines_of_text(const char *text, bounce_line_t *take, void *context)
{
	struct lines lines = { .take = take, .context = context };

	push(&lines, text, strlen(text));
	return finish(&lines);
}
