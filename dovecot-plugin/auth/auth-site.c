/* What the passdb and the userdb share. */

#include "auth-common.h"
#include "llist.h"

#include "async-store.h"
#include "auth-site.h"
#include "session-table.h"

#include <stdlib.h>

#define DEFAULT_SETTINGS_FILE SYSCONFDIR "/postern/postern.conf"

/* Those that are open: there is more than one only if the blocks name several files. */
static struct auth_site *sites;

struct auth_site *auth_site_open(const char *args)
{
	const char *path = *args != '\0' ? args : DEFAULT_SETTINGS_FILE;
	struct auth_site *site;
	char *error;

	for (site = sites; site != NULL && strcmp(site->path, path) != 0; site = site->next)
		;
	if (site == NULL) {
		site = i_new(struct auth_site, 1);
		site->path = i_strdup(path);
		site->settings = settings_load(path, SECRETS_SITE, &error);
		if (site->settings == NULL)
			i_fatal("postern: %s", error);
		if (site->settings->doubt != NULL)
			i_warning("postern: %s", site->settings->doubt);
		site->next = sites;
		sites = site;
	}
	site->users++;
	return site;
}

/* Without it logins keep working, and sessions are ended as if nobody knew what opened them. */
void auth_site_open_sessions(struct auth_site *site)
{
	char *error;

	if (worker || site->sessions != NULL)
		return;
	site->sessions = session_table_open(global_auth_settings->base_dir, &error);
	if (site->sessions == NULL) {
		i_error("postern: sessions can't be recorded: %s", error);
		free(error);
	}
}

void auth_site_start(struct auth_site *site)
{
	if (site->store == NULL)
		site->store = async_store_create(&site->settings->redis, site->settings->secrets);
}

void auth_site_stop(struct auth_site *site)
{
	async_store_free(&site->store);
}

void auth_site_close(struct auth_site **_site)
{
	struct auth_site *site = *_site, **at;

	*_site = NULL;
	auth_site_stop(site);
	if (--site->users > 0)
		return;
	for (at = &sites; *at != site; at = &(*at)->next)
		;
	*at = site->next;
	session_table_close(&site->sessions);
	settings_free(&site->settings);
	i_free(site->path);
	i_free(site);
}
