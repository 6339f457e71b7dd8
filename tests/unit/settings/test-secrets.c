/* Reading secrets files. */

#include "settings/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/unit/files.h"
#include "base/text.h"
#include "tests/unit/rows.h"

#define KEY_0 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_1 "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFFf0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

/* Writes the text into the reader's file, and reads it. */
static struct secrets *load_for(enum secrets_reader reader, const char *text, size_t size,
				unsigned int mode, const char *error_expected)
{
	struct files files = files_begin();
	struct secrets *secrets;
	char *error = NULL, *site = text_copy(files.path), *path = secrets_path(site, reader);

	snprintf(files.path, sizeof(files.path), "%s", path);
	free(path);
	files_write(&files, text, size, mode);
	secrets = secrets_load(site, reader, &error);
	free(site);
	if (error_expected != NULL) {
		assert_null(secrets);
		assert_file_error(error, files.path, error_expected);
	} else if (secrets == NULL) {
		fail_msg("%s", error);
	}
	files_end(&files);
	return secrets;
}

static struct secrets *load(const char *text, size_t size, unsigned int mode,
			    const char *error_expected)
{
	return load_for(SECRETS_SITE, text, size, mode, error_expected);
}

struct good_row {
	const char *name;
	const char *text;
	const char *password;
	unsigned int ids[4]; /* current one first */
};

static const struct good_row good_rows[] = {
	{ "one key", "[keys]\n1 = " KEY_0 "\n", NULL, { 1 } },
	{ "password",
	  "[redis]\npassword = a b=c;d#e\"\n[keys]\n1 = " KEY_0 "\n",
	  "a b=c;d#e\"",
	  { 1 } },
	{ "the highest id comes first",
	  "[keys]\n2 = " KEY_0 "\n9 = " KEY_1 "\n3=" KEY_0 "\n",
	  NULL,
	  { 9, 3, 2 } },
	{ "largest id", "[keys]\n255 = " KEY_0 "\n", NULL, { 255 } },
	{ "comments", "# a\n[keys]\n; \xc4\x81\n1 = " KEY_0 "\n  # ;\n", NULL, { 1 } },
	{ "CRLF", "[redis]\r\npassword = x\r\n[keys]\r\n1 = " KEY_0 "\r\n", "x", { 1 } },
	{ "byte order mark", "\xef\xbb\xbf[keys]\n1 = " KEY_0, NULL, { 1 } },
	{ "keys in two parts",
	  "[keys]\n1 = " KEY_0 "\n[redis]\n[keys]\n2 = " KEY_1,
	  NULL,
	  { 2, 1 } },
};

static void test_good(void **state)
{
	const struct good_row *row = *state;
	struct secrets *secrets = load(row->text, strlen(row->text), 0640, NULL);

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(i < secrets->keys_count ? secrets->keys[i].id : 0, row->ids[i]);
	if (row->password == NULL)
		assert_null(secrets->redis_password);
	else
		assert_string_equal(secrets->redis_password, row->password);
	secrets_free(&secrets);
	assert_null(secrets);
	secrets_free(&secrets);
}

/* A mark in all that must not show in an error. */
#define SECRET "5ec7e7"
#define NO_KEY " expected at least one key: \"doveadm postern key add\" makes one"
#define OTHERS "expected no ';' after a space: comments must be on lines of their own in this file"
#define HEX    "expected 64 hexadecimal digits"
#define ID     "expected a key's id from 1 to 255 before '='"
#define X50    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

struct bad_row {
	const char *name;
	const char *text;
	const char *error; /* behind "PATH:" */
};

