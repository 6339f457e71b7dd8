/* Reads the text of a bounce that has nothing for machines. */

#include "text.h"

#include <ctype.h>
#include <string.h>

#include "lines.h"
#include "words.h"

static const char *const permanent_words[] = {
	"permanent error",
	"permanent fatal error",
	"permanent failure",
	"permanent delivery failure",
	"permanently failed",
	"failed permanently",
	"permanently rejected",
	"i've given up",
	"user unknown",
	"unknown user",
	"unknown recipient",
	"recipient unknown",
	"unknown address",
	"address unknown",
	"unknown local part",
	"unrouteable address",
	"unroutable address",
	"no such user",
	"no such recipient",
	"no such mailbox",
	"no mailbox here by that name",
	"invalid recipient",
	"invalid mailbox",
	"user not found",
	"mailbox not found",
	"recipient not found",
	"address not found",
	"mailbox unavailable",
	"does not exist",
	"doesn't exist",
	"user doesn't have",
	"account is disabled",
	"account disabled",
	"account has been disabled",
	"mailbox disabled",
	"recipient rejected",
	"recipient address rejected",
	"rejected by recipient",
	"message rejected",
	"rejected your message",
};

static const char *const unfinished_words[] = {
	"temporar",
	"delayed",
	"delay reason",
	"will be retried",
	"will retry",
	"will try again",
	"will keep trying",
	"will continue to",
	"still being attempted",
	"still trying",
	"trying again",
	"not yet been delivered",
	"not been delivered yet",
	"could not yet be delivered",
	"no action is required",
	"do not need to resend",
	"don't need to resend",
	"this is a warning message only",
	"retry timeout exceeded",
	"out of office",
	"out of the office",
	"on vacation",
	"on holiday",
	"auto-reply",
	"automatic reply",
	"autoreply",
	"please confirm",
	"confirm your message",
	"successfully delivered",
	"was delivered",
	"has been delivered",
	"successfully relayed",
};

void bounce_text_begin(struct bounce_text *text)
{
	memset(text, 0, sizeof(*text));
}

static bool has_word(const char *line, const char *const words[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(line, words[i]) != NULL)
			return true;
	}
	return false;
}

/* True if the text continues with an SMTP server's reply (RFC 5321 section 4.2) to MAIL, RCPT or
   DATA: the code, a separator, and something after it. */
static bool is_reply(const char *text)
{
	static const char *const codes[] = { "421", "450", "451", "452", "455", "521", "541", "550",
					     "551", "552", "553", "554", "555", "556", "571" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (strncmp(text, codes[i], 3) == 0)
			return (text[3] == ' ' || text[3] == '-') && text[4] != '\0';
	}
	return false;
}

/* True if what is at a place of the line is quoted there: a number after a word may
   be anything, but not after these. */
static bool is_quoted(const char *line, const char *at)
{
	bool spaced = at == line;

	for (; at > line && (at[-1] == ' ' || at[-1] == '\t'); at--)
		spaced = true;
	if (at == line)
		return true;
	return at[-1] == ':' ? spaced : strchr(";>([\"'#", at[-1]) != NULL;
}

/* The first digit of the reply that the line quotes, or 0. */
static char find_reply_code(const char *line)
{
	for (const char *at = line; *at != '\0'; at++) {
		if (is_reply(at) && is_quoted(line, at))
			return *at;
	}
	return 0;
}

static bool is_address_byte(char byte)
{
	return (unsigned char)byte > ' ' && byte != 0x7f && strchr("<>()[]:;,\"\\'`", byte) == NULL;
}

/* Where people and programs are that answer for the mail system itself. */
static bool is_system_address(const char *address)
{
	return strncmp(address, "mailer-daemon@", 14) == 0 ||
	       strncmp(address, "postmaster@", 11) == 0 || strncmp(address, "abuse@", 6) == 0;
}

static void add_address(struct bounce_text *text, const char *from, size_t size)
{
	char *address = text->addresses[text->addresses_count];

	while (size > 0 && from[size - 1] == '.')
		size--;
	bounce_lower(from, size, address, FAILURE_ADDRESS_SIZE - 1);
	if (!is_system_address(address))
		text->addresses_count++;
}

void bounce_text_addresses(struct bounce_text *text, const char *line)
{
	const char *at = line;

	while (text->addresses_count < BOUNCE_TEXT_ADDRESSES && (at = strchr(at, '@')) != NULL) {
		const char *from = at, *to = at + 1;

		while (from > line && is_address_byte(from[-1]) && from[-1] != '@')
			from--;
		while (is_address_byte(*to) && *to != '@')
			to++;
		if (from < at && to > at + 1)
			add_address(text, from, (size_t)(to - from));
		at = to;
	}
}

/* "550 5.1.1": no reply but one has both. */
static bool follows_code(const char *line, const char *at)
{
	return at - line >= 4 && (at[-1] == ' ' || at[-1] == '-') && at[-4] == at[0] &&
	       isdigit((unsigned char)at[-3]) && isdigit((unsigned char)at[-2]);
}

static void read_codes(struct bounce_text *text, const char *line)
{
	char status[FAILURE_STATUS_SIZE], code = find_reply_code(line);
	const char *at = bounce_find_status(line, status);

	if (at != NULL && status[0] == '5' && text->status[0] == '\0')
		strcpy(text->status, status);
	if (at != NULL && code == 0 && (is_quoted(line, at) || follows_code(line, at)))
		code = status[0];
	if (code == '5')
		text->permanent = true;
	if (code == '4')
		text->unfinished = true;
}

void bounce_text_line(struct bounce_text *text, const char *written)
{
	char line[BOUNCE_LINE_MAX + 1];

	bounce_lower(written, strlen(written), line, BOUNCE_LINE_MAX);
	read_codes(text, line);
	if (has_word(line, permanent_words, sizeof(permanent_words) / sizeof(*permanent_words)))
		text->permanent = true;
	if (has_word(line, unfinished_words, sizeof(unfinished_words) / sizeof(*unfinished_words)))
		text->unfinished = true;
	if (bounce_speaks_of_spam(line))
		text->spam = true;
	bounce_text_addresses(text, line);
}

bool bounce_text_says_failed(const struct bounce_text *text)
{
	return text->permanent && !text->unfinished;
}
