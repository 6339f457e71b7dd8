/* The protocols that external access opens. */

#include "account/protocol.h"

#include <stddef.h>
#include <string.h>

static const struct {
	enum protocol protocol;
	const char *word;
	const char *name;
} protocols[] = {
	{ PROTOCOL_POP3, "pop3", "POP3" },
	{ PROTOCOL_IMAP, "imap", "IMAP" },
	{ PROTOCOL_SMTP, "smtp", "SMTP" },
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const char *protocol_word(enum protocol protocol)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (protocols[i].protocol == protocol)
			return protocols[i].word;
	}
	return "";
}

const char *protocol_name(enum protocol protocol)
{
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	}
	return "";
}

int protocol_parse(const char *word, enum protocol *protocol_r)
{
	if (strcmp(word, "submission") == 0)
		word = "smtp";
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if (strcmp(protocols[i].word, word) == 0) {
			*protocol_r = protocols[i].protocol;
			return 0;
		}
	}
	return -1;
}

void protocol_set_write(unsigned int set, char text_r[PROTOCOL_SET_SIZE])
{
	char *end = text_r;

	*end = '\0';
	for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
		if ((set & protocols[i].protocol) == 0)
			continue;
		if (end != text_r)
			*end++ = ',';
		end = stpcpy(end, protocols[i].word);
	}
}

int protocol_set_parse(const char *text, unsigned int *protocols_r)
{
	char word[16];
	enum protocol protocol;

	*protocols_r = 0;
	for (;;) {
		size_t size;

		text += strspn(text, " \t,");
		size = strcspn(text, " \t,");
		if (size == 0)
			return *protocols_r != 0 ? 0 : -1;
		if (size >= sizeof(word))
			return -1;
		memcpy(word, text, size);
		word[size] = '\0';
		if (protocol_parse(word, &protocol) < 0)
			return -1;
		*protocols_r |= protocol;
		text += size;
	}
}
