/* doveadm postern off: switches external access off (A3). */

#include "lib.h"

#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "user" },   { .name = "status" }, { .name = "access" },
	{ .name = "reason" }, { .name = "text" },   { .name = NULL },
};

static const char *done_text(enum disable_reason reason)
{
	if (reason == REASON_COMPROMISED)
		return "External access is now off, and its app passwords have ended. The webmail "
		       "password has to be changed before it can be switched on again.";
	return "External access is now off, and its app passwords have ended.";
}

static void switch_off(struct postern_run *run, const struct account_name *account,
		       const void *context)
{
	const enum disable_reason *reason = context;
	struct access_answer answer;
	struct command command;
	bool done;

	access_off_ask(account, *reason, &run->actor, &command);
	if (!postern_change(run, account, &command, &answer))
		return;
	done = answer.verdict == ACCESS_DONE;
	const char *values[] = {
		account->text,
		done ? "disabled" : "already-disabled",
		"disabled",
		reason_word(answer.reason),
		done ? done_text(answer.reason)
		     : t_strdup_printf("External access was already off: %s.",
				       reason_text(answer.reason)),
	};
	postern_print(run, values);
	if (done)
		postern_log(run, "account=%s access=disabled reason=%s", account->text,
			    reason_word(answer.reason));
}

/* The other reasons are found out, not given; a crack may also be seen by people. */
static bool read_reason(const struct postern_run *run, enum disable_reason *reason_r)
{
	const char *word = postern_option(run, "reason");

	*reason_r = REASON_ADMIN;
	if (word == NULL)
		return TRUE;
	if (reason_parse(word, reason_r) == 0 &&
	    (*reason_r == REASON_OWNER || *reason_r == REASON_ADMIN ||
	     *reason_r == REASON_COMPROMISED))
		return TRUE;
	postern_refuse(run, POSTERN_INVALID, "reason: expected owner, admin or compromised");
	return FALSE;
}

static void cmd_postern_off(struct doveadm_cmd_context *cctx)
{
	enum disable_reason reason;
	struct postern_run run;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (read_reason(&run, &reason))
		postern_each_user(&run, switch_off, &reason);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,	  POSTERN_OPTION("by"), POSTERN_OPTION("from"), POSTERN_OPTION("reason"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_off_command = {
	.name = "postern off",
	.cmd = cmd_postern_off,
	.usage = "[--reason owner|admin|compromised] [--by <who>] [--from <address>] <user> "
		 "[<user> ...]",
	.parameters = parameters,
};
