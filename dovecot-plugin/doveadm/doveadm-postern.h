#ifndef DOVEADM_POSTERN_H
#define DOVEADM_POSTERN_H

#include "doveadm.h"
#include "doveadm-print.h"

#include "decisions/access.h"
#include "store/command.h"
#include "settings/settings.h"
#include "store/store.h"

struct module;
struct redisReply;

/*
 * What the `doveadm postern` commands share.
 *
 * A command prints one row for each user. On the command line a mistake in the call itself is an
 * error line, and the exit status is the worst of all rows. Over HTTP a non-zero exit would lose
 * every text, so a command that ran at all succeeds there, and each row says in its status column
 * what became of it.
 */

/* The columns that every command has are named user, status and text (init, key and check: the last
   two). */
struct postern_column {
	const char *name; /* NULL after the last one */
	bool number;
	bool untitled; /* has no name in front where the formatter gives each value a line */
};

#define POSTERN_COLUMNS_MAX 64

/* How much is shown of what is not an account name, in bytes. */
#define POSTERN_USER_SHOWN_MAX 80

/* What can keep a command from its answer, with the word in the status column. */
enum postern_failure {
	POSTERN_INVALID,	       /* "invalid": a mistake in the call; EX_USAGE */
	POSTERN_INVALID_USER,	       /* "invalid-user": not an account name; EX_NOUSER */
	POSTERN_UNKNOWN_USER,	       /* "unknown-user": Dovecot has no such user; EX_NOUSER */
	POSTERN_UNKNOWN_PASSWORD,      /* "unknown-password": no such app password; EX_NOUSER */
	POSTERN_DISABLED,	       /* "disabled": access would have to be on; EX_UNAVAILABLE */
	POSTERN_NEEDS_PASSWORD_CHANGE, /* "change-password-first": B4; EX_UNAVAILABLE */
	POSTERN_TOO_MANY,     /* "too-many": of the account's app passwords; EX_UNAVAILABLE */
	POSTERN_NOT_SENT,     /* "not-sent": the mail system refuses it; EX_UNAVAILABLE */
	POSTERN_BROKEN,	      /* "broken": a line or an account that isn't valid; EX_DATAERR */
	POSTERN_UNREADABLE,   /* "unreadable": a file; EX_NOINPUT */
	POSTERN_FOREIGN,      /* "unknown-format": another version's data in Redis; EX_DATAERR */
	POSTERN_UNWRITABLE,   /* "unwritable": the secrets file, or the output; EX_CANTCREAT */
	POSTERN_UNAVAILABLE,  /* "unavailable": not known; EX_TEMPFAIL */
	POSTERN_UNCONFIGURED, /* "unavailable": mistakes in the settings; EX_CONFIG */
};

/* One command while it runs. */
struct postern_run {
	struct doveadm_cmd_context *cctx;
	const struct postern_column *columns;
	struct settings *settings;
	struct store *store;
	struct actor actor;
};

/* Loads the settings, and begins to print, unless columns is NULL. FALSE when that failed and
   everything is said; else postern_end() frees what this took. */
bool postern_begin(struct postern_run *run, struct doveadm_cmd_context *cctx,
		   const struct postern_column *columns);

/* The same for the command that makes the secrets: there is no store to ask. */
bool postern_begin_without_secrets(struct postern_run *run, struct doveadm_cmd_context *cctx,
				   const struct postern_column *columns);

/* The same for the command that looks at the settings itself, with its own default formatter. */
void postern_begin_without_settings(struct postern_run *run, struct doveadm_cmd_context *cctx,
				    const struct postern_column *columns, const char *formatter);
void postern_end(struct postern_run *run);

/* The settings file that the commands read. */
const char *postern_settings_file(void);

/* The file that Dovecot was started with, or doveadm was told. */
const char *postern_dovecot_file(void);

/* TRUE on the command line. Elsewhere the command is refused: it works with files, or for hours. */
bool postern_on_command_line(const struct postern_run *run);

/* TRUE over HTTP, where an answer has to have an end. */
bool postern_over_http(const struct postern_run *run);

/* The value of an option, NULL if it isn't given. */
const char *postern_option(const struct postern_run *run, const char *name);

/* True if a flag is given: a bare word on the command line, true over HTTP. */
bool postern_flag(const struct postern_run *run, const char *name);

/* Reads an option that is a number of 1 to max; *number_r stays as it is when it isn't given. FALSE
   when it is not such a number: that has then been said. */
bool postern_number(const struct postern_run *run, const char *name, uint64_t max,
		    uint64_t *number_r);

typedef void postern_user_callback_t(struct postern_run *run, const struct account_name *account,
				     const void *context);

/* Runs the callback for each user that is named, and itself answers for what are not account names.
 */
void postern_each_user(struct postern_run *run, postern_user_callback_t *callback,
		       const void *context);

/* A whole command that has no options of its own: begins, runs the callback, without a context, for
   each user that is named, and ends. */
