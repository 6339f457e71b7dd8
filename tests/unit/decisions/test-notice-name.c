/* The names of notices: what they are, and who can make or read them. */

#include "decisions/notice-name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

#define ACCOUNT "andrejs@example.org" /* of partition 14 */
#define NUMBER	"14.1764028800000-0"

static struct secrets secrets;

static struct notice_number number_of(const char *text)
{
	struct notice_number number;

	assert_int_equal(notice_number_parse(text, &number), 0);
	return number;
}

struct number_row {
	const char *name;
	const char *text;
	bool is_number;
};

static const struct number_row number_rows[] = {
	{ "as usual", NUMBER, true },
	{ "the least", "0.0-0", true },
	{ "the greatest", "63.18446744073709551615-18446744073709551615", true },
	{ "no text", "", false },
	{ "no partition", ".1764028800000-0", false },
	{ "partition too large", "64.1764028800000-0", false },
	{ "partition with a zero", "07.1764028800000-0", false },
	{ "partition of three digits", "100.1764028800000-0", false },
	{ "negative", "-1.1764028800000-0", false },
	{ "no id", "14.", false },
	{ "half an id", "14.1764028800000", false },
	{ "half an id and a hyphen", "14.1764028800000-", false },
	{ "id with a zero", "14.01764028800000-0", false },
	{ "id with a second zero", "14.1764028800000-00", false },
	{ "id too long", "14.118446744073709551615-18446744073709551615", false },
	{ "more behind it", NUMBER ".", false },
	{ "spaces", " " NUMBER, false },
	{ "a query", NUMBER " OR ALL", false },
};

static void numbers(void **state)
{
	const struct number_row *row = *state;
	struct notice_number number;
	char text[NOTICE_NUMBER_SIZE];

	assert_int_equal(notice_number_parse(row->text, &number), row->is_number ? 0 : -1);
	if (row->is_number) {
		notice_number_write(&number, text);
		assert_string_equal(text, row->text);
	}
}

/* Computed with Python's hmac: a notice that was sent before an upgrade is found after it. */
static void names_never_change(void **state)
{
	struct account_name account = sample_account(ACCOUNT);
	struct notice_number number = number_of(NUMBER);
	char id[NOTICE_MESSAGE_ID_SIZE], sender[NOTICE_SENDER_SIZE];

	(void)state;
	assert_int_equal(notice_message_id(&secrets.keys[0], &number, &account, id), 0);
	assert_string_equal(id,
			    "<postern." NUMBER ".ab7bd981a40a3b3ea1204cd039164a45@example.org>");
	assert_int_equal(notice_sender(&secrets.keys[0], &number, &account, sender), 0);
	assert_string_equal(sender, "postern-notice+" NUMBER ".575cbe195ecb2e88c3879ced");
	assert_true(strlen(sender) <= 64);
	assert_true(notice_number_time(&number) == 1764028800000);
}

/* Each of key, number and account makes another name. */
static void names_differ(void **state)
{
	struct account_name account = sample_account(ACCOUNT);
	struct account_name other = sample_account("andrejs@example.com");
	struct notice_number number = number_of(NUMBER), next = number_of("14.1764028800000-1");
	char ids[4][NOTICE_MESSAGE_ID_SIZE], senders[4][NOTICE_SENDER_SIZE];

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct secret_key *key = &secrets.keys[i == 1];
		const struct notice_number *of = i == 2 ? &next : &number;
		const struct account_name *to = i == 3 ? &other : &account;

		assert_int_equal(notice_message_id(key, of, to, ids[i]), 0);
		assert_int_equal(notice_sender(key, of, to, senders[i]), 0);
		/* What is compared is the digest. */
		assert_non_null(strrchr(strtok(ids[i], "@"), '.'));
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(strrchr(ids[i], '.'), strrchr(ids[j], '.'));
			assert_string_not_equal(strrchr(senders[i], '.'), strrchr(senders[j], '.'));
		}
	}
}

