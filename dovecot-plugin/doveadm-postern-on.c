/* doveadm postern on: switches external access on, and shows the app password once (A2, A3). */

#include "lib.h"
#include "safe-memset.h"

#include "app-password.h"
#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "user" },	{ .name = "status" }, { .name = "access" },
	{ .name = "password" }, { .name = "text" },   { .name = NULL },
};

/* Set first, so that nothing can fail once there is a password to show. */
static bool set_language(struct postern_run *run, const struct account_name *account,
			 const struct access_changes *changes)
{
	struct access_answer answer;
	struct command command;

	if (changes->language == NULL)
		return TRUE;
	access_set_ask(account, changes, &run->actor, run->settings, &command);
	return postern_change(run, account, &command, &answer);
}

static void print_enabled(const struct postern_run *run, const struct account_name *account,
			  const struct access_answer *answer, const char *password)
{
	const char *values[] = { account->text, "enabled", "enabled", password,
				 "External access is on now. The app password is shown this once: "
				 "enter it in the mail program." };

	if (answer->verdict == ACCESS_DONE) {
		postern_print(run, values);
		postern_log(run, "account=%s access=enabled", account->text);
		return;
	}
	values[1] = "already-enabled";
	values[3] = NULL;
	values[4] = t_strdup_printf("External access is on since %s, and its app password stays. "
				    "For a new one switch access off first, then on.",
				    postern_time(answer->since));
	postern_print(run, values);
}

/* Asks to let the password in, and shows it if it was. */
static void try_password(struct postern_run *run, const struct account_name *account,
			 const char *password)
{
	char digest[APP_PASSWORD_DIGEST_SIZE];
	struct access_answer answer;
	struct command command;

	if (app_password_digest(&run->settings->secrets->keys[0], account, password, digest) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text,
			     "OpenSSL could not make the digest of an app password.");
		return;
	}
	access_on_ask(account, digest, &run->actor, &command);
	if (postern_change(run, account, &command, &answer))
		print_enabled(run, account, &answer, password);
}

static void switch_on(struct postern_run *run, const struct account_name *account,
		      const void *context)
{
	char password[APP_PASSWORD_SIZE];

	if (!set_language(run, account, context))
		return;
	if (app_password_generate(password) < 0)
		postern_fail(run, POSTERN_UNAVAILABLE, account->text,
			     "OpenSSL has no random numbers for an app password.");
	else
		try_password(run, account, password);
	safe_memset(password, 0, sizeof(password));
}

static void cmd_postern_on(struct doveadm_cmd_context *cctx)
{
	struct access_changes changes = { .language = NULL };
	struct postern_run run;
	const char *error;

	if (!postern_begin(&run, cctx, columns))
		return;
	changes.language = postern_option(&run, "language");
	if (access_changes_check(&changes, run.settings, &error) < 0)
		postern_refuse(&run, POSTERN_INVALID, error);
	else
		postern_each_user(&run, switch_on, &changes);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,	  POSTERN_OPTION("by"), POSTERN_OPTION("from"), POSTERN_OPTION("language"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_on_command = {
	.name = "postern on",
	.cmd = cmd_postern_on,
	.usage = "[--language <tag>] [--by <who>] [--from <address>] <user> [<user> ...]",
	.parameters = parameters,
};
