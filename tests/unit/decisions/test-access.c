/* Switching on and off, changing, and reading the whole story of an account. */

#include "decisions/access.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

static struct secrets secrets;
static struct settings settings;

static void set_up(void)
{
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
}

static void asks_on(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = "doveadm", .from = NULL };
	struct app_password_terms terms = { .digest = "7:abc",
					    .protocols = PROTOCOL_POP3 | PROTOCOL_SMTP,
					    .lasts = 90000,
					    .label = "phone" };
	struct command command;

	(void)state;
	access_on_ask(&account, &terms, true, &actor, &command);
	assert_int_equal(command.script, SCRIPT_ON);
	assert_int_equal(command.keys_count, 8);
	assert_string_equal(sample_arg(&command, 5), "postern:{14}:history:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 6), "postern:{14}:unused");
	assert_string_equal(sample_arg(&command, 7), "postern:{14}:outbox");
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:guesses:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 9), "postern:{14}:expiries");
	assert_string_equal(sample_arg(&command, 10), "postern:{14}:refused");
	assert_string_equal(sample_argv(&command, 2), "doveadm");
	assert_string_equal(sample_argv(&command, 3), "");
	assert_string_equal(sample_argv(&command, 4), "1");
	assert_string_equal(sample_argv(&command, 5), "7:abc");
	assert_string_equal(sample_argv(&command, 6), "pop3,smtp");
	assert_string_equal(sample_argv(&command, 7), "90000");
	assert_string_equal(sample_argv(&command, 8), "phone");
	assert_int_equal(command.args_count, 3 + 8 + 8);
}

static void asks_off(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = "anna", .from = "2001:db8::1" };
	struct command command;

	(void)state;
	access_off_ask(&account, REASON_ADMIN, &actor, &command);
	assert_int_equal(command.script, SCRIPT_OFF);
	assert_string_equal(sample_argv(&command, 2), "admin");
	assert_string_equal(sample_argv(&command, 3), "anna");
	assert_string_equal(sample_argv(&command, 4), "2001:db8::1");
}

/* Those that end shut-outs, or tell of them (D4). */
static void asks_what_has_the_guesses(void **state)
{
	static const char key[] = "postern:{14}:guesses:andrejs@example.org";
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = "webmail", .from = "" };
	struct command command;

	(void)state;
	access_password_changed_ask(&account, &actor, &command);
	assert_int_equal(command.keys_count, 6);
	assert_string_equal(sample_arg(&command, 8), key);
	access_status_ask(&account, &command);
	assert_int_equal(command.keys_count, 7);
	assert_string_equal(sample_arg(&command, 8), key);
	set_up();
	assert_int_equal(access_erase_ask(&account, &settings, &command), 0);
	assert_string_equal(sample_arg(&command, 8), key);
}

struct set_row {
	const char *name;
	struct access_changes changes;
	const char *hold;
	const char *args[12]; /* behind the tiers */
};

static const struct set_row set_rows[] = {
	{ "sets nothing", { NULL }, "0", { NULL } },
	{ "sets a tier", { .tier = "free" }, "0", { "tier", "free" } },
	{ "sets a tier with a hold", { .tier = "paid" }, "172800000", { "tier", "paid" } },
	{ "sets a tier with a hold of its own",
	  { .tier = "paid", .hold = "1h" },
	  "3600000",
	  { "tier", "paid" } },
	{ "sets a tier without its hold",
	  { .tier = "paid", .hold = "0" },
	  "0",
	  { "tier", "paid" } },
	{ "sets everything",
	  { "paid", "passive", "exempt", "et_EE", "blocked", NULL },
	  "172800000",
	  { "tier", "paid", "activity", "passive", "tls", "exempt", "language", "et_EE", "sending",
	    "blocked" } },
};

