/* The names of accounts for which it is time: the calls (D2, A10). */

#include "decisions/due.h"

#include "tests/unit/samples.h"

struct ask_row {
	const char *name;
	enum due_index index;
	int64_t time;
	const char *key, *time_text;
};

static const struct ask_row ask_rows[] = {
	{ "unused", DUE_UNUSED, 17, "postern:{5}:unused", "17" },
	{ "expiry", DUE_EXPIRY, INT64_MAX, "postern:{5}:expiries", "9223372036854775807" },
	{ "before all time", DUE_UNUSED, -1, "postern:{5}:unused", "0" },
};

static void asks(void **state)
{
	const struct ask_row *row = *state;
	struct command command;

	due_ask(row->index, 5, row->time, 3, 100, &command);
	assert_int_equal(command.script, SCRIPT_DUE);
	assert_int_equal(command.keys_count, 2);
	assert_string_equal(sample_arg(&command, 3), "postern:{5}:mark");
	assert_string_equal(sample_arg(&command, 4), row->key);
	assert_string_equal(sample_argv(&command, 2), row->time_text);
	assert_string_equal(sample_argv(&command, 3), "3");
	assert_string_equal(sample_argv(&command, 4), "100");
}

static void reads(void **state)
{
	redisReply *reply = sample_reply("*2\r\n$4\r\ndone\r\n*1\r\n$3\r\na@b\r\n");
	redisReply *broken = sample_reply("*2\r\n$4\r\ndone\r\n:1\r\n");

	(void)state;
	assert_int_equal(due_read(reply)->elements, 1);
	assert_null(due_read(broken));
	assert_null(due_read(NULL));
	freeReplyObject(reply);
	freeReplyObject(broken);
}

int main(void)
{
	ADD_ROWS(asks, ask_rows);
	ADD_TEST(reads);
	return RUN_TESTS();
}
