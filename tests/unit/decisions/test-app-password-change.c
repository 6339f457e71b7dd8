/* Adding and revoking single app passwords (A10). */

#include "decisions/app-password-change.h"

#include "tests/unit/samples.h"

static const struct actor actor = { .by = "webmail", .from = "192.0.2.7" };

static void asks(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	const struct app_password_terms terms = { .digest = "7:abc", .label = "s\303\274le" };
	struct command command;

	(void)state;
	app_password_add_ask(&account, &terms, &actor, &command);
	assert_int_equal(command.script, SCRIPT_PASSWORD_ADD);
	assert_string_equal(sample_argv(&command, 2), "webmail");
	assert_string_equal(sample_argv(&command, 4), "20");
	assert_string_equal(sample_argv(&command, 5), "7:abc");
	assert_string_equal(sample_argv(&command, 6), "*");
	assert_string_equal(sample_argv(&command, 7), "0");
	assert_string_equal(sample_argv(&command, 8), "s\303\274le");
	app_password_revoke_ask(&account, 4294967295u, &actor, &command);
	assert_int_equal(command.script, SCRIPT_PASSWORD_REVOKE);
	assert_string_equal(sample_argv(&command, 4), "4294967295");
}

struct label_row {
	const char *name;
	const char *label;
	const char *error; /* a word of it, NULL if it may be */
};

#define X48 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct label_row label_rows[] = {
	{ "no label", "", NULL },
	{ "words", "Anna's phone; new", NULL },
	{ "Russian label", "\321\202\320\265\320\273", NULL },
	{ "longest label", X48, NULL },
	{ "too long a label", X48 "x", "48 bytes" },
	{ "a line end in a label", "a\nSubject: b", "control" },
	{ "Latin-1 label", "J\374ri", "UTF-8" },
};

static void labels(void **state)
{
	const struct label_row *row = *state;
	const char *error;

	assert_int_equal(app_password_label_check(row->label, &error), row->error == NULL ? 0 : -1);
	if (row->error != NULL)
		assert_non_null(strstr(error, row->error));
	else
		assert_null(error);
}

struct read_row {
	const char *name;
	const char *resp;
	enum app_password_verdict verdict;
	unsigned int number;
};

#define REST "$8\r\ndisabled\r\n$5\r\nowner\r\n$1\r\n0\r\n$1\r\n3\r\n"

static const struct read_row read_rows[] = {
	{ "done", "*5\r\n$4\r\ndone\r\n" REST, APP_PASSWORD_DONE, 3 },
	{ "unchanged", "*5\r\n$9\r\nunchanged\r\n" REST, APP_PASSWORD_UNCHANGED, 3 },
	{ "unknown", "*5\r\n$7\r\nunknown\r\n" REST, APP_PASSWORD_UNKNOWN, 3 },
	{ "off", "*5\r\n$3\r\noff\r\n" REST, APP_PASSWORD_OFF, 3 },
	{ "off for no reason", "*1\r\n$3\r\noff\r\n", APP_PASSWORD_UNAVAILABLE, 0 },
	{ "too many", "*5\r\n$8\r\ntoo-many\r\n" REST, APP_PASSWORD_TOO_MANY, 3 },
	{ "no mark", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", APP_PASSWORD_UNAVAILABLE, 0 },
	{ "nil", "$-1\r\n", APP_PASSWORD_UNAVAILABLE, 0 },
	{ "no reply", NULL, APP_PASSWORD_UNAVAILABLE, 0 },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct app_password_answer answer;

	app_password_change_read(reply, &answer);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.number, row->number);
	assert_int_equal(answer.unavailable != NULL, row->verdict == APP_PASSWORD_UNAVAILABLE);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_TEST(asks);
	ADD_ROWS(labels, label_rows);
	ADD_ROWS(reads, read_rows);
	return RUN_TESTS();
}
