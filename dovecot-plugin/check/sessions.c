/* doveadm postern check: what is needed to end the right sessions, and only these (D5). */

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dovecot.h"
#include "dovecot-plugin/auth/session-table.h"

static size_t next_userdb(const struct check_site *site, size_t after)
{
	return check_text_next(&site->dovecot.conf, CHECK_TOP, "userdb", after);
}

static bool is_postern(const struct check_site *site, size_t userdb)
{
	return strcmp(check_dovecot_value(site, userdb, "driver"), "postern") == 0;
}

/* The running Dovecot makes this file when it reads the userdb's block. */
static bool table_is_missing(const struct check_site *site)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", check_dovecot_value(site, CHECK_TOP, "base_dir"),
		 SESSION_TABLE_NAME);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

static enum check_status check_userdb(const struct check_site *site, char *text_r)
{
	size_t first = next_userdb(site, CHECK_TOP), userdb = first;

	while (userdb != CHECK_TOP && !is_postern(site, userdb))
		userdb = next_userdb(site, userdb);
	if (userdb == CHECK_TOP)
		return check_say(
			text_r, CHECK_WRONG,
			"No userdb has driver = postern, so it isn't known which sessions are from "
			"before access went off: copy its block from dovecot-postern.conf");
	if (userdb != first)
		return check_say(
			text_r, CHECK_WRONG,
			"userdb %s is asked before userdb postern, which then sees no login: "
			"move Postern's in front of it",
			check_dovecot_value(site, first, "driver"));
	if (next_userdb(site, userdb) == CHECK_TOP)
		return check_say(
			text_r, CHECK_WRONG,
			"userdb postern knows no users, and there is no other: add the site's "
			"own after it");
	if (table_is_missing(site))
		return check_say(
			text_r, CHECK_WARNING,
			"%s has no %s: reload Dovecot, and see its log if that doesn't help",
			check_dovecot_value(site, CHECK_TOP, "base_dir"), SESSION_TABLE_NAME);
	return check_say(text_r, CHECK_OK, "userdb postern is asked first.");
}

/* The first service whose processes serve several sessions at a time, CHECK_TOP if there is none.
 */
static size_t find_shared(const struct check_site *site)
{
	const struct check_text *conf = &site->dovecot.conf;
	size_t service = CHECK_TOP;

	while ((service = check_text_next(conf, CHECK_TOP, "service", service)) != CHECK_TOP) {
		const char *name = conf->blocks[service].name;

		if ((strcmp(name, "imap") == 0 || strcmp(name, "pop3") == 0) &&
		    strcmp(check_dovecot_value(site, service, "client_limit"), "1") != 0)
			return service;
	}
	return CHECK_TOP;
}

static bool hibernates(const struct check_site *site)
{
	const struct check_text *conf = &site->dovecot.conf;

	for (size_t i = CHECK_TOP; i < conf->blocks_count; i++) {
		const char *value = check_text_value(conf, i, "imap_hibernate_timeout");

		if (value != NULL && strtoul(value, NULL, 10) > 0)
			return true;
	}
	return false;
}

/* Dovecot 2.3 ends processes, and hibernated sessions are all in one. */
static enum check_status check_shared(const struct check_site *site, char *text_r)
{
	size_t shared = find_shared(site);

	if (shared != CHECK_TOP)
		return check_say(
			text_r, CHECK_WARNING,
			"service %s has client_limit = %s, so when a session has to end, those "
			"of others in its process end too: set client_limit = 1",
			site->dovecot.conf.blocks[shared].name,
			check_dovecot_value(site, shared, "client_limit"));
	if (hibernates(site))
		return check_say(
			text_r, CHECK_WARNING,
			"imap_hibernate_timeout is set, so when a hibernated session has to "
			"end, all other hibernated ones end too: set it to 0");
	return check_say(text_r, CHECK_OK, "Each session has a process of its own.");
}

static const struct check checks[] = {
	{ .name = "dovecot-userdb", .run = check_userdb },
	{ .name = "dovecot-sessions", .run = check_shared },
	{ .name = NULL },
};

const struct check_topic check_sessions_topic = { .checks = checks,
						  .unknown = check_dovecot_unknown };
