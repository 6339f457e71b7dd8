/* doveadm postern key add, key files: a new key, and the secrets files that are made from it. */

#include "lib.h"

#include "doveadm-postern.h"
#include "settings/secrets.h"

#include <stdlib.h>

static const struct postern_column columns[] = {
	{ .name = "status" }, { .name = "id", .number = TRUE },
	{ .name = "file" },   { .name = "text" },
	{ .name = NULL },
};

static const char *const programs[] = {
	[SECRETS_SITE] = "Dovecot and doveadm",
	[SECRETS_MILTER] = "postern-milter",
	[SECRETS_WORKER] = "postern-worker",
};

static void print_file(const struct postern_run *run, const char *status, unsigned int id,
		       const char *file, const char *text)
{
	const char *values[] = { status, dec2str(id), file, text };

	postern_print(run, values);
}

static void print_daemon(const struct postern_run *run, const struct secrets_site *site,
			 const struct secrets_written *written, enum secrets_reader reader)
{
	char *path = secrets_path(site->path, reader);
	const char *user = site->users[reader], *text;

	if (user == NULL)
		text = t_strdup_printf("For %s; the settings name no user for it, so only root can "
				       "read the file.",
				       programs[reader]);
	else if (written->user_is_missing[reader])
		text = t_strdup_printf("For %s; this host has no user %s, so only root can read "
				       "the file.",
				       programs[reader], user);
	else
		text = t_strdup_printf("For %s: the group of %s can read it.", programs[reader],
				       user);
	print_file(run, "written", written->id, path, text);
	free(path);
}

static const char *site_text(const struct secrets_written *written, bool added)
{
	static const char closed[] =
		"A daemon's user could read this file until now; now only root can.";

	if (!added)
		return written->was_open ? closed : NULL;
	return t_strconcat("This key is now the current one. Copy the file to every host that has "
			   "it, run \"doveadm postern key files\" there, and reload Dovecot, "
			   "postern-milter and postern-worker on all hosts.",
			   written->was_open ? " " : NULL, closed, NULL);
}

static void write_files(struct postern_run *run, bool add_key)
{
	struct secrets_site site = settings_secrets(run->settings);
	struct secrets_written written;
	const char *text;
	char *error;

	if (secrets_write(&site, add_key, &written, &error) < 0) {
		postern_fail(run, POSTERN_UNWRITABLE, "", t_strdup(error));
		free(error);
		return;
	}
	text = site_text(&written, add_key);
	if (text != NULL)
		print_file(run, add_key ? "added" : "written", written.id, site.path, text);
	for (enum secrets_reader i = SECRETS_SITE + 1; i < SECRETS_READERS; i++)
		print_daemon(run, &site, &written, i);
	print_file(run, "written", written.id, t_strconcat(site.path, SECRETS_DOOR_SUFFIX, NULL),
		   "For Dovecot to include: the password of the worker's listener.");
	postern_log(run, "%s=%u", add_key ? "key" : "key-files", written.id);
}

static void run_command(struct doveadm_cmd_context *cctx, bool add_key)
{
	struct postern_run run;

	if (!postern_begin_without_secrets(&run, cctx, columns))
		return;
	if (postern_on_command_line(&run))
		write_files(&run, add_key);
	postern_end(&run);
}

static void cmd_postern_key_add(struct doveadm_cmd_context *cctx)
{
	run_command(cctx, TRUE);
}

static void cmd_postern_key_files(struct doveadm_cmd_context *cctx)
{
	run_command(cctx, FALSE);
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

struct doveadm_cmd_ver2 doveadm_postern_key_files_command = {
	.name = "postern key files",
	.cmd = cmd_postern_key_files,
	.usage = "",
	.parameters = parameters,
};