static const struct bad_row bad_rows[] = {
	{ "bad: empty", "", NO_KEY },
	{ "bad: no key", "[redis]\npassword = " SECRET "\n[keys]\n", NO_KEY },
	{ "bad: unknown section", "[" SECRET "]\n", "1: expected [redis] or [keys]" },
	{ "bad: no section", "1 = " SECRET "\n", "1: expected a [SECTION] before the first key" },
	{ "bad: no =", "[redis]\n" SECRET "\n", "2: expected KEY = VALUE" },
	{ "bad: base64 alone, whose padding looks like =", "[redis]\n" SECRET "==\n",
	  "2: expected password before '='" },
	{ "bad: base64 alone among the keys", "[keys]\n" SECRET "==\n", "2: " ID },
	{ "bad: unknown key of [redis]", "[redis]\n" SECRET " = x\n",
	  "2: expected password before '='" },
	{ "bad: empty password", "[redis]\npassword =\n", "2: password: expected it after '='" },
	{ "bad: two passwords", "[redis]\npassword = x\npassword = " SECRET "\n",
	  "3: password: expected only once" },
	{ "bad: unknown key of [doveadm]", "[doveadm]\n" SECRET " = x\n",
	  "2: expected api_key before '='" },
	{ "bad: empty API key", "[doveadm]\napi_key =\n", "2: api_key: expected it after '='" },
	{ "bad: two API keys", "[doveadm]\napi_key = x\napi_key = " SECRET "\n",
	  "3: api_key: expected only once" },
	{ "bad: password of two lines", "[redis]\npassword = x\n  " SECRET "\n",
	  "3: expected no space at the start of the line" },
	{ "bad: what looks like a comment in a password", "[redis]\npassword = x ;" SECRET "\n",
	  "2: " OTHERS },
	{ "bad: comment behind a key", "[keys]\n1 = " KEY_0 "\t; x\n", "2: " OTHERS },
	{ "bad: 8-bit password", "[redis]\npassword = " SECRET "\xc4\x81\n",
	  "2: expected printable ASCII, but byte 18 is 0xc4" },
	{ "bad: indented key", "[keys]\n 1 = " KEY_0 "\n",
	  "2: expected the key at the start of the line" },
	{ "bad: id of 0", "[keys]\n0 = " KEY_0 "\n", "2: " ID },
	{ "bad: id of 256", "[keys]\n256 = " KEY_0 "\n", "2: " ID },
	{ "bad: id with a leading zero", "[keys]\n01 = " KEY_0 "\n", "2: " ID },
	{ "bad: id that overflows", "[keys]\n4294967297 = " KEY_0 "\n", "2: " ID },
	{ "bad: negative id", "[keys]\n-1 = " KEY_0 "\n", "2: " ID },
	{ "bad: word for an id", "[keys]\nnew = " KEY_0 "\n", "2: " ID },
	{ "bad: same id twice", "[keys]\n7 = " KEY_0 "\n7 = " KEY_1 "\n",
	  "3: 7: expected only once" },
	{ "bad: empty key", "[keys]\n1 =\n", "2: 1: " HEX },
	{ "bad: short key", "[keys]\n1 = " SECRET "\n", "2: 1: " HEX },
	{ "bad: key too long", "[keys]\n1 = " KEY_0 "00\n", "2: 1: " HEX },
	{ "bad: no hexadecimal digit",
	  "[keys]\n1 = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1" SECRET "g\n",
	  "2: 1: " HEX },
	{ "bad: nine keys",
	  "[keys]\n1=" KEY_0 "\n2=" KEY_0 "\n3=" KEY_0 "\n4=" KEY_0 "\n5=" KEY_0 "\n6=" KEY_0 "\n"
	  "7=" KEY_0 "\n8=" KEY_0 "\n9=" KEY_0 "\n",
	  "10: 9: expected at most 8 keys: remove the oldest" },
	{ "bad: line too long", "[redis]\npassword = " SECRET X50 X50 X50 X50 "\n",
	  "2: expected a line of at most 197 bytes" },
};

static void test_bad(void **state)
{
	const struct bad_row *row = *state;

	assert_null(strstr(row->error, SECRET));
	assert_null(load(row->text, strlen(row->text), 0640, row->error));
}

static void test_nul_byte(void **state)
{
	static const char text[] = "[redis]\npassword = x\0y\n[keys]\n1 = " KEY_0 "\n";

	(void)state;
	load(text, sizeof(text) - 1, 0640, "2: expected printable ASCII, but byte 13 is 0x00");
}

static void test_huge_line(void **state)
{
	char text[10001];

	(void)state;
	memset(text, 'x', sizeof(text));
	load(text, sizeof(text), 0640, "1: expected a line of at most 197 bytes");
}

static void test_huge_file(void **state)
{
	char text[16385];

	(void)state;
	memset(text, '\n', sizeof(text));
	load(text, sizeof(text), 0640, " expected at most 16384 bytes");
}

/* The 16,384 bytes and their terminator need a block of twice the size: several of them at once. */
static void test_largest_file(void **state)
{
	static char text[16384];
	struct secrets *secrets[4];

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text, "[keys]\n1 = " KEY_0 "\n", strlen("[keys]\n1 = " KEY_0 "\n"));
	for (size_t i = 0; i < 4; i++)
		secrets[i] = load(text, sizeof(text), 0640, NULL);
	for (size_t i = 0; i < 4; i++)
		secrets_free(&secrets[i]);
}

