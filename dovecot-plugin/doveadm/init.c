/* doveadm postern init: says that this Redis is ours, so that decisions can be made. */

#include "lib.h"

#include "doveadm-postern.h"

#include <hiredis/hiredis.h>

static const struct postern_column columns[] = {
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

/* Marks one partition. FALSE when it can't be: everything has then been said. */
static bool stamp_partition(struct postern_run *run, unsigned int partition, unsigned int *before)
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
					     "Postern, or something else: it was left alone.",
					     partition));
		return FALSE;
	case ACCESS_INIT_FAILED:
		break;
	}
	postern_fail(run, POSTERN_UNAVAILABLE, "", "Redis gave an unexpected answer.");
	return FALSE;
}

static void print_stamped(const struct postern_run *run, unsigned int before)
{
	bool all = before == ACCOUNT_PARTITIONS;
	const char *values[] = { all ? "was-marked" : "marked", NULL };

	if (all)
		values[1] = "Redis was already marked as Postern's; nothing was changed.";
	else if (before == 0)
		values[1] = "Redis is now marked as Postern's.";
	else
		values[1] = t_strdup_printf("Redis is now marked as Postern's; %u of its %u "
					    "partitions already were.",
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
		if (!stamp_partition(&run, partition, &before))
			break;
	}
	if (partition == ACCOUNT_PARTITIONS)
		print_stamped(&run, before);
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
