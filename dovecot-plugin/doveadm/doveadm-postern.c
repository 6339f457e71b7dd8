/* What the `doveadm postern` commands share, and the plugin's entry. */

#include "lib.h"
#include "master-service.h"
#include "path-util.h"
#include "str.h"
#include "str-sanitize.h"
#include "time-util.h"

#include "doveadm-postern.h"
#include "base/printable.h"
#include "base/quantity.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#define DEFAULT_SETTINGS SYSCONFDIR "/postern/postern.conf"

static const struct {
	const char *word;
	int exit_code;
} failures[] = {
	[POSTERN_INVALID] = { "invalid", EX_USAGE },
	[POSTERN_INVALID_USER] = { "invalid-user", EX_NOUSER },
	[POSTERN_UNKNOWN_USER] = { "unknown-user", EX_NOUSER },
	[POSTERN_UNKNOWN_PASSWORD] = { "unknown-password", EX_NOUSER },
	[POSTERN_DISABLED] = { "disabled", EX_UNAVAILABLE },
	[POSTERN_NEEDS_PASSWORD_CHANGE] = { "change-password-first", EX_UNAVAILABLE },
	[POSTERN_TOO_MANY] = { "too-many", EX_UNAVAILABLE },
	[POSTERN_NOT_SENT] = { "not-sent", EX_UNAVAILABLE },
	[POSTERN_BROKEN] = { "broken", EX_DATAERR },
	[POSTERN_UNREADABLE] = { "unreadable", EX_NOINPUT },
	[POSTERN_FOREIGN] = { "unknown-format", EX_DATAERR },
	[POSTERN_UNWRITABLE] = { "unwritable", EX_CANTCREAT },
	[POSTERN_UNAVAILABLE] = { "unavailable", EX_TEMPFAIL },
	[POSTERN_UNCONFIGURED] = { "unavailable", EX_CONFIG },
};

static bool is_http(const struct postern_run *run)
{
	return run->cctx->conn_type == DOVEADM_CONNECTION_TYPE_HTTP;
}

static bool is_cli(const struct postern_run *run)
{
	return run->cctx->conn_type == DOVEADM_CONNECTION_TYPE_CLI;
}

const char *postern_option(const struct postern_run *run, const char *name)
{
	const char *value;

	/* Over HTTP a JSON null is a value, and NULL. */
	return doveadm_cmd_param_str(run->cctx, name, &value) ? value : NULL;
}

bool postern_flag(const struct postern_run *run, const char *name)
{
	bool value;

	return doveadm_cmd_param_bool(run->cctx, name, &value) && value;
}

/* The one who sits at the keyboard, rather than root. `doveadm -c` clears the environment. */
static const char *login_name(void)
{
	const char *name = getenv("SUDO_USER");
	const struct passwd *entry;

	if (name == NULL || *name == '\0')
		name = getlogin();
	if (name != NULL && *name != '\0')
		return name;
	entry = getpwuid(getuid());
	return entry != NULL ? entry->pw_name : dec2str(getuid());
}

static void read_actor(struct postern_run *run)
{
	run->actor.by = postern_option(run, "by");
	run->actor.from = postern_option(run, "from");
	if (run->actor.by != NULL && *run->actor.by != '\0')
		return;
	run->actor.by = is_cli(run) ? t_strconcat("doveadm:", login_name(), NULL) : "api";
}

static void begin_printing(const struct postern_column *columns, const char *formatter)
{
	if (columns == NULL)
		return;
	doveadm_print_init(formatter);
	for (; columns->name != NULL; columns++)
		doveadm_print_header(
			columns->name, columns->name,
			(columns->number ? DOVEADM_PRINT_HEADER_FLAG_NUMBER : 0) |
				(columns->untitled ? DOVEADM_PRINT_HEADER_FLAG_HIDE_TITLE : 0));
}

const char *postern_settings_file(void)
{
	const char *path = doveadm_plugin_getenv("postern_settings");

	return path != NULL ? path : DEFAULT_SETTINGS;
}

const char *postern_dovecot_file(void)
{
	const char *path = master_service_get_config_path(master_service);
	const char *target, *error;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return path;
	/* A process of Dovecot's gets its settings from a socket; Dovecot leaves a link to the file
	   next to that. */
	path = t_strconcat(doveadm_settings->base_dir, "/dovecot.conf", NULL);
	return t_realpath(path, &target, &error) == 0 ? target : path;
}

void postern_begin_without_settings(struct postern_run *run, struct doveadm_cmd_context *cctx,
				    const struct postern_column *columns, const char *formatter)
{
	i_zero(run);
	run->cctx = cctx;
	run->columns = columns;
	begin_printing(columns, formatter);
	read_actor(run);
}

typedef struct settings *load_settings_t(const char *path, char **error_r);

static struct settings *load_with_secrets(const char *path, char **error_r)
{
	return settings_load(path, SECRETS_SITE, error_r);
}

