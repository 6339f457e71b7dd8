/* The decision on a login: what is asked, how the answer is read, what the person is told. */

#include "decisions/login.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

static struct secrets secrets;
static struct settings settings;

static void ask_sample(const char *password, struct command *command_r)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct login_request request = {
		.account = &account,
		.password = password,
		.protocol = PROTOCOL_IMAP,
		.address = "192.0.2.1",
		.secured = true,
		.attempt = "a1",
	};

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	assert_int_equal(login_ask(&request, &settings, command_r), 0);
}

static void asks(void **state)
{
	static const char network[] = "the /24";
	static const char *const expected[] = {
		NULL, SCRIPT_FORMAT, "imap", "192.0.2.1", "1", "a1", network, NULL, "7:", "3:",
	};
	struct command command;

	(void)state;
	ask_sample("abcd-efgh-ijkm-npqr", &command);
	assert_int_equal(command.script, SCRIPT_LOGIN);
	assert_int_equal(command.keys_count, 7);
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:guesses:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 9), "postern:{14}:expiries");
	assert_int_equal(command.args_count, 2 + 7 + sizeof(expected) / sizeof(expected[0]));
	for (unsigned int i = 1; i < sizeof(expected) / sizeof(expected[0]); i++) {
		if (expected[i] == network)
			assert_memory_equal(sample_argv(&command, i), "\0\0\0\300\0\2",
					    NETWORK_SITE_SIZE);
		else if (expected[i] == NULL)
			assert_string_equal(sample_argv(&command, i), settings.tier_rows.login);
		else if (expected[i][strlen(expected[i]) - 1] == ':')
			assert_memory_equal(sample_argv(&command, i), expected[i], 2);
		else
			assert_string_equal(sample_argv(&command, i), expected[i]);
	}
}

/* Passwords go over the wire as digests, of one length for whatever was entered. */
static void password_stays_here(void **state)
{
	static const char *const passwords[] = { "", "a", "abcd-efgh-ijkm-npqr",
						 "*\"\001\344\303\251" };
	static char longest[10001];
	struct command command;

	(void)state;
	memset(longest, 'p', 10000);
	ask_sample(longest, &command);
	assert_int_equal(strlen(sample_argv(&command, 8)), 24);
	assert_null(memmem(command.text, command.text_used, "pppp", 4));
	for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		ask_sample(passwords[i], &command);
		assert_int_equal(strlen(sample_argv(&command, 8)), 24);
		assert_int_equal(strlen(sample_argv(&command, 9)), 24);
		if (strlen(passwords[i]) > 2)
			assert_null(memmem(command.text, command.text_used, passwords[i],
					   strlen(passwords[i])));
	}
}

struct read_row {
	const char *name;
	const char *resp;
	enum login_verdict verdict;
	enum disable_reason reason;
	unsigned int wait;
	const char *tier;
};

static const struct read_row read_rows[] = {
	{ "wrong password", "*1\r\n$14\r\nwrong-password\r\n", LOGIN_WRONG_PASSWORD, 0, 0, "" },
	{ "off, never on", "*2\r\n$3\r\noff\r\n$13\r\nnever-enabled\r\n", LOGIN_OFF,
	  REASON_NEVER_ENABLED, 0, "" },
	{ "off, send limit", "*2\r\n$3\r\noff\r\n$10\r\nsend-limit\r\n", LOGIN_OFF,
	  REASON_SEND_LIMIT, 0, "" },
	{ "TLS required", "*1\r\n$12\r\ntls-required\r\n", LOGIN_TLS_REQUIRED, 0, 0, "" },
	{ "protocol", "*2\r\n$8\r\nprotocol\r\n$4\r\nfree\r\n", LOGIN_PROTOCOL, 0, 0, "free" },
	{ "protocol, longest tier", "*2\r\n$8\r\nprotocol\r\n$16\r\nabcdefghijklmnop\r\n",
	  LOGIN_PROTOCOL, 0, 0, "abcdefghijklmnop" },
	{ "too soon", "*2\r\n$8\r\ntoo-soon\r\n:285\r\n", LOGIN_TOO_SOON, 0, 285, "" },
	{ "too soon, in digits", "*2\r\n$8\r\ntoo-soon\r\n$3\r\n285\r\n", LOGIN_TOO_SOON, 0, 285,
	  "" },
	{ "unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", LOGIN_UNAVAILABLE, 0, 0,
	  "" },
	{ "no reply", NULL, LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "nil", "$-1\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "empty array", "*0\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "nested", "*1\r\n*1\r\n$5\r\nallow\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "status", "+allow\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "string", "$5\r\nallow\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "error", "-ERR allow\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "number", ":0\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "unknown word", "*1\r\n$6\r\nallow!\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "word of another decision", "*2\r\n$5\r\ndefer\r\n:9\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "off without a reason", "*1\r\n$3\r\noff\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "off, unknown reason", "*2\r\n$3\r\noff\r\n$4\r\nrain\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "off, a number for a reason", "*2\r\n$3\r\noff\r\n:1\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "too soon, nil", "*2\r\n$8\r\ntoo-soon\r\n$-1\r\n", LOGIN_TOO_SOON, 0, 0, "" },
	{ "too soon, negative", "*2\r\n$8\r\ntoo-soon\r\n:-5\r\n", LOGIN_TOO_SOON, 0, 0, "" },
	{ "protocol without a tier", "*1\r\n$8\r\nprotocol\r\n", LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "protocol, tier too long", "*2\r\n$8\r\nprotocol\r\n$17\r\nabcdefghijklmnopq\r\n",
	  LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "protocol, tier with a line break", "*2\r\n$8\r\nprotocol\r\n$8\r\na\r\n+OK b\r\n",
	  LOGIN_UNAVAILABLE, 0, 0, "" },
	{ "protocol, tier of 8 bit", "*2\r\n$8\r\nprotocol\r\n$2\r\n\xc4\x93\r\n",
	  LOGIN_UNAVAILABLE, 0, 0, "" },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct login_answer answer;

	memset(&answer, 0xff, sizeof(answer));
	login_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.reason, row->reason);
	assert_int_equal(answer.wait, row->wait);
	assert_string_equal(answer.tier, row->tier);
}

