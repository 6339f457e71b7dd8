/* Notices that wait until every host has ended the account's sessions, on a real Redis. */

#include <stdlib.h>
#include <string.h>

#include "tests/unit/outbox-samples.h"
#include "decisions/workers.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

/* Redis's clock and ours are one. */
static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Adds a switch-off of so many milliseconds ago. Its id. */
static const char *add_off_ago(struct store *store, const char *account, int64_t ago)
{
	static char id[OUTBOX_ID_SIZE];
	redisReply *reply = call(store,
				 "XADD postern:{14}:outbox * v 1 event off account %s time %lld "
				 "by owner from 192.0.2.1 language et reason owner",
				 account, (long long)(now() - ago));

	snprintf(id, sizeof(id), "%s", reply->str);
	freeReplyObject(reply);
	return id;
}

static void ended(struct store *store, const char *worker, const char *id)
{
	struct command command;
	redisReply *reply;
	const char *error;

	outbox_ended_ask(14, worker, id, &command);
	assert_int_equal(store_ask(store, &command, &reply, &error), 0);
	assert_true(outbox_ended_read(reply));
	freeReplyObject(reply);
}

static long long card(struct store *store, const char *kind)
{
	redisReply *reply = call(store, "ZCARD postern:{14}:%s", kind);
	long long count = reply->integer;

	freeReplyObject(reply);
	return count;
}

static void assert_nothing_held(struct store *store)
{
	assert_int_equal(card(store, "held"), 0);
	assert_int_equal(card(store, "looks"), 0);
	assert_int_equal(card(store, "ended"), 0);
}

/* Makes what waits due to be looked at. */
static void look_again(struct store *store)
{
	redisReply *ids = call(store, "ZRANGE postern:{14}:looks 0 -1");

	for (size_t i = 0; i < ids->elements; i++)
		freeReplyObject(call(store, "ZADD postern:{14}:looks 1 %s", ids->element[i]->str));
	freeReplyObject(ids);
}

/* The one that is claimed, for the first time. */
static void assert_handed(struct store *store, const char *id, const char *unseen)
{
	struct outbox_event event = claim_one(store, "a:1:5");

	assert_string_equal(event.id, id);
	assert_int_equal(event.times, 1);
	assert_int_equal(event.kind, OUTBOX_OFF);
	assert_string_equal(event.unseen, unseen);
	assert_nothing_held(store);
}

static void waits_for_all(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 29000 5\nb:2:5 100 5\n";
	assert_none(store, "a:1:5");
	assert_none(store, "b:1:5");
	ended(store, "a:1:5", id);
	ended(store, "a:1:5", id);
	assert_none(store, "a:1:5");
	ended(store, "b:2:5", id);
	assert_none(store, "a:1:5");
	ended(store, "b:1:5", id);
	assert_handed(store, id, "");
	store_free(&store);
}

/* However long it waits, whoever gets it first is the first. */
static void waiting_is_no_try(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);
	struct outbox_event event;

	(void)state;
	workers = "a:1:5 0 5\n";
	assert_none(store, "a:1:5");
	pause_ms(LEASE + 5);
	for (int i = 0; i < 3; i++) {
		look_again(store);
		assert_none(store, "a:1:5");
	}
	ended(store, "a:1:5", id);
	assert_handed(store, id, "");
	assert_none(store, "a:1:5");
	pause_ms(LEASE + 5);
	event = claim_one(store, "a:1:5");
	assert_int_equal(event.times, 2);
	assert_string_equal(event.unseen, "");
	done(store, &event);
	pause_ms(LEASE + 5);
	assert_none(store, "a:1:5");
	store_free(&store);
}

/* All hosts are through before any worker looks into the outbox. */
static void said_before(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 0 5\n";
	ended(store, "a:1:5", id);
	ended(store, "b:1:5", id);
	assert_handed(store, id, "");
	store_free(&store);
}

/* Nobody waits for what is said too late, so it isn't kept. */
static void said_too_late(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 3 * MINUTE);
	struct outbox_event event;

	(void)state;
	workers = "a:1:5 0 5\n";
	event = claim_one(store, "a:1:5");
	assert_string_equal(event.unseen, "a");
	ended(store, "a:1:5", id);
	assert_nothing_held(store);
	done(store, &event);
	ended(store, "a:1:5", id);
	ended(store, "a:1:5", "5-0");
	assert_nothing_held(store);
	store_free(&store);
}

