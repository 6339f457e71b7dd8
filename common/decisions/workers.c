/* What operations want to know about the workers. */

#include "decisions/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decisions/outbox.h"
#include "store/reply.h"

/* The partition whose keys hold what is about no account. */
#define PARTITION 0

void workers_heartbeat_ask(const struct workers_heartbeat *heartbeat, struct command *command_r)
{
	static const char *const kinds[] = { "*workers", NULL };

	command_begin_partition(command_r, SCRIPT_HEARTBEAT, PARTITION, kinds);
	command_string(command_r, heartbeat->name);
	command_number(command_r, (uint64_t)heartbeat->started);
	command_number(command_r, heartbeat->sent);
	command_string(command_r, heartbeat->trouble);
}

const struct redisReply *workers_heartbeat_read(const struct redisReply *reply)
{
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_array(reply, 1) : NULL;
}

void workers_entry_read(const struct redisReply *workers, unsigned int place,
			struct workers_entry *worker_r)
{
	const struct redisReply *worker = reply_array(workers, place);

	worker_r->name = reply_string(worker, 0);
	worker_r->age = reply_number(worker, 1);
	worker_r->started = reply_number(worker, 2);
	worker_r->sent = reply_number(worker, 3);
	worker_r->trouble = reply_string(worker, 4);
}

/* Has no spaces or control characters, and isn't too long. */
static bool is_name(const char *name)
{
	size_t size = 0;

	while (name[size] > ' ' && name[size] < '\x7f')
		size++;
	return size > 0 && size < OUTBOX_WORKER_SIZE && name[size] == '\0';
}

static char *add_line(char *end, const struct workers_entry *worker)
{
	if (!is_name(worker->name))
		return end;
	return end + sprintf(end, "%s %lld %lld\n", worker->name, (long long)worker->age,
			     (long long)worker->started);
}

char *workers_text(const struct redisReply *workers, const struct workers_entry *own)
{
	const size_t line = OUTBOX_WORKER_SIZE + sizeof(" 9223372036854775807") * 2;
	char *text = malloc(line * (reply_count(workers) + 1) + 1), *end = text;

	if (text == NULL)
		abort();
	*end = '\0';
	for (unsigned int i = 0; i < reply_count(workers); i++) {
		struct workers_entry worker;

		workers_entry_read(workers, i, &worker);
		if (strcmp(worker.name, own->name) != 0)
			end = add_line(end, &worker);
	}
	add_line(end, own);
	return text;
}

void system_unseen_ask(const char *hosts, struct command *command_r)
{
	static const char *const kinds[] = { "*unseen", NULL };
	size_t size;

	command_begin_partition(command_r, SCRIPT_UNSEEN, PARTITION, kinds);
	while (*(hosts += strspn(hosts, " ")) != '\0') {
		size = strcspn(hosts, " ");
		command_bytes(command_r, hosts, size);
		hosts += size;
	}
}

const struct redisReply *system_unseen_read(const struct redisReply *reply)
{
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_array(reply, 1) : NULL;
}

void system_host_read(const struct redisReply *hosts, unsigned int place,
		      struct system_host *host_r)
{
	const struct redisReply *host = reply_array(hosts, place);

	host_r->name = reply_string(host, 0);
	host_r->switch_offs = reply_number(host, 1);
	host_r->first = reply_number(host, 2);
	host_r->last = reply_number(host, 3);
}

void workers_backlog_ask(unsigned int partition, uint64_t rest, struct command *command_r)
{
	static const char *const kinds[] = { "*outbox", "*unused", "*held", "*refused", NULL };

	command_begin_partition(command_r, SCRIPT_BACKLOG, partition, kinds);
	command_number(command_r, rest);
}

/* Of two numbers that aren't negative: what Redis says may be anything. */
static int64_t add(int64_t a, int64_t b)
{
	return b > INT64_MAX - a ? INT64_MAX : a + b;
}

int workers_backlog_add(const struct redisReply *reply, struct workers_backlog *backlog)
{
	int64_t oldest = reply_number(reply, 2);

	if (strcmp(reply_string(reply, 0), "done") != 0)
		return -1;
	backlog->notices = add(backlog->notices, reply_number(reply, 1));
	backlog->oldest = oldest > backlog->oldest ? oldest : backlog->oldest;
	backlog->due = add(backlog->due, reply_number(reply, 3));
	backlog->refused = add(backlog->refused, reply_number(reply, 4));
	return 0;
}