static void test_open_to_others(void **state)
{
	static const unsigned int modes[] = { 0641, 0642, 0644, 0604, 0666 };
	static const char text[] = "[keys]\n1 = " KEY_0 "\n";

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct files files = files_begin();
		char *error = NULL, expected[256];

		files_write(&files, text, strlen(text), modes[i]);
		snprintf(expected, sizeof(expected),
			 " expected a file that others can't open: chmod 0640 %s", files.path);
		assert_null(secrets_load(files.path, SECRETS_SITE, &error));
		assert_file_error(error, files.path, expected);
		files_end(&files);
	}
}

static void test_no_file(void **state)
{
	char *error = NULL;

	(void)state;
	assert_null(secrets_load("/nonexistent/secrets", SECRETS_SITE, &error));
	assert_file_error(error, "/nonexistent/secrets", " No such file or directory");
	assert_null(secrets_load("/nonexistent/secrets", SECRETS_MILTER, &error));
	assert_file_error(error, "/nonexistent/secrets.milter",
			  " No such file or directory: \"doveadm postern key files\" makes this "
			  "file, for the user who is to read it");
	assert_null(secrets_load("/", SECRETS_SITE, &error));
	assert_file_error(error, "/", " Is a directory");
}

static void test_no_permission(void **state)
{
	struct files files = files_begin();
	uid_t user = geteuid();
	char *error = NULL;

	(void)state;
	files_write(&files, "", 0, 0);
	assert_int_equal(chmod(files.directory, 0755), 0);
	/* Nothing is forbidden to root. */
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_null(secrets_load(files.path, SECRETS_SITE, &error));
	assert_int_equal(seteuid(user), 0);
	assert_file_error(error, files.path, " Permission denied");
	files_end(&files);
}

/* Computed with Python's hmac: RFC 5869 with SHA-256, no salt, and the label as info. They never
   change, or every app password and trace header would be void. */
static void test_derived_keys(void **state)
{
	static const char text[] = "[keys]\n1 = " KEY_0 "\n";
	static const char *const expected[] = {
		"1e02d9c999b6151b83e60a701e8445c5b7361cb6b3022f185f46e0eba5d799ac",
		"fb6580cfff9afc21e3f96b9e702a13caf6ff8511c62a29a7808c42a9e89b50c7",
		"bc0b97b867e550bca1267bf2588bdba8010552f397ffbf60fc06bbe3993e5484",
		"dcf58473c0babb226d8ffcaf28a06b34bbae3038e92f465386459c0717bb8fe9",
	};
	struct secrets *secrets = load(text, strlen(text), 0600, NULL);
	const unsigned char *keys[] = { secrets->keys[0].password, secrets->keys[0].trace,
					secrets->keys[0].notice, secrets->keys[0].refusal };

	(void)state;
	for (size_t i = 0; i < SECRETS_PURPOSES; i++) {
		char hex[2 * SECRETS_KEY_SIZE + 1];

		for (size_t j = 0; j < SECRETS_KEY_SIZE; j++)
			snprintf(hex + 2 * j, 3, "%02x", keys[i][j]);
		assert_string_equal(hex, expected[i]);
	}
	secrets_free(&secrets);
}

static void test_secure_memory(void **state)
{
	static const char text[] = "[redis]\npassword = x\n[doveadm]\npassword = y\n"
				   "[notice-keys]\n1 = " KEY_0 "\n[refusal-keys]\n1 = " KEY_1 "\n";
	struct secrets *secrets = load_for(SECRETS_WORKER, text, strlen(text), 0640, NULL);

	(void)state;
	assert_true(CRYPTO_secure_allocated(secrets));
	assert_true(CRYPTO_secure_allocated(secrets->redis_password));
	assert_true(CRYPTO_secure_allocated(secrets->doveadm_password));
	assert_string_equal(secrets->doveadm_password, "y");
	secrets_free(&secrets);
	assert_int_equal(CRYPTO_secure_used(), 0);
}

/* The site's file of before has the key of the API: it is read past. */
static void test_old_api_key(void **state)
{
	static const char text[] = "[doveadm]\napi_key = " SECRET "\n[keys]\n1 = " KEY_0 "\n";
	struct secrets *secrets = load(text, strlen(text), 0640, NULL);

	(void)state;
	assert_null(secrets->doveadm_password);
	secrets_free(&secrets);
	assert_int_equal(CRYPTO_secure_used(), 0);
}

