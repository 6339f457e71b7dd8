#ifndef POSTERN_SETTINGS_H
#define POSTERN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/network.h"
#include "settings/secrets.h"
#include "settings/tier-rows.h"

/*
 * The settings file, postern.conf(5): read once into one value that never changes. A reload reads
 * a complete new value and puts it in the old one's place; on failure the old one stays.
 */

#define SETTINGS_TIERS_MAX  16
#define SETTINGS_TIER_MAX   16 /* bytes of a tier's name, without the terminator */
#define SETTINGS_LIMIT_MAX  10000
#define SETTINGS_LOGINS_MAX 50000
#define SETTINGS_WRONG_MAX  200
#define SETTINGS_FAILED_MAX 1000 /* what failure.lua remembers */
#define SETTINGS_UNLIMITED  0

/* What one message costs (rule S4): itself, or each of its recipients. */
enum send_count {
	SEND_COUNT_MESSAGES,
	SEND_COUNT_RECIPIENTS,
};

/* What follows on an attempt to break in, which the owner is told of either way (D4). */
enum on_break_in {
	ON_BREAK_IN_DISABLE, /* access goes off */
	ON_BREAK_IN_TELL,    /* it stays on */
};

/* What the milter does with a message while Redis can't be asked. */
enum store_failure {
	STORE_FAILURE_DEFER,
	STORE_FAILURE_ACCEPT,
};

struct tier {
	char name[SETTINGS_TIER_MAX + 1];
	unsigned int protocols;		  /* set of enum protocol (A8) */
	unsigned int pop3_interval;	  /* seconds, 0 for none (P1) */
	unsigned int pop3_grace;	  /* seconds (P1) */
	unsigned int messages_per_minute; /* 1 to SETTINGS_LIMIT_MAX or SETTINGS_UNLIMITED (S1) */
	unsigned int messages_per_hour;	  /* likewise (S2) */
	unsigned int recipients_per_message; /* likewise (S4) */
	enum send_count count;		     /* what the two windows count (S4) */
	unsigned int upgrade_hold; /* seconds that the old limits stay after a change to this tier
				      (S5) */
	unsigned int logins_per_hour; /* 1 to SETTINGS_LIMIT_MAX or SETTINGS_UNLIMITED (D3) */
	unsigned int logins_per_day;  /* likewise, to SETTINGS_LOGINS_MAX */
	/* Different ones of a network in an hour, 1 to SETTINGS_WRONG_MAX or SETTINGS_UNLIMITED: it
	   is shut out (D4). */
	unsigned int wrong_passwords;
	unsigned int wrong_password_networks; /* shut out in a day: an attempt, 1 to 20 */
	unsigned int shut_out;		      /* seconds */
	enum on_break_in on_break_in;
	unsigned int failed_recipients; /* 1 to SETTINGS_FAILED_MAX or SETTINGS_UNLIMITED (B3) */
	unsigned int failed_recipients_window; /* seconds (B3) */
	unsigned int unused_after; /* seconds without POP3 (or IMAP), 0 for never (D2) */
};

struct redis_settings {
	char *socket; /* path, or NULL: then host and port */
	char *host;   /* an IP address: hiredis would block on a name */
	unsigned int port;
	char *user; /* NULL for Redis's default user */
	unsigned int database;
	unsigned int timeout; /* milliseconds: connecting, and waiting for a reply */
	bool borrows_scripts; /* others give Redis the scripts that are run: see script_lent() */
};

struct milter_settings {
	char *socket;	    /* path of the unix socket */
	char *socket_group; /* who may connect: Postfix's group */
	char *user;	    /* NULL: don't change user */
	char *redis_user;   /* of the milter; NULL: that of [redis] */
	enum store_failure store_failure;
	char *feedback_address; /* where other providers send abuse reports to (B3), or NULL */
};

/* The notices to owners (D5), see notice.h. */
struct notices_settings {
	char *from;	/* an address; NULL: postmaster at default_domain, or at the account's */
	char *reply_to; /* an address, or NULL */
	char *default_language;	     /* [a-z]{2,3}: of owners whose language isn't known */
	char *shipped, *own;	     /* directories */
	char *mail_server;	     /* a host's name; NULL: "mail." and the account's domain */
	unsigned int unused_warning; /* seconds before D2's switch-off, 0 for no warning */
};

struct worker_settings {
	char *user;		     /* NULL: don't change user */
	char *sendmail;		     /* path */
	char *doveadm_url;	     /* of Dovecot's doveadm HTTP API on this host */
	unsigned int notice_lease;   /* milliseconds that a worker has for a notice (D5) */
	unsigned int sweep_interval; /* seconds between two sweeps (D2) */
	unsigned int sweep_rate;     /* accounts that a sweep looks at each second, at most */
};

struct settings {
	char *default_domain; /* for bare names; NULL for none (A6) */
	char *help_url;	      /* where the owner switches access on; in every refusal */
	struct network_list internal_networks; /* A5 */
	struct network_list proxies;	       /* whose report of the client's address is trusted */
	char *secrets_file;		       /* the site's; secrets_path() has the daemons' */
	struct redis_settings redis;
	struct milter_settings milter;
	struct notices_settings notices;
	struct worker_settings worker;
	struct tier
		tiers[SETTINGS_TIERS_MAX]; /* "free" first, "paid" second, then the site's own */
	unsigned int tiers_count;
	struct tier_rows tier_rows; /* the same for the scripts */
	struct secrets *secrets;    /* of the reader that they were loaded for */
	char *doubt; /* owned: one line about what may not be meant as it is; NULL for nothing */
};

/*
 * Reads the file at path and the secrets of one reader; [redis] then has the user that this reader
 * logs in as. NULL if either can't be read or has a mistake; *error_r is then one line, with file,
 * line and what was expected, for the caller to free(). The result is the caller's, to be freed
 * with settings_free(). Threads may read it at will.
 */
struct settings *settings_load(const char *path, enum secrets_reader reader, char **error_r);

/* The same without secrets: for the command that makes them. settings->secrets is NULL. */
struct settings *settings_load_without_secrets(const char *path, char **error_r);

/* Where the site's secrets files are, and who reads them: valid as long as the settings are. */
struct secrets_site settings_secrets(const struct settings *settings);

void settings_free(struct settings **settings);

/* The tier of that name, NULL if the site has no such tier. */
const struct tier *settings_tier(const struct settings *settings, const char *name);

#endif
