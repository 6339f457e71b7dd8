/* Reads what programs and Redis print about their own state. */

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*end = '\0';
	return text;
}

/* Drops the quotes around a value, and the backslashes before what is in it. */
static char *unquote(char *value)
{
	size_t size = strlen(value);
	char *to = value, *from = value + 1, *end = value + size - 1;

	if (size < 2 || *value != '"' || *end != '"')
		return value;
	while (from < end) {
		if (*from == '\\' && from + 1 < end)
			from++;
		*to++ = *from++;
	}
	*to = '\0';
	return value;
}

/* Makes room for one element more, doubling: the outputs have a thousand lines. */
static void *grow(void *elements, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return elements;
	elements = reallocarray(elements, count == 0 ? 1 : 2 * count, size);
	if (elements == NULL)
		abort();
	return elements;
}

static void add_line(struct check_text *text, size_t block, const char *name, const char *value)
{
	text->lines = grow(text->lines, text->lines_count, sizeof(*text->lines));
	text->lines[text->lines_count++] =
		(struct check_line){ .block = block, .name = name, .value = value };
}

static size_t add_block(struct check_text *text, size_t parent, const char *type, const char *name)
{
	text->blocks = grow(text->blocks, text->blocks_count, sizeof(*text->blocks));
	text->blocks[text->blocks_count] =
		(struct check_block){ .parent = parent, .type = type, .name = name };
	return text->blocks_count++;
}

static void begin(struct check_text *text_r, char *bytes)
{
	*text_r = (struct check_text){ .bytes = bytes };
	add_block(text_r, CHECK_TOP, "", "");
}

/* Splits "NAME = VALUE" at the separator. NULL if there is none. */
static char *split(char *line, char separator)
{
	char *value = strchr(line, separator);

	if (value == NULL)
		return NULL;
	*value = '\0';
	trim(line);
	return trim(value + 1);
}

void check_text_read(struct check_text *text_r, char *bytes, char separator)
{
	char *rest = bytes, *line;

	begin(text_r, bytes);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value;

		line = trim(line);
		value = split(line, separator);
		if (value != NULL)
			add_line(text_r, CHECK_TOP, line, value);
	}
}

/* "TYPE NAME {", of which the brace is cut off already. */
static size_t open_block(struct check_text *text, size_t parent, char *line)
{
	char *name = strchr(line, ' ');

	if (name == NULL)
		return add_block(text, parent, line, "");
	*name = '\0';
	return add_block(text, parent, line, unquote(trim(name + 1)));
}

void check_text_read_blocks(struct check_text *text_r, char *bytes)
{
	size_t block = CHECK_TOP;
	char *rest = bytes, *line;

	begin(text_r, bytes);
	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t size;
		char *value;

		line = trim(line);
		size = strlen(line);
		if (*line == '#') {
			continue;
		} else if (strcmp(line, "}") == 0) {
			block = text_r->blocks[block].parent;
		} else if (size > 1 && line[size - 1] == '{' && strstr(line, " = ") == NULL) {
			line[size - 1] = '\0';
			block = open_block(text_r, block, trim(line));
		} else {
			value = split(line, '=');
			if (value != NULL)
				add_line(text_r, block, line, unquote(value));
		}
	}
}

void check_text_free(struct check_text *text)
{
	free(text->bytes);
	free(text->lines);
	free(text->blocks);
	*text = (struct check_text){ 0 };
}

const char *check_text_value(const struct check_text *text, size_t block, const char *name)
{
	for (size_t i = text->lines_count; i-- > 0;) {
		if (text->lines[i].block == block && strcmp(text->lines[i].name, name) == 0)
			return text->lines[i].value;
	}
	return NULL;
}

size_t check_text_next(const struct check_text *text, size_t parent, const char *type, size_t after)
{
	for (size_t i = after + 1; i < text->blocks_count; i++) {
		if (text->blocks[i].parent == parent && strcmp(text->blocks[i].type, type) == 0)
			return i;
	}
	return CHECK_TOP;
}

bool check_list_has(const char *list, const char *word)
{
	static const char separators[] = " \t,";
	size_t size = strlen(word);

	for (list += strspn(list, separators); *list != '\0'; list += strspn(list, separators)) {
		size_t length = strcspn(list, separators);

		if (length == size && strncasecmp(list, word, size) == 0)
			return true;
		list += length;
	}
	return false;
}