struct host_row {
	const char *name;
	const char *workers; /* of which a:1:5 asks */
	const char *said;    /* who has said that it is through, or NULL */
	int64_t ago;	     /* when access went off */
	const char *unseen;  /* NULL: it waits */
};

static const struct host_row host_rows[] = {
	{ "silent", "b:1:5 31000 5\n", NULL, MINUTE, NULL },
	{ "silent for two minutes", "b:1:5 31000 5\n", NULL, 2 * MINUTE, "b" },
	{ "silent since it said so", "b:1:5 31000 5\n", "b:1:5", MINUTE, "" },
	{ "silent, like others on its host", "b:1:5 31000 5\nb:2:5 90000 5\n", "b:2:5", MINUTE,
	  "" },
	{ "silent, with another in its place", "b:1:5 31000 5\nb:2:5 0 5\n", "b:2:5", MINUTE, "" },
	{ "silent, with another that isn't through", "b:1:5 31000 5\nb:2:5 0 5\n", "b:1:5", MINUTE,
	  NULL },
	{ "silent on the host that asks", "a:9:5 31000 5\n", NULL, MINUTE, "" },
	{ "there, but not through", "b:1:5 0 5\n", NULL, MINUTE, NULL },
	{ "there, and not through for two minutes", "b:1:5 0 5\n", NULL, 2 * MINUTE, "b" },
	{ "two of a host", "b:1:5 0 5\nb:2:5 0 5\n", NULL, 2 * MINUTE, "b" },
	{ "several hosts", "c:1:5 0 5\nb:1:5 40000 5\nd:1:5 0 5\n", "c:1:5", 2 * MINUTE, "b d" },
	{ "a name with colons", "b:c:1:5 0 5\n", NULL, 2 * MINUTE, "b:c" },
	{ "a name without any", "b 0 5\n", NULL, 2 * MINUTE, "b" },
	{ "nothing that is understood", "b 0\n\nb\nb:1:5 x 5\n", NULL, 0, "" },
	{ "a clock that went back", "b:1:5 0 5\n", NULL, -MINUTE, NULL },
	{ "a clock that went back far", "b:1:5 0 5\n", NULL, -HOUR, "b" },
};

static void hosts(void **state)
{
	const struct host_row *row = *state;
	struct store *store;
	const char *id;
	char text[256];

	assert_int_equal(set_up(NULL), 0);
	store = open_store();
	id = add_off_ago(store, ACCOUNT, row->ago);
	snprintf(text, sizeof(text), "a:1:5 0 5\n%s", row->workers);
	workers = text;
	ended(store, "a:1:5", id);
	if (row->said != NULL)
		ended(store, row->said, id);
	if (row->unseen == NULL)
		assert_none(store, "a:1:5");
	else
		assert_handed(store, id, row->unseen);
	store_free(&store);
}

/* All were down, and one is back: it gets the time to end what it finds. */
static void worker_has_just_started(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, HOUR);
	char young[64], old[64];

	(void)state;
	snprintf(young, sizeof(young), "a:1:5 0 %lld\n", (long long)now() - 5000);
	snprintf(old, sizeof(old), "a:1:5 0 %lld\n", (long long)now() - 31000);
	workers = young;
	assert_none(store, "a:1:5");
	look_again(store);
	assert_none(store, "a:1:5");
	workers = old;
	look_again(store);
	assert_handed(store, id, "a");
	store_free(&store);
}

/* A host that ends doesn't hold up what waits for it, when it is looked at again. */
static void worker_ends(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 0 5\n";
	assert_none(store, "a:1:5");
	ended(store, "a:1:5", id);
	assert_none(store, "a:1:5");
	workers = "a:1:5 0 5\n";
	look_again(store);
	assert_handed(store, id, "");
	store_free(&store);
}

