/* doveadm postern export: accounts as lines of JSON, to be moved to another Redis. */

#include "lib.h"

#include "account-line.h"
#include "accounts.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

#define KEYS_AT_A_TIME 1000

/* For refusals. What is exported is not a table. */
static const struct postern_column refusal_columns[] = {
	{ .name = "user" },
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

static void write_account(struct postern_run *run, const struct account_record *record)
{
	const char *error;
	char *line = account_line_write(record, &error);

	if (line == NULL)
		postern_fail(run, POSTERN_BROKEN, record->account.text, error);
	else
		puts(line);
	free(line);
}

static bool export_group(struct postern_run *run, const struct account_name *names,
			 unsigned int count, void *context)
{
	const bool *named = context;
	struct account_record record;
	struct command command;
	redisReply *reply;

	accounts_export_ask(names, count, &command);
	if (!postern_ask_accounts(run, &command, &reply))
		return FALSE;
	for (unsigned int i = 0; i < count; i++) {
		switch (accounts_export_read(reply, i, &names[i], &record)) {
		case ACCOUNTS_FOUND:
			write_account(run, &record);
			break;
		case ACCOUNTS_GONE:
			if (*named)
				postern_fail(run, POSTERN_INVALID_USER, names[i].text,
					     "Redis knows nothing about this account.");
			break;
		case ACCOUNTS_BROKEN:
			postern_fail(run, POSTERN_BROKEN, names[i].text,
				     "What Redis holds under this name is not an account.");
			break;
		}
	}
	freeReplyObject(reply);
	return !ferror(stdout);
}

static void export_one(struct postern_run *run, const struct account_name *account,
		       const void *context ATTR_UNUSED)
{
	bool named = TRUE;

	export_group(run, account, 1, &named);
}

static void export_all(struct postern_run *run)
{
	bool named = FALSE;
	struct postern_scan scan = {
		.cursor = ACCOUNTS_START,
		.group_max = ACCOUNTS_EXPORT_MAX,
		.callback = export_group,
		.context = &named,
	};

	if (!postern_check_stamps(run))
		return;
	while (postern_scan(run, &scan, KEYS_AT_A_TIME) > 0)
		;
}

static void export(struct postern_run *run)
{
	const char *const *users;

	if (doveadm_cmd_param_array(run->cctx, "users", &users))
		postern_each_user(run, export_one, NULL);
	else
		export_all(run);
	/* A full disk, for one. */
	if (fflush(stdout) != 0 || ferror(stdout))
		postern_fail(run, POSTERN_UNWRITABLE, "",
			     "The output could not be written completely.");
}

static void cmd_postern_export(struct doveadm_cmd_context *cctx)
{
	bool cli = cctx->conn_type == DOVEADM_CONNECTION_TYPE_CLI;
	struct postern_run run;

	if (!postern_begin(&run, cctx, cli ? NULL : refusal_columns))
		return;
	if (postern_on_command_line(&run))
		export(&run);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_export_command = {
	.name = "postern export",
	.cmd = cmd_postern_export,
	.usage = "[<user> ...]",
	.parameters = parameters,
};
