/* Makes the messages of the notices. */

#include "notices/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notices/encoded-word.h"
#include "settings/ini-file.h"
#include "notices/notice-private.h"
#include "base/utf8.h"

#define MESSAGE_ID_MAX 250
#define VALUE_SIZE     (ACCOUNT_NAME_MAX + 16)

/* What isn't known. */
#define NOTHING "-"

/* Characters that are invisible, but move or hide what is around them: marks and overrides of
   the writing direction, zero width, and separators of lines. */
static bool is_hidden(const char *text, size_t size)
{
	static const char *const ranges[][2] = {
		{ "\u200b", "\u200f" },
		{ "\u2028", "\u202e" },
		{ "\u2060", "\u206f" },
		{ "\ufeff", "\ufeff" },
	};

	for (size_t i = 0; size == 3 && i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (memcmp(text, ranges[i][0], 3) >= 0 && memcmp(text, ranges[i][1], 3) <= 0)
			return true;
	}
	return false;
}

/* Values come from outside. Takes what can be shown in one line, at most max bytes of it. */
static void clean(const char *text, size_t max, char value_r[VALUE_SIZE])
{
	size_t used = 0, rest = text != NULL ? strlen(text) : 0;

	while (rest > 0) {
		size_t size = utf8_character(text, rest);
		const char *shown = size > 0 ? text : "?";

		size += size == 0;
		if (utf8_is_text(shown, size) && !is_hidden(shown, size)) {
			if (used + size > max)
				break;
			memcpy(value_r + used, shown, size);
			used += size;
		}
		text += size;
		rest -= size;
	}
	value_r[used] = '\0';
	if (strspn(value_r, " ") == used)
		strcpy(value_r, NOTHING);
}

/* A point in time in the zone of the process, or only its day. */
static void write_time(int64_t milliseconds, bool is_day, char value_r[VALUE_SIZE])
{
	time_t seconds = (time_t)(milliseconds / 1000);
	size_t size = 0;
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		size = is_day ? strftime(value_r, VALUE_SIZE, "%Y-%m-%d", &tm)
			      : strftime(value_r, VALUE_SIZE, "%Y-%m-%d %H:%M %Z", &tm);
	if (size == 0)
		strcpy(value_r, NOTHING);
}

/* RFC 5322 section 3.3: in English, whatever the locale. */
static void write_date(int64_t milliseconds, FILE *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(milliseconds / 1000);
	char rest[VALUE_SIZE];
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL)
		return;
	strftime(rest, sizeof(rest), "%Y %H:%M:%S %z", &tm);
	fprintf(out, "Date: %.3s, %d %.3s %s\n", days + 3 * tm.tm_wday, tm.tm_mday,
		months + 3 * tm.tm_mon, rest);
}

/* The variables' values for one message. */
struct values {
	char text[NOTICE_VARIABLES][VALUE_SIZE];
	const char *all[NOTICE_VARIABLES];
};

static void fill(struct values *values, enum notice_variable variable, const char *text)
{
	clean(text, notice_variable_max(variable), values->text[variable]);
}

static void fill_values(const struct settings *settings, const struct notice_facts *facts,
			const char *domain, struct values *values_r)
{
	char text[VALUE_SIZE];

	for (int i = 0; i < NOTICE_VARIABLES; i++)
		values_r->all[i] = values_r->text[i];
	fill(values_r, NOTICE_VAR_ACCOUNT, facts->account->text);
	fill(values_r, NOTICE_VAR_DOMAIN, domain);
	fill(values_r, NOTICE_VAR_HELP_URL, settings->help_url);
	write_time(facts->time, false, text);
	fill(values_r, NOTICE_VAR_TIME, text);
	snprintf(text, sizeof(text), "mail.%s", domain);
	fill(values_r, NOTICE_VAR_MAIL_SERVER,
	     settings->notices.mail_server != NULL ? settings->notices.mail_server : text);
	fill(values_r, NOTICE_VAR_BY, facts->by);
	fill(values_r, NOTICE_VAR_FROM, facts->from);
	snprintf(text, sizeof(text), "%u", facts->number);
	fill(values_r, NOTICE_VAR_NUMBER, text);
	fill(values_r, NOTICE_VAR_LABEL, facts->label);
	write_time(facts->until, true, text);
	fill(values_r, NOTICE_VAR_UNTIL, text);
}