/* What isn't a switch-off waits for nobody. */
static void others_are_not_held(void **state)
{
	static const char *const events[] = { "on", "password", "warning" };
	struct store *store = open_store();

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 0 5\n";
	add_off_ago(store, "andrejs@example.org", 0);
	for (size_t i = 0; i < 3; i++) {
		freeReplyObject(call(store,
				     "XADD postern:{14}:outbox * v 1 event %s account " ACCOUNT
				     " time %lld number 1 off 1764028800000 until 7",
				     events[i], (long long)now()));
		assert_int_equal(claim_one(store, "a:1:5").kind, OUTBOX_ON + (int)i);
	}
	assert_none(store, "a:1:5");
	assert_int_equal(card(store, "held"), 1);
	store_free(&store);
}

static void add_on(struct store *store, const char *account, const char *off)
{
	freeReplyObject(call(store,
			     "XADD postern:{14}:outbox * v 1 event on account %s time %lld "
			     "number 1 off %s",
			     account, (long long)now(), off));
}

/* An owner who switched off and on doesn't read last that access is off. */
static void on_comes_after_off(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);
	char off[32];

	(void)state;
	workers = "a:1:5 0 5\n";
	snprintf(off, sizeof(off), "%lld", (long long)strtoll(id, NULL, 10));
	assert_none(store, "a:1:5");
	add_on(store, ACCOUNT, off);
	add_on(store, ACCOUNT, "");
	add_on(store, ACCOUNT, "x");
	assert_int_equal(claim_one(store, "a:1:5").kind, OUTBOX_ON);
	assert_int_equal(claim_one(store, "a:1:5").kind, OUTBOX_ON);
	assert_none(store, "a:1:5");
	look_again(store);
	assert_none(store, "a:1:5");
	ended(store, "a:1:5", id);
	assert_int_equal(claim_one(store, "a:1:5").kind, OUTBOX_OFF);
	look_again(store);
	assert_int_equal(claim_one(store, "a:1:5").kind, OUTBOX_ON);
	assert_nothing_held(store);
	store_free(&store);
}

static void erased_while_held(void **state)
{
	struct store *store = open_store();
	const char *id = add_off_ago(store, ACCOUNT, 0);

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 0 5\n";
	assert_none(store, "a:1:5");
	ended(store, "a:1:5", id);
	freeReplyObject(call(store, "XDEL postern:{14}:outbox %s", id));
	assert_none(store, "a:1:5");
	assert_nothing_held(store);
	add_off_ago(store, ACCOUNT, 0);
	assert_none(store, "a:1:5");
	freeReplyObject(call(store, "DEL postern:{14}:outbox"));
	assert_none(store, "a:1:5");
	assert_nothing_held(store);
	store_free(&store);
}

/* The outbox keeps what waits, however old it is, and lets go of it afterwards. */
static void held_is_not_trimmed(void **state)
{
	static const char old[] = "XADD postern:{14}:outbox %d-0 v 1 event %s account " ACCOUNT
				  " time %lld reason owner";
	struct store *store = open_store();
	struct outbox_event event;

	(void)state;
	workers = "a:1:5 0 5\n";
	freeReplyObject(call(store, old, 1000, "end", 5LL));
	freeReplyObject(call(store, old, 2000, "off", (long long)now()));
	freeReplyObject(call(store, old, 3000, "end", 5LL));
	add(store, "v 1 event end account " ACCOUNT " time 5");
	assert_none(store, "a:1:5");
	assert_int_equal(length(store), 3);
	ended(store, "a:1:5", "2000-0");
	assert_int_equal(card(store, "ended"), 1);
	event = claim_one(store, "a:1:5");
	assert_string_equal(event.id, "2000-0");
	assert_int_equal(length(store), 3);
	done(store, &event);
	assert_none(store, "a:1:5");
	assert_int_equal(length(store), 1);
	store_free(&store);
}

/* How many commands Redis runs for a claim. */
static long long cost(struct store *store)
{
	const char *at;
	long long calls = 0;
	redisReply *reply;

	freeReplyObject(call(store, "CONFIG RESETSTAT"));
	assert_none(store, "a:1:5");
	reply = call(store, "INFO commandstats");
	for (at = reply->str; (at = strstr(at, ":calls=")) != NULL; at++)
		calls += atoll(at + strlen(":calls="));
	freeReplyObject(reply);
	return calls;
}

