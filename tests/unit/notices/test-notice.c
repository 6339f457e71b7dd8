/* Notices: those that are shipped, and which template is taken. */

#include "notices/notice.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/notice-samples.h"

/* What is shipped. */

static const char *const languages[] = { "en", "et", "lv", "ru" };

#define SHIPPED (sizeof(languages) / sizeof(languages[0]) * NOTICE_EVENTS)

struct shipped_row {
	const char *name;
	const char *language;
	enum notice_event event;
};

static struct shipped_row shipped_rows[SHIPPED];

/* Also where access stays on. */
static const char *const off_parts[] = { "andrejs@example.org", "2026-11-24 14:05 EET",
					 NOTICE_HELP_URL, NULL };
static const char *const enabled_parts[] = {
	"andrejs@example.org",
	"2026-11-24 14:05 EET",
	NOTICE_HELP_URL,
	"mail.example.org",
	"192.0.2.7",
	"M\303\274tt",
	" 995",
	" 993",
	" 465",
	" 587",
	"POP3",
	"IMAP",
	"SMTP",
	"STARTTLS",
	"TLS",
	NULL,
};
static const char *const added_parts[] = {
	"andrejs@example.org",
	"2026-11-24 14:05 EET",
	NOTICE_HELP_URL,
	"192.0.2.7",
	" 3\n",
	"M\303\274tt",
	NULL,
};
static const char *const warning_parts[] = {
	"andrejs@example.org", "2026-12-08", NOTICE_HELP_URL, "POP3", "IMAP", NULL
};

/* What the owner has to read, in every language. */
static const char *const *parts_of(enum notice_event event)
{
	switch (event) {
	case NOTICE_OWNER:
	case NOTICE_ADMIN:
	case NOTICE_SEND_LIMIT:
	case NOTICE_COMPROMISED:
	case NOTICE_PASSIVE:
	case NOTICE_UNUSED:
	case NOTICE_CONNECTION_LIMIT:
	case NOTICE_BREAK_IN:
	case NOTICE_BREAK_IN_ATTEMPT:
		return off_parts;
	case NOTICE_ENABLED:
		return enabled_parts;
	case NOTICE_PASSWORD_ADDED:
		return added_parts;
	case NOTICE_UNUSED_WARNING:
		return warning_parts;
	}
	abort();
}

static void test_shipped(void **state)
{
	const struct shipped_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	struct notice_site site;
	struct notices *notices;
	char *message, field[64];
	const char *body;

	notice_site_begin(&site);
	notices = notice_site_load(&site);
	facts.language = row->language;
	message = render(notices, row->event, &facts);
	body = body_of(message);
	assert_lines(message);
	snprintf(field, sizeof(field), "\nContent-Language: %s\n", row->language);
	assert_contains(message, field);
	for (const char *const *part = parts_of(row->event); *part != NULL; part++)
		assert_contains(body, *part);
	assert_lacks(message, "{");
	assert_lacks(message, "}");
	assert_lacks(message, "\n\n\n");
	free(message);
	notices_free(&notices);
	notice_site_end(&site);
}

/* No language has another's text, by mistake. */
static void test_shipped_differ(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	struct notice_site site;
	struct notices *notices;
	char *messages[SHIPPED];

	(void)state;
	notice_site_begin(&site);
	notices = notice_site_load(&site);
	for (size_t i = 0; i < SHIPPED; i++) {
		facts.language = shipped_rows[i].language;
		messages[i] = render(notices, shipped_rows[i].event, &facts);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(body_of(messages[i]), body_of(messages[j]));
	}
	for (size_t i = 0; i < SHIPPED; i++)
		free(messages[i]);
	notices_free(&notices);
	notice_site_end(&site);
}

/* The words. */

static void test_reasons(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_COUNT; i++) {
		enum disable_reason reason = (enum disable_reason)i;
		enum notice_event event;

		if (reason == REASON_NEVER_ENABLED) {
			assert_int_equal(notice_event_of_reason(reason, &event), -1);
			continue;
		}
		assert_int_equal(notice_event_of_reason(reason, &event), 0);
		assert_string_equal(notice_event_word(event), reason_word(reason));
	}
}

static void test_words(void **state)
{
	enum notice_event event;

	(void)state;
	for (int i = 0; i < NOTICE_EVENTS; i++) {
		assert_int_equal(
			notice_event_parse(notice_event_word((enum notice_event)i), &event), 0);
		assert_int_equal(event, i);
	}
	assert_int_equal(notice_event_parse("", &event), -1);
	assert_int_equal(notice_event_parse("Owner", &event), -1);
	assert_int_equal(notice_event_parse("owner.txt", &event), -1);
	assert_int_equal(notice_event_parse("never-enabled", &event), -1);
}

/* Which template. */

struct language_row {
	const char *name;
	const char *tag;
	const char *language;
};

/* The default is Latvian. */
static const struct language_row language_rows[] = {
	{ "language: et", "et", "et" },
	{ "language: in upper case", "ET", "et" },
	{ "language: with a country", "et_EE", "et" },
	{ "language: with a hyphen", "ru-LV", "ru" },
	{ "language: a locale", "en_GB.UTF-8", "en" },
	{ "language: not known", NULL, "lv" },
	{ "language: empty", "", "lv" },
	{ "language: without notices", "de", "lv" },
	{ "language: of three letters", "est", "lv" },
	{ "language: a word", "eesti", "lv" },
	{ "language: one letter", "e", "lv" },
	{ "language: C", "C.UTF-8", "lv" },
	{ "language: up", "../et", "lv" },
	{ "language: up behind", "et/../ru", "lv" },
	{ "language: path", "/etc/passwd", "lv" },
	{ "language: a space", "et ", "lv" },
	{ "language: line end", "et\nru", "lv" },
	{ "language: not ASCII", "\303\265t", "lv" },
	{ "language: not UTF-8", "\377\376", "lv" },
};

