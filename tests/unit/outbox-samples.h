#ifndef POSTERN_TESTS_OUTBOX_SAMPLES_H
#define POSTERN_TESTS_OUTBOX_SAMPLES_H

#include "decisions/outbox.h"
#include "store/reply.h"
#include "store-samples.h"

/* The outbox of a partition, and its workers. */

#define ACCOUNT "andrejs@example.org" /* of partition 14, which is marked */
#define LEASE	60		      /* milliseconds */

static redisReply *answer;

static inline redisReply *call(struct store *store, const char *format, ...)
{
	va_list args;
	redisContext *connection = redisConnectUnix(redis->socket);
	redisReply *reply;

	(void)store;
	va_start(args, format);
	reply = redisvCommand(connection, format, args);
	va_end(args);
	redisFree(connection);
	assert_non_null(reply);
	assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
	return reply;
}

static inline void add(struct store *store, const char *fields)
{
	char line[512];

	snprintf(line, sizeof(line), "XADD postern:{14}:outbox * %s", fields);
	freeReplyObject(call(store, line));
}

static inline void add_off(struct store *store)
{
	add(store, "v 1 event off account " ACCOUNT " time 1764028800000 by owner from 192.0.2.1 "
		   "language et reason break-in");
}

/* Who has to end sessions, as workers_text() has it. */
static const char *workers = "";
static bool more;

static inline const struct redisReply *claim(struct store *store, const char *worker,
					     unsigned int count)
{
	struct command command;
	const struct redisReply *entries;
	const char *error;

	freeReplyObject(answer);
	outbox_claim_ask(14, worker, LEASE, count, workers, &command);
	if (store_ask(store, &command, &answer, &error) < 0)
		fail_msg("%s", error);
	entries = outbox_claim_read(answer, &more);
	assert_non_null(entries);
	return entries;
}

static inline void assert_none(struct store *store, const char *worker)
{
	assert_int_equal(reply_count(claim(store, worker, 10)), 0);
}

static inline struct outbox_event claim_one(struct store *store, const char *worker)
{
	const struct redisReply *entries = claim(store, worker, 1);
	struct outbox_event event;

	assert_int_equal(reply_count(entries), 1);
	assert_int_equal(outbox_event_read(entries, 0, 14, &event), 0);
	return event;
}

static inline void done(struct store *store, const struct outbox_event *event)
{
	struct command command;
	redisReply *reply;
	const char *error;

	outbox_done_ask(event, &command);
	assert_int_equal(store_ask(store, &command, &reply, &error), 0);
	assert_true(outbox_done_read(reply));
	freeReplyObject(reply);
}

static inline long long length(struct store *store)
{
	redisReply *reply = call(store, "XLEN postern:{14}:outbox");
	long long entries = reply->integer;

	freeReplyObject(reply);
	return entries;
}

#endif
