#ifndef POSTERN_TESTS_NOTICE_SAMPLES_H
#define POSTERN_TESTS_NOTICE_SAMPLES_H

#include "notice-site.h"
#include "base/utf8.h"

/* Facts, and the messages made of them. */

/* 2026-11-24 12:05:09 UTC */
#define NOW INT64_C(1795521909000)
#define DAY INT64_C(86400000)

#define S "Subject: x\n\n" /* what a body stands below */

static inline struct notice_facts sample_facts(const struct account_name *account)
{
	return (struct notice_facts){
		.account = account,
		.language = "en",
		.time = NOW,
		.until = NOW + 14 * DAY,
		.sent = NOW + 61000,
		.by = "webmail",
		.from = "192.0.2.7",
		.label = "M\303\274tt",
		.number = 3,
		.message_id = "<1.2@host.example>",
	};
}

static inline char *render(const struct notices *notices, enum notice_event event,
			   const struct notice_facts *facts)
{
	const char *error = NULL;
	char *message = notice_render(notices, event, facts, &error);

	if (message == NULL)
		fail_msg("%s", error);
	return message;
}

/* Renders the site's own template of that text. */
static inline char *render_text(const char *text, const struct notice_facts *facts,
				enum notice_event event)
{
	struct notice_site site;
	struct notices *notices;
	char name[64], *message;

	notice_site_begin(&site);
	snprintf(name, sizeof(name), "en/%s.txt", notice_event_word(event));
	notice_site_add(&site, name, text);
	notices = notice_site_load(&site);
	message = render(notices, event, facts);
	notices_free(&notices);
	notice_site_end(&site);
	return message;
}

static inline const char *body_of(const char *message)
{
	const char *end = strstr(message, "\n\n");

	assert_non_null(end);
	return end + 2;
}

static inline void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

/* Complete lines that mail programs show without breaking them. */
static inline void assert_lines(const char *message)
{
	for (const char *line = message, *end; *line != '\0'; line = end + 1) {
		size_t characters = 0;

		end = strchr(line, '\n');
		assert_non_null(end);
		for (const char *at = line; at < end; characters++) {
			size_t size = utf8_character(at, (size_t)(end - at));

			assert_true(size > 0 && utf8_is_text(at, size));
			at += size;
		}
		assert_true(characters <= 78);
	}
}

/* The zone of Tallinn, with no need for zone files. */
static inline void sample_zone(void)
{
	setenv("TZ", "EET-2EEST,M3.5.0/3,M10.5.0/4", 1);
}

#endif
