/* What words mean, in a report's fields and in its text. */

#include "words.h"

#include <ctype.h>
#include <string.h>

#include "base/ascii.h"

void bounce_lower(const char *text, size_t size, char *lower_r, size_t room)
{
	size_t used = size < room ? size : room;

	for (size_t i = 0; i < used; i++)
		lower_r[i] = ascii_lower(text[i]);
	lower_r[used] = '\0';
}

size_t bounce_digits(const char *text, size_t max)
{
	size_t size = 0;

	while (isdigit((unsigned char)text[size]))
		size++;
	return size <= max ? size : 0;
}

/* The length of the enhanced status code that the text begins with, or 0. */
static size_t status_size(const char *text)
{
	size_t subject, detail;

	if ((text[0] != '2' && text[0] != '4' && text[0] != '5') || text[1] != '.')
		return 0;
	subject = bounce_digits(text + 2, 3);
	if (subject == 0 || text[2 + subject] != '.')
		return 0;
	detail = bounce_digits(text + 3 + subject, 3);
	/* Not the beginning of an address of the Internet. */
	if (detail == 0 || (text[3 + subject + detail] == '.' &&
			    isdigit((unsigned char)text[4 + subject + detail])))
		return 0;
	return 3 + subject + detail;
}

const char *bounce_find_status(const char *text, char status_r[FAILURE_STATUS_SIZE])
{
	char before = ' ';

	for (; *text != '\0'; before = *text++) {
		size_t size = status_size(text);

		if (size == 0 || isalnum((unsigned char)before) || before == '.' || before == '-')
			continue;
		memcpy(status_r, text, size);
		status_r[size] = '\0';
		return text;
	}
	status_r[0] = '\0';
	return NULL;
}

bool bounce_is_policy(const char *status)
{
	return strncmp(status, "5.7.", 4) == 0;
}

/* A word in an address says nothing: "nospam.john@example.org". */
static bool is_in_address(const char *text, const char *at)
{
	while (at > text && !isspace((unsigned char)at[-1]))
		at--;
	return memchr(at, '@', strcspn(at, " \t\r\n")) != NULL;
}

/* Whether the words occur in the text, and not in the middle of another word or in an address. */
static bool has_words(const char *text, const char *words)
{
	for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
		if ((at == text || !isalnum((unsigned char)at[-1])) && !is_in_address(text, at))
			return true;
	}
	return false;
}

bool bounce_speaks_of_spam(const char *text)
{
	static const char *const words[] = {
		"spam",
		"blocklist",
		"block list",
		"blacklist",
		"black list",
		"denylist",
		"dnsbl",
		"rbl ",
		"listed by",
		"listed in",
		"blocked using",
		"blocked by",
		"message blocked",
		"mail blocked",
		"reputation",
		"policy",
		"policies",
		"unsolicited",
		"abuse",
		"abusive",
		"phish",
		"junk",
		"bulk mail",
		"virus",
		"malware",
		"suspicious",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (has_words(text, words[i]))
			return true;
	}
	return false;
}
