/* doveadm postern password-changed: the owner has a new webmail password (B4). */

#include "lib.h"

#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "user" },   { .name = "status" }, { .name = "access" },
	{ .name = "reason" }, { .name = "text" },   { .name = NULL },
};

static void note_change(struct postern_run *run, const struct account_name *account,
			const void *context ATTR_UNUSED)
{
	struct access_answer answer;
	struct command command;
	bool done;

	access_password_changed_ask(account, &run->actor, &command);
	if (!postern_change(run, account, &command, &answer))
		return;
	done = answer.verdict == ACCESS_DONE;
	const char *values[] = {
		account->text,
		done ? "noted" : "not-needed",
		answer.enabled ? "enabled" : "disabled",
		answer.enabled ? "" : reason_word(answer.reason),
		done ? "Noted. External access can be switched on again."
		     : "No change of the webmail password was needed.",
	};
	postern_print(run, values);
	if (done)
		postern_log(run, "account=%s webmail_password=changed", account->text);
}

static void cmd_postern_password_changed(struct doveadm_cmd_context *cctx)
{
	postern_run_users(cctx, columns, note_change);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	POSTERN_OPTION("by"),
	POSTERN_OPTION("from"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_password_changed_command = {
	.name = "postern password-changed",
	.cmd = cmd_postern_password_changed,
	.usage = "[--by <who>] [--from <address>] <user> [<user> ...]",
	.parameters = parameters,
};
