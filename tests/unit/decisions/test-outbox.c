/* The outboxes: who gets which entry, and when, on a real Redis. */

#include <stdlib.h>
#include <string.h>

#include "tests/unit/outbox-samples.h"
#include "decisions/workers.h"

static void nothing_there(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_none(store, "a");
	store_free(&store);
}

static void one_worker_gets_it(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	add_off(store);
	event = claim_one(store, "a");
	assert_int_equal(event.kind, OUTBOX_OFF);
	assert_int_equal(event.times, 1);
	assert_int_equal(event.reason, REASON_BREAK_IN);
	assert_string_equal(event.account.text, ACCOUNT);
	assert_string_equal(event.language, "et");
	assert_string_equal(event.from, "192.0.2.1");
	assert_true(event.time == 1764028800000);
	assert_none(store, "b");
	done(store, &event);
	done(store, &event);
	pause_ms(LEASE + 20);
	assert_none(store, "a");
	assert_int_equal(length(store), 1);
	store_free(&store);
}

/* Each further try has twice the time. */
static void lease_is_over(void **state)
{
	struct store *store = open_store();
	struct outbox_event first, second;

	(void)state;
	add_off(store);
	first = claim_one(store, "a");
	assert_none(store, "b");
	pause_ms(LEASE + 5);
	second = claim_one(store, "b");
	assert_string_equal(second.id, first.id);
	assert_int_equal(second.times, 2);
	pause_ms(LEASE + 5);
	assert_none(store, "a");
	pause_ms(LEASE);
	assert_int_equal(claim_one(store, "a").times, 3);
	store_free(&store);
}

static int renew(struct store *store, const char *worker, const char *id)
{
	struct command command;
	redisReply *reply;
	const char *error;
	int result;

	outbox_renew_ask(14, worker, id, &command);
	assert_int_equal(store_ask(store, &command, &reply, &error), 0);
	result = outbox_renew_read(reply);
	freeReplyObject(reply);
	return result;
}

/* Only who has it can have it for longer, and that is no further try. */
static void lease_begins_anew(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	assert_int_equal(renew(store, "a", "5-0"), 0);
	add_off(store);
	event = claim_one(store, "a");
	pause_ms(LEASE + 5);
	assert_int_equal(renew(store, "b", event.id), 0);
	assert_int_equal(renew(store, "a", "5-0"), 0);
	assert_int_equal(renew(store, "a", event.id), 1);
	assert_none(store, "b");
	pause_ms(LEASE + 5);
	assert_int_equal(claim_one(store, "b").times, 2);
	assert_int_equal(renew(store, "a", event.id), 0);
	done(store, &event);
	assert_int_equal(renew(store, "b", event.id), 0);
	store_free(&store);
}

static void at_most_so_many(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (int i = 0; i < 250; i++)
		add_off(store);
	assert_int_equal(reply_count(claim(store, "a", 3)), 3);
	assert_int_equal(reply_count(claim(store, "b", 1000)), 247);
	pause_ms(LEASE + 20);
	assert_int_equal(reply_count(claim(store, "c", 1000)), 250);
	store_free(&store);
}

/* Nobody is told of an app password's end, and there may be many in front of what is told. */
static void ends_are_passed_over(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	for (int i = 0; i < 5; i++)
		add(store, "v 1 event end account " ACCOUNT " time 1764028800000");
	add_off(store);
	event = claim_one(store, "a");
	assert_int_equal(event.kind, OUTBOX_OFF);
	done(store, &event);
	pause_ms(LEASE + 20);
	assert_none(store, "a");
	store_free(&store);
}

/* An account was erased while a worker had its entry. */
static void deleted_entry(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	add_off(store);
	event = claim_one(store, "a");
	freeReplyObject(call(store, "XDEL postern:{14}:outbox %s", event.id));
	pause_ms(LEASE + 20);
	assert_none(store, "b");
	done(store, &event);
	store_free(&store);
}

