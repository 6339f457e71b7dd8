#ifndef POSTERN_ACCOUNT_RECORD_H
#define POSTERN_ACCOUNT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "account.h"

/*
 * An account as it is exported and imported: the fields of its hash, which scripts/prelude.lua
 * lists, and its history. What is imported comes from outside, and the scripts trust what they
 * read in Redis, so every field is checked here before it gets there.
 */

/* 18 fields, and three for each of ACCESS_PASSWORDS_MAX app passwords. */
#define ACCOUNT_RECORD_FIELDS_MAX 93

#define ACCOUNT_RECORD_HISTORY_MAX	4096 /* bytes */
#define ACCOUNT_RECORD_HISTORY_LINE_MAX 256

/* The counts of logins (D3) are packed: bytes, and no text. */
#define ACCOUNT_RECORD_LOGINS_SIZE 44

struct account_record_field {
	const char *name;
	const char *value; /* text, and behind size a terminator, but for bytes */
	size_t size;
};

/* The strings are whoever's filled it in. */
struct account_record {
	struct account_name account;
	struct account_record_field fields[ACCOUNT_RECORD_FIELDS_MAX];
	unsigned int fields_count;
	const char *history; /* lines, newest first, with line ends between them; "" for none */
};

/* 0 if the scripts can live with each field and with all of them together, -1 if not: *error_r is a
   static text that says which one, and what was expected. */
int account_record_check(const struct account_record *record, const char **error_r);

/* True for the field whose value is bytes. */
bool account_record_is_bytes(const char *field);

#endif
