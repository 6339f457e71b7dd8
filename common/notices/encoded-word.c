/* Header values that are not ASCII: RFC 2047. */

#include "notices/encoded-word.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/utf8.h"

#define LINE_MAX_BYTES 76
#define BEGIN	       "=?UTF-8?B?"
#define END	       "?="

/* ASCII text isn't folded, as it may have no space to do it at: this is what fits in a line. */
#define PLAIN_MAX 900

static bool is_plain(const char *text)
{
	size_t size = strlen(text);

	if (size > PLAIN_MAX || strstr(text, "=?") != NULL)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

/* How many bytes of text make a word of at most room bytes: whole characters. */
static size_t word_size(const char *text, size_t room)
{
	size_t max = (room - strlen(BEGIN) - strlen(END)) / 4 * 3, size = 0, rest = strlen(text);

	while (size < rest) {
		size_t character = utf8_character(text + size, rest - size);

		/* Nobody hands in anything but UTF-8. */
		if (character == 0)
			character = 1;
		if (size + character > max)
			break;
		size += character;
	}
	return size;
}

void encoded_word_write(const char *text, size_t column, FILE *out)
{
	unsigned char base64[LINE_MAX_BYTES + 1];

	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	for (bool is_first = true; *text != '\0'; is_first = false) {
		size_t size = word_size(text, LINE_MAX_BYTES - column);

		EVP_EncodeBlock(base64, (const unsigned char *)text, (int)size);
		fprintf(out, "%s" BEGIN "%s" END, is_first ? "" : "\n ", (const char *)base64);
		text += size;
		column = 1;
	}
}