static void asks_set(void **state)
{
	const struct set_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = "doveadm", .from = "" };
	struct command command;
	unsigned int count = 0;

	set_up();
	access_set_ask(&account, &row->changes, &actor, &settings, &command);
	assert_int_equal(command.script, SCRIPT_SET);
	assert_string_equal(sample_argv(&command, 4), row->hold);
	assert_string_equal(sample_argv(&command, 5), settings.tier_rows.login);
	for (; count < 12 && row->args[count] != NULL; count++)
		assert_string_equal(sample_argv(&command, 6 + count), row->args[count]);
	assert_int_equal(command.args_count, 3 + 5 + 5 + count);
}

struct actor_row {
	const char *name;
	const char *by, *expected;
};

static const struct actor_row actor_rows[] = {
	{ "nobody", NULL, "" },
	{ "empty name", "", "" },
	{ "one byte", "a", "a" },
	{ "a name", "Anna from support", "Anna from support" },
	{ "separators of the history", "a\tb\nc", "a?b?c" },
	{ "control characters", "\001\033[2J\177", "??[2J?" },
	{ "8-bit", "J\374ri", "J?ri" },
	{ "UTF-8", "J\303\274ri", "J??ri" },
	{ "quotes and stars", "\"*'", "\"*'" },
};

static void asks_by(void **state)
{
	const struct actor_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = row->by, .from = row->by };
	struct command command;

	access_off_ask(&account, REASON_OWNER, &actor, &command);
	assert_string_equal(sample_argv(&command, 3), row->expected);
	assert_string_equal(sample_argv(&command, 4), row->expected);
}

static void actors_are_cut(void **state)
{
	static const size_t sizes[] = { 63, 64, 65, 254, 255, 10000 };
	static char by[10001];
	struct account_name account = sample_account("andrejs@example.org");
	struct actor actor = { .by = by, .from = by };
	struct command command;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t cut = sizes[i] > ACTOR_MAX ? ACTOR_MAX : sizes[i];

		memset(by, 'b', sizes[i]);
		access_off_ask(&account, REASON_OWNER, &actor, &command);
		assert_int_equal(strlen(sample_argv(&command, 3)), cut);
		assert_int_equal(strlen(sample_argv(&command, 4)), cut);
	}
}

struct check_row {
	const char *name;
	struct access_changes changes;
	const char *error; /* its begin; NULL if it may be */
};

static const struct check_row check_rows[] = {
	{ "nothing", { NULL }, NULL },
	{ "every field", { "paid", "active", "required", "lv", "allowed", "2d" }, NULL },
	{ "every other value", { "list", "passive", "exempt", "zh-Hans", "blocked", NULL }, NULL },
	{ "language of three letters", { .language = "est" }, NULL },
	{ "unknown tier", { .tier = "gold" }, "tier:" },
	{ "empty tier", { .tier = "" }, "tier:" },
	{ "tier in capitals", { .tier = "Free" }, "tier:" },
	{ "tier with a line break", { .tier = "free\n" }, "tier:" },
	{ "unknown activity", { .activity = "asleep" }, "activity:" },
	{ "empty activity", { .activity = "" }, "activity:" },
	{ "unknown TLS", { .tls = "yes" }, "tls:" },
	{ "unknown sending", { .sending = "off" }, "sending:" },
	{ "language of one letter", { .language = "e" }, "language:" },
	{ "language of four letters", { .language = "engl" }, "language:" },
	{ "language in capitals", { .language = "ET" }, "language:" },
	{ "language with nothing behind", { .language = "et_" }, "language:" },
	{ "language with a dot", { .language = "et_EE.UTF-8" }, "language:" },
	{ "language with a line break", { .language = "et\n" }, "language:" },
	{ "language with a path", { .language = "et-../x" }, "language:" },
	{ "longest hold", { .tier = "paid", .hold = "366d" }, NULL },
	{ "hold without a tier", { .hold = "2d" }, "hold: expected together" },
	{ "hold without a unit", { .tier = "paid", .hold = "2" }, "hold:" },
	{ "empty hold", { .tier = "paid", .hold = "" }, "hold:" },
	{ "negative hold", { .tier = "paid", .hold = "-2d" }, "hold:" },
	{ "hold of more than a year", { .tier = "paid", .hold = "367d" }, "hold:" },
	{ "hold that no number holds",
	  { .tier = "paid", .hold = "99999999999999999999d" },
	  "hold:" },
	{ "8-bit language", { .language = "et_\344" }, "language:" },
	{ "long language", { .language = "et_abcdefghijklmn" }, "language:" },
};

