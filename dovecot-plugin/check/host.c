/* doveadm postern check: the settings, the module and the milter of this host. */

#include "check.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/printable.h"

#define CONNECT_MS 1000

static const char *const status_words[] = {
	[CHECK_OK] = "ok",
	[CHECK_UNKNOWN] = "unknown",
	[CHECK_WARNING] = "warning",
	[CHECK_WRONG] = "wrong",
};

const char *check_status_word(enum check_status status)
{
	return status_words[status];
}

enum check_status check_say(char *text_r, enum check_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text_r, CHECK_TEXT_SIZE, format, args);
	va_end(args);
	make_printable(text_r, "");
	return status;
}

void check_read_settings(struct check_site *site)
{
	site->settings = settings_load(site->settings_file, SECRETS_SITE, &site->secrets_error);
	if (site->settings != NULL)
		return;
	/* Which of the two files is it? */
	site->settings = settings_load_without_secrets(site->settings_file, &site->settings_error);
	if (site->settings == NULL) {
		free(site->secrets_error);
		site->secrets_error = NULL;
	}
}

void check_site_free(struct check_site *site)
{
	settings_free(&site->settings);
	free(site->settings_error);
	free(site->secrets_error);
	check_text_free(&site->redis.info);
	free(site->dovecot.error);
	check_text_free(&site->dovecot.conf);
	free(site->postfix.error);
	check_text_free(&site->postfix.main);
	check_text_free(&site->postfix.services);
	check_text_free(&site->postfix.overrides);
}

int check_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd ready = { .events = POLLOUT };
	int ret = -1;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	ready.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ready.fd < 0)
		return -1;
	/* With a full backlog there is a listener, but none that accepts. */
	for (int waited = 0; waited < CONNECT_MS; waited += 20) {
		ret = connect(ready.fd, (struct sockaddr *)&address, sizeof(address));
		if (ret == 0 || errno != EAGAIN)
			break;
		poll(NULL, 0, 20);
	}
	close(ready.fd);
	return ret;
}

static enum check_status check_settings(const struct check_site *site, char *text_r)
{
	if (site->settings == NULL)
		return check_say(text_r, CHECK_WRONG, "%s", site->settings_error);
	if (site->settings->doubt != NULL)
		return check_say(text_r, CHECK_WARNING, "%s", site->settings->doubt);
	return check_say(text_r, CHECK_OK, "%s was read.", site->settings_file);
}

static enum check_status check_internal_networks(const struct check_site *site, char *text_r)
{
	static const char *const everywhere[] = { "0.0.0.0/0", "::/0" };
	enum check_status status = CHECK_OK;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN, "The settings name them: fix them first.");
	check_say(text_r, CHECK_OK, "Networks that webmail connects from: %zu.",
		  site->settings->internal_networks.count);
	for (unsigned int i = 0; i < 2; i++) {
		struct network_list all = { 0 };
		const char *error;

		if (network_list_add(&all, everywhere[i], &error) == 0 &&
		    network_list_covers(&site->settings->internal_networks, &all.networks[0]))
			status = check_say(
				text_r, CHECK_WARNING,
				"internal_networks contains %s, so everyone counts as internal and "
				"Postern decides nothing: shorten the list when external "
				"access is to be closed",
				everywhere[i]);
		network_list_clear(&all);
	}
	return status;
}

static enum check_status check_module(const struct check_site *site, char *text_r)
{
	static const char path[] = DOVECOT_MODULEDIR "/auth/libauthdb_postern.so";

	(void)site;
	if (access(path, R_OK) < 0)
		return check_say(text_r, CHECK_WARNING,
				 "%s: %s: Dovecot's auth process won't start with passdb postern; "
				 "install it",
				 path, strerror(errno));
	return check_say(text_r, CHECK_OK, "%s is there.", path);
}

static enum check_status check_milter_socket(const struct milter_settings *milter, char *text_r)
{
	const struct group *group = getgrnam(milter->socket_group);
	struct stat st;

	if (stat(milter->socket, &st) < 0)
		return check_say(text_r, CHECK_WRONG,
				 "%s: %s: start postern-milter, or fix socket in [milter]",
				 milter->socket, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return check_say(text_r, CHECK_WRONG,
				 "%s is not a socket: move it away and start postern-milter",
				 milter->socket);
	if (group == NULL)
		return check_say(text_r, CHECK_WRONG,
				 "socket_group in [milter]: there is no group %s",
				 milter->socket_group);
	if (st.st_gid != group->gr_gid || (st.st_mode & 0060) != 0060)
		return check_say(text_r, CHECK_WRONG,
				 "%s isn't open to the group %s, so Postfix can't connect: restart "
				 "postern-milter",
				 milter->socket, milter->socket_group);
	if (check_connect(milter->socket) < 0)
		return check_say(text_r, CHECK_WRONG,
				 "%s: %s: postern-milter isn't running; start it", milter->socket,
				 strerror(errno));
	return check_say(text_r, CHECK_OK, "postern-milter answers on %s.", milter->socket);
}

static enum check_status check_milter(const struct check_site *site, char *text_r)
{
	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the milter's socket: fix them first.");
	if (site->postfix.is_absent && access(site->settings->milter.socket, F_OK) < 0)
		return check_say(text_r, CHECK_OK, "Not needed: this host has no Postfix.");
	return check_milter_socket(&site->settings->milter, text_r);
}

static const char *never_unknown(const struct check_site *site)
{
	(void)site;
	return NULL;
}

static const struct check checks[] = {
	{ .name = "settings", .run = check_settings },
	{ .name = "internal-networks", .run = check_internal_networks },
	{ .name = "module", .run = check_module },
	{ .name = "milter", .run = check_milter },
	{ .name = NULL },
};

const struct check_topic check_host_topic = { .checks = checks, .unknown = never_unknown };
