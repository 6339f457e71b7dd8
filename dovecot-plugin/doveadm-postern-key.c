/* doveadm postern key add: a new key in the secrets file. */

#include "lib.h"

#include "doveadm-postern.h"
#include "secrets.h"

#include <stdlib.h>

static const struct postern_column columns[] = {
	{ .name = "status" },
	{ .name = "id", .number = TRUE },
	{ .name = "text" },
	{ .name = NULL },
};

static void add_key(struct postern_run *run)
{
	const char *path = run->settings->secrets_file;
	unsigned int id;
	char *error;

	if (secrets_add_key(path, &id, &error) < 0) {
		postern_fail(run, POSTERN_UNWRITABLE, "", t_strdup(error));
		free(error);
		return;
	}
	const char *values[] = {
		"added",
		dec2str(id),
		t_strdup_printf("Key %u is the current one in %s. Copy the file to every host, and "
				"reload Dovecot and postern-milter there.",
				id, path),
	};
	postern_print(run, values);
	postern_log(run, "key=%u", id);
}

static void cmd_postern_key_add(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;

	if (!postern_begin_without_secrets(&run, cctx, columns))
		return;
	add_key(&run);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_key_add_command = {
	.name = "postern key add",
	.cmd = cmd_postern_key_add,
	.usage = "",
	.parameters = parameters,
};
