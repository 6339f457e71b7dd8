/* The decision whether sessions hold: what is asked, and how the answer is read. */

#include "decisions/session.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

#define PASSWORD "7:abcdefghijklmnopqrstuv"

static struct secrets secrets;
static struct settings settings;

static struct session sample_session(const char *account, enum protocol protocol,
				     const char *password)
{
	struct session session = { .account = sample_account(account), .protocol = protocol };

	strcpy(session.password, password);
	return session;
}

/* andrejs@example.org is in partition 14. */
static void asks(void **state)
{
	static const char *const expected[] = {
		NULL, "1", "imap", PASSWORD, "1", "pop3", "", "1", "", "",
	};
	const struct session sessions[] = {
		sample_session("andrejs@example.org", PROTOCOL_IMAP, PASSWORD),
		sample_session("andrejs@example.org", PROTOCOL_POP3, ""),
		sample_session("andrejs@example.org", 0, ""),
	};
	struct command command;

	(void)state;
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	session_ask(sessions, 3, &settings, &command);
	assert_int_equal(command.script, SCRIPT_SESSION);
	assert_int_equal(command.keys_count, 2);
	assert_string_equal(sample_arg(&command, 4), "postern:{14}:account:andrejs@example.org");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	assert_string_equal(sample_argv(&command, 2), settings.tier_rows.login);
	for (unsigned int i = 1; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(sample_argv(&command, 2 + i), expected[i]);
	assert_int_equal(command.args_count,
			 3 + command.keys_count + 1 + sizeof(expected) / sizeof(expected[0]));
}

/* As many accounts as fit, with the longest names, each with sessions that have the longest
   digests; all in one partition. */
static void the_largest_fits(void **state)
{
	struct session sessions[SESSION_ASK_MAX + 20];
	struct command command;
	struct account_name account;
	unsigned int count = 0, together;
	char *resp;

	(void)state;
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	account = sample_account_of(ACCOUNT_NAME_MAX);
	for (unsigned int i = 0; i < SESSION_ASK_MAX + 20; i++) {
		sessions[i] = (struct session){ .account = account, .protocol = PROTOCOL_IMAP };
		strcpy(sessions[i].password, "255:abcdefghijklmnopqrstuv");
		/* Names don't matter to the partition here. */
		sessions[i].account.text[0] = (char)('a' + i / 3);
	}
	while (count < SESSION_ASK_MAX + 20) {
		together = session_together(sessions + count, SESSION_ASK_MAX + 20 - count);
		assert_true(together > 0 && together <= SESSION_ASK_MAX);
		session_ask(sessions + count, together, &settings, &command);
		assert_true(command.keys_count <= 1 + SESSION_ACCOUNTS_MAX);
		assert_true(command_format(&command, &resp) > 0);
		free(resp);
		count += together;
	}
	assert_int_equal(count, SESSION_ASK_MAX + 20);
}

static void other_partitions_come_later(void **state)
{
	const struct session sessions[] = {
		sample_session("andrejs@example.org", PROTOCOL_IMAP, ""),
		sample_session("andrejs@example.org", PROTOCOL_IMAP, PASSWORD),
		sample_session("juri@example.org", PROTOCOL_IMAP, ""),
	};

	(void)state;
	assert_int_not_equal(sessions[0].account.partition, sessions[2].account.partition);
	assert_int_equal(session_together(sessions, 3), 2);
	assert_int_equal(session_together(sessions, 1), 1);
}

struct row {
	const char *name;
	const char *resp;
	int result;
	enum session_verdict first, second;
};

static const struct row rows[] = {
	{ "both", "*2\r\n$4\r\ndone\r\n$2\r\nho\r\n", 0, SESSION_HOLDS, SESSION_OVER },
	{ "no account", "*2\r\n$4\r\ndone\r\n$2\r\nuh\r\n", 0, SESSION_UNAVAILABLE, SESSION_HOLDS },
	{ "letters that are none", "*2\r\n$4\r\ndone\r\n$2\r\nH1\r\n", 0, SESSION_UNAVAILABLE,
	  SESSION_UNAVAILABLE },
	{ "too few", "*2\r\n$4\r\ndone\r\n$1\r\nh\r\n", -1, SESSION_HOLDS, SESSION_UNAVAILABLE },
	{ "too many", "*2\r\n$4\r\ndone\r\n$3\r\nhhh\r\n", -1, SESSION_HOLDS, SESSION_HOLDS },
	{ "unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", -1, SESSION_UNAVAILABLE,
	  SESSION_UNAVAILABLE },
	{ "no letters", "*1\r\n$4\r\ndone\r\n", -1, SESSION_UNAVAILABLE, SESSION_UNAVAILABLE },
	{ "an array", "*2\r\n$4\r\ndone\r\n*1\r\n$2\r\nhh\r\n", -1, SESSION_UNAVAILABLE,
	  SESSION_UNAVAILABLE },
	{ "an error", "-ERR hh\r\n", -1, SESSION_UNAVAILABLE, SESSION_UNAVAILABLE },
	{ "no reply", NULL, -1, SESSION_UNAVAILABLE, SESSION_UNAVAILABLE },
};

static void reads(void **state)
{
	const struct row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	const char *error = NULL;

	assert_int_equal(session_read(reply, 2, &error), row->result);
	assert_int_equal(error != NULL, row->result < 0);
	assert_int_equal(session_verdict(reply, 0), row->first);
	assert_int_equal(session_verdict(reply, 1), row->second);
	assert_int_equal(session_verdict(reply, 7), SESSION_UNAVAILABLE);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_TEST(asks);
	ADD_TEST(the_largest_fits);
	ADD_TEST(other_partitions_come_later);
	ADD_ROWS(reads, rows);
	return RUN_TESTS();
}
