#ifndef POSTERN_ACCOUNT_RECORD_H
#define POSTERN_ACCOUNT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "account/account.h"

/*
 * An account as it is exported and imported: the fields of its hash, which decisions/prelude.lua
 * lists, and its history. What is imported comes from outside, and the scripts trust what they
 * read in Redis, so every field is checked here before it gets there.
 */

/* 20 fields, and three for each of ACCESS_PASSWORDS_MAX app passwords. */
#define ACCOUNT_RECORD_FIELDS_MAX 95

#define ACCOUNT_RECORD_HISTORY_MAX	4096 /* bytes */
#define ACCOUNT_RECORD_HISTORY_LINE_MAX 256

/* The counts of logins (D3), and the networks that these came from (D4), are packed: bytes, and no
   text. The first two networks follow the counts, and a field has the others. */
#define ACCOUNT_RECORD_COUNTS_SIZE  44
#define ACCOUNT_RECORD_NETWORK_SIZE 8
#define ACCOUNT_RECORD_BYTES_FIELDS 2
#define ACCOUNT_RECORD_BYTES_MAX    64

struct account_record_field {
	const char *name;
	const char *value; /* text, with a terminator after it, except for bytes */
	size_t size;
};

/* The strings belong to whoever filled it in. */
struct account_record {
	struct account_name account;
	struct account_record_field fields[ACCOUNT_RECORD_FIELDS_MAX];
	unsigned int fields_count;
	const char *history; /* lines, newest first, with line ends between them; "" for none */
};

/* 0 if the scripts can cope with each field and with all of them together, -1 if not: *error_r is a
   static text that says which one, and what was expected. */
int account_record_check(const struct account_record *record, const char **error_r);

/* True for the fields whose values are bytes, at most ACCOUNT_RECORD_BYTES_MAX. */
bool account_record_is_bytes(const char *field);

/* True if such a field may have that many of them. */
bool account_record_has_size(const char *field, size_t size);

/* What the field's name and value have to be: a static text for error_r. */
const char *account_record_expected(const char *field);

#endif