static void checks(void **state)
{
	const struct check_row *row = *state;
	const char *error = "";

	set_up();
	assert_int_equal(access_changes_check(&row->changes, &settings, &error),
			 row->error == NULL ? 0 : -1);
	if (row->error != NULL)
		assert_memory_equal(error, row->error, strlen(row->error));
}

struct read_row {
	const char *name;
	const char *resp;
	enum access_verdict verdict;
	bool enabled;
	enum disable_reason reason;
	int64_t since;
	const char *unavailable; /* a word of it */
};

#define ENABLED	 "$7\r\nenabled\r\n"
#define DISABLED "$8\r\ndisabled\r\n"

static const struct read_row read_rows[] = {
	{ "switched on", "*4\r\n$4\r\ndone\r\n" ENABLED "$0\r\n\r\n$13\r\n1760000000123\r\n",
	  ACCESS_DONE, true, 0, INT64_C(1760000000123), NULL },
	{ "was on", "*4\r\n$9\r\nunchanged\r\n" ENABLED "$0\r\n\r\n$13\r\n1760000000123\r\n",
	  ACCESS_UNCHANGED, true, 0, INT64_C(1760000000123), NULL },
	{ "was on, since nobody knows", "*4\r\n$9\r\nunchanged\r\n" ENABLED "$0\r\n\r\n$-1\r\n",
	  ACCESS_UNCHANGED, true, 0, 0, NULL },
	{ "switched off", "*4\r\n$4\r\ndone\r\n" DISABLED "$5\r\nadmin\r\n$1\r\n5\r\n", ACCESS_DONE,
	  false, REASON_ADMIN, 5, NULL },
	{ "never was on",
	  "*4\r\n$9\r\nunchanged\r\n" DISABLED "$13\r\nnever-enabled\r\n$1\r\n0\r\n",
	  ACCESS_UNCHANGED, false, REASON_NEVER_ENABLED, 0, NULL },
	{ "no mark", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", ACCESS_UNAVAILABLE, false, 0,
	  0, "init" },
	{ "other format", "*2\r\n$11\r\nunavailable\r\n$14\r\nunknown format\r\n",
	  ACCESS_UNAVAILABLE, false, 0, 0, "version" },
	{ "unknown reason", "*4\r\n$4\r\ndone\r\n" DISABLED "$4\r\nrain\r\n$1\r\n5\r\n",
	  ACCESS_UNAVAILABLE, false, 0, 5, "unexpected answer" },
	{ "only a word", "*1\r\n$4\r\ndone\r\n", ACCESS_UNAVAILABLE, false, 0, 0,
	  "unexpected answer" },
	{ "no reply", NULL, ACCESS_UNAVAILABLE, false, 0, 0, "unexpected answer" },
	{ "nil", "$-1\r\n", ACCESS_UNAVAILABLE, false, 0, 0, "unexpected answer" },
	{ "empty array", "*0\r\n", ACCESS_UNAVAILABLE, false, 0, 0, "unexpected answer" },
	{ "status", "+done\r\n", ACCESS_UNAVAILABLE, false, 0, 0, "unexpected answer" },
	{ "number", ":1\r\n", ACCESS_UNAVAILABLE, false, 0, 0, "unexpected answer" },
	{ "garbage", "*3\r\n$3\r\n\001\xff*\r\n:-1\r\n*0\r\n", ACCESS_UNAVAILABLE, false, 0, 0,
	  "unexpected answer" },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct access_answer answer;

	memset(&answer, 0xff, sizeof(answer));
	access_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.enabled, row->enabled);
	assert_int_equal(answer.since, row->since);
	if (row->unavailable != NULL) {
		assert_sentence(answer.unavailable, 200);
		assert_non_null(strstr(answer.unavailable, row->unavailable));
	} else {
		assert_int_equal(answer.reason, row->reason);
		assert_null(answer.unavailable);
	}
}

