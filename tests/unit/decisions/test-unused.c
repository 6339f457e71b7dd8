/* The sweep: its calls (D2). */

#include "decisions/unused.h"

#include "tests/unit/samples.h"

struct rest_row {
	const char *name;
	unsigned int free, paid; /* seconds */
	uint64_t warning, rest;	 /* milliseconds */
};

static const struct rest_row rest_rows[] = {
	{ "no tier has a limit", 0, 0, 0, 0 },
	{ "one has", 0, 60, 0, 60000 },
	{ "the least of two", 90, 60, 0, 60000 },
	{ "less the warning", 90, 60, 20000, 40000 },
	{ "a warning as long as the limit", 60, 60, 60000, 1 },
	{ "a longer warning", 60, 60, 90000, 1 },
	{ "no limit, but a warning", 0, 0, 90000, 0 },
};

static void rests(void **state)
{
	const struct rest_row *row = *state;
	struct settings settings = { .tiers = { { .unused_after = row->free },
						{ .unused_after = row->paid } },
				     .tiers_count = 2 };

	assert_int_equal(unused_rest(&settings, row->warning), row->rest);
}

static void asks(void **state)
{
	struct secrets secrets = sample_secrets();
	struct settings settings = sample_settings(&secrets);
	struct account_name account = sample_account("andrejs@example.org");
	const struct unused_request request = {
		.account = &account, .time = 17, .only_look = true, .warning = 1000
	};
	struct command command;

	(void)state;
	unused_ask(&request, &settings, &command);
	assert_int_equal(command.script, SCRIPT_UNUSED);
	assert_int_equal(command.keys_count, 5);
	assert_string_equal(sample_argv(&command, 2), "17");
	assert_string_equal(sample_argv(&command, 3), "1");
	assert_string_equal(sample_argv(&command, 4), "1000");
	assert_string_equal(sample_argv(&command, 5), "5183999000");
	assert_string_equal(sample_argv(&command, 6), settings.tier_rows.unused);
}

struct read_row {
	const char *name;
	const char *resp;
	enum unused_verdict verdict;
	int64_t ends;
};

static const struct read_row read_rows[] = {
	{ "off", "*3\r\n$6\r\nunused\r\n$1\r\n5\r\n$2\r\n17\r\n", UNUSED_OFF, 17 },
	{ "warned", "*3\r\n$6\r\nwarned\r\n$1\r\n5\r\n$2\r\n17\r\n", UNUSED_WARNED, 17 },
	{ "used", "*3\r\n$4\r\nused\r\n$1\r\n5\r\n$2\r\n17\r\n", UNUSED_USED, 17 },
	{ "never", "*3\r\n$5\r\nnever\r\n$1\r\n5\r\n$1\r\n5\r\n", UNUSED_NEVER, 5 },
	{ "off before", "*3\r\n$10\r\noff-before\r\n$1\r\n0\r\n$1\r\n0\r\n", UNUSED_OFF_BEFORE, 0 },
	{ "no mark", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", UNUSED_UNAVAILABLE, 0 },
	{ "nil", "$-1\r\n", UNUSED_UNAVAILABLE, 0 },
	{ "no reply", NULL, UNUSED_UNAVAILABLE, 0 },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct unused_answer answer;

	unused_read(reply, &answer);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.ends, row->ends);
	assert_int_equal(answer.unavailable != NULL, row->verdict == UNUSED_UNAVAILABLE);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_ROWS(rests, rest_rows);
	ADD_TEST(asks);
	ADD_ROWS(reads, read_rows);
	return RUN_TESTS();
}
