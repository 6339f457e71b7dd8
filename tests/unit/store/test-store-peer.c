/* The store and things that answer where Redis should. */

#include "tests/unit/fake-redis.h"
#include "tests/unit/store-samples.h"

#define PONG "+PONG\r\n"

struct fake_row {
	const char *name;
	struct fake_answer answer;
	const char
		*error; /* a part of it; NULL: there is a reply, of which no verdict can be read */
};

static const struct fake_row fake_rows[] = {
	{ "says nothing", { .answer = NULL }, "no answer within" },
	{ "says nothing to a script", { .greeting = PONG }, "no answer within" },
	{ "hangs up", { .answer = "", .closes = true }, "closed" },
	{ "hangs up on a script", { .greeting = PONG, .answer = "", .closes = true }, "closed" },
	{ "is a web server", { .answer = "HTTP/1.1 400 Bad Request\r\n\r\n" }, "Protocol error" },
	{ "is a mail server", { .answer = "220 mx.example.org ESMTP\r\n" }, "Protocol error" },
	{ "refuses with an error",
	  { .answer = "-ERR max number of clients reached\r\n" },
	  "refused us: ERR max" },
	{ "greets with a number", { .answer = ":1\r\n" }, "not Redis?" },
	{ "greets with nil", { .answer = "$-1\r\n" }, "not Redis?" },
	{ "greets with an array", { .answer = "*1\r\n:1\r\n" }, "not Redis?" },
	{ "answers garbage",
	  { .greeting = PONG, .answer = "\001\377garbage\033[2J\r\n" },
	  "Protocol error" },
	{ "answers NULs", { .greeting = PONG, .answer = "\0\0\0\0", .size = 4 }, "Protocol error" },
	{ "answers half", { .greeting = PONG, .answer = "*2\r\n$5\r\nal" }, "no answer within" },
	{ "answers half and hangs up",
	  { .greeting = PONG, .answer = "*2\r\n$5\r\nal", .closes = true },
	  "closed" },
	{ "answers an array without an end",
	  { .greeting = PONG, .answer = "*100000\r\n" },
	  "no answer within" },
	{ "answers a negative size", { .greeting = PONG, .answer = "$-5\r\nx\r\n" }, "" },
	{ "answers a huge size", { .greeting = PONG, .answer = "$99999999999999999999\r\n" }, "" },
	{ "answers a huge array", { .greeting = PONG, .answer = "*9223372036854775807\r\n" }, "" },
	{ "answers nested too deep",
	  { .greeting = PONG,
	    .answer = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n" },
	  "nested" },
	{ "answers an error",
	  { .greeting = PONG, .answer = "-ERR \033[2J no\tway\r\n" },
	  "status: ERR ?[2J no?way" },
	{ "answers a long error",
	  { .greeting = PONG,
	    .answer =
		    "-ERR 45678901234567890123456789012345678901234567890123456789012345678901234"
		    "56789012345678901234567890123456789012345678901234567890123456789012345678901"
		    "23456789012345678901234567890123456789012345678901234567890123456789012345678"
		    "9012345678901234567890123456789012345678901234567890\r\n" },
	  "status: ERR 456" },
	{ "never knows the script",
	  { .greeting = PONG, .answer = "-NOSCRIPT no\r\n" },
	  "status: NOSCRIPT" },
	{ "is busy", { .greeting = PONG, .answer = "-BUSY script\r\n" }, "BUSY" },
	{ "is loading", { .answer = "-LOADING data\r\n" }, "refused us: LOADING" },
	{ "answers nil", { .greeting = PONG, .answer = "$-1\r\n" }, NULL },
	{ "answers a status", { .greeting = PONG, .answer = "+done\r\n" }, NULL },
	{ "answers a number", { .greeting = PONG, .answer = ":0\r\n" }, NULL },
	{ "answers a string", { .greeting = PONG, .answer = "$4\r\ndone\r\n" }, NULL },
	{ "answers an empty array", { .greeting = PONG, .answer = "*0\r\n" }, NULL },
	{ "drips", { .answer = "+PONGPONGPONG", .drips = true }, "no answer within" },
	{ "drips to a script",
	  { .greeting = PONG, .answer = "*1\r\n$4\r\ndone\r\n", .drips = true },
	  "no answer within" },
	{ "floods",
	  { .greeting = PONG, .answer = "+xxxxxxxxxxxxxxxxxxxxxxxx", .floods = true },
	  "no answer within" },
};

static void ask_fake(struct store *store, const char *expected)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct access_status status;
	struct command command;
	redisReply *reply;
	const char *error = "";
	int ret;

	access_status_ask(&account, &command);
	ret = store_ask(store, &command, &reply, &error);
	assert_int_equal(ret, expected != NULL ? -1 : 0);
	if (ret < 0) {
		assert_sentence(error, 256);
		if (strstr(error, expected) == NULL)
			fail_msg("'%s' does not say '%s'", error, expected);
	}
	access_status_read(reply, &status);
	assert_int_equal(status.verdict, ACCESS_UNAVAILABLE);
	freeReplyObject(reply);
}

static void asks_one_that(void **state)
{
	const struct fake_row *row = *state;
	struct fake_redis *fake = fake_redis_start(&row->answer);
	int64_t start = now_ms();
	struct store *store;

	settings = (struct redis_settings){ .host = host,
					    .port = fake_redis_port(fake),
					    .timeout = TIMEOUT };
	secrets = sample_secrets();
	store = open_store();
	ask_fake(store, row->error);
	assert_in_range(now_ms() - start, 0, TIMEOUT + SLACK);
	store_free(&store);
	fake_redis_stop(&fake);
}

/* A second reply to one call must not be taken for the answer to the next. */
static void two_replies_to_one_call(void **state)
{
	static const struct fake_answer answer = { .greeting = PONG,
						   .answer = "$-1\r\n*1\r\n$6\r\nmarked\r\n" };
	struct fake_redis *fake = fake_redis_start(&answer);
	struct store *store;

	(void)state;
	settings = (struct redis_settings){ .host = host,
					    .port = fake_redis_port(fake),
					    .timeout = TIMEOUT };
	secrets = sample_secrets();
	store = open_store();
	ask_fake(store, NULL);
	ask_fake(store, NULL);
	assert_int_equal(fake_redis_connections(fake), 2);
	store_free(&store);
	fake_redis_stop(&fake);
}

/* A connection that worked and then broke is replaced once, not for ever. */
static void replaces_once(void **state)
{
	static const struct fake_answer answer = { .greeting = PONG,
						   .answer = "*0\r\n",
						   .scripts = 1 };
	struct fake_redis *fake = fake_redis_start(&answer);
	struct store *store;

	(void)state;
	settings = (struct redis_settings){ .host = host,
					    .port = fake_redis_port(fake),
					    .timeout = TIMEOUT };
	secrets = sample_secrets();
	store = open_store();
	ask_fake(store, NULL);
	ask_fake(store, "closed");
	assert_int_equal(fake_redis_connections(fake), 2);
	store_free(&store);
	fake_redis_stop(&fake);
}

int main(void)
{
	/* As all programs that use the store. */
	signal(SIGPIPE, SIG_IGN);
	ADD_ROWS(asks_one_that, fake_rows);
	ADD_TEST(two_replies_to_one_call);
	ADD_TEST(replaces_once);
	return RUN_TESTS();
}
