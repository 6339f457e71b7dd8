/* The lines of a header. */

#include "base/header-field.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static size_t name_size(const char *line, size_t size)
{
	size_t at = 0;

	while (at < size && line[at] > ' ' && line[at] < 0x7f && line[at] != ':')
		at++;
	return at;
}

static size_t blanks_size(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && is_blank(text[at]))
		at++;
	return at;
}

bool header_field_parse(const char *line, size_t size, struct header_field *field_r)
{
	size_t name = name_size(line, size);
	size_t colon = name + blanks_size(line + name, size - name);

	if (name == 0 || colon == size || line[colon] != ':')
		return false;
	*field_r = (struct header_field){ .name_size = name, .value = colon + 1 };
	return true;
}

bool header_field_is(const char *bytes, size_t size, const char *name)
{
	size_t length = strlen(name);

	return size >= length && strncasecmp(bytes, name, length) == 0 &&
	       blanks_size(bytes + length, size - length) == size - length;
}

bool header_field_continues(const char *line, size_t size)
{
	return size > 0 && is_blank(line[0]);
}
