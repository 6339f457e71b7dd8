#ifndef POSTERN_DAEMON_PRIVILEGES_H
#define POSTERN_DAEMON_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

/* Who the process runs as, and what the system allows it. */

struct identity {
	bool change; /* false: don't change user */
	const char *user;
	uid_t uid;
	gid_t gid;
};

/* Who to become: user if we are root and there is such a setting. 0, or -1 with *error_r for the
   caller to free(). user must outlive *identity_r. */
int privileges_find(const char *user, struct identity *identity_r, char **error_r);

/* Becomes that user, for good. To be called before threads are started. 0, or -1 with *error_r. */
int privileges_drop(const struct identity *identity, char **error_r);

/* No core dumps, as there are keys in memory; as many connections as the system lets us have; and
   no gaining of privileges, also for what the process starts, unless may_gain. To be called after
   privileges_drop(), which resets some of it. */
void privileges_limit(bool may_gain);

#endif