struct init_row {
	const char *name;
	const char *resp;
	enum access_init init;
};

static const struct init_row init_rows[] = {
	{ "marked", "*1\r\n$6\r\nmarked\r\n", ACCESS_INIT_MARKED },
	{ "was marked", "*1\r\n$3\r\nwas\r\n", ACCESS_INIT_WAS },
	{ "foreign mark", "*1\r\n$7\r\nforeign\r\n", ACCESS_INIT_FOREIGN },
	{ "init: nil", "$-1\r\n", ACCESS_INIT_FAILED },
	{ "init: no reply", NULL, ACCESS_INIT_FAILED },
	{ "init: status", "+marked\r\n", ACCESS_INIT_FAILED },
	{ "init: empty word", "*1\r\n$0\r\n\r\n", ACCESS_INIT_FAILED },
};

static void reads_init(void **state)
{
	const struct init_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(access_init_read(reply), row->init);
	freeReplyObject(reply);
}

/* RESP of an answer of status.lua. */
#define FIELD(size, name, value_size, value)                                                       \
	"$" #size "\r\n" name "\r\n$" #value_size "\r\n" value "\r\n"
#define STATUS(facts_count, facts, passwords, history)                                             \
	"*5\r\n$4\r\ndone\r\n$13\r\n1760000000999\r\n*" #facts_count "\r\n" facts passwords history

static void reads_a_whole_story(void **state)
{
	redisReply *reply = sample_reply(STATUS(
		28,
		FIELD(6, "access", 8, "disabled") FIELD(6, "reason", 10, "send-limit") FIELD(
			5, "since", 13, "1760000000123") FIELD(2, "by", 7,
							       "postern") FIELD(4, "from", 0, "")
			FIELD(4, "tier", 4, "paid") FIELD(9, "held_tier", 4, "free") FIELD(
				10, "held_until", 13,
				"1760000005000") FIELD(8, "activity", 7, "passive")
				FIELD(3, "tls", 6, "exempt") FIELD(7, "sending", 7, "blocked")
					FIELD(8, "language", 2, "et") FIELD(
						9, "seen:pop3", 26, "1760000000001 192.0.2.1 a1")
						FIELD(9, "seen:smtp", 25,
						      "1760000000002 2001:db8::1"),
		"*2\r\n*9\r\n$1\r\n2\r\n$1\r\n7\r\n$1\r\n0\r\n$1\r\n9\r\n$4\r\npop3\r\n"
		"$8\r\nmy phone\r\n$1\r\n8\r\n$4\r\npop3\r\n$3\r\n::1\r\n"
		"*6\r\n$1\r\n1\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n0\r\n$1\r\n*\r\n$0\r\n\r\n",
		"*2\r\n*6\r\n$13\r\n1760000000123\r\n$3\r\noff\r\n$10\r\nsend-limit\r\n"
		"$7\r\npostern\r\n$0\r\n\r\n$3\r\nwhy\r\n"
		"*5\r\n$1\r\n5\r\n$2\r\non\r\n$0\r\n\r\n$7\r\npostern\r\n$0\r\n\r\n"));
	struct access_status status;

	(void)state;
	access_status_read(reply, &status);
	assert_int_equal(status.verdict, ACCESS_DONE);
	assert_int_equal(status.now, INT64_C(1760000000999));
	assert_false(status.enabled);
	assert_int_equal(status.reason, REASON_SEND_LIMIT);
	assert_int_equal(status.since, INT64_C(1760000000123));
	assert_string_equal(status.by, "postern");
	assert_string_equal(status.from, "");
	assert_string_equal(status.tier, "paid");
	assert_string_equal(status.held_tier, "free");
	assert_int_equal(status.held_until, INT64_C(1760000005000));
	assert_true(status.passive && status.tls_exempt && status.sending_blocked);
	assert_string_equal(status.language, "et");
	assert_int_equal(status.pop3.time, INT64_C(1760000000001));
	assert_string_equal(status.pop3.address, "192.0.2.1");
	assert_int_equal(status.smtp.time, INT64_C(1760000000002));
	assert_string_equal(status.smtp.address, "2001:db8::1");
	assert_int_equal(status.imap.time, 0);
	assert_int_equal(status.passwords_count, 2);
	assert_int_equal(status.passwords[0].number, 2);
	assert_int_equal(status.passwords[0].expires, 9);
	assert_string_equal(status.passwords[0].protocols, "pop3");
	assert_string_equal(status.passwords[0].label, "my phone");
	assert_int_equal(status.passwords[0].used, 8);
	assert_string_equal(status.passwords[0].used_address, "::1");
	assert_int_equal(status.passwords[1].ended, 6);
	assert_string_equal(status.passwords[1].protocols, "*");
	assert_int_equal(status.passwords[1].used, 0);
	assert_int_equal(status.history_count, 2);
	assert_string_equal(status.history[0].what, "off");
	assert_string_equal(status.history[0].detail, "send-limit");
	assert_string_equal(status.history[0].evidence, "why");
	assert_string_equal(status.history[1].what, "on");
	assert_string_equal(status.history[1].evidence, "");
	freeReplyObject(reply);
}

