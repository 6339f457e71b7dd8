/* doveadm postern erase: forgets an account. */

#include "lib.h"

#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "user" },
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

static void erase(struct postern_run *run, const struct account_name *account,
		  const void *context ATTR_UNUSED)
{
	struct access_answer answer;
	struct command command;
	bool done;

	if (access_erase_ask(account, run->settings, &command) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text,
			     "OpenSSL failed while the request was being built.");
		return;
	}
	if (!postern_change(run, account, &command, &answer))
		return;
	done = answer.verdict == ACCESS_DONE;
	const char *values[] = {
		account->text,
		done ? "erased" : "unknown",
		done ? "Everything about the account has been erased, and its sessions are being "
		       "ended."
		     : "Nothing was stored about the account.",
	};
	postern_print(run, values);
	if (done)
		postern_log(run, "account=%s erased=yes", account->text);
}

static void cmd_postern_erase(struct doveadm_cmd_context *cctx)
{
	postern_run_users(cctx, columns, erase);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	POSTERN_OPTION("by"),
	POSTERN_OPTION("from"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_erase_command = {
	.name = "postern erase",
	.cmd = cmd_postern_erase,
	.usage = "[--by <who>] [--from <address>] <user> [<user> ...]",
	.parameters = parameters,
};
