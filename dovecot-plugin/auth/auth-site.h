#ifndef POSTERN_AUTH_SITE_H
#define POSTERN_AUTH_SITE_H

#include "settings/settings.h"

struct async_store;
struct session_table;

/*
 * What the passdb and the userdb share in Dovecot's auth process: the settings of a file, and the
 * connection to Redis that these name.
 */

struct auth_site {
	struct auth_site *next;
	unsigned int users;
	char *path;
	struct settings *settings;
	struct async_store *store; /* NULL before auth_site_start() and after auth_site_stop() */
	struct session_table *sessions; /* NULL where nothing can be noted, as in auth workers */
};

/* Both are for preinit: it runs as root, and the secrets are readable now and not later. args is
   the path of the settings file, "" for the default. Dies when there is a mistake in the file. */
struct auth_site *auth_site_open(const char *args);
void auth_site_open_sessions(struct auth_site *site);

/* For init. */
void auth_site_start(struct auth_site *site);

/* For deinit: calls that are in progress get their callback. */
void auth_site_stop(struct auth_site *site);
void auth_site_close(struct auth_site **site);

#endif
