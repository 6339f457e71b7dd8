#ifndef POSTERN_SYSTEM_H
#define POSTERN_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"

struct redisReply;

/*
 * What operations want to know of the workers: who runs, and how much there is to do. Calls of
 * scripts/beat.lua, unseen.lua and backlog.lua. All times are milliseconds.
 */

#define SYSTEM_BEAT_MS	 10000 /* how often a worker says that it is there */
#define SYSTEM_SILENT_MS 35000 /* who was silent for longer isn't */

struct system_beat {
	const char *name;    /* outbox.h's worker; "" to ask only */
	int64_t started;     /* since 1970; 0 when it ends, and is not to be seen any more */
	uint64_t sent;	     /* notices */
	const char *trouble; /* one printable line, "" for none */
};

/* Says that the worker is there, or asks who is. */
void system_beat_ask(const struct system_beat *beat, struct command *command_r);

/* The workers, for system_worker_read(); NULL when Redis can't tell. Lives as long as the reply. */
const struct redisReply *system_beat_read(const struct redisReply *reply);

struct system_worker {
	const char *name;
	int64_t age; /* of what it said */
	int64_t started;
	int64_t sent;
	const char *trouble;
};

void system_worker_read(const struct redisReply *workers, unsigned int place,
			struct system_worker *worker_r);

/* The workers as scripts/claim.lua wants them, a line each: "NAME AGE STARTED", own among them, for
   free(). What is no name of a worker is left out. */
char *system_workers_text(const struct redisReply *workers, const struct system_worker *own);

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
void system_backlog_ask(unsigned int partition, uint64_t rest, struct command *command_r);

struct system_backlog {
	int64_t notices; /* that wait */
	int64_t oldest;	 /* age of the oldest of them */
	int64_t due;	 /* accounts that the sweep has to look at */
	int64_t refused; /* notices that a mailbox has refused: they are tried again */
};

/* Adds a partition's to the sums; keeps the greatest age. 0, or -1 when Redis can't tell. */
int system_backlog_add(const struct redisReply *reply, struct system_backlog *backlog);

#endif