static bool begin(struct postern_run *run, struct doveadm_cmd_context *cctx,
		  const struct postern_column *columns, load_settings_t *load)
{
	char *error;

	postern_begin_without_settings(run, cctx, columns, DOVEADM_PRINT_TYPE_PAGER);
	run->settings = load(postern_settings_file(), &error);
	if (run->settings == NULL) {
		postern_refuse(run, POSTERN_UNCONFIGURED, t_strconcat("settings: ", error, NULL));
		free(error);
		return FALSE;
	}
	return TRUE;
}

/* The settings are read for each command: doveadm's HTTP server lives long, and must not work with
   settings or keys that were replaced meanwhile. */
bool postern_begin(struct postern_run *run, struct doveadm_cmd_context *cctx,
		   const struct postern_column *columns)
{
	if (!begin(run, cctx, columns, load_with_secrets))
		return FALSE;
	run->store = store_create(&run->settings->redis, run->settings->secrets);
	return TRUE;
}

bool postern_begin_without_secrets(struct postern_run *run, struct doveadm_cmd_context *cctx,
				   const struct postern_column *columns)
{
	return begin(run, cctx, columns, settings_load_without_secrets);
}

void postern_end(struct postern_run *run)
{
	store_free(&run->store);
	settings_free(&run->settings);
}

bool postern_on_command_line(const struct postern_run *run)
{
	if (is_cli(run))
		return TRUE;
	postern_refuse(run, POSTERN_INVALID, "This works only on the command line.");
	return FALSE;
}

bool postern_over_http(const struct postern_run *run)
{
	return is_http(run);
}

bool postern_number(const struct postern_run *run, const char *name, uint64_t max,
		    uint64_t *number_r)
{
	const char *word = postern_option(run, name), *rest;

	if (word == NULL ||
	    (quantity_number(word, max, number_r, &rest) == 0 && *rest == '\0' && *number_r > 0))
		return TRUE;
	postern_refuse(run, POSTERN_INVALID,
		       t_strdup_printf("%s: expected a number from 1 to %" PRIu64, name, max));
	return FALSE;
}

const char *postern_failure_word(enum postern_failure failure)
{
	return failures[failure].word;
}

void postern_note_exit_code(const struct postern_run *run, enum postern_failure failure)
{
	/* Of sysexits' codes that are used here, the greater is the worse. */
	if (!is_http(run) && failures[failure].exit_code > doveadm_exit_code)
		doveadm_exit_code = failures[failure].exit_code;
}

void postern_print(const struct postern_run *run, const char *const values[])
{
	for (unsigned int i = 0; run->columns[i].name != NULL; i++) {
		const char *nothing = run->columns[i].number ? "0" : "";

		doveadm_print(values[i] != NULL ? values[i] : nothing);
	}
}

void postern_fail(const struct postern_run *run, enum postern_failure failure, const char *user,
		  const char *text)
{
	const char *values[POSTERN_COLUMNS_MAX] = { NULL };

	if (run->columns == NULL) {
		i_error("postern: %s%s%s", user, *user != '\0' ? ": " : "", text);
		postern_note_exit_code(run, failure);
		return;
	}
	for (unsigned int i = 0; run->columns[i].name != NULL; i++) {
		i_assert(i < POSTERN_COLUMNS_MAX);
		if (strcmp(run->columns[i].name, "user") == 0)
			values[i] = user;
		else if (strcmp(run->columns[i].name, "status") == 0)
			values[i] = failures[failure].word;
		else if (strcmp(run->columns[i].name, "text") == 0)
			values[i] = text;
	}
	postern_print(run, values);
	postern_note_exit_code(run, failure);
}

void postern_refuse(const struct postern_run *run, enum postern_failure failure, const char *text)
{
	if (is_http(run)) {
		postern_fail(run, failure, "", text);
	} else {
		i_error("postern: %s", text);
		postern_note_exit_code(run, failure);
	}
}

static void one_user(struct postern_run *run, const char *user, postern_user_callback_t *callback,
		     const void *context)
{
	struct account_name account;
	const char *error;

	if (account_name_parse(user, strlen(user), run->settings->default_domain, &account,
			       &error) < 0)
		postern_fail(run, POSTERN_INVALID_USER, str_sanitize(user, POSTERN_USER_SHOWN_MAX),
			     error);
	else
		callback(run, &account, context);
}

void postern_each_user(struct postern_run *run, postern_user_callback_t *callback,
		       const void *context)
{
	const char *const *users;

	if (!doveadm_cmd_param_array(run->cctx, "users", &users) || *users == NULL) {
		if (is_cli(run))
			help_ver2(run->cctx->cmd);
		postern_refuse(run, POSTERN_INVALID, "users: expected at least one account name");
		return;
	}
	for (; *users != NULL; users++) {
		T_BEGIN
		{
			one_user(run, *users, callback, context);
		}
		T_END;
	}
}