/* What is done and older than an hour goes; what isn't done stays, and all behind it. */
static void trimming(void **state)
{
	static const char old[] = "XADD postern:{14}:outbox %d-0 v 1 event %s account " ACCOUNT
				  " time 5 reason owner";
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	freeReplyObject(call(store, old, 1000, "end"));
	freeReplyObject(call(store, old, 2000, "off"));
	freeReplyObject(call(store, old, 3000, "end"));
	add(store, "v 1 event end account " ACCOUNT " time 5");
	event = claim_one(store, "a");
	assert_string_equal(event.id, "2000-0");
	assert_int_equal(length(store), 3);
	assert_none(store, "a");
	assert_int_equal(length(store), 3);
	done(store, &event);
	assert_none(store, "a");
	assert_int_equal(length(store), 1);
	store_free(&store);
}

struct unknown_row {
	const char *name;
	const char *fields;
};

static const struct unknown_row unknown_rows[] = {
	{ "another version", "v 2 event off account " ACCOUNT " time 5 reason owner" },
	{ "another version's end", "v 2 event end account " ACCOUNT " time 5" },
	{ "no version", "event off account " ACCOUNT " time 5 reason owner" },
	{ "another event", "v 1 event party account " ACCOUNT " time 5" },
	{ "no account", "v 1 event off time 5 reason owner" },
	{ "no account name", "v 1 event off account a@b@c time 5 reason owner" },
	{ "an account of elsewhere", "v 1 event off account x@example.org time 5 reason owner" },
	{ "no time", "v 1 event off account " ACCOUNT " reason owner" },
	{ "no number", "v 1 event off account " ACCOUNT " time -5 reason owner" },
	{ "another reason", "v 1 event off account " ACCOUNT " time 5 reason because" },
};

/* It neither gets lost nor is in the way of others. */
static void unknown_entry(void **state)
{
	const struct unknown_row *row = *state;
	struct store *store = open_store();

	assert_int_equal(set_up(NULL), 0);
	add(store, row->fields);
	add_off(store);
	assert_int_equal(claim_one(store, "a").kind, OUTBOX_UNKNOWN);
	assert_int_equal(claim_one(store, "a").kind, OUTBOX_OFF);
	pause_ms(LEASE + 5);
	assert_int_equal(claim_one(store, "b").kind, OUTBOX_UNKNOWN);
	store_free(&store);
}

static void hostile_texts(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;
	char label[OUTBOX_TEXT_SIZE + 1];

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	freeReplyObject(call(store,
			     "XADD postern:{14}:outbox * v 1 event on account " ACCOUNT
			     " time 5 by %s from %s language %b label %s number 7",
			     "a\r\nBcc: b", "\xff", "e\0t", (size_t)3, label));
	event = claim_one(store, "a");
	assert_int_equal(event.kind, OUTBOX_ON);
	assert_int_equal(event.number, 7);
	assert_string_equal(event.by, "");
	assert_string_equal(event.from, "");
	assert_string_equal(event.language, "");
	assert_string_equal(event.label, "");
	store_free(&store);
}

static void count_event(void *context, const struct outbox_event *event)
{
	unsigned int *counts = context;

	assert_int_equal(event->partition, 14);
	counts[event->kind]++;
}

static void follow(struct store *store, struct outbox_positions *positions, unsigned int counts[])
{
	struct command command;
	redisReply *reply;
	const char *error;

	memset(counts, 0, (OUTBOX_UNKNOWN + 1) * sizeof(*counts));
	outbox_follow_ask(positions, 20, &command);
	assert_int_equal(store_call(store, &command, 20, &reply, &error), 1);
	assert_int_equal(outbox_follow_read(reply, positions, count_event, counts), 0);
	freeReplyObject(reply);
}

static void stand(struct store *store, int64_t since, struct outbox_positions *positions)
{
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		struct command command;
		redisReply *reply;
		const char *error;

		outbox_last_ask(i, &command);
		assert_int_equal(store_call(store, &command, 0, &reply, &error), 1);
		assert_int_equal(outbox_last_read(reply, i, since, positions), 0);
		freeReplyObject(reply);
	}
}