#define PASSWORD "7:abcdefghijklmnopqrstuv"

struct shut_out_row {
	const char *name;
	const char *resp;
	enum login_verdict verdict;
	enum login_shut_out shut_out;
	const char *text;
};

static const struct shut_out_row shut_out_rows[] = {
	{ "wrong, and no more", "*1\r\n$14\r\nwrong-password\r\n", LOGIN_WRONG_PASSWORD,
	  LOGIN_SHUT_OUT_NO, "" },
	{ "wrong, shut out before", "*2\r\n$14\r\nwrong-password\r\n$6\r\nbefore\r\n",
	  LOGIN_WRONG_PASSWORD, LOGIN_SHUT_OUT_BEFORE, " shut_out=before" },
	{ "wrong, shut out now", "*2\r\n$14\r\nwrong-password\r\n$3\r\nnow\r\n",
	  LOGIN_WRONG_PASSWORD, LOGIN_SHUT_OUT_NOW, " shut_out=now" },
	{ "wrong, and off", "*2\r\n$14\r\nwrong-password\r\n$7\r\ndisable\r\n",
	  LOGIN_WRONG_PASSWORD, LOGIN_SHUT_OUT_DISABLE, " shut_out=now break_in=disable" },
	{ "wrong, and told", "*2\r\n$14\r\nwrong-password\r\n$4\r\ntell\r\n", LOGIN_WRONG_PASSWORD,
	  LOGIN_SHUT_OUT_TELL, " shut_out=now break_in=tell" },
	{ "wrong, and an unknown word", "*2\r\n$14\r\nwrong-password\r\n$5\r\nnever\r\n",
	  LOGIN_WRONG_PASSWORD, LOGIN_SHUT_OUT_NO, "" },
	{ "wrong, and a number", "*2\r\n$14\r\nwrong-password\r\n:1\r\n", LOGIN_WRONG_PASSWORD,
	  LOGIN_SHUT_OUT_NO, "" },
	{ "right, shut out until now",
	  "*3\r\n$5\r\nallow\r\n$24\r\n" PASSWORD "\r\n$5\r\nended\r\n", LOGIN_ALLOW,
	  LOGIN_SHUT_OUT_ENDED, " shut_out=ended" },
	{ "off has a reason there", "*2\r\n$3\r\noff\r\n$5\r\nowner\r\n", LOGIN_OFF,
	  LOGIN_SHUT_OUT_NO, "" },
};

static void reads_shut_out(void **state)
{
	const struct shut_out_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct login_answer answer;

	login_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.shut_out, row->shut_out);
	assert_string_equal(login_shut_out_text(answer.shut_out), row->text);
}

struct allow_row {
	const char *name;
	const char *resp;
	const char *password; /* NULL: not allowed */
};

#define ALLOW "*2\r\n$5\r\nallow\r\n"

/* What the session goes by has to be there, and like a digest of ours. */
static const struct allow_row allow_rows[] = {
	{ "a digest", ALLOW "$24\r\n" PASSWORD "\r\n", PASSWORD },
	{ "the longest", ALLOW "$26\r\n255:abcdefghijklmnopqrstu-\r\n",
	  "255:abcdefghijklmnopqrstu-" },
	{ "none", "*1\r\n$5\r\nallow\r\n", NULL },
	{ "nothing in it", ALLOW "$0\r\n\r\n", NULL },
	{ "a number", ALLOW ":7\r\n", NULL },
	{ "one byte more", ALLOW "$25\r\n" PASSWORD "w\r\n", NULL },
	{ "one byte less", ALLOW "$23\r\n7:abcdefghijklmnopqrstu\r\n", NULL },
	{ "a space", ALLOW "$24\r\n7:abcdefghijk mnopqrstuv\r\n", NULL },
	{ "of no key", ALLOW "$26\r\n256:abcdefghijklmnopqrstuv\r\n", NULL },
	{ "of a key with a zero in front", ALLOW "$25\r\n07:abcdefghijklmnopqrstuv\r\n", NULL },
	{ "no key", ALLOW "$23\r\n:abcdefghijklmnopqrstuv\r\n", NULL },
	{ "far too long", ALLOW "$48\r\n7:abcdefghijklmnopqrstuv7:abcdefghijklmnopqrstuv\r\n",
	  NULL },
};

