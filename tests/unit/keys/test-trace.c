/* The trace header (B1): who may read it, and what becomes of one that was tampered with. */

#include "keys/trace.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/samples.h"

#define SENT	 INT64_C(1760000000)
#define QUEUE_ID "4dHw8L1Qq0z3Kb"

struct row {
	const char *name;
	size_t size; /* of the account's name; 0 for text */
	const char *text;
	const char *domain;
	bool referred;
};

static const struct row rows[] = {
	{ "default domain", 0, "andrejs@example.org", "example.org", false },
	{ "another domain", 0, "andrejs@example.net", "example.org", false },
	{ "no default domain", 0, "andrejs@example.org", NULL, false },
	{ "longer domain than the default", 0, "a@sub.example.org", "example.org", false },
	{ "default domain in capitals", 0, "andrejs@example.org", "Example.ORG", false },
	{ "shortest name", 0, "a@b", NULL, false },
	{ "local part of 37 bytes", 0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@example.org",
	  "example.org", false },
	{ "local part of 38 bytes", 0, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@example.org",
	  "example.org", true },
	{ "name of 37 bytes", 37, NULL, "example.org", false },
	{ "name of 38 bytes", 38, NULL, "example.org", true },
	{ "name of 254 bytes", 254, NULL, "example.org", true },
};

static struct account_name account_of(const struct row *row)
{
	return row->text != NULL ? sample_account(row->text) : sample_account_of(row->size);
}

static void seals_and_opens(void **state)
{
	const struct row *row = *state;
	struct secrets secrets = sample_secrets();
	struct account_name account = account_of(row);
	char value[TRACE_VALUE_SIZE], reference[TRACE_REFERENCE_SIZE];
	struct trace trace;

	assert_int_equal(trace_reference(&account, row->domain, reference), 0);
	assert_int_equal(strlen(reference), row->referred ? TRACE_REFERENCE_SIZE - 1 : 0);
	assert_int_equal(trace_seal(&secrets, &account, row->domain, SENT, 3, QUEUE_ID, value), 0);
	assert_int_equal(strlen(value), TRACE_VALUE_LENGTH);
	assert_int_equal(strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789-_"),
			 TRACE_VALUE_LENGTH);
	assert_int_equal(trace_open(&secrets, value, strlen(value), row->domain, &trace), 1);
	assert_int_equal(trace.sent, SENT);
	assert_int_equal(trace.recipients, 3);
	assert_int_equal(trace.partition, account.partition);
	assert_string_equal(trace.reference, reference);
	assert_string_equal(trace.account.text, row->referred ? "" : account.text);
}

/* "Postern-Trace: VALUE\r\n" */
static void header_has_100_bytes(void **state)
{
	struct secrets secrets = sample_secrets();

	(void)state;
	for (size_t size = 3; size <= ACCOUNT_NAME_MAX; size++) {
		struct account_name account = sample_account_of(size == 66 ? 65 : size);
		char value[TRACE_VALUE_SIZE], header[200];

		assert_int_equal(trace_seal(&secrets, &account, NULL, SENT, 1, QUEUE_ID, value), 0);
		assert_int_equal(
			snprintf(header, sizeof(header), "%s: %s\r\n", TRACE_HEADER, value), 100);
	}
}

struct number_row {
	const char *name;
	int64_t sent;
	unsigned int recipients, expected;
};

static const struct number_row number_rows[] = {
	{ "one recipient", SENT, 1, 1 },
	{ "255 recipients", SENT, 255, 255 },
	{ "256 recipients are many", SENT, 256, 255 },
	{ "a million recipients are many", SENT, 1000000, 255 },
	{ "in 1970", 0, 1, 1 },
	{ "in 2038", INT64_C(0x80000000), 1, 1 },
	{ "in 2106", INT64_C(0xffffffff), 1, 1 },
};

static void carries_numbers(void **state)
{
	const struct number_row *row = *state;
	struct secrets secrets = sample_secrets();
	struct account_name account = sample_account("andrejs@example.org");
	char value[TRACE_VALUE_SIZE];
	struct trace trace;

	assert_int_equal(
		trace_seal(&secrets, &account, NULL, row->sent, row->recipients, QUEUE_ID, value),
		0);
	assert_int_equal(trace_open(&secrets, value, strlen(value), NULL, &trace), 1);
	assert_int_equal(trace.sent, row->sent);
	assert_int_equal(trace.recipients, row->expected);
}

static void seal_sample(char value_r[TRACE_VALUE_SIZE])
{
	struct secrets secrets = sample_secrets();
	struct account_name account = sample_account("andrejs@example.org");

	assert_int_equal(trace_seal(&secrets, &account, "example.org", SENT, 2, QUEUE_ID, value_r),
			 0);
}

static int open_sample(const char *value, size_t size)
{
	struct secrets secrets = sample_secrets();
	struct trace trace;

	return trace_open(&secrets, value, size, "example.org", &trace);
}

/* Every other value of every byte: no text but the one that we wrote opens. */
static void altered_at_each_byte(void **state)
{
	char value[TRACE_VALUE_SIZE];

	(void)state;
	seal_sample(value);
	for (size_t i = 0; i < TRACE_VALUE_LENGTH; i++) {
		char right = value[i];

		for (int other = 0; other < 256; other++) {
			value[i] = (char)other;
			assert_int_equal(open_sample(value, TRACE_VALUE_LENGTH),
					 (char)other == right);
		}
		value[i] = right;
	}
	assert_int_equal(open_sample(value, TRACE_VALUE_LENGTH), 1);
}