void postern_run_users(struct doveadm_cmd_context *cctx, const struct postern_column *columns,
		       postern_user_callback_t *callback);

/* Asks Redis. 0 with its reply, for freeReplyObject(); -1 when it gave none: *error_r
   is valid until the next call. */
int postern_ask(struct postern_run *run, const struct command *command, struct redisReply **reply_r,
		const char **error_r);

/* The same, for Redis's own commands as well, and it distinguishes an answer from an error: 1 with
   its reply, 0 when Redis refused this one question, -1 when there is no answer. */
int postern_call(struct postern_run *run, const struct command *command,
		 struct redisReply **reply_r, const char **error_r);

/* Asks for a change and reads the answer. FALSE when Redis can't tell: the row has then been
 * printed. */
bool postern_change(struct postern_run *run, const struct account_name *account,
		    const struct command *command, struct access_answer *answer_r);

/* Asks for all about an account. FALSE when Redis can't tell: the row has then been printed. What
 *is in status_r lives as long as *reply_r, which is for freeReplyObject(). */
bool postern_ask_status(struct postern_run *run, const struct account_name *account,
			struct redisReply **reply_r, struct access_status *status_r);

/* Prints a row: the values in the order of the columns, NULL for "" and 0. */
void postern_print(const struct postern_run *run, const char *const values[]);

/* Prints the row of a failure; where there are no columns, an error line. The user is "" where the
   command isn't about one. */
void postern_fail(const struct postern_run *run, enum postern_failure failure, const char *user,
		  const char *text);

/* Makes the failure's exit status that of the command line, unless that is already a worse one. */
void postern_note_exit_code(const struct postern_run *run, enum postern_failure failure);

/* The word in the status column. */
const char *postern_failure_word(enum postern_failure failure);

/* Says that the command as a whole can't be done: an error line or, over HTTP, a row. */
void postern_refuse(const struct postern_run *run, enum postern_failure failure, const char *text);

/* One line in the log about a change: "account=... " and so on is what is handed in; who asked for
   it is added. */
void postern_log(const struct postern_run *run, const char *format, ...) ATTR_FORMAT(2, 3);

/* "2026-11-01T12:00:00Z" for milliseconds since 1970, "" for 0. Of the data stack. */
const char *postern_time(int64_t milliseconds);

/* The parameters of the commands. Over HTTP users may be a single string as well. There is none
   called `user`: as a string, Dovecot 2.3 logs it as it comes, line ends and all; as an array, it
   crashes Dovecot 2.4. */
#define POSTERN_USERS                                                                              \
	{                                                                                          \
		.name = "users", .type = CMD_PARAM_ARRAY, .flags = CMD_PARAM_FLAG_POSITIONAL,      \
	}
#define POSTERN_OPTION(option)                                                                     \
	{                                                                                          \
		.name = option, .type = CMD_PARAM_STR,                                             \
	}

#define POSTERN_FLAG(flag)                                                                         \
	{                                                                                          \
		.name = flag, .type = CMD_PARAM_BOOL,                                              \
	}

extern struct doveadm_cmd_ver2 doveadm_postern_check_command;
extern struct doveadm_cmd_ver2 doveadm_postern_erase_command;
extern struct doveadm_cmd_ver2 doveadm_postern_export_command;
extern struct doveadm_cmd_ver2 doveadm_postern_history_command;
extern struct doveadm_cmd_ver2 doveadm_postern_import_command;
extern struct doveadm_cmd_ver2 doveadm_postern_init_command;
extern struct doveadm_cmd_ver2 doveadm_postern_key_add_command;
extern struct doveadm_cmd_ver2 doveadm_postern_key_files_command;
extern struct doveadm_cmd_ver2 doveadm_postern_list_command;
extern struct doveadm_cmd_ver2 doveadm_postern_notice_command;
extern struct doveadm_cmd_ver2 doveadm_postern_notice_delivered_command;
extern struct doveadm_cmd_ver2 doveadm_postern_off_command;
extern struct doveadm_cmd_ver2 doveadm_postern_on_command;
extern struct doveadm_cmd_ver2 doveadm_postern_password_add_command;
extern struct doveadm_cmd_ver2 doveadm_postern_password_changed_command;
extern struct doveadm_cmd_ver2 doveadm_postern_password_list_command;
extern struct doveadm_cmd_ver2 doveadm_postern_password_revoke_command;
extern struct doveadm_cmd_ver2 doveadm_postern_sessions_end_command;
extern struct doveadm_cmd_ver2 doveadm_postern_set_command;
extern struct doveadm_cmd_ver2 doveadm_postern_status_command;
extern struct doveadm_cmd_ver2 doveadm_postern_sweep_command;
extern struct doveadm_cmd_ver2 doveadm_postern_system_command;

void doveadm_postern_plugin_init(struct module *module);
void doveadm_postern_plugin_deinit(void);
extern const char *doveadm_postern_plugin_version;

#endif
