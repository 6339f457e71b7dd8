/* Counting failures: what is asked, whatever a report holds, and how the answers are read. */

#include "decisions/failure.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

static struct secrets secrets;
static struct settings settings;

#define ID "0123456789ab"

static void ask(enum failure_source source, const char *client,
		const struct failed_recipient *failed, unsigned int count,
		struct command *command_r)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct trace trace = { .id = ID, .sent = 1760000000, .recipients = 3 };
	struct failure_report report = {
		.account = &account,
		.trace = &trace,
		.source = source,
		.client = client,
		.failed = failed,
		.failed_count = count,
	};

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	assert_int_equal(failure_ask(&report, &settings, command_r), 0);
}

struct site_row {
	const char *name;
	enum failure_source source;
	const char *client, *site;
};

static const struct site_row site_rows[] = {
	{ "our own queue", FAILURE_OWN_QUEUE, NULL, "-" },
	{ "one of our own hosts", FAILURE_OWN_HOST, "192.0.2.1", "@" },
	{ "somebody else", FAILURE_REMOTE, "192.0.2.1", "d364ed51" },
	{ "somebody else in the same network", FAILURE_REMOTE, "192.0.2.99", "d364ed51" },
	{ "somebody else of no address", FAILURE_REMOTE, "unknown", "00000000" },
	{ "nobody at all", FAILURE_REMOTE, NULL, "00000000" },
};

static void asks(void **state)
{
	const struct site_row *row = *state;
	const struct failed_recipient failed = { .address = "b@example.net", .status = "5.1.1" };
	struct command command;

	ask(row->source, row->client, &failed, 1, &command);
	assert_int_equal(command.script, SCRIPT_FAILURE);
	assert_string_equal(sample_arg(&command, 5), "postern:{14}:history:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:failures:andrejs@example.org");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	assert_string_equal(sample_argv(&command, 2), settings.tier_rows.failure);
	assert_string_equal(sample_argv(&command, 3), ID);
	assert_string_equal(sample_argv(&command, 4), "1760000000");
	assert_string_equal(sample_argv(&command, 5), "3");
	assert_string_equal(sample_argv(&command, 6), row->site);
	assert_string_equal(sample_argv(&command, 7), "65f46064650b 1 5.1.1 example.net\n");
	assert_int_equal(command.args_count, 3 + command.keys_count + 7);
}

#define X40 "0123456789012345678901234567890123456789"

struct recipient_row {
	const char *name;
	struct failed_recipient failed;
	const char *rest; /* behind the recipient's digits */
};

static const struct recipient_row recipient_rows[] = {
	{ "spam", { "b@example.net", "5.7.1", true }, "2 5.7.1 example.net" },
	{ "upper case", { "B@Example.NET", "5.1.1", false }, "1 5.1.1 example.net" },
	{ "nothing known", { "", "", false }, "1 - -" },
	{ "nothing but spam", { "", "", true }, "2 - -" },
	{ "no domain", { "b", "5.1.1", false }, "1 5.1.1 -" },
	{ "empty domain", { "b@", "5.1.1", false }, "1 5.1.1 -" },
	{ "two at", { "b@c@d.example", "5.1.1", false }, "1 5.1.1 d.example" },
	{ "address in brackets", { "b@[192.0.2.1]", "5.1.1", false }, "1 5.1.1 -192.0.2.1-" },
	{ "below a registered domain",
	  { "b@a.b.reject.test", "5.1.1", false },
	  "1 5.1.1 reject.test" },
	{ "below one of a country",
	  { "b@a.Example.CO.uk", "5.1.1", false },
	  "1 5.1.1 example.co.uk" },
	{ "below nothing", { "b@co.uk", "5.1.1", false }, "1 5.1.1 co.uk" },
	{ "bytes", { "b@\xff\xfe.\n", "5.1.1", false }, "1 5.1.1 -" },
	{ "line ends", { "b@a\nc 2\r5\tx", "5.1.1", false }, "1 5.1.1 a-c-2-5-x" },
	{ "line ends before the at", { "b\nx 2 5.1.1 y@z", "5.1.1", false }, "1 5.1.1 z" },
	{ "dots", { "b@...", "5.1.1", false }, "1 5.1.1 -" },
	{ "domain that just fits", { "b@" X40, "5.1.1", false }, "1 5.1.1 " X40 },
	{ "long domain", { "b@cut." X40, "5.1.1", false }, "1 5.1.1 " X40 },
	{ "status of words", { "b@z", "5.1.1 x", false }, "1 - z" },
	{ "status of lines", { "b@z", "5.1\n.1", false }, "1 - z" },
	{ "longest status", { "b@z", "5.123.45678", false }, "1 5.123.45678 z" },
};