/* A1: of an account never heard of there is nothing to read. */
static void reads_an_unknown_account(void **state)
{
	redisReply *reply = sample_reply(STATUS(0, "", "*0\r\n", "*0\r\n"));
	struct access_status status;

	(void)state;
	access_status_read(reply, &status);
	assert_int_equal(status.verdict, ACCESS_DONE);
	assert_false(status.enabled);
	assert_int_equal(status.reason, REASON_NEVER_ENABLED);
	assert_int_equal(status.since, 0);
	assert_string_equal(status.tier, "free");
	assert_string_equal(status.held_tier, "");
	assert_false(status.passive || status.tls_exempt || status.sending_blocked);
	assert_string_equal(status.pop3.address, "");
	assert_int_equal(status.passwords_count + status.history_count, 0);
	freeReplyObject(reply);
}

struct status_row {
	const char *name;
	const char *resp;
	enum access_verdict verdict;
};

static const struct status_row status_rows[] = {
	{ "status: unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n",
	  ACCESS_UNAVAILABLE },
	{ "status: no reply", NULL, ACCESS_UNAVAILABLE },
	{ "status: nil", "$-1\r\n", ACCESS_UNAVAILABLE },
	{ "status: empty array", "*0\r\n", ACCESS_UNAVAILABLE },
	{ "status: empty word", "*1\r\n$0\r\n\r\n", ACCESS_UNAVAILABLE },
	{ "status: +done", "+done\r\n", ACCESS_UNAVAILABLE },
	{ "status: number", ":1\r\n", ACCESS_UNAVAILABLE },
	{ "status: unchanged", "*1\r\n$9\r\nunchanged\r\n", ACCESS_UNAVAILABLE },
	{ "status: strings for arrays",
	  "*5\r\n$4\r\ndone\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n", ACCESS_DONE },
	{ "status: rows of nothing",
	  "*5\r\n$4\r\ndone\r\n:1\r\n*0\r\n*2\r\n*0\r\n$-1\r\n*2\r\n*0\r\n:1\r\n", ACCESS_DONE },
	{ "status: broken last use",
	  STATUS(6,
		 FIELD(9, "seen:pop3", 1, "x") FIELD(9, "seen:imap", 3, "1  ")
			 FIELD(9, "seen:smtp", 1, " "),
		 "*0\r\n", "*0\r\n"),
	  ACCESS_DONE },
	{ "status: last use before 1970",
	  STATUS(6,
		 FIELD(9, "seen:pop3", 14, "-5 192.0.2.7 a")
			 FIELD(9, "seen:imap", 11, "0 192.0.2.7")
				 FIELD(9, "seen:smtp", 30, "-99999999999999999999 2001:db8"),
		 "*0\r\n", "*0\r\n"),
	  ACCESS_DONE },
	{ "status: address too long",
	  STATUS(2,
		 FIELD(9, "seen:pop3", 70,
		       "1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx a"),
		 "*0\r\n", "*0\r\n"),
	  ACCESS_DONE },
};

