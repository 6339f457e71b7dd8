#ifndef POSTERN_DUE_H
#define POSTERN_DUE_H

#include <stdint.h>

#include "store/command.h"

struct redisReply;

/* The accounts of a partition for which it is time to look at something: calls of due.lua.
   Redis finds them in an index, so they cost what there is of them. */

enum due_index {
	DUE_UNUSED, /* by a time of use (D2): see unused.h */
	DUE_EXPIRY, /* by when an app password expires (A10): see expiry.h */
	DUE_AGAIN,  /* by when a notice that was refused is tried again (D5): see refusal.h */
};

/* Asks for the names of at most count accounts whose time in the index is not after the given one,
   the first skip left out. Times are milliseconds since 1970. */
void due_ask(enum due_index index, unsigned int partition, int64_t time, unsigned int skip,
	     unsigned int count, struct command *command_r);

/* The array of names; NULL if Redis can't tell. Lives as long as the reply. */
const struct redisReply *due_read(const struct redisReply *reply);

#endif