/* What waits costs nothing until it is due, and what is due is looked at in turns. */
static void many_wait(void **state)
{
	enum { MANY = 1000 };
	struct store *store = open_store();
	char ids[MANY][OUTBOX_ID_SIZE];
	long long few;
	int turns = 0;

	(void)state;
	workers = "a:1:5 0 5\nb:1:5 0 5\n";
	strcpy(ids[0], add_off_ago(store, ACCOUNT, 0));
	assert_none(store, "a:1:5");
	few = cost(store);
	for (int i = 1; i < MANY; i++)
		strcpy(ids[i], add_off_ago(store, ACCOUNT, 0));
	do {
		assert_none(store, "a:1:5");
		turns++;
	} while (more);
	assert_in_range(turns, MANY / 100, MANY / 100 + 1);
	assert_int_equal(card(store, "held"), MANY);
	assert_int_equal(cost(store), few);
	for (int i = 0; i < MANY; i++) {
		ended(store, "a:1:5", ids[i]);
		ended(store, "b:1:5", ids[i]);
	}
	for (int i = 0; i < MANY; i++) {
		struct outbox_event event = claim_one(store, "a:1:5");

		assert_int_equal(event.times, 1);
		done(store, &event);
	}
	assert_none(store, "a:1:5");
	assert_nothing_held(store);
	store_free(&store);
}

struct unseen_row {
	const char *name;
	const char *access;
	int64_t since; /* of the account; the switch-off's is 5 */
	const char *hosts;
	const char *unseen; /* what the account has then */
};

static const struct unseen_row unseen_rows[] = {
	{ "one", "disabled", 5, "b", "b" },
	{ "several", "disabled", 5, "b c.example.org", "b c.example.org" },
	{ "none", "disabled", 5, "", NULL },
	{ "access is on again", "enabled", 5, "b", NULL },
	{ "access went off again", "disabled", 6, "b", NULL },
	{ "more than fit", "disabled", 5,
	  "a23456789012345678901234567890.example b234567890123456 c dd",
	  "a23456789012345678901234567890.example b234567890123456 c +1" },
	{ "longer than fits", "disabled", 5,
	  "a23456789012345678901234567890123456789012345678901234567890123 b", " +2" },
};

/* Support sees it in the account. */
static void unseen_is_noted(void **state)
{
	const struct unseen_row *row = *state;
	struct outbox_event event = {
		.id = "5-0", .account = sample_account(ACCOUNT), .kind = OUTBOX_OFF, .time = 5
	};
	struct store *store;
	redisReply *reply;

	assert_int_equal(set_up(NULL), 0);
	store = open_store();
	freeReplyObject(call(store, "HSET postern:{14}:account:" ACCOUNT " access %s since %lld",
			     row->access, (long long)row->since));
	strcpy(event.unseen, row->hosts);
	done(store, &event);
	reply = call(store, "HGET postern:{14}:account:" ACCOUNT " unseen");
	if (row->unseen == NULL) {
		assert_int_equal(reply->type, REDIS_REPLY_NIL);
	} else {
		assert_string_equal(reply->str, row->unseen);
		assert_true(reply->len <= 64);
	}
	freeReplyObject(reply);
	store_free(&store);
}

static struct system_host ask_unseen(struct store *store, const char *hosts, unsigned int count,
				     unsigned int place)
{
	struct system_host seen;
	struct command command;
	const struct redisReply *list;
	const char *error;

	freeReplyObject(answer);
	system_unseen_ask(hosts, &command);
	if (store_ask(store, &command, &answer, &error) < 0)
		fail_msg("%s", error);
	list = system_unseen_read(answer);
	assert_non_null(list);
	assert_int_equal(reply_count(list), count);
	system_host_read(list, place, &seen);
	return seen;
}

