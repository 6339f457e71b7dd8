/* The blocking face of the store, against a Redis of its own. */

#include <dirent.h>

#include "tests/unit/store-samples.h"

static const struct actor actor = { .by = "test", .from = "" };

static void over_unix_socket(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_answers(store);
	assert_answers(store);
	store_free(&store);
	assert_null(store);
	store_free(&store);
}

static void over_tcp(void **state)
{
	struct store *store;

	(void)state;
	settings.socket = NULL;
	settings.host = host;
	settings.port = redis->port;
	store = open_store();
	assert_answers(store);
	store_free(&store);
}

/* Without its keys a script fails, but not because Redis doesn't know it. */
static bool is_known(enum script script)
{
	const char *said = private_redis_say(redis, "EVALSHA", script_digest(script), "0", NULL);

	return strncmp(said, "NOSCRIPT", strlen("NOSCRIPT")) != 0;
}

/* Redis has all that is lent to the milter. */
static bool is_lent(void)
{
	unsigned int count = 0;

	while (script_lent(count) != SCRIPT_COUNT && is_known(script_lent(count)))
		count++;
	return count > 1 && script_lent(count) == SCRIPT_COUNT;
}

static void loads_scripts_again(void **state)
{
	struct store *store = open_store();

	(void)state;
	assert_answers(store);
	assert_string_equal(private_redis_say(redis, "SCRIPT", "FLUSH", NULL), "OK");
	assert_answers(store);
	store_free(&store);
}

/* The milter's stores give Redis no script, and wait for those who do as long as for an answer. */
static void borrows_scripts(void **state)
{
	struct store *lender = open_store(), *store;
	struct redis_settings borrowing = settings;
	const char *error;

	(void)state;
	borrowing.borrows_scripts = true;
	store = store_create(&borrowing, &secrets);
	assert_answers(lender);
	assert_answers(store);
	assert_string_equal(private_redis_say(redis, "SCRIPT", "FLUSH", NULL), "OK");
	assert_refuses(store, "has no script status yet");
	/* Whatever it is asked: the milter's scripts come with it. */
	assert_false(is_lent());
	mark(lender, 17);
	assert_true(is_lent());
	assert_string_equal(private_redis_say(redis, "SCRIPT", "FLUSH", NULL), "OK");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_lend_scripts(lender, &error), 0);
		assert_true(is_lent());
	}
	assert_false(is_known(SCRIPT_INIT));
	store_free(&store);
	store_free(&lender);
}

static void *lend(void *store)
{
	const char *error;

	pause_ms(TIMEOUT / 3);
	mark(store, 3);
	assert_int_equal(ask(store, &error), 0);
	return NULL;
}

/* A call that comes just before its script does is answered. */
static void borrows_in_time(void **state)
{
	struct store *lender = open_store(), *store;
	struct redis_settings borrowing = settings;
	pthread_t thread;

	(void)state;
	borrowing.borrows_scripts = true;
	store = store_create(&borrowing, &secrets);
	assert_answers(lender);
	assert_string_equal(private_redis_say(redis, "SCRIPT", "FLUSH", NULL), "OK");
	assert_int_equal(pthread_create(&thread, NULL, lend, lender), 0);
	assert_answers(store);
	pthread_join(thread, NULL);
	store_free(&store);
	store_free(&lender);
}

/* The digests that embed-scripts computes are those that Redis knows the scripts by. */
static void knows_the_digests(void **state)
{
	(void)state;
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		size_t size;
		const char *text = script_text((enum script)i, &size);

		assert_string_equal(private_redis_say(redis, "SCRIPT", "LOAD", text, NULL),
				    script_digest((enum script)i));
	}
}

static void logs_in_with_password(void **state)
{
	char password[] = "default secret";
	struct store *store;

	(void)state;
	private_redis_say(redis, "CONFIG", "SET", "requirepass", password, NULL);
	store = open_store();
	assert_refuses(store, "NOAUTH");
	store_free(&store);
	secrets.redis_password = password;
	store = open_store();
	assert_answers(store);
	store_free(&store);
}

