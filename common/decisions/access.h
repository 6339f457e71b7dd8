#ifndef POSTERN_ACCESS_H
#define POSTERN_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "decisions/app-password-change.h"
#include "store/command.h"
#include "account/protocol.h"
#include "account/reason.h"
#include "settings/settings.h"

struct redisReply;

/*
 * What support, webmail and the postmaster do to an account, and see of it: calls of
 * init.lua, on.lua, off.lua, set.lua, password_changed.lua, erase.lua and status.lua.
 */

enum access_verdict {
	ACCESS_DONE,
	ACCESS_UNCHANGED,	      /* nothing changed */
	ACCESS_NEEDS_PASSWORD_CHANGE, /* the webmail password has to be changed first (B4) */
	ACCESS_UNAVAILABLE, /* not known; nothing was changed, as far as Redis reported anything */
};

struct access_answer {
	enum access_verdict verdict;
	bool enabled;		    /* after the call */
	enum disable_reason reason; /* while not enabled */
	int64_t since;		    /* milliseconds since 1970; 0 if never changed */
	const char *unavailable;    /* why, for ACCESS_UNAVAILABLE: one static sentence */
};

/* Switches access on with a new app password (A2, A3); with force also while the webmail password
   would have to be changed first (B4). */
void access_on_ask(const struct account_name *account, const struct app_password_terms *terms,
		   bool force, const struct actor *actor, struct command *command_r);

/* Switches access off for REASON_OWNER, REASON_ADMIN or REASON_COMPROMISED (A3); the last also
   replaces another reason why it is off, except REASON_BREAK_IN (B4). */
void access_off_ask(const struct account_name *account, enum disable_reason reason,
		    const struct actor *actor, struct command *command_r);

/* What set.lua changes. NULL leaves a setting as it is. */
struct access_changes {
	const char *tier;     /* name of a tier of the settings */
	const char *activity; /* "active" or "passive": the latter switches off (D1) */
	const char *tls;      /* "required" or "exempt" (A7) */
	const char *language; /* a language tag, [a-z]{2,3}([-_][A-Za-z0-9]+)? */
	const char *sending;  /* "allowed" or "blocked" (S6) */
	const char *hold;     /* a duration: how long the old tier's limits stay (S5), in place of
				 the new tier's upgrade_hold; with a tier only */
};

/* 0 when every change is one that the settings know, -1 if not: *error_r is a static text. */
int access_changes_check(const struct access_changes *changes, const struct settings *settings,
			 const char **error_r);

/* True for a language tag, and for "", which forgets it. */
bool access_is_language(const char *value);

void access_set_ask(const struct account_name *account, const struct access_changes *changes,
		    const struct actor *actor, const struct settings *settings,
		    struct command *command_r);

/* The owner has changed the webmail password (B4): unchanged if that wasn't needed. */
void access_password_changed_ask(const struct account_name *account, const struct actor *actor,
				 struct command *command_r);

/* Forgets everything about the account: unchanged if there was nothing. 0, or -1 if OpenSSL
   fails. */
int access_erase_ask(const struct account_name *account, const struct settings *settings,
		     struct command *command_r);

/* Reads the reply to any of those above. */
void access_read(const struct redisReply *reply, struct access_answer *answer_r);

/* Sets the format stamp of one partition (0 to ACCOUNT_PARTITIONS - 1): every decision about its
   accounts is "unavailable" before. */
void access_init_ask(unsigned int partition, struct command *command_r);

enum access_init {
	ACCESS_INIT_MARKED,  /* marked now */
	ACCESS_INIT_WAS,     /* marked before, with our format */
	ACCESS_INIT_FOREIGN, /* marked with a format that we don't know */
	ACCESS_INIT_FAILED,
};

enum access_init access_init_read(const struct redisReply *reply);

/* Everything about an account. */

#define ACCESS_PASSWORDS_MAX 25 /* that work, and ended ones that are remembered */
#define ACCESS_HISTORY_MAX   32 /* more than any history holds */
#define ACCESS_SHUT_OUTS_MAX 200

struct access_last_use {
	int64_t time;	  /* milliseconds since 1970, 0 for never */
	char address[64]; /* "" for never */
};

struct access_password {
	unsigned int number;
	int64_t created;       /* milliseconds since 1970 */
	int64_t ended;	       /* 0 while it works */
	int64_t expires;       /* 0 for never */
	const char *protocols; /* words with commas, or "*" for all of the tier */
	const char *label;     /* "" for none */
	int64_t used;	       /* 0 for never */
	const char *used_protocol, *used_address;
};

struct access_event {
	int64_t time;	    /* milliseconds since 1970 */
	const char *what;   /* "on", "off", "set", "password-add", "password-revoke",
			       "password-changed" */
	const char *detail; /* the reason, what was set, or the app password's number */
	const char *by;
	const char *from;
	const char *evidence; /* for what was detected automatically (B3), "" for none */
};

/* A network that was shut out of the account (D4). */
struct access_shut_out {
	const char *network; /* "192.0.2.0/24" */
	int64_t since;	     /* milliseconds since 1970 */
};

/* The strings point into the reply that it was read from, and live as long as it does. */
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
	int64_t password_changed;   /* after a switch-off that asks for it, 0 if not (B4) */
	const char *language;	    /* "" if not set */
	const char *unseen;	    /* hosts whose sessions weren't seen to end, "" for none (D5) */
	unsigned int refused_times; /* how often the mailbox has refused the notice that it is off,
				       0 for never (D5) */
	const char *refused_status; /* "5.2.2", "-" if it isn't known */
	int64_t refused_next;	    /* when it is tried again, 0 if it has been */
	struct access_last_use pop3, imap, smtp;
	struct access_password passwords[ACCESS_PASSWORDS_MAX]; /* newest first */
	unsigned int passwords_count;
	struct access_event history[ACCESS_HISTORY_MAX]; /* newest first */
	unsigned int history_count;
	struct access_shut_out shut_outs[ACCESS_SHUT_OUTS_MAX]; /* newest first; some may be over */
	unsigned int shut_outs_count;
	unsigned int break_ins;	      /* attempts, each within 30 days of the one before it (D4) */
	unsigned int break_in_factor; /* how many times as many networks the next one takes */
};

void access_status_ask(const struct account_name *account, struct command *command_r);
void access_status_read(const struct redisReply *reply, struct access_status *status_r);

#endif