static void long_domain(void **state)
{
	char address[ACCOUNT_NAME_MAX + 1] = "a@", id[NOTICE_MESSAGE_ID_SIZE];
	struct notice_number number = number_of(NUMBER);
	struct account_name account;

	(void)state;
	for (int i = 0; i < 3; i++)
		strcat(address, "a23456789012345678901234567890123456789012345678901234567890.");
	strcat(address, "a2345678901234567890123456789.example");
	account = sample_account(address);
	assert_int_equal(notice_message_id(&secrets.keys[0], &number, &account, id), 0);
	assert_non_null(strstr(id, "@invalid>"));
}

struct sender_row {
	const char *name;
	const char *before, *after; /* what stands around a sender of ours */
	const char *address;	    /* NULL, or all of it */
	bool is_of;
};

static const struct sender_row sender_rows[] = {
	{ "it", "", "@example.org", NULL, true },
	{ "another domain", "", "@elsewhere", NULL, true },
	{ "no domain", "", "", NULL, true },
	{ "more digits", "", "0@example.org", NULL, false },
	{ "another prefix", "x", "@example.org", NULL, false },
	{ "no text", NULL, NULL, "", false },
	{ "prefix alone", NULL, NULL, "postern-notice+@example.org", false },
	{ "no digest", NULL, NULL, "postern-notice+" NUMBER "@example.org", false },
	{ "no number", NULL, NULL, "postern-notice+.000000000000000000000000@example.org", false },
	{ "a made-up digest", NULL, NULL,
	  "postern-notice+" NUMBER ".000000000000000000000000@example.org", false },
	{ "a number too long", NULL, NULL,
	  "postern-notice+1111111111111111111111111111111111111111111111111111111111111111111."
	  "000000000000000000000000@example.org",
	  false },
};

static void senders(void **state)
{
	const struct sender_row *row = *state;
	struct account_name account = sample_account(ACCOUNT);
	struct notice_number number = number_of(NUMBER), found;
	char sender[NOTICE_SENDER_SIZE], address[256];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(notice_sender(&secrets.keys[i], &number, &account, sender), 0);
		if (row->address != NULL)
			snprintf(address, sizeof(address), "%s", row->address);
		else
			snprintf(address, sizeof(address), "%s%s%s", row->before, sender,
				 row->after);
		assert_int_equal(notice_sender_is_of(&secrets, address, &account, &found),
				 row->is_of);
		if (row->is_of)
			assert_string_equal(found.id, number.id);
	}
}

/* Some mail systems write addresses in letters of their own. */
static void senders_in_upper_case(void **state)
{
	struct account_name account = sample_account(ACCOUNT);
	struct notice_number number = number_of(NUMBER), found;
	char sender[NOTICE_SENDER_SIZE];

	(void)state;
	assert_int_equal(notice_sender(&secrets.keys[0], &number, &account, sender), 0);
	for (char *c = sender; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	assert_true(notice_sender_is_of(&secrets, sender, &account, &found));
}

/* A notice to one account says nothing of another's; and without the key nobody can say so. */
static void senders_of_others(void **state)
{
	struct account_name account = sample_account(ACCOUNT);
	struct account_name other = sample_account("andrejs@example.com");
	struct notice_number number = number_of(NUMBER), found;
	struct secrets foreign = sample_secrets();
	char sender[NOTICE_SENDER_SIZE];

	(void)state;
	assert_int_equal(notice_sender(&secrets.keys[0], &number, &account, sender), 0);
	assert_false(notice_sender_is_of(&secrets, sender, &other, &found));
	memset(foreign.keys[0].refusal, 1, SECRETS_KEY_SIZE);
	assert_false(notice_sender_is_of(&foreign, sender, &account, &found));
	assert_true(notice_sender_is_like(sender));
	assert_false(notice_sender_is_like("andrejs@example.org"));
}

int main(void)
{
	secrets = sample_secrets();
	ADD_ROWS(numbers, number_rows);
	ADD_TEST(names_never_change);
	ADD_TEST(names_differ);
	ADD_TEST(long_domain);
	ADD_ROWS(senders, sender_rows);
	ADD_TEST(senders_in_upper_case);
	ADD_TEST(senders_of_others);
	return RUN_TESTS();
}
