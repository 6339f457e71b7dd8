/* App passwords (A2, A3), and what people and attackers enter for one. */

#include "keys/app-password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/samples.h"

/* HMAC-SHA256 under 32 bytes of 0x71 of "andrejs@example.org\0abcdefghijkmnpqr", computed
   elsewhere. The stored format depends on it. */
#define KNOWN "7:IoiaXFA7S_La7UkHS3_qHw"

struct row {
	const char *name;
	const char *entered;
	bool same; /* as abcdefghijkmnpqr */
};

static const struct row rows[] = {
	{ "bare", "abcdefghijkmnpqr", true },
	{ "as it is shown", "abcd-efgh-ijkm-npqr", true },
	{ "with spaces", "abcd efgh ijkm npqr", true },
	{ "with spaces around", "  abcd-efgh-ijkm-npqr\r\n", true },
	{ "with tabs", "abcd\tefgh\tijkm\tnpqr", true },
	{ "in capitals", "ABCD-EFGH-IJKM-NPQR", true },
	{ "as a phone begins a sentence", "Abcd efgh ijkm npqr", true },
	{ "dashes anywhere", "-a-b-c-d-e-f-g-h-i-j-k-m-n-p-q-r-", true },
	{ "nothing", "", false },
	{ "only dashes", "----", false },
	{ "one character", "a", false },
	{ "cut", "abcd-efgh-ijkm-npq", false },
	{ "longer", "abcd-efgh-ijkm-npqr-s", false },
	{ "another character", "abcd-efgh-ijkm-npqs", false },
	{ "two swapped", "bacd-efgh-ijkm-npqr", false },
	{ "digit zero in it", "abcd-efgh-ijkm-npq0", false },
	{ "star", "*", false },
	{ "quotes", "\"abcd-efgh-ijkm-npqr\"", false },
	{ "control character", "abcd-efgh-ijkm-npqr\001", false },
	{ "vertical tab", "abcd-efgh-ijkm-npqr\v", false },
	{ "8-bit", "abcd-efgh-ijkm-npq\362", false },
	{ "bit 7 of a letter", "\341bcd-efgh-ijkm-npqr", false },
	{ "no-break spaces", "abcd\302\240efgh\302\240ijkm\302\240npqr", false },
	{ "UTF-8 dashes", "abcd\342\200\221efgh-ijkm-npqr", false },
	{ "fullwidth letters", "\357\275\201bcd-efgh-ijkm-npqr", false },
	{ "the account in front", "andrejs@example.org", false },
};

static void digest_of(const struct account_name *account, const char *entered,
		      char digest_r[APP_PASSWORD_DIGEST_SIZE])
{
	struct secrets secrets = sample_secrets();

	assert_int_equal(app_password_digest(&secrets.keys[0], account, entered, digest_r), 0);
	assert_int_equal(strspn(digest_r, "7"), 1);
	assert_int_equal(digest_r[1], ':');
	assert_int_equal(strlen(digest_r), 2 + 22);
}

static void is_digested(void **state)
{
	const struct row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	char digest[APP_PASSWORD_DIGEST_SIZE];

	digest_of(&account, row->entered, digest);
	if (row->same)
		assert_string_equal(digest, KNOWN);
	else
		assert_string_not_equal(digest, KNOWN);
}

static void belongs_to_account_and_key(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct account_name other = sample_account("andrejs@example.or");
	struct secrets secrets = sample_secrets();
	char digest[APP_PASSWORD_DIGEST_SIZE];

	(void)state;
	digest_of(&other, "abcdefghijkmnpqr", digest);
	assert_string_not_equal(digest, KNOWN);
	/* Where the name ends and the password begins is told apart. */
	digest_of(&other, "gabcdefghijkmnpqr", digest);
	assert_string_not_equal(digest, KNOWN);
	assert_int_equal(
		app_password_digest(&secrets.keys[1], &account, "abcdefghijkmnpqr", digest), 0);
	assert_memory_equal(digest, "3:", 2);
	assert_string_not_equal(digest + 2, KNOWN + 2);
	secrets.keys[0].id = SECRETS_KEY_ID_MAX;
	assert_int_equal(
		app_password_digest(&secrets.keys[0], &account, "abcdefghijkmnpqr", digest), 0);
	assert_memory_equal(digest, "255:", 4);
	assert_string_equal(digest + 4, KNOWN + 2);
}

/* Sizes around those of the pieces that are hashed, and far beyond: each byte counts. */
static void any_length(void **state)
{
	static const size_t sizes[] = { 1, 254, 255, 256, 257, 511, 512, 513, 10000 };
	struct account_name account = sample_account("andrejs@example.org");
	char digest[APP_PASSWORD_DIGEST_SIZE], other[APP_PASSWORD_DIGEST_SIZE];
	char *entered = malloc(20001);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];

		memset(entered, 'a', size);
		entered[size] = '\0';
		digest_of(&account, entered, digest);
		entered[size - 1] = 'b';
		digest_of(&account, entered, other);
		assert_string_not_equal(digest, other);
		entered[size - 1] = '\0';
		digest_of(&account, entered, other);
		assert_string_not_equal(digest, other);
		memset(entered, '-', 2 * size);
		for (size_t j = 0; j < size; j++)
			entered[2 * j] = 'A';
		entered[2 * size] = '\0';
		digest_of(&account, entered, other);
		assert_string_equal(digest, other);
	}
	free(entered);
}

/* abcd-efgh-ijkm-npqr, of letters and digits that are not taken for one another. */
static void generates_in_groups(void **state)
{
	unsigned int seen[256] = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char password[APP_PASSWORD_SIZE];

		assert_int_equal(app_password_generate(password), 0);
		assert_int_equal(strlen(password), 19);
		for (int j = 0; j < 19; j++) {
			if (j % 5 == 4)
				assert_int_equal(password[j], '-');
			else
				seen[(unsigned char)password[j]]++;
		}
	}
	/* 32,000 characters: each of the 32 about a thousand times, and no others. */
	for (int c = 0; c < 256; c++) {
		if (c != '\0' && strchr("abcdefghijkmnpqrstuvwxyz23456789", c) != NULL)
			assert_in_range(seen[c], 800, 1200);
		else
			assert_int_equal(seen[c], 0);
	}
}

static void generates_no_two_alike(void **state)
{
	static char passwords[500][APP_PASSWORD_SIZE];

	(void)state;
	for (int i = 0; i < 500; i++) {
		assert_int_equal(app_password_generate(passwords[i]), 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(passwords[i], passwords[j]);
	}
}

int main(void)
{
	ADD_ROWS(is_digested, rows);
	ADD_TEST(belongs_to_account_and_key);
	ADD_TEST(any_length);
	ADD_TEST(generates_in_groups);
	ADD_TEST(generates_no_two_alike);
	return RUN_TESTS();
}
