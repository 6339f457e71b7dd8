#ifndef POSTERN_ACCESS_H
#define POSTERN_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "app-password.h"
#include "command.h"
#include "protocol.h"
#include "reason.h"
#include "settings.h"

struct redisReply;

/*
 * What support, the webmail and the postmaster do to an account, and see of it: calls of
 * scripts/init.lua, on.lua, off.lua, set.lua and status.lua.
 */

/* Who asks for a change, for the history (D6). Both are cut to ACCESS_ACTOR_MAX printable bytes. */
struct actor {
	const char *by;	  /* a person, or a program: "doveadm", "webmail", "anna" */
	const char *from; /* the address of the owner's browser, say; NULL if not known */
};

#define ACCESS_ACTOR_MAX 64

enum access_verdict {
	ACCESS_DONE,
	ACCESS_UNCHANGED,   /* it was so already */
	ACCESS_UNAVAILABLE, /* don't know; nothing was changed, as far as Redis said anything */
};

struct access_answer {
	enum access_verdict verdict;
	bool enabled;		    /* after the call */
	enum disable_reason reason; /* while not enabled */
	int64_t since;		    /* milliseconds since 1970; 0 if never changed */
	const char *unavailable;    /* why, for ACCESS_UNAVAILABLE: one static sentence */
};

/* Switches access on with a new app password, of which only the digest is handed in (A2, A3). */
void access_on_ask(const struct account_name *account, const char *digest,
		   const struct actor *actor, struct command *command_r);

/* Switches access off for REASON_OWNER or REASON_ADMIN (A3). */
void access_off_ask(const struct account_name *account, enum disable_reason reason,
		    const struct actor *actor, struct command *command_r);

/* What set.lua changes; NULL and UNSET leave as it is. */
struct access_changes {
	const char *tier;     /* name of a tier of the settings */
	const char *activity; /* "active" or "passive": the latter switches off (D1) */
	const char *tls;      /* "required" or "exempt" (A7) */
	const char *language; /* a language tag, [a-z]{2,3}([-_][A-Za-z0-9]+)? */
	const char *sending;  /* "allowed" or "blocked" (S6) */
};

/* 0 when every change is one that the settings know, -1 if not: *error_r is a static text. */
int access_changes_check(const struct access_changes *changes, const struct settings *settings,
			 const char **error_r);

void access_set_ask(const struct account_name *account, const struct access_changes *changes,
		    const struct actor *actor, const struct settings *settings,
		    struct command *command_r);

/* Reads the reply to any of the three above. */
void access_read(const struct redisReply *reply, struct access_answer *answer_r);

/* Sets the mark of one partition (0 to ACCOUNT_PARTITIONS - 1): every decision about its accounts
   is "unavailable" before. */
void access_init_ask(unsigned int partition, struct command *command_r);

enum access_init {
	ACCESS_INIT_MARKED,  /* marked now */
	ACCESS_INIT_WAS,     /* marked before, with our format */
	ACCESS_INIT_FOREIGN, /* marked with a format that we don't know */
	ACCESS_INIT_FAILED,
};

enum access_init access_init_read(const struct redisReply *reply);

/* Everything about an account. */

#define ACCESS_PASSWORDS_MAX 24
#define ACCESS_HISTORY_MAX   16

struct access_last_use {
	int64_t time;	  /* milliseconds since 1970, 0 for never */
	char address[64]; /* "" for never */
};

struct access_password {
	unsigned int number;
	int64_t created; /* milliseconds since 1970 */
	int64_t ended;	 /* 0 while it works */
};

struct access_event {
	int64_t time;	    /* milliseconds since 1970 */
	const char *what;   /* "on", "off", "set" */
	const char *detail; /* the reason, or what was set */
	const char *by;
	const char *from;
};

/* The strings stand in the reply that it was read from, and live as long. */
struct access_status {
	enum access_verdict verdict; /* ACCESS_DONE or ACCESS_UNAVAILABLE */
	const char *unavailable;     /* one static sentence */
	int64_t now;		     /* Redis's clock, milliseconds since 1970 */
	bool enabled;
	enum disable_reason reason;
	int64_t since;
	const char *by, *from; /* of the last change of access */
	const char *tier;
	const char *held_tier; /* whose limits still hold, "" for none (S5) */
	int64_t held_until;    /* milliseconds since 1970 */
	bool passive, tls_exempt, sending_blocked;
	const char *language; /* "" if not set */
	struct access_last_use pop3, imap, smtp;
	struct access_password passwords[ACCESS_PASSWORDS_MAX]; /* newest first */
	unsigned int passwords_count;
	struct access_event history[ACCESS_HISTORY_MAX]; /* newest first */
	unsigned int history_count;
};

void access_status_ask(const struct account_name *account, struct command *command_r);
void access_status_read(const struct redisReply *reply, struct access_status *status_r);

#endif
