/* doveadm postern history: what was changed, a row for each change (D6). */

#include "lib.h"

#include "doveadm-postern.h"

#include <hiredis/hiredis.h>

static const struct postern_column columns[] = {
	{ .name = "user" },   { .name = "status" }, { .name = "time" }, { .name = "what" },
	{ .name = "detail" }, { .name = "by" },	    { .name = "from" }, { .name = "evidence" },
	{ .name = "text" },   { .name = NULL },
};

static void show(struct postern_run *run, const struct account_name *account,
		 const void *context ATTR_UNUSED)
{
	struct access_status status;
	redisReply *reply;

	if (!postern_ask_status(run, account, &reply, &status))
		return;
	for (unsigned int i = 0; i < status.history_count; i++) {
		const struct access_event *event = &status.history[i];
		const char *values[] = {
			account->text,
			"ok",
			postern_time(event->time),
			event->what,
			event->detail,
			event->by,
			event->from,
			event->evidence,
			NULL,
		};

		postern_print(run, values);
	}
	freeReplyObject(reply);
}

static void cmd_postern_history(struct doveadm_cmd_context *cctx)
{
	postern_run_users(cctx, columns, show);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_history_command = {
	.name = "postern history",
	.cmd = cmd_postern_history,
	.usage = "<user> [<user> ...]",
	.parameters = parameters,
};
