/* Accounts as lines of JSON: what is let in, and that it comes out as it was. */

#include "dovecot-plugin/doveadm/account-line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rows.h"

#define DIGEST	"app:7:abcdefghijklmnopqrstu_"
#define DIGEST2 "app:255:ABCDEFGHIJKLMNOPQRS-89"
#define ON	"\"access\":\"enabled\",\"since\":\"1760000000123\",\"numbers\":\"25\","
#define OFF	"\"access\":\"disabled\",\"since\":\"1760000000123\",\"numbers\":\"25\","
#define SIXTEEN "0123456789abcdef"
#define COUNTS	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKi"
#define LOGINS	COUNTS "s" /* without a network */

/* 64 bytes: the eight networks of logins that an account can have. */
#define EIGHT                                                                                      \
	"AAAAwAACUAAAAADAAAJQAAAAAMAAAlAAAAAAwAACUAAAAADAAAJQAAAAAMAAAlAAAAAAwAACUAAAAADAAAJQAA"

struct row {
	const char *name;
	const char *text;  /* the fields */
	const char *error; /* its beginning; NULL if it may be */
};

static const struct row field_rows[] = {
	{ "access on", ON "\"language\":\"et\"", NULL },
	{ "access off", OFF "\"reason\":\"break-in\"", NULL },
	{ "no access, but a tier", "\"tier\":\"paid\"", NULL },
	{ "a tier of another site", "\"tier\":\"gold-2\"", NULL },
	{ "every setting",
	  "\"tier\":\"paid\",\"activity\":\"passive\",\"tls\":\"exempt\",\"sending\":\"blocked\","
	  "\"language\":\"et_EE\",\"held_tier\":\"free\",\"held_until\":\"1\"",
	  NULL },
	{ "an app password", ON "\"" DIGEST "\":\"1 5 0 0 *\"", NULL },
	{ "an app password with a label",
	  ON "\"" DIGEST "\":\"1 5 6 7 pop3,smtp\",\"label:1\":\"J\303\274ri telefon\"", NULL },
	{ "uses",
	  "\"used:3\":\"5 imap 2001:db8::1\",\"seen:pop3\":\"5 192.0.2.1 0a1b 3\","
	  "\"seen:imap\":\"5   1\",\"seen:smtp\":\"5 fe80::1%eth0 x 0\"",
	  NULL },
	{ "counts of logins", "\"logins\":\"" LOGINS "\"", NULL },
	{ "counts and a network", "\"logins\":\"" COUNTS "sAAADAAAJQAA\"", NULL },
	{ "counts and two networks", "\"logins\":\"" COUNTS "sAAADAAAJQAAAAAMAAAlAA\"", NULL },
	{ "networks", "\"nets\":\"AAAAwAACUAA\"", NULL },
	{ "networks and counts", "\"nets\":\"" EIGHT "\",\"logins\":\"" LOGINS "\"", NULL },
	{ "break-ins", "\"break_ins\":\"3 1760000000123\"", NULL },
	{ "gate and warning", "\"changed\":\"1\",\"revoked\":\"2\",\"warned\":\"1760000000123\"",
	  NULL },

	{ "a field that nobody has", "\"color\":\"red\"", "fields: expected only" },
	{ "a field of the prelude's neighbour", "\"password\":\"x\"", "fields: expected only" },
	{ "an empty name", "\"\":\"x\"", "fields: expected only" },
	{ "a name in capitals", "\"ACCESS\":\"enabled\"", "fields: expected only" },
	{ "a number for a value", "\"since\":5", "fields: expected an object of strings" },
	{ "null for a value", "\"tier\":null", "fields: expected an object of strings" },
	{ "an object for a value", "\"tier\":{}", "fields: expected an object of strings" },
	{ "nothing at all", "", "fields: expected at least one" },
	{ "access half on", "\"access\":\"on\",\"since\":\"5\"", "access:" },
	{ "access without since", "\"access\":\"enabled\"",
	  "access: expected together with since" },
	{ "since without access", "\"since\":\"5\"", "access: expected together with since" },
	{ "a reason that is none", OFF "\"reason\":\"weather\"", "reason:" },
	{ "no reason at all", OFF "\"reason\":\"\"", "reason:" },
	{ "time 0", "\"changed\":\"0\"", "changed:" },
	{ "negative time", "\"changed\":\"-1\"", "changed:" },
	{ "time with a fraction", "\"changed\":\"1.5\"", "changed:" },
	{ "time in hexadecimal", "\"changed\":\"0x10\"", "changed:" },
	{ "time with a leading zero", "\"changed\":\"01\"", "changed:" },
	{ "time that Lua can't hold", "\"warned\":\"" SIXTEEN "\"", "warned:" },
	{ "time of 16 digits", "\"warned\":\"1234567890123456\"", "warned:" },
	{ "time with a space", "\"warned\":\" 1\"", "warned:" },
	{ "empty time", "\"warned\":\"\"", "warned:" },
	{ "tier of 17 bytes", "\"tier\":\"" SIXTEEN "x\"", "tier:" },
	{ "empty tier", "\"tier\":\"\"", "tier:" },
	{ "tier with a space", "\"tier\":\"a b\"", "tier:" },
	{ "tier with a line break", "\"tier\":\"a\\nb\"", "tier:" },
	{ "hold without its end", "\"held_tier\":\"free\"", "held_tier:" },
	{ "end of no hold", "\"held_until\":\"5\"", "held_tier:" },
	{ "active, which is not stored", "\"activity\":\"active\"", "activity:" },
	{ "TLS required, which is not stored", "\"tls\":\"required\"", "tls:" },
	{ "sending allowed, which is not stored", "\"sending\":\"allowed\"", "sending:" },
	{ "empty language", "\"language\":\"\"", "language:" },
	{ "language with a path", "\"language\":\"../x\"", "language:" },
	{ "numbers 0", "\"numbers\":\"0\"", "numbers:" },
	{ "numbers of 10 digits", "\"numbers\":\"1234567890\"", "numbers:" },
	{ "digest of 21 characters", ON "\"app:7:abcdefghijklmnopqrstu\":\"1 5 0 0 *\"", "app:" },
	{ "digest of 23 characters", ON "\"" DIGEST "x\":\"1 5 0 0 *\"", "app:" },
	{ "digest of no key", ON "\"app:abcdefghijklmnopqrstuv\":\"1 5 0 0 *\"", "app:" },
	{ "digest of key 256", ON "\"app:256:abcdefghijklmnopqrstuv\":\"1 5 0 0 *\"", "app:" },
	{ "digest with a space", ON "\"app:7:abcdefghijk mnopqrstuv\":\"1 5 0 0 *\"", "app:" },
	{ "app password 0", ON "\"" DIGEST "\":\"0 5 0 0 *\"", "app:" },
	{ "app password with a space behind", ON "\"" DIGEST "\":\"1 5 0 0 * \"", "app:" },
	{ "app password cut short", ON "\"" DIGEST "\":\"1 5\"", "app:" },
	{ "app password with an empty value", ON "\"" DIGEST "\":\"\"", "app:" },
	{ "app password for nothing", ON "\"" DIGEST "\":\"1 5 0 0 \"", "app:" },
	{ "app password for a strange protocol", ON "\"" DIGEST "\":\"1 5 0 0 ftp\"", "app:" },
	{ "protocols in another order", ON "\"" DIGEST "\":\"1 5 0 0 smtp,pop3\"", "app:" },
	{ "label of 49 bytes", "\"label:1\":\"" SIXTEEN SIXTEEN SIXTEEN "x\"", "label:" },
	{ "label with a line break", "\"label:1\":\"a\\nb\"", "label:" },
	{ "label with a C1 character", "\"label:1\":\"\\u0085\"", "label:" },
	{ "empty label", "\"label:1\":\"\"", "label:" },
	{ "label of no number", "\"label:\":\"x\"", "label:" },
	{ "label of a digest", "\"label:7:abcdefghijklmnopqrstuv\":\"x\"", "label:" },
	{ "app password beyond numbers", ON "\"" DIGEST "\":\"26 5 0 0 *\"",
	  "app:DIGEST: expected a number" },
	{ "app password without numbers",
	  "\"access\":\"enabled\",\"since\":\"5\",\"" DIGEST "\":\"1 5 0 0 *\"",
	  "app:DIGEST: expected a number" },
	{ "one number twice", ON "\"" DIGEST "\":\"1 5 0 0 *\",\"" DIGEST2 "\":\"1 5 0 0 *\"",
	  "app:DIGEST: expected a number" },
	{ "an app password that works while access is off", OFF "\"" DIGEST "\":\"1 5 0 0 *\"",
	  "app:DIGEST: expected none" },
	{ "an app password that works without access",
	  "\"numbers\":\"1\",\"" DIGEST "\":\"1 5 0 0 *\"", "app:DIGEST: expected none" },
	{ "an ended app password while access is off", OFF "\"" DIGEST "\":\"1 5 9 0 *\"", NULL },
	{ "use of no number", "\"used:\":\"5 pop3 192.0.2.1\"", "used:" },
	{ "use of a word", "\"used:x\":\"5 pop3 192.0.2.1\"", "used:" },
	{ "use by a strange protocol", "\"used:1\":\"5 http 192.0.2.1\"", "used:" },
	{ "use from no address", "\"used:1\":\"5 pop3 <script>\"", "used:" },
	{ "a protocol that nobody has", "\"seen:http\":\"5 192.0.2.1 x 1\"", "seen:" },
	{ "a protocol and more", "\"seen:pop3s\":\"5 192.0.2.1 x 1\"", "seen:" },
	{ "last login without a number", "\"seen:pop3\":\"5 192.0.2.1 x\"", "seen:" },
	{ "last login with too much", "\"seen:pop3\":\"5 192.0.2.1 x 1 1\"", "seen:" },
	{ "last login without a time", "\"seen:pop3\":\"now 192.0.2.1 x 1\"", "seen:" },
	{ "counts of 43 bytes",
	  "\"logins\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj"
	  "JCUmJygpKg\"",
	  "logins:" },
	{ "counts of 48 bytes", "\"logins\":\"" COUNTS "sAAAAA\"", "logins:" },
	{ "counts and three networks", "\"logins\":\"" COUNTS "sAAADAAAJQAAAAAMAAAlAAAAAAwAACUAA\"",
	  "logins:" },
	{ "counts that are no base64url", "\"logins\":\"*\"", "logins:" },
	{ "empty counts", "\"logins\":\"\"", "logins:" },
	{ "networks of 7 bytes", "\"nets\":\"AAAAwAACUA\"", "nets:" },
	{ "networks of 72 bytes", "\"nets\":\"" EIGHT "AAAAwAACUAA\"", "nets:" },
	{ "empty networks", "\"nets\":\"\"", "nets:" },
	{ "networks that are no base64url", "\"nets\":\"192.0.2.\"", "nets:" },
	{ "break-ins without a time", "\"break_ins\":\"3\"", "break_ins:" },
	{ "no break-ins", "\"break_ins\":\"0 1760000000123\"", "break_ins:" },
	{ "break-ins with more", "\"break_ins\":\"3 1760000000123 5\"", "break_ins:" },
	{ "counts of 96 bytes", "\"logins\":\"" LOGINS LOGINS "\"", "logins:" },
};

