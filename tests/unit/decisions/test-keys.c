/* Redis Cluster: all keys of a call lie in one slot, whatever the account is called. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decisions/access.h"
#include "decisions/accounts.h"
#include "decisions/due.h"
#include "decisions/expiry.h"
#include "decisions/failure.h"
#include "decisions/login.h"
#include "decisions/outbox.h"
#include "decisions/refusal.h"
#include "tests/unit/samples.h"
#include "decisions/send.h"
#include "decisions/session.h"
#include "decisions/workers.h"
#include "decisions/unused.h"

#define NAMES 1000

static struct settings settings;
static struct secrets secrets;
static const struct app_password_terms terms = {
	.digest = "7:abcdefghijklmnopqrstuv",
	.protocols = PROTOCOL_ALL,
	.lasts = UINT64_MAX,
	.label = "{4} telefon",
};
static const struct actor actor = { .by = "doveadm", .from = "192.0.2.1" };

static void ask_init(const struct account_name *account, struct command *command_r)
{
	access_init_ask(account->partition, command_r);
}

static void ask_login(const struct account_name *account, struct command *command_r)
{
	struct login_request request = {
		.account = account,
		.password = "{1}",
		.protocol = PROTOCOL_POP3,
		.address = "2001:db8::{2}",
		.attempt = "{3}",
	};

	assert_int_equal(login_ask(&request, &settings, command_r), 0);
}

static void ask_send(const struct account_name *account, struct command *command_r)
{
	struct send_request request = {
		.account = account,
		.stage = SEND_MESSAGE,
		.message = "mx.example.org/{1}",
		.recipients = 1,
	};

	assert_int_equal(send_ask(&request, &settings, command_r), 0);
}

/* As many as may be, each as long as it may be. */
static void ask_failure(const struct account_name *account, struct command *command_r)
{
	static struct failed_recipient failed[FAILURES_MAX];
	struct trace trace = { .id = "0123456789ab", .sent = UINT32_MAX, .recipients = 255 };
	struct failure_report report = {
		.account = account,
		.trace = &trace,
		.source = FAILURE_REMOTE,
		.client = "2001:db8::1",
		.failed = failed,
		.failed_count = FAILURES_MAX,
	};

	for (unsigned int i = 0; i < FAILURES_MAX; i++) {
		memset(failed[i].address, 'x', FAILURE_ADDRESS_SIZE - 1);
		failed[i].address[i] = '@';
		memset(failed[i].status, '5', FAILURE_STATUS_SIZE - 1);
	}
	assert_int_equal(failure_ask(&report, &settings, command_r), 0);
}

static void ask_on(const struct account_name *account, struct command *command_r)
{
	access_on_ask(account, &terms, false, &actor, command_r);
}

static void ask_password_add(const struct account_name *account, struct command *command_r)
{
	app_password_add_ask(account, &terms, &actor, command_r);
}

static void ask_password_revoke(const struct account_name *account, struct command *command_r)
{
	app_password_revoke_ask(account, UINT32_MAX, &actor, command_r);
}

static void ask_password_changed(const struct account_name *account, struct command *command_r)
{
	access_password_changed_ask(account, &actor, command_r);
}

static void ask_erase(const struct account_name *account, struct command *command_r)
{
	assert_int_equal(access_erase_ask(account, &settings, command_r), 0);
}

static void ask_due(const struct account_name *account, struct command *command_r)
{
	due_ask(DUE_UNUSED, account->partition, INT64_MAX, UINT32_MAX, 100, command_r);
}

static void ask_unused(const struct account_name *account, struct command *command_r)
{
	const struct unused_request request = { .account = account, .time = INT64_MAX };

	unused_ask(&request, &settings, command_r);
}

static void ask_claim(const struct account_name *account, struct command *command_r)
{
	outbox_claim_ask(account->partition, "{1}", 30000, 1, "{2} 0 0\n", command_r);
}

static void ask_done(const struct account_name *account, struct command *command_r)
{
	const struct outbox_event event = { .id = "1764028800000-0",
					    .account = *account,
					    .unseen = "{1} {2}" };

	outbox_done_ask(&event, command_r);
}

