#ifndef POSTERN_WORKERS_H
#define POSTERN_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/command.h"

struct redisReply;

/*
 * What operations want to know about the workers: which ones are running, and how much there is to
 * do. Calls of heartbeat.lua, unseen.lua and backlog.lua. All times are milliseconds.
 */

#define WORKERS_HEARTBEAT_MS 10000 /* how often a worker sends a heartbeat */
#define WORKERS_SILENT_MS    35000 /* a worker that is silent for longer counts as away */

struct workers_heartbeat {
	const char *name;    /* outbox.h's worker; "" to ask only */
	int64_t started;     /* since 1970; 0 when it ends and is no longer to be listed */
	uint64_t sent;	     /* notices */
	const char *trouble; /* one printable line, "" for none */
};

/* Sends the worker's heartbeat, or only asks which workers there are. */
void workers_heartbeat_ask(const struct workers_heartbeat *heartbeat, struct command *command_r);

/* The workers, for workers_entry_read(); NULL when Redis can't tell. Lives as long as the reply. */
const struct redisReply *workers_heartbeat_read(const struct redisReply *reply);

struct workers_entry {
	const char *name;
	int64_t age; /* of its last heartbeat */
	int64_t started;
	int64_t sent;
	const char *trouble;
};

void workers_entry_read(const struct redisReply *workers, unsigned int place,
			struct workers_entry *worker_r);

/* The workers as claim.lua wants them, a line each: "NAME AGE STARTED", own among them, for
   free(). What is no name of a worker is left out. */
char *workers_text(const struct redisReply *workers, const struct workers_entry *own);

/* Notes that the sessions of a switch-off weren't seen to end on these hosts, named between spaces;
   or, with "", asks only. */
void system_unseen_ask(const char *hosts, struct command *command_r);

/* The hosts, for system_host_read(); NULL when Redis can't tell. Lives as long as the reply. */
const struct redisReply *system_unseen_read(const struct redisReply *reply);

struct system_host {
	const char *name;
	int64_t switch_offs; /* whose sessions there weren't seen to end, since the first of them */
	int64_t first, last; /* milliseconds since 1970 */
};

void system_host_read(const struct redisReply *hosts, unsigned int place,
		      struct system_host *host_r);

/* Asks what a partition has to do; rest is unused_rest()'s. */
void workers_backlog_ask(unsigned int partition, uint64_t rest, struct command *command_r);

struct workers_backlog {
	int64_t notices; /* that wait */
	int64_t oldest;	 /* age of the oldest of them */
	int64_t due;	 /* accounts that the sweep has to look at */
	int64_t refused; /* notices that a mailbox has refused: they are tried again */
};

/* Adds a partition's to the sums; keeps the greatest age. 0, or -1 when Redis can't tell. */
int workers_backlog_add(const struct redisReply *reply, struct workers_backlog *backlog);

#endif
