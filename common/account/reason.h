#ifndef POSTERN_REASON_H
#define POSTERN_REASON_H

/* Why external access is disabled. The words are stored in Redis and used in logs and commands. */
enum disable_reason {
	REASON_NEVER_ENABLED,
	REASON_OWNER,
	REASON_ADMIN,
	REASON_SEND_LIMIT,
	REASON_COMPROMISED,
	REASON_PASSIVE,
	REASON_UNUSED,
	REASON_CONNECTION_LIMIT,
	REASON_BREAK_IN,
};

#define REASON_COUNT (REASON_BREAK_IN + 1)

/* "never-enabled", "owner", ... */
const char *reason_word(enum disable_reason reason);

/* 0 when word is one of the above, -1 if not. */
int reason_parse(const char *word, enum disable_reason *reason_r);

/* What the owner is told: the second half of a sentence that begins "External access is off: ". */
const char *reason_text(enum disable_reason reason);

#endif
