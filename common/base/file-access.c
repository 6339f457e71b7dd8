#include "base/file-access.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

static bool has_group(const struct passwd *user, gid_t group)
{
	int count = 64;
	gid_t *groups = calloc((size_t)count, sizeof(*groups));
	bool found = false;

	/* If they are more, count says how many. */
	if (groups != NULL && getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0) {
		free(groups);
		groups = calloc((size_t)count, sizeof(*groups));
		if (groups != NULL)
			getgrouplist(user->pw_name, user->pw_gid, groups, &count);
	}
	if (groups == NULL)
		abort();
	for (int i = 0; i < count && !found; i++)
		found = groups[i] == group;
	free(groups);
	return found;
}

bool file_access_reads(const struct stat *st, const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		return false;
	/* An owner who may not can change that. */
	if (user->pw_uid == 0 || user->pw_uid == st->st_uid)
		return true;
	if (has_group(user, st->st_gid))
		return (st->st_mode & S_IRGRP) != 0;
	return (st->st_mode & S_IROTH) != 0;
}
