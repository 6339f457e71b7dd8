/* Notices: the message that is made of a template, whatever the facts are. */

#include "notices/notice.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/notice-samples.h"

static void test_whole_message(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	char *message =
		render_text("Subject: V\303\244ljas: {label}\n\n{account} {domain} {time}\n"
			    "{help_url}\n\n{by} {from} {number} {label} {{x} } {mail_server}",
			    &facts, NOTICE_ENABLED);

	(void)state;
	assert_string_equal(message,
			    "Date: Tue, 24 Nov 2026 14:06:10 +0200\n"
			    "From: postmaster@example.org\n"
			    "To: andrejs@example.org\n"
			    "Subject: =?UTF-8?B?VsOkbGphczogTcO8dHQ=?=\n"
			    "Message-ID: <1.2@host.example>\n"
			    "Auto-Submitted: auto-generated\n"
			    "X-Auto-Response-Suppress: All\n"
			    "Content-Language: en\n"
			    "MIME-Version: 1.0\n"
			    "Content-Type: text/plain; charset=utf-8\n"
			    "Content-Transfer-Encoding: 8bit\n"
			    "\n"
			    "andrejs@example.org example.org 2026-11-24 14:05 EET\n" NOTICE_HELP_URL
			    "\n"
			    "\n"
			    "webmail 192.0.2.7 3 M\303\274tt {x} } mail.example.org\n");
	free(message);
}

static void test_settings(void **state)
{
	char from[] = "noreply@isp.example", reply_to[] = "help@isp.example";
	char mail_server[] = "pop.isp.example", domain[] = "isp.example";
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	struct notice_site site;
	struct notices *notices;
	char *message;

	(void)state;
	notice_site_begin(&site);
	site.settings.default_domain = domain;
	notices = notice_site_load(&site);
	message = render(notices, NOTICE_ENABLED, &facts);
	assert_contains(message, "\nFrom: postmaster@isp.example\nTo: ");
	free(message);
	site.settings.notices.from = from;
	site.settings.notices.reply_to = reply_to;
	site.settings.notices.mail_server = mail_server;
	message = render(notices, NOTICE_ENABLED, &facts);
	assert_contains(message, "\nFrom: noreply@isp.example\nReply-To: help@isp.example\nTo: ");
	assert_contains(message, " pop.isp.example, port 995");
	assert_lacks(message, " mail.example.org");
	free(message);
	notices_free(&notices);
	notice_site_end(&site);
}

struct value_row {
	const char *name;
	const char *value;
	const char *shown;
};

#define X48 "123456789012345678901234567890123456789012345678"

static const struct value_row value_rows[] = {
	{ "value: none", NULL, "-" },
	{ "value: empty", "", "-" },
	{ "value: spaces", "   ", "-" },
	{ "value: only control characters", "\r\n\t\177", "-" },
	{ "value: another header", "a\nBcc: all@example.org", "aBcc: all@example.org" },
	{ "value: another body", "a\r\n\r\nPay here", "aPay here" },
	{ "value: escape", "\033[2Ja", "[2Ja" },
	{ "value: C1 control character", "a\302\233b", "ab" },
	{ "value: not UTF-8", "J\374ri", "J?ri" },
	{ "value: cut character", "a\342\202", "a??" },
	{ "value: overlong NUL", "a\300\200b", "a??b" },
	{ "value: writing direction", "a\342\200\256gnp.\342\201\246b", "agnp.b" },
	{ "value: zero width", "\357\273\277a\342\200\213b", "ab" },
	{ "value: line separator", "a\342\200\250b", "ab" },
	{ "value: a variable", "{account}", "{account}" },
	{ "value: a brace", "{", "{" },
	{ "value: percent", "%s%n", "%s%n" },
	{ "value: as long as can be", X48, X48 },
	{ "value: too long", X48 X48, X48 },
	{ "value: too long by half a character",
	  "x\303\244\303\244\303\244\303\244\303\244\303\244"
	  "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	  "\303\244\303\244\303\244\303\244\303\244\303\244\303\244",
	  "x\303\244\303\244\303\244\303\244\303\244\303\244"
	  "\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244"
	  "\303\244\303\244\303\244\303\244\303\244\303\244" },
};

