/* The protocols that external access opens. */

#include "protocol.h"

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
