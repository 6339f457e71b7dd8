/* The decision on a message: what is asked, how the answer is read, what the person is told. */

#include "decisions/send.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"
#include "keys/trace.h"

static struct secrets secrets;
static struct settings settings;

static void ask(const struct account_name *account, enum send_stage stage, const char *message,
		struct command *command_r)
{
	struct send_request request = {
		.account = account,
		.stage = stage,
		.message = message,
		.recipients = 3,
		.began = INT64_C(1760000000000),
		.has_sender = true,
	};

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	assert_int_equal(send_ask(&request, &settings, command_r), 0);
}

struct ask_row {
	const char *name;
	enum send_stage stage;
	const char *word, *recipients;
};

static const struct ask_row ask_rows[] = {
	{ "at MAIL", SEND_AT_MAIL, "mail", "0" },
	{ "with the whole message", SEND_MESSAGE, "message", "3" },
	{ "only counting", SEND_COUNT, "count", "0" },
};

static void asks(void **state)
{
	const struct ask_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct command command;

	ask(&account, row->stage, row->stage == SEND_MESSAGE ? "mx/4Y1" : NULL, &command);
	assert_int_equal(command.script, SCRIPT_SEND);
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:sent:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 5), "postern:{14}:history:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 9), "postern:{14}:traced");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	assert_string_equal(sample_argv(&command, 2), row->word);
	assert_int_equal(command.sizes[2 + command.keys_count + 3], 5);
	assert_string_equal(sample_argv(&command, 4), row->recipients);
	assert_string_equal(sample_argv(&command, 5), "andrejs@example.org");
	assert_string_equal(sample_argv(&command, 6), "");
	assert_string_equal(sample_argv(&command, 7), settings.tier_rows.send);
	assert_string_equal(sample_argv(&command, 8), "1760000000000");
	assert_string_equal(sample_argv(&command, 9), "1");
	assert_int_equal(command.args_count, 3 + command.keys_count + 9);
}

/* One name, one id; whatever bytes it has. */
static void names_the_message(void **state)
{
	static const char *const names[] = { "", "mx/4Y1", "mx/4Y2", "MX/4Y1", "\"*\r\n\344" };
	struct account_name account = sample_account("andrejs@example.org");
	struct command one, other;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		ask(&account, SEND_MESSAGE, names[i], &one);
		for (size_t j = 0; j < 5; j++) {
			size_t place = 2 + one.keys_count + 3;

			ask(&account, SEND_MESSAGE, names[j], &other);
			assert_int_equal(memcmp(one.args[place], other.args[place], 8) == 0,
					 i == j);
		}
	}
}

/* The script gets the reference that the trace carries, for names that it has no room for. */
static void long_names_have_a_reference(void **state)
{
	struct account_name account = sample_account_of(200);
	char value[TRACE_VALUE_SIZE];
	struct command command;
	struct trace trace;

	(void)state;
	ask(&account, SEND_MESSAGE, "mx/4Y1", &command);
	assert_int_equal(
		trace_seal(&secrets, &account, settings.default_domain, 0, 1, "4Y1", value), 0);
	assert_int_equal(
		trace_open(&secrets, value, strlen(value), settings.default_domain, &trace), 1);
	assert_int_equal(strlen(trace.reference), 32);
	assert_string_equal(sample_argv(&command, 5), account.text);
	assert_string_equal(sample_argv(&command, 6), trace.reference);
}

struct read_row {
	const char *name;
	const char *resp;
	enum send_verdict verdict;
	unsigned int wait;
	enum disable_reason reason;
	unsigned int limit, allowed;
};