/* A position stays unless the outbox can't have come to it. */
static void standing(void **state)
{
	struct store *store = open_store();
	struct outbox_positions positions = { 0 };
	unsigned int counts[OUTBOX_UNKNOWN + 1];

	(void)state;
	freeReplyObject(call(store, "XADD postern:{14}:outbox 5000-7 v 2"));
	stand(store, 4000, &positions);
	assert_string_equal(positions.ids[14], "4000-0");
	assert_string_equal(positions.ids[13], "4000-0");
	follow(store, &positions, counts);
	assert_int_equal(counts[OUTBOX_UNKNOWN], 1);
	freeReplyObject(call(store, "XADD postern:{14}:outbox 5000-8 v 2"));
	stand(store, 5000, &positions);
	assert_string_equal(positions.ids[14], "5000-7");
	strcpy(positions.ids[14], "5000-10");
	stand(store, 4500, &positions);
	assert_string_equal(positions.ids[14], "4500-0");
	stand(store, -1, &positions);
	assert_string_equal(positions.ids[13], "0-0");
	store_free(&store);
}

static void following(void **state)
{
	struct store *store = open_store();
	struct outbox_positions positions = { 0 };
	unsigned int counts[OUTBOX_UNKNOWN + 1];

	(void)state;
	stand(store, 0, &positions);
	follow(store, &positions, counts);
	assert_int_equal(counts[OUTBOX_OFF], 0);
	add_off(store);
	add_off(store);
	add(store, "v 2");
	add(store, "v 1 event end account " ACCOUNT " time 5");
	add(store, "v 1 event break-in account " ACCOUNT " time 5");
	follow(store, &positions, counts);
	assert_int_equal(counts[OUTBOX_OFF], 2);
	assert_int_equal(counts[OUTBOX_UNKNOWN], 1);
	assert_int_equal(counts[OUTBOX_END], 1);
	assert_int_equal(counts[OUTBOX_BREAK_IN], 1);
	follow(store, &positions, counts);
	assert_int_equal(counts[OUTBOX_OFF], 0);
	store_free(&store);
}

static long long backlog(struct store *store)
{
	struct workers_backlog backlog = { 0 };
	struct command command;
	redisReply *reply;
	const char *error;

	workers_backlog_ask(14, 0, &command);
	assert_int_equal(store_ask(store, &command, &reply, &error), 0);
	assert_int_equal(workers_backlog_add(reply, &backlog), 0);
	freeReplyObject(reply);
	assert_true(backlog.notices == 0 || backlog.oldest >= 5);
	return backlog.notices;
}

/* What waits is counted as Redis keeps count, or up to a thousand. */
static void backlogs(void **state)
{
	struct store *store = open_store();
	struct outbox_event event;
	redisReply *last;

	(void)state;
	assert_int_equal(backlog(store), 0);
	for (int i = 0; i < 1500; i++)
		add_off(store);
	pause_ms(5);
	assert_int_equal(backlog(store), 1500);
	event = claim_one(store, "a");
	assert_int_equal(backlog(store), 1500);
	last = call(store, "XREVRANGE postern:{14}:outbox + - COUNT 1");
	freeReplyObject(
		call(store, "XDEL postern:{14}:outbox %s", last->element[0]->element[0]->str));
	freeReplyObject(last);
	assert_in_range(backlog(store), 1001, 1499);
	done(store, &event);
	assert_in_range(backlog(store), 1000, 1498);
	store_free(&store);
}

static int run(struct private_redis *_redis)
{
	int failed;

	redis = _redis;
	signal(SIGPIPE, SIG_IGN);
	ADD_REDIS_TEST(nothing_there);
	ADD_REDIS_TEST(one_worker_gets_it);
	ADD_REDIS_TEST(lease_is_over);
	ADD_REDIS_TEST(lease_begins_anew);
	ADD_REDIS_TEST(at_most_so_many);
	ADD_REDIS_TEST(ends_are_passed_over);
	ADD_REDIS_TEST(deleted_entry);
	ADD_REDIS_TEST(trimming);
	ADD_ROWS(unknown_entry, unknown_rows);
	ADD_REDIS_TEST(hostile_texts);
	ADD_REDIS_TEST(standing);
	ADD_REDIS_TEST(following);
	ADD_REDIS_TEST(backlogs);
	failed = RUN_TESTS();
	freeReplyObject(answer);
	return failed;
}

int main(void)
{
	return private_redis_run(run);
}
