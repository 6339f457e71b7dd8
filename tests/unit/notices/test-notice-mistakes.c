/* Mistakes in the templates of notices: each is told with its file, its line and what was expected.
 */

#include "notices/notice.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/notice-site.h"

#define SUBJECT "1: expected \"Subject: \" and a subject"
#define CLOSE	"expected '}' after '{' in the same line; a brace itself is written '{{'"
#define OFF	"expected one of {account}, {domain}, {help_url}, {time}"
#define ADDED                                                                                      \
	"expected one of {account}, {domain}, {help_url}, {time}, {mail_server}, {by}, {from}, "   \
	"{number}, {label}"
#define LONG	 "expected a line of at most 998 bytes, with variables as long as they can be"
#define S	 "Subject: x\n\n"
#define URL	 "{help_url}"
#define FIVE_URL URL URL URL URL URL
#define X50	 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

struct bad_row {
	const char *name;
	const char *file;
	const char *text;
	const char *error; /* behind "FILE:" */
};

static const struct bad_row bad_rows[] = {
	{ "bad: empty file", "et/owner.txt", "", SUBJECT },
	{ "bad: no subject", "et/owner.txt", "Tere!\n", SUBJECT },
	{ "bad: subject in lower case", "et/owner.txt", "subject: x\n\ny\n", SUBJECT },
	{ "bad: empty subject", "et/owner.txt", "Subject: \n\ny\n", SUBJECT },
	{ "bad: subject of spaces", "et/owner.txt", "Subject:   \n\ny\n", SUBJECT },
	{ "bad: subject without a space", "et/owner.txt", "Subject:x\n\ny\n", SUBJECT },
	{ "bad: subject in the second line", "et/owner.txt", "\nSubject: x\n\ny\n", SUBJECT },
	{ "bad: byte order mark", "et/owner.txt", "\xef\xbb\xbf" S "y\n",
	  "1: expected no byte order mark" },
	{ "bad: no empty line", "et/owner.txt", "Subject: x\ny\n",
	  "2: expected an empty line below the subject" },
	{ "bad: another header field", "et/owner.txt", "Subject: x\nBcc: a@b\n\ny\n",
	  "2: expected an empty line below the subject" },
	{ "bad: space for the empty line", "et/owner.txt", "Subject: x\n \ny\n",
	  "2: expected an empty line below the subject" },
	{ "bad: subject alone", "et/owner.txt", "Subject: x\n",
	  "3: expected a body below the subject" },
	{ "bad: no body", "et/owner.txt", S, "3: expected a body below the subject" },
	{ "bad: body of empty lines", "et/owner.txt", S "\n  \n\n",
	  "6: expected a body below the subject" },
	{ "bad: unknown variable", "et/owner.txt", S "y\n{acount}\n",
	  "4: " OFF ", but found {acount}" },
	{ "bad: variable in upper case", "et/owner.txt", S "{Account}\n",
	  "3: " OFF ", but found {Account}" },
	{ "bad: variable with a space", "et/owner.txt", S "{ account}\n",
	  "3: " OFF ", but found { account}" },
	{ "bad: variable without a name", "et/owner.txt", S "{}\n", "3: " OFF ", but found {}" },
	{ "bad: variable in the subject", "et/owner.txt", "Subject: {nobody}\n\ny\n",
	  "1: " OFF ", but found {nobody}" },
	{ "bad: very long variable", "et/owner.txt", S "{" X50 "}\n", "3: " OFF },
	{ "bad: variable of another event", "et/owner.txt", S "{label}\n",
	  "3: " OFF ", but found {label}" },
	{ "bad: variable of another event in the subject", "et/break-in.txt",
	  "Subject: {from}\n\ny\n", "1: " OFF ", but found {from}" },
	{ "bad: a new app password has no end", "et/password-added.txt", S "{until}\n",
	  "3: " ADDED ", but found {until}" },
	{ "bad: a password", "et/enabled.txt", S "{password}\n",
	  "3: " ADDED ", but found {password}" },
	{ "bad: a warning has no label", "et/unused-warning.txt", S "{label}\n",
	  "3: " OFF ", {until}, but found {label}" },
	{ "bad: brace not closed", "et/owner.txt", S "y\n\n{account\n", "5: " CLOSE },
	{ "bad: brace closed in the next line", "et/owner.txt", S "{\naccount}\n", "3: " CLOSE },
	{ "bad: brace at the end", "et/owner.txt", S "{", "3: " CLOSE },
	{ "bad: three braces", "et/owner.txt", S "{{{account\n", "3: " CLOSE },
	{ "bad: not UTF-8", "et/owner.txt", S "y\nJ\374ri\n",
	  "4: expected UTF-8, but byte 2 is 0xfc" },
	{ "bad: subject not UTF-8", "et/owner.txt", "Subject: \344\n\ny\n",
	  "1: expected UTF-8, but byte 10 is 0xe4" },
	{ "bad: UTF-16", "et/owner.txt",
	  "\xff\xfe"
	  "S",
	  "1: expected UTF-8, but byte 1 is 0xff" },
	{ "bad: half of a character at the end", "et/owner.txt", S "\xc3",
	  "3: expected UTF-8, but byte 1 is 0xc3" },
	{ "bad: CRLF", "et/owner.txt", "Subject: x\r\n\r\ny\r\n",
	  "1: expected lines that end with LF alone, but byte 11 is CR" },
	{ "bad: CR in the body", "et/owner.txt", S "y\rz\n",
	  "3: expected lines that end with LF alone, but byte 2 is CR" },
	{ "bad: tab", "et/owner.txt", S "\ty\n",
	  "3: expected no control characters, but byte 1 is 0x09" },
	{ "bad: escape", "et/owner.txt", S "a\033[2J\n",
	  "3: expected no control characters, but byte 2 is 0x1b" },
	{ "bad: C1 control character", "et/owner.txt", S "\xc2\x9b\n",
	  "3: expected no control characters, but byte 1 is 0xc2" },
	{ "bad: line too long", "et/owner.txt", S FIVE_URL X50 X50 "\n", "3: " LONG },
	{ "bad: subject too long", "et/owner.txt", "Subject: " FIVE_URL X50 X50 "\n\ny\n",
	  "1: " LONG },
	{ "bad: in a domain's directory", "example.org/et/owner.txt", S "{x}\n",
	  "3: " OFF ", but found {x}" },
	{ "bad: mistyped file", "et/braek-in.txt", S "y\n",
	  " expected the name of a notice, such as compromised.txt" },
	{ "bad: file of the reason that needs no notice", "et/never-enabled.txt", S "y\n",
	  " expected the name of a notice, such as compromised.txt" },
};