/* Operations see it for a day, by hosts. */
static void unseen_hosts(void **state)
{
	struct store *store = open_store();
	struct system_host seen;

	(void)state;
	mark(store, 0);
	ask_unseen(store, "", 0, 0);
	ask_unseen(store, "b", 1, 0);
	pause_ms(2);
	seen = ask_unseen(store, "b c", 2, 0);
	assert_string_equal(seen.name, "b");
	assert_int_equal(seen.switch_offs, 2);
	assert_true(seen.first < seen.last && seen.last <= now());
	seen = ask_unseen(store, "", 2, 1);
	assert_string_equal(seen.name, "c");
	assert_int_equal(seen.switch_offs, 1);
	freeReplyObject(call(store, "HSET postern:{0}:unseen b %s d nonsense", "9 5 6"));
	assert_string_equal(ask_unseen(store, "", 1, 0).name, "c");
	store_free(&store);
}

static unsigned int heartbeat(struct store *store, const char *name, int64_t started)
{
	const struct workers_heartbeat heartbeat = { .name = name,
						     .started = started,
						     .trouble = "" };
	struct command command;
	redisReply *reply;
	const char *error;
	unsigned int count;

	workers_heartbeat_ask(&heartbeat, &command);
	if (store_ask(store, &command, &reply, &error) < 0)
		fail_msg("%s", error);
	assert_non_null(workers_heartbeat_read(reply));
	count = reply_count(workers_heartbeat_read(reply));
	freeReplyObject(reply);
	return count;
}

/* A worker that crashed isn't waited for when another has begun in its place; nor is one that ended
   in good order. Two that are there at once are both. */
static void crashed_workers(void **state)
{
	struct store *store = open_store();
	int64_t began = now();

	(void)state;
	mark(store, 0);
	assert_int_equal(heartbeat(store, "a:1:5", began), 1);
	assert_int_equal(heartbeat(store, "b:1:5", began), 2);
	pause_ms(5);
	assert_int_equal(heartbeat(store, "b:2:5", now()), 2);
	assert_int_equal(heartbeat(store, "b:1:5", began), 3);
	assert_int_equal(heartbeat(store, "b:2:5", began + 5), 3);
	assert_int_equal(heartbeat(store, "b:2:5", now() + HOUR), 2); /* by a clock of its own */
	assert_int_equal(heartbeat(store, "b:1:5", began), 3);
	assert_int_equal(heartbeat(store, "b:2:5", 0), 2);
	assert_int_equal(heartbeat(store, "", 0), 2);
	store_free(&store);
}

static void backlog_has_what_waits(void **state)
{
	struct workers_backlog backlog = { 0 };
	struct store *store = open_store();
	struct command command;
	redisReply *reply;
	const char *error;

	(void)state;
	workers = "a:1:5 0 5\n";
	add_off_ago(store, ACCOUNT, 0);
	add_off_ago(store, ACCOUNT, 0);
	assert_none(store, "a:1:5");
	add_off_ago(store, ACCOUNT, 0);
	pause_ms(5);
	workers_backlog_ask(14, 0, &command);
	assert_int_equal(store_ask(store, &command, &reply, &error), 0);
	assert_int_equal(workers_backlog_add(reply, &backlog), 0);
	freeReplyObject(reply);
	assert_int_equal(backlog.notices, 3);
	assert_in_range(backlog.oldest, 5, 5000);
	store_free(&store);
}

static int run(struct private_redis *_redis)
{
	int failed;

	redis = _redis;
	signal(SIGPIPE, SIG_IGN);
	ADD_REDIS_TEST(waits_for_all);
	ADD_REDIS_TEST(waiting_is_no_try);
	ADD_REDIS_TEST(said_before);
	ADD_REDIS_TEST(said_too_late);
	ADD_ROWS(hosts, host_rows);
	ADD_REDIS_TEST(worker_has_just_started);
	ADD_REDIS_TEST(worker_ends);
	ADD_REDIS_TEST(others_are_not_held);
	ADD_REDIS_TEST(on_comes_after_off);
	ADD_REDIS_TEST(erased_while_held);
	ADD_REDIS_TEST(held_is_not_trimmed);
	ADD_REDIS_TEST(many_wait);
	ADD_REDIS_TEST(crashed_workers);
	ADD_REDIS_TEST(backlog_has_what_waits);
	ADD_ROWS(unseen_is_noted, unseen_rows);
	ADD_REDIS_TEST(unseen_hosts);
	failed = RUN_TESTS();
	freeReplyObject(answer);
	return failed;
}

int main(void)
{
	return private_redis_run(run);
}
