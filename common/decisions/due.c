/* The accounts for which it is time to look at something. */

#include "decisions/due.h"

#include <string.h>

#include "store/reply.h"

void due_ask(enum due_index index, unsigned int partition, int64_t time, unsigned int skip,
	     unsigned int count, struct command *command_r)
{
	static const char *const kinds[][2] = {
		[DUE_UNUSED] = { "*unused", NULL },
		[DUE_EXPIRY] = { "*expiries", NULL },
		[DUE_AGAIN] = { "*refused", NULL },
	};

	command_begin_partition(command_r, SCRIPT_DUE, partition, kinds[index]);
	command_number(command_r, (uint64_t)(time > 0 ? time : 0));
	command_number(command_r, skip);
	command_number(command_r, count);
}

const struct redisReply *due_read(const struct redisReply *reply)
{
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_array(reply, 1) : NULL;
}
