/* Many accounts: cursors, pages of SCAN, and the largest questions about them. */

#include "decisions/accounts.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

struct cursor_row {
	const char *name;
	const char *text;
	bool valid;
};

static const struct cursor_row cursor_rows[] = {
	{ "the beginning", "0", true },
	{ "the largest", "18446744073709551615", true },
	{ "one more", "18446744073709551616", false },
	{ "21 digits", "000000000000000000001", false },
	{ "empty", "", false },
	{ "negative", "-1", false },
	{ "a word", "next", false },
	{ "a space in front", " 1", false },
	{ "something behind", "1 MATCH", false },
	{ "a line break", "1\n", false },
};

static void cursors(void **state)
{
	const struct cursor_row *row = *state;

	assert_int_equal(accounts_is_cursor(row->text), row->valid);
}

struct key_row {
	const char *name;
	const char *key;
	bool account;
};

/* andrejs@example.org is in partition 14. */
static const struct key_row key_rows[] = {
	{ "an account", "postern:{14}:account:andrejs@example.org", true },
	{ "of another partition", "postern:{15}:account:andrejs@example.org", false },
	{ "of no partition", "postern:{x}:account:andrejs@example.org", false },
	{ "no tag", "postern:14:account:andrejs@example.org", false },
	{ "a partition beyond all", "postern:{99999999999999999999}:account:andrejs@example.org",
	  false },
	{ "a history", "postern:{14}:history:andrejs@example.org", false },
	{ "a history of a clever name", "postern:{14}:history:x:account:andrejs@example.org",
	  false },
	{ "upper case", "postern:{14}:account:Andrejs@example.org", false },
	{ "a space", "postern:{14}:account:andrejs@example.org ", false },
	{ "a bare name", "postern:{14}:account:andrejs", false },
	{ "no name", "postern:{14}:account:", false },
	{ "somebody else's", "other:{14}:account:andrejs@example.org", false },
};

static void keys(void **state)
{
	const struct key_row *row = *state;
	struct accounts_page page;
	redisReply *reply;
	char resp[200];

	snprintf(resp, sizeof(resp), "*2\r\n$2\r\n17\r\n*1\r\n$%zu\r\n%s\r\n", strlen(row->key),
		 row->key);
	reply = sample_reply(resp);
	assert_int_equal(accounts_scan_read(reply, &page), 0);
	assert_string_equal(page.next, "17");
	assert_int_equal(page.count, row->account ? 1 : 0);
	freeReplyObject(reply);
	accounts_page_clear(&page);
	assert_null(page.names);
}

struct no_page_row {
	const char *name;
	const char *resp;
};

static const struct no_page_row no_page_rows[] = {
	{ "a status", "+OK\r\n" },
	{ "an empty array", "*0\r\n" },
	{ "no keys", "*1\r\n$1\r\n0\r\n" },
	{ "a string for keys", "*2\r\n$1\r\n0\r\n$1\r\nx\r\n" },
	{ "a cursor that is none", "*2\r\n$2\r\n-1\r\n*0\r\n" },
	{ "a long cursor", "*2\r\n$30\r\n123456789012345678901234567890\r\n*0\r\n" },
	{ "nil", "$-1\r\n" },
};

static void no_pages(void **state)
{
	const struct no_page_row *row = *state;
	struct accounts_page page;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(accounts_scan_read(reply, &page), -1);
	freeReplyObject(reply);
}

static void together(void **state)
{
	struct account_name names[5] = {
		{ "a", 3 }, { "b", 3 }, { "c", 3 }, { "d", 4 }, { "e", 5 },
	};

	(void)state;
	assert_int_equal(accounts_together(names, 5, 24), 3);
	assert_int_equal(accounts_together(names, 2, 24), 2);
	assert_int_equal(accounts_together(names, 5, 2), 2);
	assert_int_equal(accounts_together(names + 3, 2, 24), 1);
}

