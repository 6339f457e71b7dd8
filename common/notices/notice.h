#ifndef POSTERN_NOTICE_H
#define POSTERN_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "account/reason.h"
#include "settings/settings.h"

/*
 * The notices that the owner of a mailbox gets (D5): templates by language, and the complete
 * messages made of them. postern-notices(5) has the templates' form.
 *
 * All templates are read and checked at once by notices_load(), so that a mistake is found at the
 * start, and not when somebody has to be told something. The result never changes: threads may
 * render from it at will. A reload loads a new one, and on failure keeps the old.
 */

/* What an owner is told about. */
enum notice_event {
	NOTICE_OWNER, /* the reasons for which access goes off */
	NOTICE_ADMIN,
	NOTICE_SEND_LIMIT,
	NOTICE_COMPROMISED,
	NOTICE_PASSIVE,
	NOTICE_UNUSED,
	NOTICE_CONNECTION_LIMIT,
	NOTICE_BREAK_IN,
	NOTICE_ENABLED,		 /* access was switched on */
	NOTICE_PASSWORD_ADDED,	 /* an app password was added (A10) */
	NOTICE_UNUSED_WARNING,	 /* access will go off for NOTICE_UNUSED */
	NOTICE_BREAK_IN_ATTEMPT, /* somebody tried many wrong passwords, and access stays on (D4) */
};

#define NOTICE_EVENTS (NOTICE_BREAK_IN_ATTEMPT + 1)

/* "owner", ..., "break-in-attempt": the word in commands, and the template's file without ".txt".
 */
const char *notice_event_word(enum notice_event event);

/* 0 when word is one of the above, -1 if not. */
int notice_event_parse(const char *word, enum notice_event *event_r);

/* The event of access going off for that reason. 0, or -1 for never-enabled: there is none. */
int notice_event_of_reason(enum disable_reason reason, enum notice_event *event_r);

/* A language, normalised: two or three lower case letters. */
#define NOTICE_LANGUAGE_SIZE 4

/* Takes the language out of a tag such as et, ET, et_EE, et-EE or et_EE.UTF-8. 0, or -1 if the tag
   begins with none; NULL does. What is read never becomes part of a path. */
int notice_language(const char *tag, char language_r[NOTICE_LANGUAGE_SIZE]);

struct notices;

/*
 * Reads every template below settings->notices.shipped and .own (which need not exist). Every
 * language that is found has to have every event, in its own directory or in one that is searched
 * after it; en and the default language have to be found. NULL after a mistake: *error_r is then
 * one line with file, line and what was expected, for the caller to free(). The settings are kept,
 * and have to outlive the result, which is for notices_free().
 */
struct notices *notices_load(const struct settings *settings, char **error_r);

void notices_free(struct notices **notices);

/* What happened, to whom. The strings may hold anything: they are cut and stripped of what isn't
   printable. Events use what they have a variable for. */
struct notice_facts {
	const struct account_name *account;
	const char *language;	/* the account's tag; NULL, "" or unknown: the default language */
	int64_t time;		/* when it happened; milliseconds since 1970, like the next two */
	int64_t until;		/* when access goes off: NOTICE_UNUSED_WARNING */
	int64_t sent;		/* for the Date field */
	const char *by, *from;	/* who did it, and the browser's address; NULL or "": not known */
	const char *label;	/* of the app password; NULL or "" for none */
	unsigned int number;	/* of the app password */
	const char *message_id; /* "<LEFT@RIGHT>", printable ASCII of at most 250 bytes */
};

/*
 * The complete message, header and body, with LF line ends, for sendmail(1) and free(). Every line
 * has at most 998 bytes (RFC 5322), the header is ASCII and the body UTF-8, as it is ("8bit"). NULL
 * if message_id is not valid: *error_r is a static text. Points in time are shown in the zone of
 * the process (TZ).
 */
char *notice_render(const struct notices *notices, enum notice_event event,
		    const struct notice_facts *facts, const char **error_r);

/* The domain of the message's From, which its envelope's sender has as well. It lives as long as
   what is handed in. */
const char *notice_sender_domain(const struct settings *settings,
				 const struct account_name *account);

#endif