static void test_subkeys(void **state)
{
	static const char text[] = "[trace-keys]\n1 = " KEY_0 "\n9 = " KEY_1 "\n"
				   "[refusal-keys]\n9 = " KEY_0 "\n1 = " KEY_1 "\n";
	static const unsigned char none[SECRETS_KEY_SIZE];
	struct secrets *secrets = load_for(SECRETS_MILTER, text, strlen(text), 0640, NULL);

	(void)state;
	assert_int_equal(secrets->keys_count, 2);
	assert_int_equal(secrets->keys[0].id, 9);
	assert_int_equal(secrets->keys[1].id, 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(secrets->keys[i].purposes,
				 1U << SECRETS_TRACE | 1U << SECRETS_REFUSAL);
		assert_memory_equal(secrets->keys[i].password, none, SECRETS_KEY_SIZE);
		assert_memory_equal(secrets->keys[i].notice, none, SECRETS_KEY_SIZE);
	}
	/* As they are: nothing is derived from them. */
	for (unsigned char i = 0; i < SECRETS_KEY_SIZE; i++)
		assert_true(secrets->keys[1].trace[i] == i && secrets->keys[0].refusal[i] == i);
	secrets_free(&secrets);
}

struct daemon_row {
	const char *name;
	enum secrets_reader reader;
	const char *text;
	const char *error; /* behind "PATH:" */
};

static const struct daemon_row daemon_rows[] = {
	{ "bad daemon: the site's keys for the milter", SECRETS_MILTER, "[keys]\n1 = " KEY_0 "\n",
	  "1: expected [redis], [trace-keys] or [refusal-keys]" },
	{ "bad daemon: a door for the milter", SECRETS_MILTER, "[doveadm]\npassword = x\n",
	  "1: expected [redis], [trace-keys] or [refusal-keys]" },
	{ "bad daemon: the worker's keys for the milter", SECRETS_MILTER,
	  "[notice-keys]\n1 = " KEY_0 "\n", "1: expected [redis], [trace-keys] or [refusal-keys]" },
	{ "bad daemon: the site's keys for the worker", SECRETS_WORKER, "[keys]\n1 = " KEY_0 "\n",
	  "1: expected [redis], [doveadm], [notice-keys] or [refusal-keys]" },
	{ "bad daemon: webmail's key for the worker", SECRETS_WORKER,
	  "[doveadm]\napi_key = " SECRET "\n", "2: expected password before '='" },
	{ "bad daemon: the milter's keys for the site", SECRETS_SITE,
	  "[trace-keys]\n1 = " KEY_0 "\n", "1: expected [redis] or [keys]" },
	{ "bad daemon: no key for the milter", SECRETS_MILTER, "[redis]\npassword = x\n",
	  " expected at least one key: \"doveadm postern key files\" makes one" },
	{ "bad daemon: no key for the worker", SECRETS_WORKER, "[doveadm]\npassword = x\n",
	  " expected at least one key: \"doveadm postern key files\" makes one" },
	{ "bad daemon: a key of one purpose alone", SECRETS_MILTER,
	  "[trace-keys]\n1 = " KEY_0 "\n2 = " KEY_1 "\n[refusal-keys]\n2 = " KEY_0 "\n",
	  " expected key 1 in [refusal-keys] as well" },
	{ "bad daemon: a subkey twice", SECRETS_MILTER,
	  "[trace-keys]\n1 = " KEY_0 "\n1 = " KEY_1 "\n", "3: 1: expected only once" },
	{ "bad daemon: a short subkey", SECRETS_MILTER, "[trace-keys]\n1 = " SECRET "\n",
	  "2: 1: " HEX },
};

static void test_bad_daemon(void **state)
{
	const struct daemon_row *row = *state;

	assert_null(load_for(row->reader, row->text, strlen(row->text), 0640, row->error));
}

int main(void)
{
	ADD_ROWS(test_good, good_rows);
	ADD_ROWS(test_bad, bad_rows);
	ADD_TEST(test_nul_byte);
	ADD_TEST(test_huge_line);
	ADD_TEST(test_huge_file);
	ADD_TEST(test_largest_file);
	ADD_TEST(test_open_to_others);
	ADD_TEST(test_no_file);
	ADD_TEST(test_no_permission);
	ADD_TEST(test_derived_keys);
	ADD_TEST(test_secure_memory);
	ADD_TEST(test_old_api_key);
	ADD_TEST(test_subkeys);
	ADD_ROWS(test_bad_daemon, daemon_rows);
	return RUN_TESTS();
}
