#ifndef ACCOUNT_LINE_H
#define ACCOUNT_LINE_H

#include <stddef.h>

#include "decisions/account-record.h"

/*
 * An account as one line of JSON, the way it is exported and imported:
 *
 *   {"v":1,"account":"NAME","fields":{"NAME":"VALUE",...},"history":["LINE",...]}
 *
 * Values are what Redis has, but for bytes, which are in base64url. The lines of a history have
 * tabs in them. Knows no Dovecot.
 */

#define ACCOUNT_LINE_MAX 65536 /* bytes */

struct json_t;

/* One that was read. */
struct account_line {
	struct account_record record; /* its strings are in what follows */
	struct json_t *root;
	char history[ACCOUNT_RECORD_HISTORY_MAX];
	unsigned char bytes[ACCOUNT_RECORD_BYTES_FIELDS * ACCOUNT_RECORD_BYTES_MAX];
	size_t bytes_used;
};

/* Reads a line, without what ends it, and checks all that is in it. 0, or -1: *error_r is a static
   text that quotes nothing of the line, and the record's account is still filled in if that could
   be read, else "". For account_line_clear() either way. */
int account_line_read(const char *text, size_t size, struct account_line *line_r,
		      const char **error_r);
void account_line_clear(struct account_line *line);

/* The record as a line without an end, for free(). NULL when a value in it isn't text: *error_r is
   a static text. */
char *account_line_write(const struct account_record *record, const char **error_r);

#endif
