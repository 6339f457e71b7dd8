#ifndef POSTERN_ACCOUNTS_H
#define POSTERN_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "decisions/account-record.h"
#include "account/account.h"
#include "store/command.h"
#include "account/reason.h"

struct redisReply;

/*
 * Many accounts: finding their names, and reading and moving some at a time. Calls of Redis's SCAN
 * and of list.lua, export.lua and import.lua.
 *
 * SCAN names every account that is there from the beginning to the end. It may name one twice, and
 * may or may not name those that come or go meanwhile.
 */

/* A cursor of SCAN: 64 bits in digits. "0" begins, and, as the next one, says that there is no
 * more. */
#define ACCOUNTS_CURSOR_SIZE 21
#define ACCOUNTS_START	     "0"

/* True if text can be a cursor. */
bool accounts_is_cursor(const char *text);

/* Asks for the names after a cursor, among the next count keys or some more. A plain command. */
void accounts_scan_ask(const char *cursor, unsigned int count, struct command *command_r);

struct accounts_page {
	char next[ACCOUNTS_CURSOR_SIZE];
	struct account_name *names; /* those of a partition are adjacent */
	unsigned int count;
};

/* Reads the answer; keys that are no account's are left out. 0 with a page for
   accounts_page_clear(), or -1 if it is not such an answer. Dies when memory runs out. */
int accounts_scan_read(const struct redisReply *reply, struct accounts_page *page_r);
void accounts_page_clear(struct accounts_page *page);

/* How many of the names, from the first one on and at most max, are of its partition. */
unsigned int accounts_together(const struct account_name *names, unsigned int count,
			       unsigned int max);

/* This many accounts of one partition fit into one request. */
#define ACCOUNTS_LIST_MAX   24
#define ACCOUNTS_EXPORT_MAX 12

/* Is a partition's format stamp there? Answered like a list of no accounts. */
void accounts_stamp_ask(unsigned int partition, struct command *command_r);

void accounts_list_ask(const struct account_name *names, unsigned int count,
		       struct command *command_r);
void accounts_export_ask(const struct account_name *names, unsigned int count,
			 struct command *command_r);

/* 0 if the reply has something for each account, -1 if Redis can't tell: *error_r is a static
   sentence. */
int accounts_read(const struct redisReply *reply, const char **error_r);

enum accounts_found {
	ACCOUNTS_FOUND,
	ACCOUNTS_GONE,	 /* Redis knows no such account */
	ACCOUNTS_BROKEN, /* what it has under that name isn't ours */
};

/* The strings live as long as the reply. Times are milliseconds since 1970, 0 for never. */
struct accounts_row {
	bool enabled;
	enum disable_reason reason; /* while not enabled */
	int64_t since;
	const char *tier; /* as stored: the site may not have it any more */
	bool passive, sending_blocked;
	const char *language; /* "" if not set */
	int64_t pop3, imap, smtp;
};

/* What the reply has for the account at a place of the question. */
enum accounts_found accounts_list_read(const struct redisReply *reply, unsigned int place,
				       struct accounts_row *row_r);
enum accounts_found accounts_export_read(const struct redisReply *reply, unsigned int place,
					 const struct account_name *account,
					 struct account_record *record_r);

enum accounts_import {
	ACCOUNTS_IMPORT_DONE,
	ACCOUNTS_IMPORT_UNCHANGED, /* nothing changed */
	ACCOUNTS_IMPORT_UNAVAILABLE,
};

/* Replaces whatever is known under its name with the account, and ends its sessions. The
   record is one that account_record_check() has let through, and outlives the command. */
void accounts_import_ask(const struct account_record *record, struct command *command_r);

/* *error_r is a static sentence for ACCOUNTS_IMPORT_UNAVAILABLE. */
enum accounts_import accounts_import_read(const struct redisReply *reply, const char **error_r);

#endif