static void ask_renew(const struct account_name *account, struct command *command_r)
{
	outbox_renew_ask(account->partition, "host:1:2", "5-0", command_r);
}

static void ask_ended(const struct account_name *account, struct command *command_r)
{
	outbox_ended_ask(account->partition, "host:1:2", "5-0", command_r);
}

static void ask_refused(const struct account_name *account, struct command *command_r)
{
	const struct notice_number number = { .partition = account->partition, .id = "5-0" };

	refusal_ask(account, &number, "5.2.2", command_r);
}

static void ask_backlog(const struct account_name *account, struct command *command_r)
{
	workers_backlog_ask(account->partition, UINT64_MAX, command_r);
}

static void ask_list(const struct account_name *account, struct command *command_r)
{
	accounts_list_ask(account, 1, command_r);
}

static void ask_export(const struct account_name *account, struct command *command_r)
{
	accounts_export_ask(account, 1, command_r);
}

static void ask_import(const struct account_name *account, struct command *command_r)
{
	struct account_record record = { .account = *account, .history = "" };

	accounts_import_ask(&record, command_r);
}

static void ask_off(const struct account_name *account, struct command *command_r)
{
	access_off_ask(account, REASON_OWNER, &actor, command_r);
}

static void ask_set(const struct account_name *account, struct command *command_r)
{
	struct access_changes changes = { .tier = "paid", .language = "et" };

	access_set_ask(account, &changes, &actor, &settings, command_r);
}

static void ask_session(const struct account_name *account, struct command *command_r)
{
	const struct session session = { .account = *account, .protocol = PROTOCOL_IMAP };

	session_ask(&session, 1, &settings, command_r);
}

struct row {
	const char *name;
	enum script script;
	void (*ask)(const struct account_name *account, struct command *command_r);
};

static const struct row rows[] = {
	{ "init", SCRIPT_INIT, ask_init },
	{ "login", SCRIPT_LOGIN, ask_login },
	{ "send", SCRIPT_SEND, ask_send },
	{ "failure", SCRIPT_FAILURE, ask_failure },
	{ "on", SCRIPT_ON, ask_on },
	{ "off", SCRIPT_OFF, ask_off },
	{ "set", SCRIPT_SET, ask_set },
	{ "status", SCRIPT_STATUS, access_status_ask },
	{ "password_add", SCRIPT_PASSWORD_ADD, ask_password_add },
	{ "password_revoke", SCRIPT_PASSWORD_REVOKE, ask_password_revoke },
	{ "password_changed", SCRIPT_PASSWORD_CHANGED, ask_password_changed },
	{ "erase", SCRIPT_ERASE, ask_erase },
	{ "due", SCRIPT_DUE, ask_due },
	{ "unused", SCRIPT_UNUSED, ask_unused },
	{ "expire", SCRIPT_EXPIRE, expiry_ask },
	{ "claim", SCRIPT_CLAIM, ask_claim },
	{ "done", SCRIPT_DONE, ask_done },
	{ "renew", SCRIPT_RENEW, ask_renew },
	{ "ended", SCRIPT_ENDED, ask_ended },
	{ "refused", SCRIPT_REFUSED, ask_refused },
	{ "again", SCRIPT_AGAIN, again_ask },
	{ "backlog", SCRIPT_BACKLOG, ask_backlog },
	{ "list", SCRIPT_LIST, ask_list },
	{ "export", SCRIPT_EXPORT, ask_export },
	{ "import", SCRIPT_IMPORT, ask_import },
	{ "session", SCRIPT_SESSION, ask_session },
};

/* What is about workers and hosts has one partition for all. */
_Static_assert(sizeof(rows) / sizeof(rows[0]) == SCRIPT_COUNT - 2, "a row for each other script");

