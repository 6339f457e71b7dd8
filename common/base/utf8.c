/* UTF-8, RFC 3629. */

#include "base/utf8.h"

#include <stdint.h>

size_t utf8_character(const char *text, size_t size)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = size > 0 ? (unsigned char)*text : 0x80;
	size_t length = first < 0x80   ? 1
			: first < 0xc0 ? 0
			: first < 0xe0 ? 2
			: first < 0xf0 ? 3
				       : 4;
	uint32_t code;

	if (length <= 1)
		return length;
	if (length > size || first >= 0xf8)
		return 0;
	code = first & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	/* Written longer than need be, half of a UTF-16 pair, or no character at all. */
	if (code < least[length] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	return length;
}

bool utf8_is_text(const char *text, size_t size)
{
	while (size > 0) {
		size_t length = utf8_character(text, size);
		unsigned char first = (unsigned char)*text;

		if (length == 0 || first < ' ' || first == 0x7f ||
		    (first == 0xc2 && (unsigned char)text[1] < 0xa0))
			return false;
		text += length;
		size -= length;
	}
	return true;
}