static void logs_in_with_user(void **state)
{
	char user[] = "postern", right[] = "right secret", wrong[] = "wrong secret";
	struct store *store;
	const char *error;

	(void)state;
	private_redis_say(redis, "ACL", "SETUSER", user, "on", ">right secret", "~postern:*",
			  "+@all", NULL);
	settings.user = user;
	secrets.redis_password = wrong;
	store = open_store();
	assert_int_equal(ask(store, &error), -1);
	assert_non_null(strstr(error, "WRONGPASS"));
	assert_null(strstr(error, wrong));
	store_free(&store);
	secrets.redis_password = right;
	store = open_store();
	assert_answers(store);
	store_free(&store);
}

static void not_allowed_to(void **state)
{
	char user[] = "reader", password[] = "secret";
	struct store *store;

	(void)state;
	private_redis_say(redis, "ACL", "SETUSER", user, "on", ">secret", "~other:*", "+@all",
			  NULL);
	settings.user = user;
	secrets.redis_password = password;
	store = open_store();
	assert_refuses(store, "NOPERM");
	store_free(&store);
}

static void selects_database(void **state)
{
	struct store *store;

	(void)state;
	settings.database = 5;
	store = open_store();
	mark(store, 3);
	store_free(&store);
	assert_string_equal(private_redis_say(redis, "EXISTS", "postern:{3}:mark", NULL), "0");
	assert_string_equal(private_redis_say(redis, "MOVE", "postern:{3}:mark", "5", NULL), "0");
	settings.database = 0;
	store = open_store();
	mark(store, 3);
	store_free(&store);
	/* It can't be moved: it stands there already. */
	assert_string_equal(private_redis_say(redis, "MOVE", "postern:{3}:mark", "5", NULL), "0");
	settings.database = 4711;
	store = open_store();
	assert_refuses(store, "DB index is out of range");
	store_free(&store);
}

static void wrong_type_of_key(void **state)
{
	struct store *store = open_store();
	const char *error;

	(void)state;
	private_redis_say(redis, "SET", "postern:{14}:account:andrejs@example.org", "x", NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(store, &error), -1);
		assert_non_null(strstr(error, "status: "));
		assert_non_null(strstr(error, "WRONGTYPE"));
	}
	/* That is one account's trouble, not Redis's. */
	mark(store, 15);
	store_free(&store);
}

static void does_not_fit(void **state)
{
	static char large[COMMAND_TEXT_MAX + 1];
	struct store *store = open_store();
	struct command command;
	redisReply *reply;
	const char *error;

	(void)state;
	access_init_ask(1, &command);
	command_bytes(&command, large, sizeof(large));
	assert_int_equal(store_ask(store, &command, &reply, &error), -1);
	assert_non_null(strstr(error, "does not fit"));
	assert_null(reply);
	assert_answers(store);
	store_free(&store);
}

static void begin_xread(struct command *command, unsigned int block)
{
	command_begin_plain(command, "XREAD");
	command_string(command, "BLOCK");
	command_number(command, block);
	command_string(command, "STREAMS");
	command_string(command, "postern:{14}:outbox");
	command_string(command, "$");
}

static void plain_commands(void **state)
{
	struct store *store = open_store();
	struct command command;
	redisReply *reply;
	const char *error;
	int64_t begun;

	(void)state;
	command_begin_plain(&command, "GET");
	command_string(&command, "postern:{14}:mark");
	assert_int_equal(store_call(store, &command, 0, &reply, &error), 1);
	assert_string_equal(reply->str, SCRIPT_FORMAT);
	freeReplyObject(reply);
	/* The timeout is longer for a command that waits: here there is nothing to come. */
	begin_xread(&command, 2 * TIMEOUT);
	begun = now_ms();
	assert_int_equal(store_call(store, &command, 2 * TIMEOUT, &reply, &error), 1);
	assert_int_equal(reply->type, REDIS_REPLY_NIL);
	freeReplyObject(reply);
	assert_true(now_ms() - begun >= 2 * TIMEOUT - 1);
	store_free(&store);
}

static void plain_command_refused(void **state)
{
	struct store *store = open_store();
	struct command command;
	redisReply *reply;
	const char *error;

	(void)state;
	command_begin_plain(&command, "LRANGE");
	command_string(&command, "postern:{14}:mark");
	assert_int_equal(store_call(store, &command, 0, &reply, &error), 0);
	assert_null(reply);
	assert_non_null(strstr(error, ": LRANGE: ERR wrong number of arguments"));
	/* Nobody else hears of it. */
	assert_answers(store);
	store_free(&store);
}