static void allows(void **state)
{
	const struct allow_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct login_answer answer;

	login_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->password != NULL ? LOGIN_ALLOW : LOGIN_UNAVAILABLE);
	assert_string_equal(answer.password, row->password != NULL ? row->password : "");
}

struct sentence_row {
	const char *name;
	struct login_answer answer;
	enum protocol protocol;
	const char *sentence;
};

static const struct sentence_row sentence_rows[] = {
	{ "allowed: nothing", { .verdict = LOGIN_ALLOW }, PROTOCOL_POP3, "" },
	{ "wrong password: nothing", { .verdict = LOGIN_WRONG_PASSWORD }, PROTOCOL_POP3, "" },
	{ "don't know: nothing", { .verdict = LOGIN_UNAVAILABLE }, PROTOCOL_POP3, "" },
	{ "never switched on",
	  { .verdict = LOGIN_OFF },
	  PROTOCOL_SMTP,
	  "External access is off: it has never been switched on. "
	  "Switch it on at https://example.org/help" },
	{ "sent too much",
	  { .verdict = LOGIN_OFF, .reason = REASON_SEND_LIMIT },
	  PROTOCOL_SMTP,
	  "External access is off: too many messages were sent within an hour. "
	  "Switch it on at https://example.org/help" },
	{ "no TLS",
	  { .verdict = LOGIN_TLS_REQUIRED },
	  PROTOCOL_IMAP,
	  "TLS is required: switch on TLS or SSL in the mail program, see "
	  "https://example.org/help" },
	{ "IMAP for free",
	  { .verdict = LOGIN_PROTOCOL, .tier = "free" },
	  PROTOCOL_IMAP,
	  "IMAP is not available for this mailbox (free), see https://example.org/help" },
	{ "two seconds left",
	  { .verdict = LOGIN_TOO_SOON, .wait = 2 },
	  PROTOCOL_POP3,
	  "Mail was checked a moment ago: try again in 2 seconds" },
};

static void tells(void **state)
{
	const struct sentence_row *row = *state;
	char sentence[LOGIN_SENTENCE_SIZE];

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	login_sentence(&row->answer, row->protocol, &settings, sentence);
	assert_string_equal(sentence, row->sentence);
}

/* Every answer there is, with the longest of everything: one line of ASCII, whole, that fits into
   the 512 bytes of a POP3 reply (RFC 2449 section 4) with its code. */
static void sentences_are_bounded(void **state)
{
	char url[201] = "https://", pop3[1024], sentence[LOGIN_SENTENCE_SIZE];
	struct login_answer answer = { .wait = UINT32_MAX };

	(void)state;
	memset(url + 8, 'u', 192);
	url[200] = '\0';
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	settings.help_url = url;
	memset(answer.tier, 't', SETTINGS_TIER_MAX);
	for (int verdict = 0; verdict <= LOGIN_UNAVAILABLE; verdict++) {
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			answer.verdict = (enum login_verdict)verdict;
			answer.reason = (enum disable_reason)reason;
			login_sentence(&answer, PROTOCOL_POP3, &settings, sentence);
			assert_sentence(sentence, LOGIN_SENTENCE_SIZE - 1);
			assert_true(snprintf(pop3, sizeof(pop3), "-ERR [LOGIN-DELAY] %s\r\n",
					     sentence) <= 512);
			if (verdict == LOGIN_OFF || verdict == LOGIN_PROTOCOL ||
			    verdict == LOGIN_TLS_REQUIRED)
				assert_non_null(strstr(sentence, url));
		}
	}
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(login_verdict_word(LOGIN_ALLOW), "allow");
	assert_string_equal(login_verdict_word(LOGIN_TOO_SOON), "too-soon");
	assert_string_equal(login_verdict_word(LOGIN_UNAVAILABLE), "unavailable");
}

int main(void)
{
	ADD_TEST(asks);
	ADD_TEST(password_stays_here);
	ADD_ROWS(reads, read_rows);
	ADD_ROWS(reads_shut_out, shut_out_rows);
	ADD_ROWS(allows, allow_rows);
	ADD_ROWS(tells, sentence_rows);
	ADD_TEST(sentences_are_bounded);
	ADD_TEST(words);
	return RUN_TESTS();
}