static void writes_a_recipient(void **state)
{
	const struct recipient_row *row = *state;
	struct command command;
	const char *text;

	ask(FAILURE_OWN_QUEUE, NULL, &row->failed, 1, &command);
	text = sample_argv(&command, 7);
	assert_int_equal(strspn(text, "0123456789abcdef"), 12);
	assert_int_equal(text[12], ' ');
	assert_int_equal(strlen(text + 13), strlen(row->rest) + 1);
	assert_memory_equal(text + 13, row->rest, strlen(row->rest));
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* One address, one name, whatever its case; others have others. */
static void names_the_recipient(void **state)
{
	static const struct failed_recipient failed[] = {
		{ .address = "B@Example.NET" }, { .address = "b@example.net" },
		{ .address = "c@example.net" }, { .address = "" },
		{ .address = "\xff" },
	};
	struct command command;
	const char *at;
	char names[5][13];

	(void)state;
	ask(FAILURE_OWN_QUEUE, NULL, failed, 5, &command);
	at = sample_argv(&command, 7);
	for (size_t i = 0; i < 5; i++) {
		assert_non_null(at);
		memcpy(names[i], at, 12);
		names[i][12] = '\0';
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_equal(strcmp(names[i], names[j]) == 0, i == 1 && j == 0);
	}
}

/* test-keys has the largest call that there is. */
static void counts_no_more_than_the_most(void **state)
{
	static const struct failed_recipient failed[FAILURES_MAX + 1];
	struct command command;
	unsigned int lines = 0;

	(void)state;
	ask(FAILURE_OWN_QUEUE, NULL, failed, FAILURES_MAX + 1, &command);
	for (const char *at = sample_argv(&command, 7); *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, FAILURES_MAX);
}

struct read_row {
	const char *name;
	const char *resp;
	enum failure_verdict verdict;
	unsigned int counted, score, threshold;
	enum disable_reason reason;
};

static const struct read_row read_rows[] = {
	{ "counted", "*4\r\n$7\r\ncounted\r\n:2\r\n:3\r\n:10\r\n", FAILURE_COUNTED, 2, 3, 10, 0 },
	{ "compromised", "*4\r\n$11\r\ncompromised\r\n:1\r\n:11\r\n:10\r\n", FAILURE_COMPROMISED, 1,
	  11, 10, 0 },
	{ "known", "*4\r\n$5\r\nknown\r\n:0\r\n:3\r\n:10\r\n", FAILURE_KNOWN, 0, 3, 10, 0 },
	{ "old", "*1\r\n$3\r\nold\r\n", FAILURE_OLD, 0, 0, 0, 0 },
	{ "off", "*2\r\n$3\r\noff\r\n$5\r\nowner\r\n", FAILURE_OFF, 0, 0, 0, REASON_OWNER },
	{ "off, never on", "*2\r\n$3\r\noff\r\n$13\r\nnever-enabled\r\n", FAILURE_OFF, 0, 0, 0,
	  REASON_NEVER_ENABLED },
	{ "unlimited", "*1\r\n$9\r\nunlimited\r\n", FAILURE_UNLIMITED, 0, 0, 0, 0 },
	{ "unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", FAILURE_UNAVAILABLE, 0, 0,
	  0, 0 },
	{ "no reply", NULL, FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "nil", "$-1\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "empty array", "*0\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "nested", "*1\r\n*1\r\n$7\r\ncounted\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "error", "-counted\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "string", "$7\r\ncounted\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "word of another decision", "*1\r\n$5\r\nallow\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "list", "*3\r\n$4\r\nlist\r\n:0\r\n*0\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "off without a reason", "*1\r\n$3\r\noff\r\n", FAILURE_UNAVAILABLE, 0, 0, 0, 0 },
	{ "off, unknown reason", "*2\r\n$3\r\noff\r\n$4\r\nrain\r\n", FAILURE_UNAVAILABLE, 0, 0, 0,
	  0 },
	{ "counted, nil and negative", "*4\r\n$7\r\ncounted\r\n$-1\r\n:-3\r\n$1\r\nx\r\n",
	  FAILURE_COUNTED, 0, 0, 0, 0 },
};

static void reads(void **state)
{
	const struct read_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct failure_answer answer;

	memset(&answer, 0xff, sizeof(answer));
	failure_read(reply, &answer);
	freeReplyObject(reply);
	assert_int_equal(answer.verdict, row->verdict);
	assert_int_equal(answer.counted, row->counted);
	assert_int_equal(answer.score, row->score);
	assert_int_equal(answer.threshold, row->threshold);
	assert_int_equal(answer.reason, row->reason);
}

static void asks_for_the_list(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct command command;

	(void)state;
	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	failure_list_ask(&account, &settings, &command);
	assert_int_equal(command.script, SCRIPT_FAILURE);
	assert_string_equal(sample_arg(&command, 8), "postern:{14}:failures:andrejs@example.org");
	assert_string_equal(sample_argv(&command, 2), settings.tier_rows.failure);
	assert_int_equal(command.args_count, 3 + command.keys_count + 2);
}

#define LIST(rows) "*3\r\n$4\r\nlist\r\n:3\r\n" rows
#define ENTRY(site, status, domain)                                                                \
	"*5\r\n$13\r\n1760000000000\r\n" site ":2\r\n" status "\r\n" domain "\r\n"

struct list_row {
	const char *name;
	const char *resp;
	int ret;
	const char *expected; /* score, and each entry */
};

static const struct list_row list_rows[] = {
	{ "empty list", LIST("*0\r\n"), 0, "3" },
	{ "list of all sources",
	  LIST("*3\r\n" ENTRY("$1\r\n-\r\n", "$5\r\n5.1.1", "$1\r\nz")
		       ENTRY("$2\r\n@z\r\n", "$1\r\n-", "$1\r\nz")
			       ENTRY("$8\r\nd364ed51\r\n", "$5\r\n5.1.1", "$1\r\n-")),
	  0,
	  "3, 1760000000000 0  2 5.1.1 z, 1760000000000 1  2  z, 1760000000000 2 d364ed51 2 "
	  "5.1.1 " },
	{ "list of nonsense", LIST("*2\r\n$1\r\nx\r\n*1\r\n$-1\r\n"), 0, "3, 0 2  0  , 0 2  0  " },
	{ "no list", LIST("$1\r\nx\r\n"), 0, "3" },
	{ "list unavailable", "*2\r\n$11\r\nunavailable\r\n$7\r\nno mark\r\n", -1, "0" },
	{ "list of another word", "*4\r\n$5\r\nknown\r\n:0\r\n:3\r\n:10\r\n", -1, "0" },
	{ "list without a reply", NULL, -1, "0" },
};

static void reads_the_list(void **state)
{
	const struct list_row *row = *state;
	redisReply *reply = sample_reply(row->resp);
	struct failure_list list;
	char text[512];
	int size;

	assert_int_equal(failure_list_read(reply, &list), row->ret);
	size = snprintf(text, sizeof(text), "%u", list.score);
	for (unsigned int i = 0; i < list.count; i++) {
		const struct failure_entry *entry = &list.entries[i];

		size += snprintf(text + size, sizeof(text) - (size_t)size, ", %lld %d %s %u %s %s",
				 (long long)entry->time, entry->source, entry->network,
				 entry->weight, entry->status, entry->domain);
	}
	freeReplyObject(reply);
	assert_string_equal(text, row->expected);
}

static void reads_no_more_than_the_most(void **state)
{
	static char resp[16 * 300];
	struct failure_list list;
	redisReply *reply;
	int size = snprintf(resp, sizeof(resp), "*3\r\n$4\r\nlist\r\n:3\r\n*200\r\n");

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		size += snprintf(resp + size, sizeof(resp) - (size_t)size, "*0\r\n");
	reply = sample_reply(resp);
	assert_int_equal(failure_list_read(reply, &list), 0);
	freeReplyObject(reply);
	assert_int_equal(list.count, FAILURE_LIST_MAX);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(failure_verdict_word(FAILURE_COUNTED), "counted");
	assert_string_equal(failure_verdict_word(FAILURE_COMPROMISED), "compromised");
	assert_string_equal(failure_verdict_word(FAILURE_UNAVAILABLE), "unavailable");
}

int main(void)
{
	ADD_ROWS(asks, site_rows);
	ADD_ROWS(writes_a_recipient, recipient_rows);
	ADD_TEST(names_the_recipient);
	ADD_TEST(counts_no_more_than_the_most);
	ADD_ROWS(reads, read_rows);
	ADD_TEST(asks_for_the_list);
	ADD_ROWS(reads_the_list, list_rows);
	ADD_TEST(reads_no_more_than_the_most);
	ADD_TEST(words);
	return RUN_TESTS();
}
