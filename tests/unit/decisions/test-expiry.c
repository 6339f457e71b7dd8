/* App passwords that expire: the call (A10). */

#include "decisions/expiry.h"

#include "tests/unit/samples.h"

static void asks(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct command command;

	(void)state;
	expiry_ask(&account, &command);
	assert_int_equal(command.script, SCRIPT_EXPIRE);
	assert_int_equal(command.keys_count, 6);
	assert_string_equal(sample_arg(&command, 4), "postern:{14}:account:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 7), "postern:{14}:outbox");
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:expiries");
}

struct read_row {
	const char *name;
	const char *resp;
	enum expiry_verdict verdict;
};

static const struct read_row read_rows[] = {
	{ "expired", "*1\r\n$7\r\nexpired\r\n", EXPIRY_EXPIRED },
	{ "none", "*1\r\n$4\r\nnone\r\n", EXPIRY_NONE },
	{ "no mark", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", EXPIRY_UNAVAILABLE },
	{ "another word", "*1\r\n$7\r\nexpires\r\n", EXPIRY_UNAVAILABLE },
	{ "nil", "$-1\r\n", EXPIRY_UNAVAILABLE },
	{ "no reply", NULL, EXPIRY_UNAVAILABLE },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(expiry_read(reply), row->verdict);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_TEST(asks);
	ADD_ROWS(reads, read_rows);
	return RUN_TESTS();
}