static void test_language(void **state)
{
	const struct language_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	char latvian[] = "lv", field[64], *message;
	struct notice_site site;
	struct notices *notices;

	notice_site_begin(&site);
	site.settings.notices.default_language = latvian;
	notices = notice_site_load(&site);
	facts.language = row->tag;
	message = render(notices, NOTICE_OWNER, &facts);
	snprintf(field, sizeof(field), "\nContent-Language: %s\n", row->language);
	assert_contains(message, field);
	free(message);
	notices_free(&notices);
	notice_site_end(&site);
}

static void add_language(struct notice_site *site, const char *directory)
{
	char name[128], text[128];

	for (int i = 0; i < NOTICE_EVENTS; i++) {
		snprintf(name, sizeof(name), "%s/%s.txt", directory,
			 notice_event_word((enum notice_event)i));
		snprintf(text, sizeof(text), S "all of %s\n", directory);
		notice_site_add(site, name, text);
	}
}

struct lookup_row {
	const char *name;
	const char *address;
	const char *language;
	enum notice_event event;
	const char *body;
};

static const struct lookup_row lookup_rows[] = {
	{ "lookup: own", "a@example.net", "et", NOTICE_OWNER, "own\n" },
	{ "lookup: own of the domain", "a@example.org", "et", NOTICE_OWNER, "domain\n" },
	{ "lookup: own behind the domain's", "a@example.org", "et", NOTICE_ADMIN, "own\n" },
	{ "lookup: own in another language", "a@example.org", "ru", NOTICE_OWNER, NULL },
	{ "lookup: of a subdomain", "a@mail.example.org", "et", NOTICE_OWNER, "own\n" },
	{ "lookup: a language of the domain", "a@example.org", "fi", NOTICE_PASSIVE,
	  "all of example.org/fi\n" },
	{ "lookup: a language of another domain", "a@example.net", "fi", NOTICE_PASSIVE, NULL },
	{ "lookup: a language of the site", "a@example.org", "de", NOTICE_PASSIVE, "all of de\n" },
	{ "lookup: shipped", "a@example.org", "et", NOTICE_PASSIVE, NULL },
};

static void test_lookup(void **state)
{
	const struct lookup_row *row = *state;
	struct account_name account = sample_account(row->address);
	struct notice_facts facts = sample_facts(&account);
	struct notice_site site;
	struct notices *notices;
	char *message;

	notice_site_begin(&site);
	notice_site_add(&site, "et/owner.txt", S "own\n");
	notice_site_add(&site, "et/admin.txt", S "own\n");
	notice_site_add(&site, "example.org/et/owner.txt", S "domain\n");
	add_language(&site, "de");
	add_language(&site, "example.org/fi");
	/* None of these is looked at. */
	notice_site_add(&site, "README.txt", "x");
	notice_site_add(&site, ".git/config", "x");
	notice_site_add(&site, "et/.txt/x", "x");
	notice_site_add(&site, "et/.#owner.txt", "x");
	notice_site_add(&site, "et/owner.txt~", "x");
	notice_site_add(&site, "et/owner.txt.dpkg-old", "x");
	notices = notice_site_load(&site);
	facts.language = row->language;
	message = render(notices, row->event, &facts);
	if (row->body != NULL)
		assert_string_equal(body_of(message), row->body);
	else
		assert_contains(message, NOTICE_HELP_URL);
	free(message);
	notices_free(&notices);
	notice_site_end(&site);
}

static void test_no_own_directory(void **state)
{
	char nowhere[] = "/nonexistent/notices";
	struct notice_site site;
	struct notices *notices;

	(void)state;
	notice_site_begin(&site);
	site.settings.notices.own = nowhere;
	notices = notice_site_load(&site);
	notices_free(&notices);
	assert_null(notices);
	notices_free(&notices);
	notice_site_end(&site);
}

static char *shipped_names[SHIPPED];

static void add_shipped_tests(void)
{
	for (size_t i = 0; i < SHIPPED; i++) {
		struct shipped_row *row = &shipped_rows[i];

		row->language = languages[i / NOTICE_EVENTS];
		row->event = (enum notice_event)(i % NOTICE_EVENTS);
		if (asprintf(&shipped_names[i], "shipped: %s %s", row->language,
			     notice_event_word(row->event)) < 0)
			abort();
		row->name = shipped_names[i];
	}
	ADD_ROWS(test_shipped, shipped_rows);
}

int main(void)
{
	int failed;

	sample_zone();
	add_shipped_tests();
	ADD_TEST(test_shipped_differ);
	ADD_TEST(test_reasons);
	ADD_TEST(test_words);
	ADD_ROWS(test_language, language_rows);
	ADD_ROWS(test_lookup, lookup_rows);
	ADD_TEST(test_no_own_directory);
	failed = RUN_TESTS();
	for (size_t i = 0; i < SHIPPED; i++)
		free(shipped_names[i]);
	return failed;
}
