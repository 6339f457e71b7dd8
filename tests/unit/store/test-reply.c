/* Reading answers, most of which no script of ours would give. */

#include "store/reply.h"

#include <string.h>

#include "tests/unit/samples.h"

static const char *const words[] = { "allow", "wrong-password", "off" };

#define DONT_KNOW 2

struct verdict_row {
	const char *name;
	const char *resp; /* NULL: no reply at all */
	int verdict;
};

static const struct verdict_row verdict_rows[] = {
	{ "first word", "*1\r\n$5\r\nallow\r\n", 0 },
	{ "second word", "*1\r\n$14\r\nwrong-password\r\n", 1 },
	{ "more behind the word", "*3\r\n$5\r\nallow\r\n:1\r\n*0\r\n", 0 },
	{ "the last word stands for itself", "*1\r\n$3\r\noff\r\n", DONT_KNOW },
	{ "no reply", NULL, DONT_KNOW },
	{ "nil", "$-1\r\n", DONT_KNOW },
	{ "nil array", "*-1\r\n", DONT_KNOW },
	{ "empty array", "*0\r\n", DONT_KNOW },
	{ "nil in the array", "*1\r\n$-1\r\n", DONT_KNOW },
	{ "empty word", "*1\r\n$0\r\n\r\n", DONT_KNOW },
	{ "unknown word", "*1\r\n$5\r\nallou\r\n", DONT_KNOW },
	{ "longer word", "*1\r\n$7\r\nallowed\r\n", DONT_KNOW },
	{ "shorter word", "*1\r\n$4\r\nallo\r\n", DONT_KNOW },
	{ "capitals", "*1\r\n$5\r\nALLOW\r\n", DONT_KNOW },
	{ "8-bit word", "*1\r\n$5\r\n\xe1llow\r\n", DONT_KNOW },
	{ "number for a word", "*1\r\n:0\r\n", DONT_KNOW },
	{ "status for a word", "*1\r\n+allow\r\n", DONT_KNOW },
	{ "error for a word", "*1\r\n-allow\r\n", DONT_KNOW },
	{ "word one level down", "*1\r\n*1\r\n$5\r\nallow\r\n", DONT_KNOW },
	{ "word without an array", "$5\r\nallow\r\n", DONT_KNOW },
	{ "status", "+allow\r\n", DONT_KNOW },
	{ "error", "-ERR no\r\n", DONT_KNOW },
	{ "number", ":0\r\n", DONT_KNOW },
};

static void verdict(void **state)
{
	const struct verdict_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(reply_verdict(reply, words, DONT_KNOW), row->verdict);
	freeReplyObject(reply);
}

struct number_row {
	const char *name;
	const char *resp; /* the number stands at place 1 */
	int64_t number;
};

static const struct number_row number_rows[] = {
	{ "integer", "*2\r\n:1\r\n:42\r\n", 42 },
	{ "digits", "*2\r\n:1\r\n$2\r\n42\r\n", 42 },
	{ "largest integer", "*2\r\n:1\r\n:9223372036854775807\r\n", INT64_MAX },
	{ "largest digits", "*2\r\n:1\r\n$19\r\n9223372036854775807\r\n", INT64_MAX },
	{ "digits beyond", "*2\r\n:1\r\n$19\r\n9223372036854775808\r\n", 0 },
	{ "many digits", "*2\r\n:1\r\n$40\r\n9999999999999999999999999999999999999999\r\n", 0 },
	{ "negative", "*2\r\n:1\r\n:-1\r\n", 0 },
	{ "negative digits", "*2\r\n:1\r\n$2\r\n-1\r\n", 0 },
	{ "plus", "*2\r\n:1\r\n$2\r\n+1\r\n", 0 },
	{ "space", "*2\r\n:1\r\n$2\r\n 1\r\n", 0 },
	{ "fraction", "*2\r\n:1\r\n$3\r\n1.5\r\n", 0 },
	{ "hexadecimal", "*2\r\n:1\r\n$4\r\n0x1f\r\n", 0 },
	{ "letters behind", "*2\r\n:1\r\n$3\r\n42a\r\n", 0 },
	{ "words", "*2\r\n:1\r\n$3\r\nnan\r\n", 0 },
	{ "empty", "*2\r\n:1\r\n$0\r\n\r\n", 0 },
	{ "nil", "*2\r\n:1\r\n$-1\r\n", 0 },
	{ "array", "*2\r\n:1\r\n*1\r\n:42\r\n", 0 },
	{ "status", "*2\r\n:1\r\n+42\r\n", 0 },
	{ "error", "*2\r\n:1\r\n-42\r\n", 0 },
	{ "not there", "*1\r\n:42\r\n", 0 },
	{ "no array", ":42\r\n", 0 },
	{ "no reply", NULL, 0 },
};

static void number(void **state)
{
	const struct number_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(reply_number(reply, 1), row->number);
	assert_int_equal(reply_number(reply, 2), 0);
	assert_int_equal(reply_number(reply, UINT32_MAX), 0);
	freeReplyObject(reply);
}

struct string_row {
	const char *name;
	const char *resp;
	const char *string; /* at place 1 */
};

