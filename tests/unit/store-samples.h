#ifndef POSTERN_TESTS_STORE_SAMPLES_H
#define POSTERN_TESTS_STORE_SAMPLES_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "decisions/access.h"
#include "private-redis.h"
#include "samples.h"
#include "store/store.h"

/* A store and what the tests of it ask. */

#define TIMEOUT 300 /* milliseconds */
#define SLACK	400 /* what a busy machine may add to it */

static struct private_redis *redis;
static struct secrets secrets;
static struct redis_settings settings;
static __attribute__((unused)) char host[] = "127.0.0.1";

static inline int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void pause_ms(long milliseconds)
{
	struct timespec time = { .tv_nsec = milliseconds * 1000000 };

	nanosleep(&time, NULL);
}

static inline struct store *open_store(void)
{
	return store_create(&settings, &secrets);
}

static inline void mark(struct store *store, unsigned int partition)
{
	struct command command;
	redisReply *reply;
	const char *error;

	access_init_ask(partition, &command);
	if (store_ask(store, &command, &reply, &error) < 0)
		fail_msg("%s", error);
	assert_int_not_equal(access_init_read(reply), ACCESS_INIT_FAILED);
	freeReplyObject(reply);
}

/* Asks about the state of an account: 0, or -1 with a clean line in *error_r. */
static inline int ask(struct store *store, const char **error_r)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct command command;
	redisReply *reply;
	int ret;

	access_status_ask(&account, &command);
	ret = store_ask(store, &command, &reply, error_r);
	if (ret == 0) {
		struct access_status status;

		access_status_read(reply, &status);
		assert_int_equal(status.verdict, ACCESS_DONE);
	} else {
		assert_null(reply);
		assert_sentence(*error_r, 256);
	}
	freeReplyObject(reply);
	return ret;
}

static inline void assert_answers(struct store *store)
{
	const char *error;

	if (ask(store, &error) < 0)
		fail_msg("%s", error);
}

static inline void assert_refuses(struct store *store, const char *what)
{
	const char *error = "";

	assert_int_equal(ask(store, &error), -1);
	if (strstr(error, what) == NULL)
		fail_msg("'%s' does not say '%s'", error, what);
}

/* A fresh Redis with a mark, reached over its unix socket. */
static inline int set_up(void **state)
{
	static const struct redis_settings none = { .timeout = TIMEOUT };
	struct store *store;

	(void)state;
	private_redis_stop(redis);
	if (private_redis_start(redis) < 0)
		return -1;
	settings = none;
	settings.socket = redis->socket;
	secrets = sample_secrets();
	store = open_store();
	mark(store, 14);
	store_free(&store);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	private_redis_stop(redis);
	return 0;
}

struct caller {
	struct store *store;
	pthread_t thread;
	unsigned int number;
	unsigned int calls;
	unsigned int answers, slow;
};

static inline void start_callers(struct caller callers[], unsigned int count, struct store *store,
				 unsigned int calls, void *(*run)(void *))
{
	for (unsigned int i = 0; i < count; i++) {
		callers[i] = (struct caller){ .store = store, .number = i, .calls = calls };
		assert_int_equal(pthread_create(&callers[i].thread, NULL, run, &callers[i]), 0);
	}
}

static inline void join_callers(struct caller callers[], unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pthread_join(callers[i].thread, NULL);
}

static inline void add_redis_test(const char *name, CMUnitTestFunction function)
{
	add_test(name, function, NULL);
	tests[tests_count - 1].setup_func = set_up;
	tests[tests_count - 1].teardown_func = tear_down;
}

#define ADD_REDIS_TEST(function) add_redis_test(#function, function)

#endif
