/* Header values: RFC 2047. */

#include "notices/encoded-word.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "tests/unit/rows.h"
#include "base/utf8.h"

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10

struct row {
	const char *name;
	const char *text;
	const char *expected;
};

static const struct row rows[] = {
	{ "ASCII", "External access is off", "External access is off" },
	{ "long ASCII", A50 A50, A50 A50 },
	{ "looks like an encoded word", "=?utf-8?Q?a?=", "=?UTF-8?B?PT91dGYtOD9RP2E/PQ==?=" },
	{ "Estonian", "V\303\244ljas", "=?UTF-8?B?VsOkbGphcw==?=" },
	{ "one byte of padding", "\303\244\303\244a", "=?UTF-8?B?w6TDpGE=?=" },
	{ "first line is full", "\303\244" A10 A10 A10 "aaaaaaa",
	  "=?UTF-8?B?w6RhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh?=" },
	{ "one byte over a line", "\303\244" A10 A10 A10 "aaaaaaab",
	  "=?UTF-8?B?w6RhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh?=\n"
	  " =?UTF-8?B?Yg==?=" },
	{ "a character that fits no more", A10 A10 A10 "aaaaaaaa\303\244",
	  "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\n"
	  " =?UTF-8?B?w6Q=?=" },
};

static char *encode(const char *text)
{
	char *value = NULL;
	size_t size;
	FILE *out = open_memstream(&value, &size);

	assert_non_null(out);
	encoded_word_write(text, strlen("Subject: "), out);
	fclose(out);
	return value;
}

static void test_row(void **state)
{
	const struct row *row = *state;
	char *value = encode(row->text);

	assert_string_equal(value, row->expected);
	free(value);
}

/* Appends what one word says, and checks that it is whole characters. */
static size_t decode(const char *word, char *text_r)
{
	size_t size = strcspn(word + 10, "?");
	int decoded = EVP_DecodeBlock((unsigned char *)text_r, (const unsigned char *)word + 10,
				      (int)size);

	assert_memory_equal(word, "=?UTF-8?B?", 10);
	assert_true(decoded > 0);
	while (size > 0 && word[10 + --size] == '=')
		decoded--;
	assert_true(utf8_is_text(text_r, (size_t)decoded));
	return (size_t)decoded;
}

/* Characters of one to four bytes, at every distance from the lines' ends. */
static void test_long_texts(void **state)
{
	static const char *const characters[] = { "a", "\303\244", "\342\202\254",
						  "\360\237\224\221" };

	(void)state;
	for (size_t i = 0; i < 400; i++) {
		char text[1024] = "\303\265", decoded[2048];
		size_t used = 0;
		char *value, *state_r = NULL;

		for (size_t j = 0; j < i / 4; j++)
			strcat(text, characters[(i + j * (i % 3)) % 4]);
		value = encode(text);
		for (char *line = strtok_r(value, "\n", &state_r); line != NULL;
		     line = strtok_r(NULL, "\n", &state_r)) {
			assert_true(strlen(line) <= (used == 0 ? 76 - strlen("Subject: ") : 76));
			used += decode(line + (*line == ' '), decoded + used);
		}
		decoded[used] = '\0';
		assert_string_equal(decoded, text);
		free(value);
	}
}

/* What nobody should hand in ends all the same. */
static void test_not_utf8(void **state)
{
	char *value = encode("\377\377");

	(void)state;
	assert_string_equal(value, "=?UTF-8?B?//8=?=");
	free(value);
}

int main(void)
{
	ADD_ROWS(test_row, rows);
	ADD_TEST(test_long_texts);
	ADD_TEST(test_not_utf8);
	return RUN_TESTS();
}
