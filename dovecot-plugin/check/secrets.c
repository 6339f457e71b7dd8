/* doveadm postern check: the secrets files, and who can read what. */

#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file-access.h"

#define MAKE "doveadm postern key files"

static const char *const daemons[] = {
	[SECRETS_SITE] = NULL,
	[SECRETS_MILTER] = "postern-milter",
	[SECRETS_WORKER] = "postern-worker",
};

/* Root's, and not to be changed by others. */
static enum check_status judge_owner(const char *path, const struct stat *st, char *text_r)
{
	if (st->st_uid != 0)
		return check_say(text_r, CHECK_WRONG,
				 "%s belongs to a user other than root, who could open it to "
				 "others: chown root %s",
				 path, path);
	if ((st->st_mode & S_IWGRP) != 0)
		return check_say(text_r, CHECK_WRONG, "%s is writable by its group: chmod g-w %s",
				 path, path);
	return CHECK_OK;
}

/* Nobody reads it as a daemon but the one that it is for. */
static enum check_status judge_readers(const struct secrets_site *site, enum secrets_reader reader,
				       const char *path, const struct stat *st, char *text_r)
{
	for (enum secrets_reader i = SECRETS_SITE; i < SECRETS_READERS; i++) {
		const char *user = site->users[i];

		if (user != NULL && i != reader && file_access_reads(st, user))
			return check_say(text_r, CHECK_WRONG,
					 "%s can be read by %s, who should have no secrets other "
					 "than those of %s: give the daemons different users and "
					 "groups, and run '" MAKE "'",
					 path, user, daemons[i]);
	}
	return CHECK_OK;
}

static enum check_status check_site_file(const struct check_site *site, char *text_r)
{
	struct secrets_site files;
	enum check_status status;
	struct stat st;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the secrets file: fix them first.");
	if (site->secrets_error != NULL)
		return check_say(text_r, CHECK_WRONG, "%s", site->secrets_error);
	files = settings_secrets(site->settings);
	if (stat(files.path, &st) < 0)
		return check_say(text_r, CHECK_WRONG, "%s: %s", files.path, strerror(errno));
	status = judge_owner(files.path, &st, text_r);
	if (status == CHECK_OK)
		status = judge_readers(&files, SECRETS_SITE, files.path, &st, text_r);
	if (status == CHECK_OK)
		status = check_say(text_r, CHECK_OK, "%s: keys: %u, current: %u.", files.path,
				   site->settings->secrets->keys_count,
				   site->settings->secrets->keys[0].id);
	return status;
}

/* The file of a daemon at path. */
static enum check_status judge_daemon(const struct check_site *site,
				      const struct secrets_site *files, enum secrets_reader reader,
				      const char *path, const struct secrets *secrets, char *text_r)
{
	const char *user = files->users[reader];
	enum check_status status;
	struct stat st;

	if (stat(path, &st) < 0)
		return check_say(text_r, CHECK_WRONG, "%s: %s", path, strerror(errno));
	status = judge_owner(path, &st, text_r);
	if (status == CHECK_OK)
		status = judge_readers(files, reader, path, &st, text_r);
	if (status != CHECK_OK)
		return status;
	if (user != NULL && !file_access_reads(&st, user))
		return check_say(text_r, CHECK_WRONG,
				 "%s can't be read by %s, so %s doesn't start: run '" MAKE "'",
				 path, user, daemons[reader]);
	if (site->settings->secrets != NULL && !secrets_agree(site->settings->secrets, secrets))
		return check_say(text_r, CHECK_WRONG,
				 "%s has other keys than %s: run '" MAKE "' and reload %s", path,
				 files->path, daemons[reader]);
	return check_say(text_r, CHECK_OK, "%s is for %s.", path,
			 user != NULL ? user : "root alone");
}

static enum check_status check_daemon(const struct check_site *site, enum secrets_reader reader,
				      char *text_r)
{
	struct secrets_site files;
	struct secrets *secrets;
	enum check_status status;
	char *error = NULL, *path;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the secrets files: fix them first.");
	files = settings_secrets(site->settings);
	path = secrets_path(files.path, reader);
	secrets = secrets_load(files.path, reader, &error);
	if (reader == SECRETS_MILTER && site->postfix.is_absent && access(path, F_OK) < 0)
		status = check_say(text_r, CHECK_OK, "Not needed: this host has no Postfix.");
	else if (secrets == NULL)
		status = check_say(text_r, CHECK_WRONG, "%s", error);
	else
		status = judge_daemon(site, &files, reader, path, secrets, text_r);
	secrets_free(&secrets);
	free(error);
	free(path);
	return status;
}

static enum check_status check_milter_file(const struct check_site *site, char *text_r)
{
	return check_daemon(site, SECRETS_MILTER, text_r);
}

static enum check_status check_worker_file(const struct check_site *site, char *text_r)
{
	return check_daemon(site, SECRETS_WORKER, text_r);
}

static const char *never_unknown(const struct check_site *site)
{
	(void)site;
	return NULL;
}

static const struct check checks[] = {
	{ .name = "secrets", .run = check_site_file },
	{ .name = "secrets-milter", .run = check_milter_file },
	{ .name = "secrets-worker", .run = check_worker_file },
	{ .name = NULL },
};

const struct check_topic check_secrets_topic = { .checks = checks, .unknown = never_unknown };