static const struct read_row read_rows[] = {
	{ "allow", "*2\r\n$5\r\nallow\r\n:0\r\n", SEND_ALLOW, 0, 0, 0, SETTINGS_UNLIMITED },
	{ "allow 50 recipients", "*2\r\n$5\r\nallow\r\n:50\r\n", SEND_ALLOW, 0, 0, 0, 50 },
	{ "defer", "*4\r\n$5\r\ndefer\r\n:42\r\n:5\r\n$8\r\nmessages\r\n", SEND_DEFER, 42, 0, 5,
	  0 },
	{ "receipt", "*3\r\n$7\r\nreceipt\r\n:15\r\n$8\r\nmessages\r\n", SEND_RECEIPT, 0, 0, 15,
	  0 },
	{ "limit", "*3\r\n$5\r\nlimit\r\n:15\r\n$8\r\nmessages\r\n", SEND_LIMIT, 0, 0, 15, 0 },
	{ "off", "*2\r\n$3\r\noff\r\n$5\r\nowner\r\n", SEND_OFF, 0, REASON_OWNER, 0, 0 },
	{ "log in again", "*1\r\n$12\r\nlog-in-again\r\n", SEND_LOG_IN_AGAIN, 0, 0, 0, 0 },
	{ "protocol", "*2\r\n$8\r\nprotocol\r\n$4\r\nfree\r\n", SEND_PROTOCOL, 0, 0, 0, 0 },
	{ "protocol of no tier", "*1\r\n$8\r\nprotocol\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "protocol of two words", "*2\r\n$8\r\nprotocol\r\n$3\r\na b\r\n", SEND_UNAVAILABLE, 0, 0,
	  0, 0 },
	{ "protocol of a long tier", "*2\r\n$8\r\nprotocol\r\n$17\r\n01234567890123456\r\n",
	  SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "blocked", "*1\r\n$7\r\nblocked\r\n", SEND_BLOCKED, 0, 0, 0, 0 },
	{ "too many recipients", "*2\r\n$19\r\ntoo-many-recipients\r\n:50\r\n",
	  SEND_TOO_MANY_RECIPIENTS, 0, 0, 0, 50 },
	{ "unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", SEND_UNAVAILABLE, 0, 0, 0,
	  0 },
	{ "no reply", NULL, SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "nil", "$-1\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "empty array", "*0\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "nested", "*1\r\n*1\r\n$5\r\nallow\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "status", "+allow\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "string", "$5\r\nallow\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "error", "-allow\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "number", ":0\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "unknown word", "*1\r\n$6\r\nallow \r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "word of another decision", "*1\r\n$14\r\nwrong-password\r\n", SEND_UNAVAILABLE, 0, 0, 0,
	  0 },
	{ "off without a reason", "*1\r\n$3\r\noff\r\n", SEND_UNAVAILABLE, 0, 0, 0, 0 },
	{ "off, unknown reason", "*2\r\n$3\r\noff\r\n$4\r\nrain\r\n", SEND_UNAVAILABLE, 0, 0, 0,
	  0 },
	{ "defer, nil and negative", "*3\r\n$5\r\ndefer\r\n$-1\r\n:-5\r\n", SEND_DEFER, 0, 0, 0,
	  0 },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct send_answer answer;

	memset(&answer, 0xff, sizeof(answer));
	send_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.wait, row->wait);
	assert_int_equal(answer.reason, row->reason);
	assert_int_equal(answer.limit, row->limit);
	assert_int_equal(answer.recipients_allowed, row->allowed);
}

struct counted_row {
	const char *name;
	const char *resp;
	enum send_count count;
};

static const struct counted_row counted_rows[] = {
	{ "defer messages", "*4\r\n$5\r\ndefer\r\n:42\r\n:5\r\n$8\r\nmessages\r\n",
	  SEND_COUNT_MESSAGES },
	{ "defer recipients", "*4\r\n$5\r\ndefer\r\n:42\r\n:5\r\n$10\r\nrecipients\r\n",
	  SEND_COUNT_RECIPIENTS },
	{ "limit of messages", "*3\r\n$5\r\nlimit\r\n:15\r\n$8\r\nmessages\r\n",
	  SEND_COUNT_MESSAGES },
	{ "limit of recipients", "*3\r\n$5\r\nlimit\r\n:15\r\n$10\r\nrecipients\r\n",
	  SEND_COUNT_RECIPIENTS },
	{ "limit of nothing known", "*3\r\n$5\r\nlimit\r\n:15\r\n$3\r\n\r\nx\r\n",
	  SEND_COUNT_MESSAGES },
	{ "limit of a number", "*3\r\n$5\r\nlimit\r\n:15\r\n:1\r\n", SEND_COUNT_MESSAGES },
	{ "limit of nothing", "*2\r\n$5\r\nlimit\r\n:15\r\n", SEND_COUNT_MESSAGES },
};

static void reads_what_is_counted(void **state)
{
	const struct counted_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct send_answer answer;

	send_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.count, row->count);
}

struct count_row {
	const char *name;
	const char *resp;
	int ret;
	unsigned int minute, hour;
};

static const struct count_row count_rows[] = {
	{ "counts", "*3\r\n$5\r\ncount\r\n:2\r\n:14\r\n", 0, 2, 14 },
	{ "counts unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", -1, 0, 0 },
	{ "counts of another word", "*2\r\n$5\r\nallow\r\n:2\r\n", -1, 0, 0 },
	{ "counts nil", "$-1\r\n", -1, 0, 0 },
	{ "no counts", NULL, -1, 0, 0 },
};

static void reads_count(void **state)
{
	const struct count_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	unsigned int minute = 0, hour = 0;

	assert_int_equal(send_count_read(reply, &minute, &hour), row->ret);
	freeReplyObject(reply);
	assert_int_equal(minute, row->minute);
	assert_int_equal(hour, row->hour);
}

struct sentence_row {
	const char *name;
	struct send_answer answer;
	const char *sentence;
};