/* The template of the first language that has one: English always does. */
static const struct notice_template *choose(const struct notices *notices, const char *domain,
					    const char *tag, enum notice_event event,
					    char language_r[NOTICE_LANGUAGE_SIZE])
{
	const char *const tags[] = { tag, notices->settings->notices.default_language,
				     NOTICE_FALLBACK };

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		const struct notice_template *found;

		if (notice_language(tags[i], language_r) < 0)
			continue;
		found = notices_find(notices, domain, language_r, event);
		if (found != NULL)
			return found;
	}
	abort();
}

static void write_subject(const struct notice_template *template, const struct values *values,
			  FILE *out)
{
	char *subject = NULL;
	size_t size;
	FILE *line = open_memstream(&subject, &size);

	if (line == NULL)
		abort();
	notice_template_expand(template->subject, values->all, line);
	if (fclose(line) != 0)
		abort();
	fputs("Subject: ", out);
	encoded_word_write(subject, strlen("Subject: "), out);
	fputc('\n', out);
	free(subject);
}

const char *notice_sender_domain(const struct settings *settings,
				 const struct account_name *account)
{
	const char *address = settings->notices.from;

	if (address == NULL && settings->default_domain != NULL)
		return settings->default_domain;
	return strrchr(address != NULL ? address : account->text, '@') + 1;
}

static void write_sender(const struct settings *settings, const struct account_name *account,
			 FILE *out)
{
	if (settings->notices.from != NULL)
		fprintf(out, "From: %s\n", settings->notices.from);
	else
		fprintf(out, "From: postmaster@%s\n", notice_sender_domain(settings, account));
	if (settings->notices.reply_to != NULL)
		fprintf(out, "Reply-To: %s\n", settings->notices.reply_to);
}

/* RFC 3834 section 5 for Auto-Submitted; X-Auto-Response-Suppress is what Exchange goes by. */
static void write_message(const struct notices *notices, enum notice_event event,
			  const struct notice_facts *facts, FILE *out)
{
	const char *domain = strchr(facts->account->text, '@') + 1;
	char language[NOTICE_LANGUAGE_SIZE];
	const struct notice_template *template =
		choose(notices, domain, facts->language, event, language);
	struct values values = { 0 };

	fill_values(notices->settings, facts, domain, &values);
	write_date(facts->sent, out);
	write_sender(notices->settings, facts->account, out);
	fprintf(out, "To: %s\n", facts->account->text);
	write_subject(template, &values, out);
	fprintf(out, "Message-ID: %s\n", facts->message_id);
	fprintf(out, "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\n");
	fprintf(out, "Content-Language: %s\nMIME-Version: 1.0\n", language);
	fprintf(out, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n");
	fputc('\n', out);
	notice_template_expand(template->body, values.all, out);
}

static bool is_message_id(const char *text)
{
	size_t size = text != NULL ? strlen(text) : 0;
	const char *at = size > 0 ? strchr(text, '@') : NULL;

	if (size > MESSAGE_ID_MAX || at == NULL || at == text + 1 || text + size - at < 3)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] <= ' ' || text[i] > '~' || (text[i] == '<') != (i == 0) ||
		    (text[i] == '>') != (i == size - 1))
			return false;
	}
	return strchr(at + 1, '@') == NULL;
}

char *notice_render(const struct notices *notices, enum notice_event event,
		    const struct notice_facts *facts, const char **error_r)
{
	char *message = NULL;
	size_t size;
	FILE *out;

	if (!is_message_id(facts->message_id)) {
		*error_r = "message_id: expected <LEFT@RIGHT>, of at most 250 printable ASCII "
			   "characters";
		return NULL;
	}
	out = open_memstream(&message, &size);
	if (out == NULL)
		abort();
	write_message(notices, event, facts, out);
	if (fclose(out) != 0)
		abort();
	return message;
}