static const struct row line_rows[] = {
	{ "history with evidence",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},"
	  "\"history\":[\"6925ab\\toff\\tcompromised\\tpostern\\t\\t10 failures\"]}",
	  NULL },
	{ "history",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},\"history\":[\"6925ab\\ton\\t\\tanna\\t\"]"
	  "}",
	  NULL },
	{ "another order, and spaces",
	  " { \"history\" : [ ] , \"fields\" : { \"tier\" : \"x\" } , \"account\" : \"A@B.c\" , "
	  "\"v\" : 1 } ",
	  NULL },
	{ "nothing", "", "expected JSON" },
	{ "a word", "hello", "expected JSON" },
	{ "an array", "[]", "expected an object" },
	{ "an empty object", "{}", "account:" },
	{ "two objects", "{}{}", "expected JSON" },
	{ "cut short", "{\"v\":1,\"account\":\"a@b.c\",\"fie", "expected JSON" },
	{ "a name twice", "{\"v\":1,\"v\":1,\"account\":\"a@b.c\",\"fields\":{},\"history\":[]}",
	  "expected JSON" },
	{ "a field twice",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"a\",\"tier\":\"b\"},"
	  "\"history\":[]}",
	  "expected JSON" },
	{ "no UTF-8", "{\"v\":1,\"account\":\"\377@b.c\",\"fields\":{},\"history\":[]}",
	  "expected JSON" },
	{ "a NUL in a string",
	  "{\"v\":1,\"account\":\"a@b.c\\u0000\",\"fields\":{},\"history\":[]}", "expected JSON" },
	{ "another version",
	  "{\"v\":2,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":[]}", "v:" },
	{ "version in words",
	  "{\"v\":\"1\",\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":[]}", "v:" },
	{ "one member too many",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":[],\"x\":1}",
	  "expected an object" },
	{ "one member too few", "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"}}",
	  "expected an object" },
	{ "a bare name", "{\"v\":1,\"account\":\"a\",\"fields\":{\"tier\":\"x\"},\"history\":[]}",
	  "the account name" },
	{ "a key for a name",
	  "{\"v\":1,\"account\":\"a}:mark@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":[]}",
	  "the account name" },
	{ "a number for a name", "{\"v\":1,\"account\":1,\"fields\":{},\"history\":[]}",
	  "account:" },
	{ "an array of fields", "{\"v\":1,\"account\":\"a@b.c\",\"fields\":[],\"history\":[]}",
	  "fields:" },
	{ "a string of history",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":\"\"}",
	  "history:" },
	{ "history without tabs",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},\"history\":[\"5 on\"]}", "history:" },
	{ "history with two lines in one",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},"
	  "\"history\":[\"6925ab\\ton\\t\\ta\\t\\n5\\ton\\t\\ta\\t\"]}",
	  "history:" },
	{ "history with a tab too many",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},\"history\":[\"6925ab\\ton\\t\\ta\\t\\t\"]"
	  "}",
	  "history:" },
	{ "history with a tab behind the evidence",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},"
	  "\"history\":[\"6925ab\\toff\\t\\ta\\t\\tx\\ty\"]}",
	  "history:" },
	{ "history without a time",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},\"history\":[\"\\ton\\t\\ta\\t\"]}",
	  "history:" },
	{ "history with an escape sequence",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{},"
	  "\"history\":[\"6925ab\\ton\\t\\u001b[2J\\ta\\t\"]}",
	  "history:" },
	{ "an empty line of history",
	  "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"tier\":\"x\"},\"history\":[\"\"]}",
	  "history:" },
};

