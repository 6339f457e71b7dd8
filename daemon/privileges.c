#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static int fail(char **error_r, const char *user, const char *what)
{
	if (asprintf(error_r, "user %s: %s", user, what) < 0)
		*error_r = NULL;
	return -1;
}

int privileges_find(const char *user, struct identity *identity_r, char **error_r)
{
	const struct passwd *passwd;

	*identity_r = (struct identity){ .user = user, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (user == NULL || user[0] == '\0' || geteuid() != 0)
		return 0;
	passwd = getpwnam(user);
	if (passwd == NULL)
		return fail(error_r, user, "does not exist");
	identity_r->change = true;
	identity_r->uid = passwd->pw_uid;
	identity_r->gid = passwd->pw_gid;
	return 0;
}

int privileges_drop(const struct identity *identity, char **error_r)
{
	if (!identity->change)
		return 0;
	if (initgroups(identity->user, identity->gid) < 0 ||
	    setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
	    setresuid(identity->uid, identity->uid, identity->uid) < 0)
		return fail(error_r, identity->user, strerror(errno));
	if (identity->uid != 0 && setuid(0) == 0)
		return fail(error_r, identity->user, "root's privileges can't be dropped");
	return 0;
}

/* LeakSanitizer looks into its own process the way that is forbidden here. */
static void forbid_looking_in(void)
{
#if defined(__SANITIZE_ADDRESS__)
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#else
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void privileges_limit(bool may_gain)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit files;

	setrlimit(RLIMIT_CORE, &none);
	if (!may_gain)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	forbid_looking_in();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}