static void reads_status(void **state)
{
	const struct status_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct access_status status;

	memset(&status, 0xff, sizeof(status));
	access_status_read(reply, &status);
	assert_int_equal(status.verdict, row->verdict);
	assert_false(status.enabled);
	assert_string_equal(status.pop3.address, "");
	assert_string_equal(status.imap.address, "");
	assert_string_equal(status.smtp.address, "");
	assert_true(status.pop3.time >= 0 && status.imap.time >= 0 && status.smtp.time >= 0);
	assert_int_equal(row->verdict == ACCESS_UNAVAILABLE, status.unavailable != NULL);
	freeReplyObject(reply);
}

static void reads_shut_outs(void **state)
{
	redisReply *reply = sample_reply("*8\r\n$4\r\ndone\r\n$1\r\n9\r\n*0\r\n*0\r\n*0\r\n"
					 "*3\r\n*2\r\n$12\r\n192.0.2.0/24\r\n$1\r\n7\r\n"
					 "*2\r\n:1\r\n$2\r\n-7\r\n$1\r\nx\r\n:2\r\n:4\r\n");
	struct access_status status;

	(void)state;
	access_status_read(reply, &status);
	assert_int_equal(status.verdict, ACCESS_DONE);
	assert_int_equal(status.shut_outs_count, 3);
	assert_string_equal(status.shut_outs[0].network, "192.0.2.0/24");
	assert_int_equal(status.shut_outs[0].since, 7);
	for (unsigned int i = 1; i < 3; i++) {
		assert_string_equal(status.shut_outs[i].network, "");
		assert_int_equal(status.shut_outs[i].since, 0);
	}
	assert_int_equal(status.break_ins, 2);
	assert_int_equal(status.break_in_factor, 4);
	freeReplyObject(reply);
}

/* More than there can be: what there is room for is read. */
static void reads_too_much(void **state)
{
	char resp[16384] = "*6\r\n$4\r\ndone\r\n$1\r\n1\r\n*0\r\n*100\r\n";
	redisReply *reply;
	struct access_status status;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(resp, "*3\r\n:1\r\n:2\r\n:3\r\n");
	strcat(resp, "*100\r\n");
	for (int i = 0; i < 100; i++)
		strcat(resp, "*2\r\n:1\r\n$2\r\non\r\n");
	strcat(resp, "*300\r\n");
	for (int i = 0; i < 300; i++)
		strcat(resp, "*2\r\n$1\r\nx\r\n:5\r\n");
	reply = sample_reply(resp);
	access_status_read(reply, &status);
	assert_int_equal(status.passwords_count, ACCESS_PASSWORDS_MAX);
	assert_int_equal(status.history_count, ACCESS_HISTORY_MAX);
	assert_int_equal(status.shut_outs_count, ACCESS_SHUT_OUTS_MAX);
	assert_string_equal(status.history[ACCESS_HISTORY_MAX - 1].from, "");
	freeReplyObject(reply);
}

int main(void)
{
	ADD_TEST(asks_on);
	ADD_TEST(asks_off);
	ADD_TEST(asks_what_has_the_guesses);
	ADD_ROWS(asks_set, set_rows);
	ADD_ROWS(asks_by, actor_rows);
	ADD_TEST(actors_are_cut);
	ADD_ROWS(checks, check_rows);
	ADD_ROWS(reads, read_rows);
	ADD_ROWS(reads_init, init_rows);
	ADD_TEST(reads_a_whole_story);
	ADD_TEST(reads_an_unknown_account);
	ADD_ROWS(reads_status, status_rows);
	ADD_TEST(reads_shut_outs);
	ADD_TEST(reads_too_much);
	return RUN_TESTS();
}