static void check(const char *text, const char *expected)
{
	static struct account_line line;
	const char *error = NULL;
	int ret = account_line_read(text, strlen(text), &line, &error);

	if (expected == NULL && ret < 0)
		fail_msg("%s: %s", text, error);
	if (expected == NULL)
		assert_null(error);
	if (expected != NULL) {
		assert_int_equal(ret, -1);
		if (strncmp(error, expected, strlen(expected)) != 0)
			fail_msg("%s: %s", text, error);
	}
	account_line_clear(&line);
}

static void checks_line(void **state)
{
	const struct row *row = *state;

	check(row->text, row->error);
}

static void checks_fields(void **state)
{
	const struct row *row = *state;
	size_t size = strlen(row->text);
	char text[1024];

	if (size > 0 && row->text[size - 1] == ',')
		size--;
	snprintf(text, sizeof(text),
		 "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{%.*s},\"history\":[]}", (int)size,
		 row->text);
	check(text, row->error);
}

/* A line with so many app passwords, the first working ones of them not ended, and lines of
   history. */
static char *long_line(int passwords, int working, int lines)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "{\"v\":1,\"account\":\"a@b.c\",\"fields\":{\"access\":\"enabled\","
		     "\"since\":\"5\",\"numbers\":\"99\"");
	for (int i = 1; i <= passwords; i++)
		fprintf(out,
			",\"app:7:abcdefghijklmnopqrst%02d\":\"%d 5 %d 0 *\",\"label:%d\":\"x\""
			",\"used:%d\":\"5 pop3 192.0.2.1\"",
			i, i, i > working ? 6 : 0, i, i);
	fprintf(out, "},\"history\":[");
	for (int i = 0; i < lines; i++)
		fprintf(out, "%s\"%x\\ton\\t\\tanna\\t\"", i > 0 ? "," : "", i + 1);
	fprintf(out, "]}");
	fclose(out);
	return text;
}

