/* Why external access is disabled. */

#include "account/reason.h"

#include <string.h>

static const struct {
	const char *word;
	const char *text;
} reasons[REASON_COUNT] = {
	[REASON_NEVER_ENABLED] = { "never-enabled", "it has never been switched on" },
	[REASON_OWNER] = { "owner", "it was switched off in webmail" },
	[REASON_ADMIN] = { "admin", "your mail provider switched it off" },
	[REASON_SEND_LIMIT] = { "send-limit", "too many messages were sent within an hour" },
	[REASON_COMPROMISED] = { "compromised",
				 "somebody else seems to have sent mail from this mailbox" },
	[REASON_PASSIVE] = { "passive", "the mailbox has not been used for a long time" },
	[REASON_UNUSED] = { "unused", "no mail program has collected mail for a long time" },
	[REASON_CONNECTION_LIMIT] = { "connection-limit",
				      "a mail program logged in far too often" },
	[REASON_BREAK_IN] = { "break-in", "somebody tried many wrong passwords" },
};

const char *reason_word(enum disable_reason reason)
{
	return reasons[reason].word;
}

int reason_parse(const char *word, enum disable_reason *reason_r)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		if (strcmp(reasons[i].word, word) == 0) {
			*reason_r = (enum disable_reason)i;
			return 0;
		}
	}
	return -1;
}

const char *reason_text(enum disable_reason reason)
{
	return reasons[reason].text;
}
