/* doveadm postern check: the HTTP API of doveadm, as Dovecot's configuration has it. */

#include "check.h"

#include <string.h>

#include "check-dovecot.h"

/* The HTTP API's listener, CHECK_TOP if there is none. */
static size_t find_http(const struct check_site *site)
{
	const struct check_text *conf = &site->dovecot.conf;
	size_t service = CHECK_TOP;

	while ((service = check_text_next(conf, CHECK_TOP, "service", service)) != CHECK_TOP) {
		size_t listener = CHECK_TOP;

		if (strcmp(conf->blocks[service].name, "doveadm") != 0)
			continue;
		while ((listener = check_text_next(conf, service, "inet_listener", listener)) !=
		       CHECK_TOP) {
			if (strcmp(conf->blocks[listener].name, "http") == 0 &&
			    strcmp(check_dovecot_value(site, listener, "port"), "0") != 0)
				return listener;
		}
	}
	return CHECK_TOP;
}

static enum check_status no_http(char *text_r)
{
	return check_say(text_r, CHECK_OK, "There is no HTTP API.");
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strcmp(address, "[::1]") == 0 || strcmp(address, "localhost") == 0;
}

static enum check_status check_api_address(const struct check_site *site, char *text_r)
{
	size_t http = find_http(site);
	const char *address = check_dovecot_value(site, http, "address");

	if (http == CHECK_TOP)
		return no_http(text_r);
	if (is_loopback(address) || check_dovecot_yes(site, http, "ssl"))
		return check_say(text_r, CHECK_OK, "The HTTP API listens at %s.", address);
	return check_say(text_r, CHECK_WARNING,
			 "The HTTP API listens at %s without TLS: let it listen at 127.0.0.1, "
			 "behind a TLS proxy or a tunnel",
			 *address == '\0' ? "all addresses" : address);
}

static enum check_status check_api_key(const struct check_site *site, char *text_r)
{
	if (find_http(site) == CHECK_TOP)
		return no_http(text_r);
	if (*check_dovecot_value(site, CHECK_TOP, "doveadm_api_key") == '\0')
		return check_say(text_r, CHECK_WRONG,
				 "doveadm_api_key isn't set, so the HTTP API refuses everybody: "
				 "make one, as dovecot-postern.conf says");
	return check_say(text_r, CHECK_OK, "There is a key.");
}

static enum check_status check_api_commands(const struct check_site *site, char *text_r)
{
	const char *commands = check_dovecot_value(site, CHECK_TOP, "doveadm_allowed_commands");

	if (find_http(site) == CHECK_TOP)
		return no_http(text_r);
	if (*commands == '\0')
		return check_say(text_r, CHECK_WRONG,
				 "doveadm_allowed_commands is empty, so the API's key reads and "
				 "deletes all mail: list the commands that are wanted");
	if (strstr(commands, ", ") != NULL || strstr(commands, " ,") != NULL)
		return check_say(text_r, CHECK_WRONG,
				 "doveadm_allowed_commands has a space at a comma, which hides the "
				 "command beside it: take it out");
	return check_say(text_r, CHECK_OK, "The HTTP API has %s.", commands);
}

static const struct check checks[] = {
	{ .name = "api-address", .run = check_api_address },
	{ .name = "api-key", .run = check_api_key },
	{ .name = "api-commands", .run = check_api_commands },
	{ .name = NULL },
};

const struct check_topic check_api_topic = { .checks = checks, .unknown = check_dovecot_unknown };
