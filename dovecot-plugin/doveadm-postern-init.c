/* doveadm postern init: says that this Redis is ours, so that decisions can be made. */

#include "lib.h"

#include "doveadm-postern.h"

#include <hiredis/hiredis.h>

static const struct postern_column columns[] = {
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

/* Marks one partition. FALSE when it can't be: everything is said then. */
static bool mark(struct postern_run *run, unsigned int partition, unsigned int *before)
{
	struct command command;
	enum access_init init;
	redisReply *reply;
	const char *error;

	access_init_ask(partition, &command);
	if (postern_ask(run, &command, &reply, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "", error);
		return FALSE;
	}
	init = access_init_read(reply);
	freeReplyObject(reply);
	switch (init) {
	case ACCESS_INIT_MARKED:
		return TRUE;
	case ACCESS_INIT_WAS:
		*before += 1;
		return TRUE;
	case ACCESS_INIT_FOREIGN:
		postern_fail(run, POSTERN_FOREIGN, "",
			     t_strdup_printf("Partition %u holds data of another version of "
					     "Postern, or something else: it is left alone.",
					     partition));
		return FALSE;
	case ACCESS_INIT_FAILED:
		break;
	}
	postern_fail(run, POSTERN_UNAVAILABLE, "", "Redis gave an answer that is not understood.");
	return FALSE;
}

static void print_marked(const struct postern_run *run, unsigned int before)
{
	bool all = before == ACCOUNT_PARTITIONS;
	const char *values[] = { all ? "was-marked" : "marked", NULL };

	if (all)
		values[1] = "Redis was marked as Postern's before; nothing was changed.";
	else if (before == 0)
		values[1] = "Redis is marked as Postern's now.";
	else
		values[1] = t_strdup_printf("Redis is marked as Postern's now; %u of its %u "
					    "partitions were before.",
					    before, ACCOUNT_PARTITIONS);
	postern_print(run, values);
	if (!all)
		postern_log(run, "redis=marked");
}

static void cmd_postern_init(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	unsigned int partition, before = 0;

	if (!postern_begin(&run, cctx, columns))
		return;
	for (partition = 0; partition < ACCOUNT_PARTITIONS; partition++) {
		if (!mark(&run, partition, &before))
			break;
	}
	if (partition == ACCOUNT_PARTITIONS)
		print_marked(&run, before);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_init_command = {
	.name = "postern init",
	.cmd = cmd_postern_init,
	.usage = "",
	.parameters = parameters,
};