void postern_run_users(struct doveadm_cmd_context *cctx, const struct postern_column *columns,
		       postern_user_callback_t *callback)
{
	struct postern_run run;

	if (!postern_begin(&run, cctx, columns))
		return;
	postern_each_user(&run, callback, NULL);
	postern_end(&run);
}

int postern_ask(struct postern_run *run, const struct command *command, redisReply **reply_r,
		const char **error_r)
{
	return store_ask(run->store, command, reply_r, error_r);
}

int postern_call(struct postern_run *run, const struct command *command, redisReply **reply_r,
		 const char **error_r)
{
	return store_call(run->store, command, 0, reply_r, error_r);
}

bool postern_change(struct postern_run *run, const struct account_name *account,
		    const struct command *command, struct access_answer *answer_r)
{
	redisReply *reply;
	const char *error;

	if (postern_ask(run, command, &reply, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, error);
		return FALSE;
	}
	access_read(reply, answer_r);
	freeReplyObject(reply);
	if (answer_r->verdict == ACCESS_UNAVAILABLE) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, answer_r->unavailable);
		return FALSE;
	}
	return TRUE;
}

bool postern_ask_status(struct postern_run *run, const struct account_name *account,
			redisReply **reply_r, struct access_status *status_r)
{
	struct command command;
	const char *error;

	access_status_ask(account, &command);
	if (postern_ask(run, &command, reply_r, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, error);
		return FALSE;
	}
	access_status_read(*reply_r, status_r);
	if (status_r->verdict != ACCESS_UNAVAILABLE)
		return TRUE;
	postern_fail(run, POSTERN_UNAVAILABLE, account->text, status_r->unavailable);
	freeReplyObject(*reply_r);
	return FALSE;
}

/* A word that can be in a log line as it is, whatever was given. */
static const char *log_word(const char *text)
{
	char *word = p_strndup(unsafe_data_stack_pool, text, ACTOR_MAX);

	make_printable(word, " \"\\");
	return *word != '\0' ? word : "-";
}

/* On the command line the line is shown with `doveadm -v` only: it would go to the terminal. The
   account's history has every change. */
void postern_log(const struct postern_run *run, const char *format, ...)
{
	const char *from = run->actor.from != NULL ? run->actor.from : "";
	va_list args;

	if (is_cli(run) && !doveadm_verbose)
		return;
	va_start(args, format);
	i_info("postern: %s by=%s from=%s", t_strdup_vprintf(format, args), log_word(run->actor.by),
	       log_word(from));
	va_end(args);
}

const char *postern_time(int64_t milliseconds)
{
	if (milliseconds == 0)
		return "";
	return t_strfgmtime("%Y-%m-%dT%H:%M:%SZ", (time_t)(milliseconds / 1000));
}

const char *doveadm_postern_plugin_version = DOVECOT_ABI_VERSION;

void doveadm_postern_plugin_init(struct module *module ATTR_UNUSED)
{
	doveadm_cmd_register_ver2(&doveadm_postern_check_command);
	doveadm_cmd_register_ver2(&doveadm_postern_init_command);
	doveadm_cmd_register_ver2(&doveadm_postern_key_add_command);
	doveadm_cmd_register_ver2(&doveadm_postern_key_files_command);
	doveadm_cmd_register_ver2(&doveadm_postern_on_command);
	doveadm_cmd_register_ver2(&doveadm_postern_off_command);
	doveadm_cmd_register_ver2(&doveadm_postern_set_command);
	doveadm_cmd_register_ver2(&doveadm_postern_status_command);
	doveadm_cmd_register_ver2(&doveadm_postern_system_command);
	/* The longer name first: Dovecot takes the first one that the words begin with. */
	doveadm_cmd_register_ver2(&doveadm_postern_notice_delivered_command);
	doveadm_cmd_register_ver2(&doveadm_postern_notice_command);
	doveadm_cmd_register_ver2(&doveadm_postern_password_add_command);
	doveadm_cmd_register_ver2(&doveadm_postern_password_list_command);
	doveadm_cmd_register_ver2(&doveadm_postern_password_revoke_command);
	doveadm_cmd_register_ver2(&doveadm_postern_password_changed_command);
	doveadm_cmd_register_ver2(&doveadm_postern_erase_command);
	doveadm_cmd_register_ver2(&doveadm_postern_history_command);
	doveadm_cmd_register_ver2(&doveadm_postern_list_command);
	doveadm_cmd_register_ver2(&doveadm_postern_export_command);
	doveadm_cmd_register_ver2(&doveadm_postern_import_command);
	doveadm_cmd_register_ver2(&doveadm_postern_sessions_end_command);
	doveadm_cmd_register_ver2(&doveadm_postern_sweep_command);
}

void doveadm_postern_plugin_deinit(void)
{
}
