#ifndef POSTERN_HEADER_FIELD_H
#define POSTERN_HEADER_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The lines of a header (RFC 5322 section 2.2), whose form a report's fields have as well. A
 * name is printable ASCII except the colon (section 3.6.8). Blanks, so spaces and tabs, may
 * separate it from its colon (section 4.5).
 *
 * Any bytes may be handed in. A line may come with its end.
 */

struct header_field {
	size_t name_size;
	size_t value; /* where it begins: right after the colon */
};

/* True if the size bytes begin with a name and its colon. */
bool header_field_parse(const char *line, size_t size, struct header_field *field_r);

/* True if the size bytes are that name, in upper or lower case, and perhaps blanks: libmilter and
   GMime hand in all that there was before the colon. */
bool header_field_is(const char *bytes, size_t size, const char *name);

/* True if the line continues the one before (section 2.2.3). */
bool header_field_continues(const char *line, size_t size);

#endif
