#ifndef POSTERN_MILTER_BOUNCE_LINES_H
#define POSTERN_MILTER_BOUNCE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include <gmime/gmime.h>

/*
 * The text of one part of a message, line by line, as a person would see it: decoded, and of HTML
 * without the tags. Takes little memory, however big the part is.
 */

/* Bytes of a line that are handed on; of a longer one the rest is dropped. RFC 5322 allows 998. */
#define BOUNCE_LINE_MAX 1000

/* Gets a line without its end, which may be CR, LF or both; terminated by a NUL, and without any in
   it. False if no more are wanted. */
typedef bool bounce_line_t(void *context, const char *line, size_t size);

/* The lines of a leaf of the message, in its transfer encoding. False once the callback wanted no
   more. */
bool bounce_lines_of_part(GMimePart *part, bounce_line_t *take, void *context);

/* The same of plain text. */
bool bounce_lines_of_text(const char *text, bounce_line_t *take, void *context);

#endif
