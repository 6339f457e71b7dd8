#ifndef POSTERN_COMMAND_H
#define POSTERN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/account.h"
#include "store/script.h"
#include "settings/settings.h"

/*
 * One call of a script, or one of Redis's own commands, while it is being built: first its keys,
 * then its arguments. The values are copied, and bounded: what doesn't fit makes command_format()
 * fail, never a shorter call.
 */

#define COMMAND_ARGS_MAX 220
#define COMMAND_KEYS_MAX 32
#define COMMAND_TEXT_MAX 8192

struct command {
	const char *plain;  /* the name of a command of Redis's own; NULL for a script */
	enum script script; /* unless it is plain */
	unsigned int keys_count;
	char keys_digits[20]; /* the same, as it is sent */
	/* All of them: EVALSHA, digest, number of keys, keys, arguments; plain: all words. */
	unsigned int args_count;
	const char *args[COMMAND_ARGS_MAX]; /* into text */
	size_t sizes[COMMAND_ARGS_MAX];
	char text[COMMAND_TEXT_MAX];
	size_t text_used;
	bool overflow;
};

/*
 * Starts a call of script about an account. Its keys are the mark of the account's partition, the
 * account itself, "postern:{17}:account:NAME", and the account's keys of the further kinds that
 * are listed up to a NULL (NULL for none); a kind "*KIND" is the partition's: "postern:{17}:KIND".
 * Its first argument is the format's number.
 */
void command_begin(struct command *command, enum script script, const struct account_name *account,
		   const char *const kinds[]);

/* The kinds that come first in every script that may change access. */
#define COMMAND_ACCESS_KINDS "history", "*unused", "*outbox"

/* Starts a call of script about a partition: its keys are the mark, and those of the listed kinds.
 */
void command_begin_partition(struct command *command, enum script script, unsigned int partition,
			     const char *const kinds[]);

/* Starts one of Redis's own commands, such as "INFO": everything that is added is a word of it,
   keys as well. The name must outlive the command. */
void command_begin_plain(struct command *command, const char *name);

/* What is called, for error texts. */
const char *command_name(const struct command *command);

/* Starts a call of script about one or more accounts of one partition: its keys are the mark, and
   for each account in turn the account itself and its keys of the listed kinds. */
void command_begin_accounts(struct command *command, enum script script,
			    const struct account_name *accounts, unsigned int count,
			    const char *const kinds[]);

void command_bytes(struct command *command, const void *bytes, size_t size);

/* The same for bytes that outlive the command: they are not copied, and so not bounded. */
void command_borrow(struct command *command, const void *bytes, size_t size);
void command_string(struct command *command, const char *string);
void command_number(struct command *command, uint64_t number);

/* The call as it goes over the wire, in *resp_r, to be freed with free(). Its size, or -1
   when it did not fit or memory ran out. */
int command_format(const struct command *command, char **resp_r);

#endif
