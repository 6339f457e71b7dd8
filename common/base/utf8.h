#ifndef POSTERN_UTF8_H
#define POSTERN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the UTF-8 character (RFC 3629) that the size bytes of text begin with, 1 to 4; 0 if
   they begin with none. */
size_t utf8_character(const char *text, size_t size);

/* True if all of text is UTF-8, and none of it is a control character (C0, DEL, C1). */
bool utf8_is_text(const char *text, size_t size);

#endif