static void plain_command_unanswered(void **state)
{
	struct store *store = open_store();
	struct command command;
	redisReply *reply;
	const char *error;
	int64_t begun = now_ms();

	(void)state;
	begin_xread(&command, 60000);
	assert_int_equal(store_call(store, &command, 100, &reply, &error), -1);
	assert_null(reply);
	assert_non_null(strstr(error, "no answer within 400 ms"));
	assert_true(now_ms() - begun < TIMEOUT + 100 + SLACK);
	store_free(&store);
}

/* Each caller has an account of its own, and must see its own language in every answer. */
static void *call_often(void *context)
{
	struct caller *caller = context;
	struct account_name account;
	char name[32], language[8];
	struct access_changes changes = { .language = language };
	char rows[] = ""; /* of tiers, and none changes */
	const struct settings site = { .tier_rows.login = rows };
	const char *error;

	snprintf(language, sizeof(language), "et_%u", caller->number);
	snprintf(name, sizeof(name), "thread%u@example.org", caller->number);
	if (account_name_parse(name, strlen(name), NULL, &account, &error) < 0)
		return NULL;
	for (unsigned int i = 0; i < caller->calls; i++) {
		struct access_status status;
		struct command command;
		redisReply *reply;

		if (i == 0)
			access_set_ask(&account, &changes, &actor, &site, &command);
		else
			access_status_ask(&account, &command);
		if (store_ask(caller->store, &command, &reply, &error) < 0)
			continue;
		access_status_read(reply, &status);
		caller->answers += i == 0 || strcmp(status.language, language) == 0;
		freeReplyObject(reply);
	}
	return NULL;
}

static void twenty_threads(void **state)
{
	struct caller callers[20];
	struct store *store = open_store();

	(void)state;
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++)
		mark(store, i);
	start_callers(callers, 20, store, 200, call_often);
	join_callers(callers, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(callers[i].answers, 200);
	store_free(&store);
}

static unsigned int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* Redis hangs up on idle connections (timeout, CLIENT KILL, a restart): nobody notices. */
static void dead_idle_connections(void **state)
{
	unsigned int before = descriptors();
	struct store *store = open_store();
	struct caller callers[20];

	(void)state;
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++)
		mark(store, i);
	start_callers(callers, 20, store, 100, call_often);
	join_callers(callers, 20);
	assert_true(descriptors() > before + 1);
	private_redis_say(redis, "CLIENT", "KILL", "TYPE", "normal", NULL);
	for (int i = 0; i < 30; i++)
		assert_answers(store);
	private_redis_stop(redis);
	assert_int_equal(private_redis_start(redis), 0);
	private_redis_say(redis, "SET", "postern:{14}:mark", SCRIPT_FORMAT, NULL);
	for (int i = 0; i < 30; i++)
		assert_answers(store);
	store_free(&store);
	assert_int_equal(descriptors(), before);
}

static int run(struct private_redis *_redis)
{
	redis = _redis;
	/* As all programs that use the store. */
	signal(SIGPIPE, SIG_IGN);
	ADD_REDIS_TEST(over_unix_socket);
	ADD_REDIS_TEST(over_tcp);
	ADD_REDIS_TEST(loads_scripts_again);
	ADD_REDIS_TEST(borrows_scripts);
	ADD_REDIS_TEST(borrows_in_time);
	ADD_REDIS_TEST(knows_the_digests);
	ADD_REDIS_TEST(logs_in_with_password);
	ADD_REDIS_TEST(logs_in_with_user);
	ADD_REDIS_TEST(not_allowed_to);
	ADD_REDIS_TEST(selects_database);
	ADD_REDIS_TEST(wrong_type_of_key);
	ADD_REDIS_TEST(does_not_fit);
	ADD_REDIS_TEST(plain_commands);
	ADD_REDIS_TEST(plain_command_refused);
	ADD_REDIS_TEST(plain_command_unanswered);
	ADD_REDIS_TEST(twenty_threads);
	ADD_REDIS_TEST(dead_idle_connections);
	return RUN_TESTS();
}

int main(void)
{
	return private_redis_run(run);
}
