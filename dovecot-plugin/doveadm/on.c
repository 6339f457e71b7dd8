/* doveadm postern on: switches external access on, and shows the app password once (A2, A3). */

#include "lib.h"
#include "safe-memset.h"

#include "doveadm-postern.h"
#include "password.h"

static const struct postern_column columns[] = {
	{ .name = "user" },	{ .name = "status" }, { .name = "access" },
	{ .name = "password" }, { .name = "text" },   { .name = NULL },
};

struct on_request {
	struct access_changes changes;
	struct app_password_terms terms;
	bool force;
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
			  const char *password)
{
	const char *values[] = {
		account->text, "enabled", "enabled", password,
		"External access is now on. The app password is shown only this once: "
		"enter it in the mail program."
	};

	postern_print(run, values);
	postern_log(run, "account=%s access=enabled", account->text);
}

static void print_already_enabled(const struct postern_run *run, const struct account_name *account,
				  const struct access_answer *answer)
{
	const char *values[] = {
		account->text,
		"already-enabled",
		"enabled",
		NULL,
		t_strdup_printf("External access has been on since %s, and its app passwords are "
				"unchanged. "
				"\"doveadm postern password add\" creates another one.",
				postern_time(answer->since)),
	};

	postern_print(run, values);
}

/* Asks to let the password in, and shows it if it was. */
static void try_password(struct postern_run *run, const struct account_name *account,
			 const struct on_request *request, const char *password)
{
	struct app_password_terms terms = request->terms;
	char digest[APP_PASSWORD_DIGEST_SIZE];
	struct access_answer answer;
	struct command command;

	if (!postern_digest(run, account, password, digest))
		return;
	terms.digest = digest;
	access_on_ask(account, &terms, request->force, &run->actor, &command);
	if (!postern_change(run, account, &command, &answer))
		return;
	switch (answer.verdict) {
	case ACCESS_DONE:
		print_enabled(run, account, password);
		break;
	case ACCESS_UNCHANGED:
		print_already_enabled(run, account, &answer);
		break;
	case ACCESS_NEEDS_PASSWORD_CHANGE:
		postern_fail(run, POSTERN_NEEDS_PASSWORD_CHANGE, account->text,
			     t_strdup_printf("External access is off: %s. The webmail password has "
					     "to be changed first; then external access can be "
					     "switched on.",
					     reason_text(answer.reason)));
		break;
	case ACCESS_UNAVAILABLE:
		break; /* postern_change() has said so */
	}
}

static void switch_on(struct postern_run *run, const struct account_name *account,
		      const void *context)
{
	const struct on_request *request = context;
	char password[APP_PASSWORD_SIZE];

	if (!set_language(run, account, &request->changes))
		return;
	if (postern_generate(run, account, password))
		try_password(run, account, request, password);
	safe_memset(password, 0, sizeof(password));
}

static void cmd_postern_on(struct doveadm_cmd_context *cctx)
{
	struct on_request request;
	struct postern_run run;
	const char *error;

	i_zero(&request);
	if (!postern_begin(&run, cctx, columns))
		return;
	request.changes.language = postern_option(&run, "language");
	request.force = postern_flag(&run, "force");
	if (access_changes_check(&request.changes, run.settings, &error) < 0 ||
	    !postern_read_terms(&run, &request.terms, &error))
		postern_refuse(&run, POSTERN_INVALID, error);
	else
		postern_each_user(&run, switch_on, &request);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,		POSTERN_OPTION("by"),	    POSTERN_OPTION("from"),
	POSTERN_PASSWORD_TERMS, POSTERN_OPTION("language"), POSTERN_FLAG("force"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_on_command = {
	.name = "postern on",
	.cmd = cmd_postern_on,
	.usage = "[--label <text>] [--protocols <list>] [--expires <duration>] [--language <tag>] "
		 "[--force] [--by <who>] [--from <address>] <user> [<user> ...]",
	.parameters = parameters,
};