/* What Redis Cluster hashes: what stands between the first { and the next }, unless it is empty. */
static void hash_tag(const char *key, char *tag_r, size_t size)
{
	const char *open = strchr(key, '{'), *close = open != NULL ? strchr(open, '}') : NULL;

	assert_non_null(close);
	assert_true(close > open + 1 && (size_t)(close - open) <= size);
	memcpy(tag_r, open + 1, (size_t)(close - open) - 1);
	tag_r[close - open - 1] = '\0';
}

static void check_keys(const struct command *command, const struct account_name *account)
{
	char expected[8], tag[8];

	snprintf(expected, sizeof(expected), "%u", account->partition);
	assert_false(command->overflow);
	assert_true(command->keys_count >= 1);
	assert_int_equal(atoi(sample_arg(command, 2)), command->keys_count);
	for (unsigned int i = 0; i < command->keys_count; i++) {
		const char *key = sample_arg(command, 3 + i);

		assert_memory_equal(key, "postern:{", 9);
		hash_tag(key, tag, sizeof(tag));
		assert_string_equal(tag, expected);
	}
}

static struct account_name random_account(void)
{
	static const char signs[] = "abcdefghijklmnopqrstuvwxyzABC0123456789_-+=&'~";
	struct account_name account;
	const char *error = NULL;
	char text[64 + 16];
	size_t size = 1 + (size_t)random() % 64;

	for (size_t i = 0; i < size; i++)
		text[i] = signs[(size_t)random() % (sizeof(signs) - 1)];
	size += (size_t)snprintf(text + size, 16, "@d%ld.example", random() % 1000);
	assert_int_equal(account_name_parse(text, size, NULL, &account, &error), 0);
	return account;
}

static void keys_share_a_slot(void **state)
{
	const struct row *row = *state;
	bool seen[ACCOUNT_PARTITIONS] = { false };

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	srandom(2);
	for (int i = 0; i < NAMES; i++) {
		struct account_name account = random_account();
		struct command command;

		row->ask(&account, &command);
		assert_int_equal(command.script, row->script);
		check_keys(&command, &account);
		seen[account.partition] = true;
	}
	for (int i = 0; i < ACCOUNT_PARTITIONS; i++)
		assert_true(seen[i]);
}

/* A site with all the tiers and keys that it may have, and the longest names: it all fits. */
static void largest_calls_fit(void **state)
{
	const struct row *row = *state;
	struct account_name account = sample_account_of(ACCOUNT_NAME_MAX);
	struct command command;
	char *resp;

	secrets = sample_secrets();
	settings = sample_settings(&secrets);
	for (; secrets.keys_count < SECRETS_KEYS_MAX; secrets.keys_count++)
		secrets.keys[secrets.keys_count] = secrets.keys[0];
	for (; settings.tiers_count < SETTINGS_TIERS_MAX; settings.tiers_count++) {
		struct tier *tier = &settings.tiers[settings.tiers_count];

		*tier = settings.tiers[1];
		tier->pop3_interval = UINT32_MAX;
		tier->count = SEND_COUNT_RECIPIENTS;
		tier->logins_per_hour = SETTINGS_LOGINS_MAX;
		tier->logins_per_day = SETTINGS_LOGINS_MAX;
		tier->wrong_passwords = SETTINGS_WRONG_MAX;
		tier->wrong_password_networks = 20;
		tier->shut_out = 30 * 86400;
		tier->failed_recipients = SETTINGS_FAILED_MAX;
		tier->failed_recipients_window = 7 * 86400;
		tier->unused_after = UINT32_MAX;
		tier->messages_per_minute = SETTINGS_LIMIT_MAX;
		tier->messages_per_hour = SETTINGS_LIMIT_MAX;
		tier->recipients_per_message = SETTINGS_LIMIT_MAX;
		memset(tier->name, 'x', SETTINGS_TIER_MAX);
	}
	tier_rows_write(settings.tiers, settings.tiers_count, &settings.tier_rows);
	row->ask(&account, &command);
	assert_true(command_format(&command, &resp) > 0);
	tier_rows_clear(&settings.tier_rows);
	free(resp);
}

int main(void)
{
	ADD_ROWS(keys_share_a_slot, rows);
	ADD_ROWS(largest_calls_fit, rows);
	return RUN_TESTS();
}