static void as_many_as_there_can_be(void **state)
{
	static const struct {
		int passwords, working, lines;
		const char *error;
	} counts[] = {
		{ 25, 20, 32, NULL },
		{ 26, 20, 0, "app:DIGEST: expected at most 25" },
		{ 21, 21, 0, "app:DIGEST: expected at most 25" },
		{ 40, 20, 0, "fields: expected an object of strings, of at most 95" },
		{ 0, 0, 33, "history:" },
		{ 0, 0, 1000, "history:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char *text = long_line(counts[i].passwords, counts[i].working, counts[i].lines);

		check(text, counts[i].error);
		free(text);
	}
}

static void comes_out_as_it_was(void **state)
{
	static const char text[] =
		"{\"v\":1,\"account\":\"a@b.c\",\"fields\":{" ON "\"" DIGEST
		"\":\"1 5 0 0 pop3\",\"label:1\":\"J\303\274ri\",\"logins\":\"" LOGINS
		"\",\"nets\":\"" EIGHT "\",\"break_ins\":\"2 "
		"5\"},\"history\":[\"6\\toff\\tadmin\\tanna\\t\",\"5\\ton\\t\\tanna\\t\"]}";
	static struct account_line line;
	const char *error = "";
	char *again;

	(void)state;
	assert_int_equal(account_line_read(text, strlen(text), &line, &error), 0);
	assert_string_equal(line.record.history, "6\toff\tadmin\tanna\t\n5\ton\t\tanna\t");
	again = account_line_write(&line.record, &error);
	assert_non_null(again);
	assert_string_equal(again, text);
	free(again);
	account_line_clear(&line);
}

static void what_is_no_text_stays(void **state)
{
	struct account_record record = {
		.fields = { { "tier", "\377", 1 } },
		.fields_count = 1,
		.history = "",
	};
	const char *error = NULL;

	(void)state;
	assert_null(account_line_write(&record, &error));
	assert_non_null(error);
	record.fields[0] = (struct account_record_field){ "logins", "short", 5 };
	assert_null(account_line_write(&record, &error));
	record.fields[0] = (struct account_record_field){ "tier", "paid", 4 };
	record.history = "5\ton\t\t\377\t";
	assert_null(account_line_write(&record, &error));
}

/* Lines that are nearly right never do more than fail. */
static void broken_bytes(void **state)
{
	char *whole = long_line(3, 2, 3), *text = strdup(whole);
	static struct account_line line;
	size_t size = strlen(whole);
	const char *error;

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		memcpy(text, whole, size);
		for (long j = random() % 4; j >= 0; j--)
			text[(size_t)random() % size] = (char)random();
		account_line_read(text, (size_t)random() % 10 == 0 ? (size_t)random() % size : size,
				  &line, &error);
		account_line_clear(&line);
	}
	free(text);
	free(whole);
}

int main(void)
{
	ADD_ROWS(checks_fields, field_rows);
	ADD_ROWS(checks_line, line_rows);
	ADD_TEST(as_many_as_there_can_be);
	ADD_TEST(comes_out_as_it_was);
	ADD_TEST(what_is_no_text_stays);
	ADD_TEST(broken_bytes);
	return RUN_TESTS();
}