static const struct sentence_row sentence_rows[] = {
	{ "allowed: nothing", { .verdict = SEND_ALLOW }, "" },
	{ "tells to wait",
	  { .verdict = SEND_DEFER, .wait = 42, .limit = 5 },
	  "At most 5 messages a minute may be sent: try again in 42 seconds, "
	  "see https://example.org/help" },
	{ "tells to wait for the hour",
	  { .verdict = SEND_DEFER, .wait = 1234, .limit = 15, .hourly = true },
	  "At most 15 messages an hour may be sent: try again in 1234 seconds, "
	  "see https://example.org/help" },
	{ "tells of a receipt",
	  { .verdict = SEND_RECEIPT, .limit = 15 },
	  "At most 15 messages an hour may be sent: this automatic message was refused, "
	  "and external access stays on, see https://example.org/help" },
	{ "tells the limit",
	  { .verdict = SEND_LIMIT, .limit = 15 },
	  "At most 15 messages an hour may be sent: external access is now off, "
	  "switch it on again at https://example.org/help" },
	{ "tells to wait, counting recipients",
	  { .verdict = SEND_DEFER, .wait = 42, .limit = 5, .count = SEND_COUNT_RECIPIENTS },
	  "At most 5 recipients a minute may be written to: try again in 42 seconds, "
	  "see https://example.org/help" },
	{ "tells the limit, counting recipients",
	  { .verdict = SEND_LIMIT, .limit = 15, .count = SEND_COUNT_RECIPIENTS },
	  "At most 15 recipients an hour may be written to: external access is now off, "
	  "switch it on again at https://example.org/help" },
	{ "tells the reason",
	  { .verdict = SEND_OFF, .reason = REASON_OWNER },
	  "External access is off: it was switched off in webmail. "
	  "Switch it on at https://example.org/help" },
	{ "tells to log in again",
	  { .verdict = SEND_LOG_IN_AGAIN },
	  "Log in again: the app password of this connection may have ended, "
	  "see https://example.org/help" },
	{ "tells the tier",
	  { .verdict = SEND_PROTOCOL, .tier = "free" },
	  "SMTP is not available for this mailbox (free), see https://example.org/help" },
	{ "tells the block",
	  { .verdict = SEND_BLOCKED },
	  "Sending from this mailbox is blocked by your mail provider, "
	  "see https://example.org/help" },
	{ "tells the recipients",
	  { .verdict = SEND_TOO_MANY_RECIPIENTS, .recipients_allowed = 50 },
	  "A message may have at most 50 recipients, see https://example.org/help" },
	{ "tells to come back",
	  { .verdict = SEND_UNAVAILABLE },
	  "Sending is not possible at the moment: try again in a few minutes" },
};

static void tells(void **state)
{
	const struct sentence_row *row = *state;
	char sentence[SEND_SENTENCE_SIZE];

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	send_sentence(&row->answer, &settings, sentence);
	assert_string_equal(sentence, row->sentence);
}

/* Every answer there is, with the longest of everything: one line of ASCII, whole, that fits into
   the 512 bytes of an SMTP reply (RFC 5321 section 4.5.3.1.5) with its codes. */
static void sentences_are_bounded(void **state)
{
	char url[201] = "https://", smtp[1024], sentence[SEND_SENTENCE_SIZE];
	struct send_answer answer = { .wait = UINT32_MAX,
				      .limit = UINT32_MAX,
				      .count = SEND_COUNT_RECIPIENTS,
				      .recipients_allowed = UINT32_MAX };

	(void)state;
	memset(url + 8, 'u', 192);
	url[200] = '\0';
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	settings.help_url = url;
	for (int verdict = 0; verdict <= SEND_UNAVAILABLE; verdict++) {
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			answer.verdict = (enum send_verdict)verdict;
			answer.reason = (enum disable_reason)reason;
			send_sentence(&answer, &settings, sentence);
			assert_sentence(sentence, SEND_SENTENCE_SIZE - 1);
			assert_true(snprintf(smtp, sizeof(smtp), "550 5.7.28 %s\r\n", sentence) <=
				    512);
			if (verdict != SEND_ALLOW && verdict != SEND_UNAVAILABLE)
				assert_non_null(strstr(sentence, url));
		}
	}
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(send_verdict_word(SEND_ALLOW), "allow");
	assert_string_equal(send_verdict_word(SEND_TOO_MANY_RECIPIENTS), "too-many-recipients");
	assert_string_equal(send_verdict_word(SEND_UNAVAILABLE), "unavailable");
}

int main(void)
{
	ADD_ROWS(asks, ask_rows);
	ADD_TEST(names_the_message);
	ADD_TEST(long_names_have_a_reference);
	ADD_ROWS(reads, read_rows);
	ADD_ROWS(reads_what_is_counted, counted_rows);
	ADD_ROWS(reads_count, count_rows);
	ADD_ROWS(tells, sentence_rows);
	ADD_TEST(sentences_are_bounded);
	ADD_TEST(words);
	return RUN_TESTS();
}
