/* What an outage of Redis costs, and how soon its end is noticed. */

#include "tests/unit/store-samples.h"

/* 100 calls cost one timeout at most, and no less than they have to. */
static void assert_100_fail_fast(struct store *store)
{
	int64_t start = now_ms();
	const char *error;

	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(store, &error), -1);
	assert_non_null(strstr(error, "trying again"));
	assert_in_range(now_ms() - start, 0, TIMEOUT + SLACK);
}

static void assert_back_within_a_second(struct store *store)
{
	int64_t start = now_ms();
	const char *error = "";

	while (ask(store, &error) < 0) {
		if (now_ms() - start > 1000)
			fail_msg("not back: %s", error);
		pause_ms(10);
	}
	assert_answers(store);
}

static void stopped_and_started(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_answers(store);
	private_redis_stop(redis);
	assert_100_fail_fast(store);
	assert_int_equal(private_redis_start(redis), 0);
	private_redis_say(redis, "SET", "postern:{14}:mark", SCRIPT_FORMAT, NULL);
	assert_back_within_a_second(store);
	store_free(&store);
}

static void stopped_and_started_over_tcp(void **state)
{
	settings.socket = NULL;
	settings.host = host;
	settings.port = redis->port;
	stopped_and_started(state);
}

static void frozen_and_thawed(void **state)
{
	struct store *store = open_store();
	int64_t start;

	(void)state;
	assert_answers(store);
	kill(redis->pid, SIGSTOP);
	start = now_ms();
	assert_refuses(store, "no answer within 300 ms");
	assert_in_range(now_ms() - start, TIMEOUT - 20, TIMEOUT + SLACK);
	start = now_ms();
	assert_refuses(store, "trying again");
	assert_in_range(now_ms() - start, 0, SLACK / 2);
	kill(redis->pid, SIGCONT);
	assert_back_within_a_second(store);
	store_free(&store);
}

static void frozen_before_the_first_call(void **state)
{
	struct store *store = open_store();

	(void)state;
	kill(redis->pid, SIGSTOP);
	assert_100_fail_fast(store);
	kill(redis->pid, SIGCONT);
	assert_back_within_a_second(store);
	store_free(&store);
}

/* A Redis that stays away costs one call in a while its time, not every call. */
static void frozen_for_long(void **state)
{
	struct store *store = open_store();
	int64_t start = now_ms(), waited = 0;
	unsigned int waits = 0;
	const char *error;

	(void)state;
	kill(redis->pid, SIGSTOP);
	while (now_ms() - start < 1800) {
		int64_t before = now_ms();

		assert_int_equal(ask(store, &error), -1);
		waited = now_ms() - before;
		waits += waited > TIMEOUT / 2;
		assert_in_range(waited, 0, TIMEOUT + SLACK);
		pause_ms(2);
	}
	kill(redis->pid, SIGCONT);
	assert_in_range(waits, 2, 4);
	store_free(&store);
}

static void *call_frozen(void *context)
{
	struct caller *caller = context;

	for (unsigned int i = 0; i < caller->calls; i++) {
		int64_t start = now_ms();
		struct command command;
		redisReply *reply;
		const char *error;

		access_init_ask(14, &command);
		if (store_ask(caller->store, &command, &reply, &error) == 0) {
			caller->answers++;
			freeReplyObject(reply);
		}
		caller->slow += now_ms() - start > TIMEOUT / 2;
	}
	return NULL;
}

/* Each of them may be under way until the first one knows; after that one at a time tries. */
static void twenty_threads_on_a_frozen_one(void **state)
{
	struct caller callers[20];
	struct store *store = open_store();
	int64_t start = now_ms();

	(void)state;
	kill(redis->pid, SIGSTOP);
	start_callers(callers, 20, store, 50, call_frozen);
	join_callers(callers, 20);
	assert_in_range(now_ms() - start, TIMEOUT - 20, 2 * TIMEOUT + SLACK);
	kill(redis->pid, SIGCONT);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(callers[i].answers, 0);
		assert_in_range(callers[i].slow, 0, 1);
	}
	assert_back_within_a_second(store);
	store_free(&store);
}

static void nobody_listens(void **state)
{
	char nowhere[] = "/nonexistent/redis.sock";
	struct store *store;

	(void)state;
	settings.socket = nowhere;
	store = open_store();
	assert_refuses(store, "Redis at unix:/nonexistent/redis.sock: No such file or directory");
	assert_100_fail_fast(store);
	store_free(&store);
	settings.socket = NULL;
	settings.host = host;
	settings.port = free_port();
	store = open_store();
	assert_refuses(store, "Connection refused");
	assert_100_fail_fast(store);
	store_free(&store);
}

static int run(struct private_redis *_redis)
{
	redis = _redis;
	/* As all programs that use the store. */
	signal(SIGPIPE, SIG_IGN);
	ADD_REDIS_TEST(stopped_and_started);
	ADD_REDIS_TEST(stopped_and_started_over_tcp);
	ADD_REDIS_TEST(frozen_and_thawed);
	ADD_REDIS_TEST(frozen_before_the_first_call);
	ADD_REDIS_TEST(frozen_for_long);
	ADD_REDIS_TEST(twenty_threads_on_a_frozen_one);
	ADD_REDIS_TEST(nobody_listens);
	return RUN_TESTS();
}

int main(void)
{
	return private_redis_run(run);
}