static const struct string_row string_rows[] = {
	{ "string", "*2\r\n:1\r\n$3\r\nabc\r\n", "abc" },
	{ "empty", "*2\r\n:1\r\n$0\r\n\r\n", "" },
	{ "8-bit", "*2\r\n:1\r\n$2\r\n\xc4\x93\r\n", "\xc4\x93" },
	{ "with a line break", "*2\r\n:1\r\n$4\r\na\r\nb\r\n", "a\r\nb" },
	{ "number", "*2\r\n:1\r\n:42\r\n", "" },
	{ "status", "*2\r\n:1\r\n+abc\r\n", "" },
	{ "error", "*2\r\n:1\r\n-abc\r\n", "" },
	{ "array", "*2\r\n:1\r\n*1\r\n$3\r\nabc\r\n", "" },
	{ "nil", "*2\r\n:1\r\n$-1\r\n", "" },
	{ "not there", "*1\r\n$3\r\nabc\r\n", "" },
	{ "no array", "$3\r\nabc\r\n", "" },
	{ "no reply", NULL, "" },
};

static void string(void **state)
{
	const struct string_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_string_equal(reply_string(reply, 1), row->string);
	freeReplyObject(reply);
}

struct word_row {
	const char *name;
	const char *resp;
	const char *word; /* of at most four bytes */
};

static const struct word_row word_rows[] = {
	{ "word", "*1\r\n$4\r\nfree\r\n", "free" },
	{ "word of signs", "*1\r\n$3\r\n!-~\r\n", "!-~" },
	{ "word that is too long", "*1\r\n$5\r\nfrees\r\n", "" },
	{ "two words", "*1\r\n$3\r\na b\r\n", "" },
	{ "8-bit word", "*1\r\n$2\r\n\xc4\x93\r\n", "" },
	{ "word with a line break", "*1\r\n$4\r\na\r\nb\r\n", "" },
	{ "number for a word", "*1\r\n:42\r\n", "" },
	{ "no word", "*0\r\n", "" },
};

static void word(void **state)
{
	const struct word_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_string_equal(reply_word(reply, 0, 4), row->word);
	freeReplyObject(reply);
}

struct field_row {
	const char *name;
	const char *resp;
	const char *field; /* the value behind "b" */
};

static const struct field_row field_rows[] = {
	{ "first", "*4\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\nc\r\n$1\r\n2\r\n", "1" },
	{ "second", "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n", "2" },
	{ "a value is no name", "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\n2\r\n", "" },
	{ "name without a value", "*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n", "" },
	{ "nil for a value", "*2\r\n$1\r\nb\r\n$-1\r\n", "" },
	{ "number for a value", "*2\r\n$1\r\nb\r\n:1\r\n", "" },
	{ "number for a name", "*4\r\n:1\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n", "2" },
	{ "array in between", "*4\r\n*1\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n", "2" },
	{ "empty array", "*0\r\n", "" },
	{ "no array", "$1\r\nb\r\n", "" },
	{ "no reply", NULL, "" },
};

static void field(void **state)
{
	const struct field_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_string_equal(reply_field(reply, "b"), row->field);
	freeReplyObject(reply);
}

struct time_row {
	const char *name;
	const char *resp;
	int64_t time;
};

static const struct time_row time_rows[] = {
	{ "as Redis says it", "*2\r\n$10\r\n1760000000\r\n$6\r\n123456\r\n", 1760000000123456 },
	{ "no microseconds", "*2\r\n$10\r\n1760000000\r\n$1\r\n0\r\n", 1760000000000000 },
	{ "seconds beyond", "*2\r\n$19\r\n9223372036854775807\r\n$1\r\n1\r\n", 0 },
	{ "microseconds beyond", "*2\r\n$10\r\n1760000000\r\n$7\r\n1000000\r\n", 0 },
	{ "no time", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n", 0 },
	{ "error", "-NOPERM no\r\n", 0 },
	{ "no reply", NULL, 0 },
};

static void time_of(void **state)
{
	const struct time_row *row = *state;
	redisReply *reply = sample_reply(row->resp);

	assert_int_equal(reply_time(reply), row->time);
	freeReplyObject(reply);
}

static void arrays(void **state)
{
	redisReply *reply = sample_reply("*3\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n*-1\r\n");

	(void)state;
	assert_int_equal(reply_count(reply), 3);
	assert_int_equal(reply_count(reply_array(reply, 1)), 2);
	assert_int_equal(reply_number(reply_array(reply, 1), 1), 2);
	assert_null(reply_array(reply, 0));
	assert_null(reply_array(reply, 2));
	assert_null(reply_array(reply, 3));
	assert_null(reply_array(NULL, 0));
	assert_int_equal(reply_count(NULL), 0);
	freeReplyObject(reply);
}

/* A word with a NUL in it is not the word before the NUL. */
static void nul_in_a_string(void **state)
{
	static const char resp[] = "*2\r\n$6\r\nallow\0\r\n$3\r\n1\0000\r\n";
	redisReply *reply = sample_reply_of(resp, sizeof(resp) - 1);

	(void)state;
	assert_int_equal(reply_verdict(reply, words, DONT_KNOW), DONT_KNOW);
	assert_string_equal(reply_string(reply, 0), "");
	assert_int_equal(reply_number(reply, 1), 0);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_ROWS(verdict, verdict_rows);
	ADD_ROWS(number, number_rows);
	ADD_ROWS(string, string_rows);
	ADD_ROWS(word, word_rows);
	ADD_ROWS(field, field_rows);
	ADD_ROWS(time_of, time_rows);
	ADD_TEST(arrays);
	ADD_TEST(nul_in_a_string);
	return RUN_TESTS();
}
