#ifndef POSTERN_CHECK_TEXT_H
#define POSTERN_CHECK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What programs and Redis print about their own state, one name and value to a line, read into a
 * table. Knows nothing of what the names mean. What has another form is left out: the programs are
 * ours to trust, and a newer version of one may print more.
 */

/* The block that all others lie in. */
#define CHECK_TOP 0

struct check_line {
	size_t block; /* the place in blocks of the one that it is in */
	const char *name, *value;
};

struct check_block {
	size_t parent;
	const char *type, *name; /* "passdb", ""; "inet_listener", "http"; the top: "", "" */
};

struct check_text {
	char *bytes; /* owned, and cut into the strings below; NULL as long as nothing was read */
	struct check_line *lines;
	size_t lines_count;
	struct check_block *blocks;
	size_t blocks_count;
};

/* Reads lines "NAME:VALUE" (separator ":") or "NAME = VALUE" (separator "="). Takes the bytes, from
   malloc(); check_text_free() frees them. Dies when memory runs out. */
void check_text_read(struct check_text *text_r, char *bytes, char separator);

/* Reads what doveconf(1) prints: lines "NAME = VALUE", and blocks "TYPE NAME {" up to "}". A value
   in quotes is read without them. Takes the bytes likewise. */
void check_text_read_blocks(struct check_text *text_r, char *bytes);

void check_text_free(struct check_text *text);

/* The last value of that name in the block, NULL if there is none. */
const char *check_text_value(const struct check_text *text, size_t block, const char *name);

/* The next block of that type in parent after the place `after`, CHECK_TOP for the first one.
   CHECK_TOP if there is none. */
size_t check_text_next(const struct check_text *text, size_t parent, const char *type,
		       size_t after);

/* True if word is one of the words of the list, which spaces and commas separate. Upper and lower
   case are the same. */
bool check_list_has(const char *list, const char *word);

#endif
