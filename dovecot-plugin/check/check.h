#ifndef POSTERN_CHECK_H
#define POSTERN_CHECK_H

#include <stdbool.h>

#include "account/account.h"
#include "text.h"
#include "settings/settings.h"

/*
 * What `doveadm postern check` finds out and judges: first a struct check_site is read, then each
 * check of the tables looks at it and says one line. Reading asks, judging doesn't, but for the
 * files and sockets that a path in the settings names. A new check is a function and an entry in
 * the table of its topic; what it says of a mistake is what is wrong and, after a colon or a
 * semicolon, how to fix it.
 *
 * Nothing here knows Dovecot, so unit tests can hand in any site.
 */

#define CHECK_TEXT_SIZE 400

enum check_status {
	CHECK_OK,
	CHECK_UNKNOWN, /* couldn't be looked at */
	CHECK_WARNING, /* works, but not as the samples intend; or trouble is near */
	CHECK_WRONG,   /* something doesn't work, or a rule isn't enforced */
};

/* What Redis said. Strings are "" where there is nothing to say. */
struct check_redis {
	char peer[160];
	int answered;	  /* 1 it did, 0 it wasn't asked, -1 it didn't */
	int milliseconds; /* that the first answer took, connecting included */
	char error[CHECK_TEXT_SIZE];
	char scripts_error[CHECK_TEXT_SIZE];
	char stamps_error[CHECK_TEXT_SIZE];
	int milter; /* 1 the milter's user may run its scripts, 0 it wasn't asked, -1 it may not */
	char milter_error[CHECK_TEXT_SIZE];
	unsigned int stamped, foreign; /* of the ACCOUNT_PARTITIONS */
	char info_error[CHECK_TEXT_SIZE];
	struct check_text info;
};

struct check_dovecot {
	char file[CHECK_TEXT_SIZE]; /* the configuration file */
	char *error;		    /* owned; why it couldn't be read; NULL: it was */
	struct check_text conf;	    /* as doveconf prints it */
};

struct check_postfix {
	bool is_absent;		     /* there is none on this host */
	char *error;		     /* owned; why it couldn't be read; NULL: it was */
	struct check_text main;	     /* parameters by name */
	struct check_text services;  /* "submission/inet/command" and the like */
	struct check_text overrides; /* "submission/inet/PARAMETER": the -o of master.cf */
};

struct check_site {
	const char *settings_file;
	char *settings_error; /* owned; NULL: settings is there */
	char *secrets_error;  /* owned; NULL: settings->secrets is there */
	struct settings *settings;
	struct check_redis redis;
	struct check_dovecot dovecot;
	struct check_postfix postfix;
};

/* Judges one thing: one line in text_r, see check_say(). */
typedef enum check_status check_function_t(const struct check_site *site, char *text_r);

struct check {
	const char *name; /* in the column `check`; NULL after the last one */
	check_function_t *run;
	bool always; /* also when the topic is unknown or absent: it says why */
};

struct check_topic {
	const struct check *checks;
	/* NULL, or one line: why nothing is known of the topic. */
	const char *(*unknown)(const struct check_site *site);
	/* True if this host hasn't got it, so that there is nothing to judge. NULL for never. */
	bool (*absent)(const struct check_site *site);
};

extern const struct check_topic check_host_topic;
extern const struct check_topic check_secrets_topic;
extern const struct check_topic check_redis_topic;
extern const struct check_topic check_redis_info_topic;
extern const struct check_topic check_dovecot_topic;
extern const struct check_topic check_sessions_topic;
extern const struct check_topic check_api_topic;
extern const struct check_topic check_postfix_topic;

/* Each reads its part of a zeroed site, the settings first. They can't fail: the site says what
   couldn't be read. */
void check_read_settings(struct check_site *site);
void check_read_redis(struct check_site *site);
void check_read_dovecot(struct check_site *site);
void check_read_postfix(struct check_site *site);

void check_site_free(struct check_site *site);

/* Writes a line of printable ASCII, cut at CHECK_TEXT_SIZE. Returns the status. */
enum check_status check_say(char *text_r, enum check_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The column `status`. */
const char *check_status_word(enum check_status status);

/* Connects to the unix socket at path. 0, or -1 with errno. */
int check_connect(const char *path);

#endif
