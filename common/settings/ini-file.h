#ifndef POSTERN_INI_FILE_H
#define POSTERN_INI_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads INI files through libinih, more strictly than it does by itself: a mistake is an error with
 * its line, never a line that is quietly cut, joined or left out.
 *
 * A secret file's text lives in OpenSSL's secure memory, which is left out of core dumps. It is
 * wiped when freed: so is libinih's own line buffer.
 */

struct ini_text {
	char *bytes; /* owned: free with ini_text_free() */
	size_t size;
};

/* Reads a regular file of at most max bytes. With is_secret the file must not be open to others.
   0, or -1 with *error_r, one line, for the caller to free(). */
int ini_text_read(const char *path, size_t max, bool is_secret, struct ini_text *text_r,
		  char **error_r);

void ini_text_free(struct ini_text *text);

/* The reading in progress, for the functions that take what is read. */
struct ini_file;

struct ini_rules {
	/* Takes "[section]". 0, or -1 after ini_file_mistake(). */
	int (*section)(void *context, struct ini_file *file, const char *section);

	/* Takes "key = value", below some section; "continued" for each further line of a value.
	   0, or -1 after ini_file_mistake(). */
	int (*entry)(void *context, struct ini_file *file, const char *key, const char *value,
		     bool continued);

	/* Refuse " ;" after a value, where it begins a comment, as part of the value may be lost.
	 */
	bool comments_have_own_lines;
};

/* Hands out what is in text, in order, until the first mistake. path is for error texts.
   0, or -1 with *error_r, one line, for the caller to free(). */
int ini_text_parse(const struct ini_text *text, const char *path, const struct ini_rules *rules,
		   void *context, char **error_r);

/* The current line's number, from 1. */
unsigned int ini_file_line(const struct ini_file *file);

/* Notes a mistake in the current line, "PATH:LINE: ...". Always -1. */
int ini_file_mistake(struct ini_file *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
