/* What operations want to know of the workers. */

#include "system.h"

#include <string.h>

#include "reply.h"

/* The partition whose keys hold what is about no account. */
#define PARTITION 0

void system_beat_ask(const struct system_beat *beat, struct command *command_r)
{
	static const char *const kinds[] = { "*workers", NULL };

	command_begin_partition(command_r, SCRIPT_BEAT, PARTITION, kinds);
	command_string(command_r, beat->name);
	command_number(command_r, (uint64_t)beat->started);
	command_number(command_r, beat->sent);
	command_string(command_r, beat->trouble);
}

const struct redisReply *system_beat_read(const struct redisReply *reply)
{
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_array(reply, 1) : NULL;
}

void system_worker_read(const struct redisReply *workers, unsigned int place,
			struct system_worker *worker_r)
{
	const struct redisReply *worker = reply_array(workers, place);

	worker_r->name = reply_string(worker, 0);
	worker_r->age = reply_number(worker, 1);
	worker_r->started = reply_number(worker, 2);
	worker_r->sent = reply_number(worker, 3);
	worker_r->trouble = reply_string(worker, 4);
}

void system_backlog_ask(unsigned int partition, uint64_t rest, struct command *command_r)
{
	static const char *const kinds[] = { "*outbox", "*unused", NULL };

	command_begin_partition(command_r, SCRIPT_BACKLOG, partition, kinds);
	command_number(command_r, rest);
}

/* Of two numbers that aren't negative: what Redis says may be anything. */
static int64_t add(int64_t a, int64_t b)
{
	return b > INT64_MAX - a ? INT64_MAX : a + b;
}

int system_backlog_add(const struct redisReply *reply, struct system_backlog *backlog)
{
	int64_t oldest = reply_number(reply, 2);

	if (strcmp(reply_string(reply, 0), "done") != 0)
		return -1;
	backlog->notices = add(backlog->notices, reply_number(reply, 1));
	backlog->oldest = oldest > backlog->oldest ? oldest : backlog->oldest;
	backlog->due = add(backlog->due, reply_number(reply, 3));
	return 0;
}