static void test_value(void **state)
{
	const struct value_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	char expected[256], *message;

	facts.label = row->value;
	snprintf(expected, sizeof(expected), "[%s]\n", row->shown);
	message = render_text("Subject: {label}\n\n[{label}]\n", &facts, NOTICE_PASSWORD_ADDED);
	assert_string_equal(body_of(message), expected);
	/* In the header as well it is one field, and ASCII. */
	for (const char *p = message; p < body_of(message); p++)
		assert_true((*p >= ' ' && *p <= '~') || *p == '\n');
	assert_lacks(message, "\nBcc:");
	free(message);
}

/* The address of the browser is no better known, nor who did it. */
static void test_other_values(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	char *message;

	(void)state;
	facts.from = "1\n2\342\200\256" X48 X48;
	facts.by = NULL;
	message = render_text(S "{from}\n{by}\n", &facts, NOTICE_ENABLED);
	assert_string_equal(body_of(message), "12" X48 "12345678901234\n-\n");
	free(message);
}

static void test_absurd_times(void **state)
{
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	char *message;

	(void)state;
	facts.time = INT64_MAX;
	facts.until = INT64_MIN;
	facts.sent = INT64_MAX;
	message = render_text(S "{time}|\n", &facts, NOTICE_OWNER);
	assert_lines(message);
	free(message);
	message = render_text(S "{until}|\n", &facts, NOTICE_UNUSED_WARNING);
	assert_lines(message);
	free(message);
}

/* The longest account, in every place, breaks no line. */
static void test_long_account(void **state)
{
	struct account_name account = sample_account_of(ACCOUNT_NAME_MAX);
	struct notice_facts facts = sample_facts(&account);
	char *message = render_text("Subject: {account}{account}{account}\n\n"
				    "{account}{account}{account}\n",
				    &facts, NOTICE_OWNER);

	(void)state;
	for (const char *line = message; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 998);
	assert_int_equal(strlen(body_of(message)), 3 * ACCOUNT_NAME_MAX + 1);
	free(message);
}

struct id_row {
	const char *name;
	const char *id;
	bool is_good;
};

#define X240 X48 X48 X48 X48 X48

static const struct id_row id_rows[] = {
	{ "id: good", "<a.b-1@host.example>", true },
	{ "id: longest", "<" X240 "@1234567>", true },
	{ "id: too long", "<" X240 "@12345678>", false },
	{ "id: none", NULL, false },
	{ "id: empty", "", false },
	{ "id: without brackets", "a@b", false },
	{ "id: not closed", "<a@b", false },
	{ "id: closed twice", "<a@b>>", false },
	{ "id: without an at sign", "<ab>", false },
	{ "id: nothing before the at sign", "<@b>", false },
	{ "id: nothing behind the at sign", "<a@>", false },
	{ "id: two at signs", "<a@b@c>", false },
	{ "id: line end", "<a@b\nBcc: c>", false },
	{ "id: space", "<a @b>", false },
	{ "id: not ASCII", "<\303\244@b>", false },
};

static void test_message_id(void **state)
{
	const struct id_row *row = *state;
	struct account_name account = sample_account("andrejs@example.org");
	struct notice_facts facts = sample_facts(&account);
	const char *error = NULL;
	struct notice_site site;
	struct notices *notices;
	char *message;

	notice_site_begin(&site);
	notices = notice_site_load(&site);
	facts.message_id = row->id;
	message = notice_render(notices, NOTICE_OWNER, &facts, &error);
	assert_true((message != NULL) == row->is_good);
	if (message == NULL)
		assert_string_equal(error, "message_id: expected <LEFT@RIGHT>, of at most 250 "
					   "printable ASCII characters");
	free(message);
	notices_free(&notices);
	notice_site_end(&site);
}

int main(void)
{
	sample_zone();
	ADD_TEST(test_whole_message);
	ADD_TEST(test_settings);
	ADD_ROWS(test_value, value_rows);
	ADD_TEST(test_other_values);
	ADD_TEST(test_absurd_times);
	ADD_TEST(test_long_account);
	ADD_ROWS(test_message_id, id_rows);
	return RUN_TESTS();
}