static void test_bad(void **state)
{
	const struct bad_row *row = *state;
	struct notice_site site;
	char *error = NULL, expected[512];
	struct notices *notices;

	notice_site_begin(&site);
	notice_site_add(&site, row->file, row->text);
	notices = notices_load(&site.settings, &error);
	assert_null(notices);
	assert_non_null(error);
	snprintf(expected, sizeof(expected), "%s/%s:%s", site.own, row->file, row->error);
	assert_string_equal(error, expected);
	free(error);
	notice_site_end(&site);
}

static void assert_load_fails(struct notice_site *site, const char *expected)
{
	char *error = NULL;

	assert_null(notices_load(&site->settings, &error));
	assert_non_null(error);
	assert_string_equal(error, expected);
	free(error);
}

static void test_nul_byte(void **state)
{
	static const char text[] = S "a\0{x}\n";
	struct notice_site site;
	char expected[256];

	(void)state;
	notice_site_begin(&site);
	notice_site_write(&site, "et/owner.txt", text, sizeof(text) - 1);
	snprintf(expected, sizeof(expected),
		 "%s/et/owner.txt:3: expected no control characters, but byte 2 is 0x00", site.own);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

/* 64 kB are good, and one byte more isn't. */
static void test_large_file(void **state)
{
	size_t size = 64 * 1024 + 1;
	char *text = malloc(size), expected[256];
	struct notice_site site;
	struct notices *notices;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', size);
	memcpy(text, S "y", strlen(S) + 1);
	notice_site_begin(&site);
	notice_site_write(&site, "et/owner.txt", text, size - 1);
	notices = notice_site_load(&site);
	notices_free(&notices);
	notice_site_write(&site, "et/owner.txt", text, size);
	snprintf(expected, sizeof(expected), "%s/et/owner.txt: expected at most 65536 bytes",
		 site.own);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
	free(text);
}

/* The longest line: 998 bytes with its variables filled in. */
static void test_longest_line(void **state)
{
	struct notice_site site;
	struct notices *notices;
	char text[256];

	(void)state;
	notice_site_begin(&site);
	snprintf(text, sizeof(text), S FIVE_URL X50 "%.48s\n", X50);
	notice_site_add(&site, "et/owner.txt", text);
	notices = notice_site_load(&site);
	notices_free(&notices);
	notice_site_end(&site);
}

/* A language that isn't shipped has to have every event. */
static void test_missing_event(void **state)
{
	struct notice_site site;
	char expected[8192];

	(void)state;
	notice_site_begin(&site);
	notice_site_add(&site, "de/owner.txt", S "y\n");
	snprintf(expected, sizeof(expected), "%s/de: expected admin.txt in it, or in %s/de",
		 site.own, site.shipped);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

static void test_empty_language(void **state)
{
	struct notice_site site;
	char expected[8192];

	(void)state;
	notice_site_begin(&site);
	notice_site_add(&site, "example.org/de/README", "");
	snprintf(expected, sizeof(expected),
		 "%s/example.org/de: expected owner.txt in it, or in %s/de", site.own,
		 site.shipped);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

static void test_default_language(void **state)
{
	struct notice_site site;
	char language[] = "de", expected[8192];

	(void)state;
	notice_site_begin(&site);
	site.settings.notices.default_language = language;
	snprintf(expected, sizeof(expected), "%s: expected a directory de in it", site.shipped);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

static void test_nothing_shipped(void **state)
{
	struct notice_site site;
	char expected[256];

	(void)state;
	notice_site_begin(&site);
	site.settings.notices.shipped = site.own;
	snprintf(expected, sizeof(expected), "%s: expected a directory en in it", site.own);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

static void test_no_shipped_directory(void **state)
{
	struct notice_site site;
	char nowhere[] = "/nonexistent/notices";

	(void)state;
	notice_site_begin(&site);
	site.settings.notices.shipped = nowhere;
	assert_load_fails(&site, "/nonexistent/notices: No such file or directory");
	notice_site_end(&site);
}

static void test_own_is_a_file(void **state)
{
	struct notice_site site;
	char path[256], expected[300];

	(void)state;
	notice_site_begin(&site);
	notice_site_add(&site, "file", "");
	snprintf(path, sizeof(path), "%s/file", site.own);
	snprintf(expected, sizeof(expected), "%s: Not a directory", path);
	site.settings.notices.own = path;
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

struct directory_row {
	const char *name;
	const char *file;
	const char *directory; /* the one that the mistake is about */
	const char *error;
};

#define OWN_DIRECTORY "expected the name of a language, such as et, or of a domain"
#define A_LANGUAGE    "expected the name of a language, such as et"

static const struct directory_row directory_rows[] = {
	{ "directory: in upper case", "ET/owner.txt", "ET", OWN_DIRECTORY },
	{ "directory: with a country", "et_EE/owner.txt", "et_EE", OWN_DIRECTORY },
	{ "directory: domain in upper case", "Example.org/et/owner.txt", "Example.org",
	  OWN_DIRECTORY },
	{ "directory: no domain", "a_b/et/owner.txt", "a_b", OWN_DIRECTORY },
	{ "directory: domain in a domain", "example.org/example.net/owner.txt",
	  "example.org/example.net", A_LANGUAGE },
};

static void test_directory(void **state)
{
	const struct directory_row *row = *state;
	struct notice_site site;
	char expected[256];

	notice_site_begin(&site);
	notice_site_add(&site, row->file, S "y\n");
	snprintf(expected, sizeof(expected), "%s/%s: %s", site.own, row->directory, row->error);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

/* The shipped directory has no domains. */
static void test_shipped_domain(void **state)
{
	struct notice_site site;
	char expected[256];

	(void)state;
	notice_site_begin(&site);
	site.settings.notices.shipped = site.own;
	notice_site_add(&site, "example.org/et/owner.txt", S "y\n");
	snprintf(expected, sizeof(expected), "%s/example.org: " A_LANGUAGE, site.own);
	assert_load_fails(&site, expected);
	notice_site_end(&site);
}

int main(void)
{
	ADD_ROWS(test_bad, bad_rows);
	ADD_ROWS(test_directory, directory_rows);
	ADD_TEST(test_nul_byte);
	ADD_TEST(test_large_file);
	ADD_TEST(test_longest_line);
	ADD_TEST(test_missing_event);
	ADD_TEST(test_empty_language);
	ADD_TEST(test_default_language);
	ADD_TEST(test_nothing_shipped);
	ADD_TEST(test_no_shipped_directory);
	ADD_TEST(test_own_is_a_file);
	ADD_TEST(test_shipped_domain);
	return RUN_TESTS();
}
