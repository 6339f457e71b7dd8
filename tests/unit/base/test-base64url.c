/* base64url without padding, strictly. */

#include "base/base64url.h"

#include <string.h>

#include "tests/unit/rows.h"

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	const char *text;
};

/* RFC 4648 section 10, and the two characters that base64url has for its own. */
static const struct row good[] = {
	{ "nothing", "", 0, "" },
	{ "f", "f", 1, "Zg" },
	{ "fo", "fo", 2, "Zm8" },
	{ "foo", "foo", 3, "Zm9v" },
	{ "foob", "foob", 4, "Zm9vYg" },
	{ "fooba", "fooba", 5, "Zm9vYmE" },
	{ "foobar", "foobar", 6, "Zm9vYmFy" },
	{ "minus", "\xfb\xef\xbe", 3, "----" },
	{ "underline", "\xff\xff\xff", 3, "____" },
	{ "zeros", "\0\0\0\0", 4, "AAAAAA" },
};

static void encodes_and_decodes(void **state)
{
	const struct row *row = *state;
	unsigned char bytes[16];
	char text[32];

	base64url_encode((const unsigned char *)row->bytes, row->size, text);
	assert_string_equal(text, row->text);
	assert_int_equal(strlen(text), BASE64URL_LENGTH(row->size));
	assert_int_equal(base64url_decode(text, strlen(text), bytes, row->size), row->size);
	assert_memory_equal(bytes, row->bytes, row->size);
}

struct bad_row {
	const char *name;
	const char *text;
	size_t size; /* 0: the string's */
};

static const struct bad_row bad[] = {
	{ "one character", "A", 0 },
	{ "five characters", "AAAAA", 0 },
	{ "padded", "Zg==", 0 },
	{ "padded by one", "Zm8=", 0 },
	{ "only padding", "====", 0 },
	{ "base64's plus", "++++", 0 },
	{ "base64's slash", "////", 0 },
	{ "bits behind the last of one byte", "Zh", 0 },
	{ "bits behind the last of two bytes", "Zm9", 0 },
	{ "space before", " Zm9", 0 },
	{ "four spaces before", "    Zm9v", 0 },
	{ "four spaces behind", "Zm9v    ", 0 },
	{ "line break behind", "Zm9v\r\n\r\n", 0 },
	{ "line break inside", "Zm9\r\nv00", 0 },
	{ "only spaces", "        ", 0 },
	{ "minus behind two characters, as OpenSSL's end of file", "Zg--Zg--Z", 0 },
	{ "NUL inside", "Zm\0v", 4 },
	{ "only NULs", "\0\0\0\0", 4 },
	{ "8-bit", "Zm9\xe4", 0 },
	{ "UTF-8", "Zm\xc4\x93", 0 },
	{ "dot", "Zm9.", 0 },
};

static void refuses(void **state)
{
	const struct bad_row *row = *state;
	unsigned char bytes[BASE64URL_BYTES_MAX];

	assert_int_equal(base64url_decode(row->text, row->size > 0 ? row->size : strlen(row->text),
					  bytes, sizeof(bytes)),
			 -1);
}

static void every_size(void **state)
{
	unsigned char bytes[BASE64URL_BYTES_MAX] = { 0 }, again[BASE64URL_BYTES_MAX];
	char text[BASE64URL_LENGTH(BASE64URL_BYTES_MAX) + 1];

	(void)state;
	for (size_t size = 0; size <= BASE64URL_BYTES_MAX; size++) {
		for (size_t i = 0; i < size; i++)
			bytes[i] = (unsigned char)(size * 37 + i * 101);
		base64url_encode(bytes, size, text);
		assert_int_equal(strlen(text), BASE64URL_LENGTH(size));
		assert_int_equal(base64url_decode(text, strlen(text), again, size), size);
		assert_memory_equal(again, bytes, size);
		if (size > 0)
			assert_int_equal(base64url_decode(text, strlen(text), again, size - 1), -1);
	}
}

static void too_long(void **state)
{
	static char text[10000];
	unsigned char bytes[sizeof(text)];

	(void)state;
	memset(text, 'A', sizeof(text));
	assert_int_equal(base64url_decode(text, 128, bytes, sizeof(bytes)), 96);
	assert_int_equal(base64url_decode(text, 130, bytes, sizeof(bytes)), -1);
	assert_int_equal(base64url_decode(text, sizeof(text), bytes, sizeof(bytes)), -1);
	assert_int_equal(base64url_decode(text, SIZE_MAX - 1, bytes, sizeof(bytes)), -1);
}

/* One text stands for one sequence of bytes: no two texts of three characters mean the same. */
static void one_text_each(void **state)
{
	static const char all[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned int accepted = 0;

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		for (size_t j = 0; j < 64; j++) {
			unsigned char bytes[2];
			char text[3] = { 'A', all[i], all[j] };

			accepted += base64url_decode(text, 3, bytes, 2) == 2;
		}
	}
	assert_int_equal(accepted, 64 * 16);
}

int main(void)
{
	ADD_ROWS(encodes_and_decodes, good);
	ADD_ROWS(refuses, bad);
	ADD_TEST(every_size);
	ADD_TEST(too_long);
	ADD_TEST(one_text_each);
	return RUN_TESTS();
}
