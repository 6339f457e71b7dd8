/* When a connection began, on Redis's clock: never later than it did, however slow anything is. */

#include "milter/connection.h"

#include <unistd.h>

#include <sys/wait.h>

#include "tests/unit/store-samples.h"

#define ROUNDS 200

/* Redis's clock is this host's. */
static int64_t redis_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_dated(struct connection *connection, struct store *store, int expected)
{
	const char *error = "";

	assert_int_equal(connection_date(connection, store, &error), expected);
}

static void never_later(void **state)
{
	struct store *store = open_store();

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct connection connection;
		int64_t after;

		connection_open(&connection);
		after = redis_ms();
		assert_int_equal(connection.began, 0);
		assert_dated(&connection, store, 1);
		/* Equal at most: a millisecond that has begun. */
		assert_true(connection.began <= after);
		assert_true(connection.began > after - TIMEOUT - SLACK);
	}
	store_free(&store);
}

static void old_by_the_time_it_is_asked_about(void **state)
{
	struct store *store = open_store();
	struct connection connection;
	int64_t after;

	(void)state;
	connection_open(&connection);
	after = redis_ms();
	pause_ms(400);
	assert_dated(&connection, store, 1);
	assert_true(connection.began <= after);
	store_free(&store);
}

/* Lets the process go on after so many milliseconds. The child's id. */
static pid_t thaw_later(pid_t pid, long milliseconds)
{
	pid_t child = fork();

	if (child == 0) {
		pause_ms(milliseconds);
		kill(pid, SIGCONT);
		_exit(0);
	}
	return child;
}

static void redis_stalls(void **state)
{
	struct store *store = open_store();
	struct connection connection;
	int64_t after;
	pid_t child;

	(void)state;
	assert_answers(store);
	kill(redis->pid, SIGSTOP);
	child = thaw_later(redis->pid, TIMEOUT / 2);
	connection_open(&connection);
	after = redis_ms();
	assert_dated(&connection, store, 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(connection.began <= after);
	store_free(&store);
}

/* What a slow answer made too early gets better, and never worse. */
static void asked_again(void **state)
{
	struct store *store = open_store();
	struct connection connection;
	int64_t best;

	(void)state;
	connection_open(&connection);
	connection.began = 1;
	assert_dated(&connection, store, 1);
	best = connection.began + TIMEOUT;
	connection.began = best;
	assert_dated(&connection, store, 0);
	assert_int_equal(connection.began, best);
	store_free(&store);
}

static void redis_is_away(void **state)
{
	struct store *store;
	struct connection connection;
	const char *error = NULL;

	(void)state;
	settings.socket = NULL;
	settings.host = host;
	settings.port = free_port();
	store = open_store();
	connection_open(&connection);
	assert_int_equal(connection_date(&connection, store, &error), -1);
	assert_non_null(strstr(error, "Connection refused"));
	assert_int_equal(connection.began, 0);
	store_free(&store);
}

static int run(struct private_redis *_redis)
{
	redis = _redis;
	/* As all programs that use the store. */
	signal(SIGPIPE, SIG_IGN);
	ADD_REDIS_TEST(never_later);
	ADD_REDIS_TEST(old_by_the_time_it_is_asked_about);
	ADD_REDIS_TEST(redis_stalls);
	ADD_REDIS_TEST(asked_again);
	ADD_REDIS_TEST(redis_is_away);
	return RUN_TESTS();
}

int main(void)
{
	return private_redis_run(run);
}