/* The longest names there can be, all of one partition. */
static void largest_questions(void **state)
{
	struct account_name names[ACCOUNTS_LIST_MAX];
	struct command command;

	(void)state;
	for (unsigned int i = 0; i < ACCOUNTS_LIST_MAX; i++)
		names[i] = sample_account_of(ACCOUNT_NAME_MAX);
	accounts_list_ask(names, ACCOUNTS_LIST_MAX, &command);
	assert_false(command.overflow);
	assert_int_equal(command.keys_count, 1 + ACCOUNTS_LIST_MAX);
	assert_string_equal(sample_arg(&command, 2), "25");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	accounts_export_ask(names, ACCOUNTS_EXPORT_MAX, &command);
	assert_false(command.overflow);
	assert_int_equal(command.keys_count, 1 + 2 * ACCOUNTS_EXPORT_MAX);
}

static void largest_import(void **state)
{
	static char history[ACCOUNT_RECORD_HISTORY_MAX], value[200];
	static struct account_record record;
	struct command command;
	char *resp;

	(void)state;
	memset(history, 'h', sizeof(history) - 1);
	memset(value, 'v', sizeof(value) - 1);
	record.account = sample_account_of(ACCOUNT_NAME_MAX);
	record.history = history;
	record.fields_count = ACCOUNT_RECORD_FIELDS_MAX;
	for (unsigned int i = 0; i < record.fields_count; i++)
		record.fields[i] = (struct account_record_field){ "seen:pop3", value, 199 };
	accounts_import_ask(&record, &command);
	assert_int_equal(command.keys_count, 8);
	assert_true(command_format(&command, &resp) > 69 * 199);
	free(resp);
}

struct list_row {
	const char *name;
	const char *resp; /* of the account */
	enum accounts_found found;
	bool enabled;
	const char *tier;
	int64_t pop3;
};

static const struct list_row list_rows[] = {
	{ "a tier alone",
	  "*11\r\n$5\r\nfound\r\n$-1\r\n$-1\r\n$-1\r\n$4\r\ngold\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
	  "$-1\r\n$-1\r\n",
	  ACCOUNTS_FOUND, false, "gold", 0 },
	{ "access on, and a last use",
	  "*11\r\n$5\r\nfound\r\n$7\r\nenabled\r\n$-1\r\n$1\r\n5\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
	  "$15\r\n1760000000123 x\r\n$-1\r\n$-1\r\n",
	  ACCOUNTS_FOUND, true, "free", INT64_C(1760000000123) },
	{ "values of other types",
	  "*11\r\n$5\r\nfound\r\n:1\r\n*0\r\n$2\r\n-5\r\n:7\r\n$-1\r\n$-1\r\n$-1\r\n$2\r\n-9\r\n"
	  "$3\r\nabc\r\n$-1\r\n",
	  ACCOUNTS_FOUND, false, "free", 0 },
	{ "too few values", "*1\r\n$5\r\nfound\r\n", ACCOUNTS_FOUND, false, "free", 0 },
	{ "gone", "*1\r\n$4\r\ngone\r\n", ACCOUNTS_GONE, false, "free", 0 },
	{ "broken", "*1\r\n$6\r\nbroken\r\n", ACCOUNTS_BROKEN, false, "free", 0 },
	{ "a word that nobody knows", "*1\r\n$2\r\nok\r\n", ACCOUNTS_BROKEN, false, "free", 0 },
	{ "no array", "$5\r\nfound\r\n", ACCOUNTS_BROKEN, false, "free", 0 },
};

static void reads_list(void **state)
{
	const struct list_row *row = *state;
	struct accounts_row account;
	redisReply *reply;
	const char *error;
	char resp[400];

	snprintf(resp, sizeof(resp), "*2\r\n$4\r\ndone\r\n*1\r\n%s", row->resp);
	reply = sample_reply(resp);
	assert_int_equal(accounts_read(reply, &error), 0);
	assert_int_equal(accounts_list_read(reply, 0, &account), row->found);
	assert_int_equal(account.enabled, row->enabled);
	assert_string_equal(account.tier, row->tier);
	assert_int_equal(account.pop3, row->pop3);
	/* There is no second one. */
	assert_int_equal(accounts_list_read(reply, 1, &account), ACCOUNTS_BROKEN);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_ROWS(cursors, cursor_rows);
	ADD_ROWS(keys, key_rows);
	ADD_ROWS(no_pages, no_page_rows);
	ADD_TEST(together);
	ADD_TEST(largest_questions);
	ADD_TEST(largest_import);
	ADD_ROWS(reads_list, list_rows);
	return RUN_TESTS();
}
