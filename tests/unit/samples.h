#ifndef POSTERN_TESTS_SAMPLES_H
#define POSTERN_TESTS_SAMPLES_H

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "account/account.h"
#include "store/command.h"
#include "account/protocol.h"
#include "rows.h"
#include "settings/settings.h"
#include "settings/tier-rows.h"

/* What more than one test asks with: a site with two keys and three tiers. */

static inline struct secrets sample_secrets(void)
{
	struct secrets secrets = { .keys_count = 2 };

	secrets.keys[0].id = 7;
	memset(secrets.keys[0].password, 0x71, SECRETS_KEY_SIZE);
	memset(secrets.keys[0].trace, 0x72, SECRETS_KEY_SIZE);
	memset(secrets.keys[0].notice, 0x73, SECRETS_KEY_SIZE);
	memset(secrets.keys[0].refusal, 0x74, SECRETS_KEY_SIZE);
	secrets.keys[1].id = 3;
	memset(secrets.keys[1].password, 0x31, SECRETS_KEY_SIZE);
	memset(secrets.keys[1].trace, 0x32, SECRETS_KEY_SIZE);
	memset(secrets.keys[1].notice, 0x33, SECRETS_KEY_SIZE);
	memset(secrets.keys[1].refusal, 0x34, SECRETS_KEY_SIZE);
	return secrets;
}

static inline struct settings sample_settings(struct secrets *secrets)
{
	static char domain[] = "example.org", url[] = "https://example.org/help";
	static struct tier_rows rows;
	struct settings settings = {
		.default_domain = domain,
		.help_url = url,
		.tiers = {
			{ .name = "free",
			  .protocols = PROTOCOL_POP3 | PROTOCOL_SMTP,
			  .pop3_interval = 300,
			  .pop3_grace = 15,
			  .messages_per_minute = 5,
			  .messages_per_hour = 15,
			  .logins_per_hour = 120,
			  .logins_per_day = 1000,
			  .wrong_passwords = 10,
			  .wrong_password_networks = 8,
			  .shut_out = 86400,
			  .on_break_in = ON_BREAK_IN_TELL,
			  .failed_recipients = 10,
			  .failed_recipients_window = 3600,
			  .unused_after = 5184000 },
			{ .name = "paid",
			  .protocols = PROTOCOL_POP3 | PROTOCOL_IMAP | PROTOCOL_SMTP,
			  .pop3_grace = 15,
			  .upgrade_hold = 172800 },
			{ .name = "list",
			  .protocols = PROTOCOL_SMTP,
			  .messages_per_hour = 10000,
			  .recipients_per_message = 50,
			  .count = SEND_COUNT_RECIPIENTS },
		},
		.tiers_count = 3,
		.secrets = secrets,
	};

	tier_rows_clear(&rows);
	tier_rows_write(settings.tiers, settings.tiers_count, &rows);
	settings.tier_rows = rows;
	return settings;
}

static inline struct account_name sample_account(const char *text)
{
	struct account_name name;
	const char *error = NULL;

	if (account_name_parse(text, strlen(text), NULL, &name, &error) < 0)
		fail_msg("%s: %s", text, error);
	return name;
}

/* A name of exactly size bytes, 3 to 254. */
static inline struct account_name sample_account_of(size_t size)
{
	char text[ACCOUNT_NAME_MAX + 1];
	size_t local = size > 66 ? 64 : 1;

	memset(text, 'x', size);
	text[local] = '@';
	for (size_t i = local + 51; i < size - 1; i += 50)
		text[i] = '.';
	text[size] = '\0';
	return sample_account(text);
}

/* An argument as a string. 0 is EVALSHA. */
static inline const char *sample_arg(const struct command *command, unsigned int place)
{
	static char text[COMMAND_TEXT_MAX + 1];

	if (place >= command->args_count)
		return "(none)";
	memcpy(text, command->args[place], command->sizes[place]);
	text[command->sizes[place]] = '\0';
	return text;
}

/* EVALSHA, the digest, the number of keys, and the keys come first. */
static inline const char *sample_argv(const struct command *command, unsigned int number)
{
	return sample_arg(command, 2 + command->keys_count + number);
}

/* The reply that hiredis makes of RESP. */
static inline redisReply *sample_reply_of(const char *resp, size_t size)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	assert_int_equal(redisReaderFeed(reader, resp, size), REDIS_OK);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_non_null(reply);
	redisReaderFree(reader);
	return reply;
}

/* The same of a string; NULL for NULL. */
static inline redisReply *sample_reply(const char *resp)
{
	return resp != NULL ? sample_reply_of(resp, strlen(resp)) : NULL;
}

/* One line of printable ASCII, shorter than size. */
static inline void assert_sentence(const char *text, size_t size)
{
	assert_true(strlen(text) < size);
	for (const char *p = text; *p != '\0'; p++)
		assert_in_range(*p, ' ', '~');
}

#endif