static void cut_and_continued(void **state)
{
	char value[2 * TRACE_VALUE_SIZE + 8];

	(void)state;
	seal_sample(value);
	for (size_t size = 0; size < TRACE_VALUE_LENGTH; size++) {
		assert_int_equal(open_sample(value, size), 0);
		assert_int_equal(open_sample(value + TRACE_VALUE_LENGTH - size, size), 0);
	}
	for (size_t size = TRACE_VALUE_LENGTH + 1; size < sizeof(value); size++) {
		memset(value + TRACE_VALUE_LENGTH, 'A', sizeof(value) - TRACE_VALUE_LENGTH);
		assert_int_equal(open_sample(value, size), 0);
	}
}

struct hostile_row {
	const char *name;
	const char *value;
	size_t size;
	char fill; /* instead of value */
};

static const struct hostile_row hostile_rows[] = {
	{ "nothing", "", 0, 0 },
	{ "one byte", "B", 1, 0 },
	{ "83 NULs", NULL, 83, '\0' },
	{ "83 spaces", NULL, 83, ' ' },
	{ "83 line breaks", NULL, 83, '\n' },
	{ "83 times A", NULL, 83, 'A' },
	{ "83 underlines", NULL, 83, '_' },
	{ "83 bytes of 0xff", NULL, 83, '\377' },
	{ "254 bytes", NULL, 254, 'A' },
	{ "10,000 bytes", NULL, 10000, 'A' },
};

static void hostile(void **state)
{
	const struct hostile_row *row = *state;
	static char value[10000];

	memset(value, row->fill, sizeof(value));
	assert_int_equal(open_sample(row->value != NULL ? row->value : value, row->size), 0);
}

/* Both keys open what they made; a key that the site has removed, or whose id another key has got,
   opens nothing. */
static void keys(void **state)
{
	struct secrets now = sample_secrets(), before = sample_secrets(), removed = now,
		       other = now;
	struct account_name account = sample_account("andrejs@example.org");
	char value[TRACE_VALUE_SIZE];
	struct trace trace;

	(void)state;
	before.keys[0] = before.keys[1];
	before.keys_count = 1;
	removed.keys_count = 1;
	memset(other.keys[1].trace, 0x55, SECRETS_KEY_SIZE);
	assert_int_equal(trace_seal(&before, &account, NULL, SENT, 1, QUEUE_ID, value), 0);
	assert_int_equal(trace_open(&before, value, strlen(value), NULL, &trace), 1);
	assert_int_equal(trace_open(&now, value, strlen(value), NULL, &trace), 1);
	assert_string_equal(trace.account.text, "andrejs@example.org");
	assert_int_equal(trace_open(&now, value, strlen(value), "example.org", &trace), 0);
	assert_int_equal(trace_open(&removed, value, strlen(value), NULL, &trace), 0);
	assert_int_equal(trace_open(&other, value, strlen(value), NULL, &trace), 0);
	/* The key's id is sealed too: the same key under another id opens nothing. */
	other.keys[1] = now.keys[1];
	other.keys[1].id = 7;
	other.keys[0].id = 3;
	assert_int_equal(trace_open(&other, value, strlen(value), NULL, &trace), 0);
}

/* Two messages of one second differ, and nothing in them tells whose they are. */
static void opaque(void **state)
{
	struct secrets secrets = sample_secrets();
	struct account_name account = sample_account("andrejs@example.org");
	char first[TRACE_VALUE_SIZE], second[TRACE_VALUE_SIZE];
	size_t alike = 0;

	(void)state;
	seal_sample(first);
	assert_int_equal(
		trace_seal(&secrets, &account, "example.org", SENT, 2, "4dHw8L1Qq1z3Kb", second),
		0);
	for (size_t i = 2; i < TRACE_VALUE_LENGTH; i++)
		alike += first[i] == second[i];
	assert_true(alike < 20);
}

/* The queue id and the message's name come out, and are another message's for none. */
static void names_its_message(void **state)
{
	struct secrets secrets = sample_secrets();
	struct account_name account = sample_account("andrejs@example.org");
	char value[TRACE_VALUE_SIZE];
	struct trace trace, other;

	(void)state;
	seal_sample(value);
	assert_int_equal(trace_open(&secrets, value, strlen(value), "example.org", &trace), 1);
	assert_true(trace_is_of_queue(&trace, QUEUE_ID));
	assert_false(trace_is_of_queue(&trace, "4dHw8L1Qq1z3Kb"));
	assert_false(trace_is_of_queue(&trace, ""));
	assert_int_equal(strspn(trace.id, "0123456789abcdef"), TRACE_ID_SIZE - 1);

	assert_int_equal(
		trace_seal(&secrets, &account, "example.org", SENT + 1, 2, QUEUE_ID, value), 0);
	assert_int_equal(trace_open(&secrets, value, strlen(value), "example.org", &other), 1);
	assert_true(trace_is_of_queue(&other, QUEUE_ID));
	assert_string_not_equal(other.id, trace.id);
}

int main(void)
{
	ADD_ROWS(seals_and_opens, rows);
	ADD_ROWS(carries_numbers, number_rows);
	ADD_ROWS(hostile, hostile_rows);
	ADD_TEST(header_has_100_bytes);
	ADD_TEST(altered_at_each_byte);
	ADD_TEST(cut_and_continued);
	ADD_TEST(keys);
	ADD_TEST(opaque);
	ADD_TEST(names_its_message);
	return RUN_TESTS();
}
