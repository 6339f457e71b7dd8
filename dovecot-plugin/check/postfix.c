/* doveadm postern check: Postfix's configuration. */

#include "postfix.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum check_status check_reading(const struct check_site *site, char *text_r)
{
	if (site->postfix.is_absent)
		return check_say(text_r, CHECK_OK, "Not on this host: there is no " MAIN_CF ".");
	if (site->postfix.error != NULL)
		return check_say(text_r, CHECK_WRONG, "%s", site->postfix.error);
	return check_say(text_r, CHECK_OK, MAIN_CF " and master.cf were read.");
}

static enum check_status check_sasl(const struct check_site *site, char *text_r)
{
	const char *path = check_postfix_value(site, "smtpd_sasl_path");
	char full[400];

	if (strcmp(check_postfix_value(site, "smtpd_sasl_type"), "dovecot") != 0)
		return check_say(
			text_r, CHECK_WRONG,
			"smtpd_sasl_type is %s, so SMTP logins don't ask Postern: set it to "
			"dovecot",
			check_postfix_value(site, "smtpd_sasl_type"));
	if (strncmp(path, "inet:", 5) == 0)
		return check_say(text_r, CHECK_OK, "SMTP logins ask Dovecot at %s.", path);
	if (strncmp(path, "unix:", 5) == 0)
		path += 5;
	snprintf(full, sizeof(full), "%s%s%s",
		 *path == '/' ? "" : check_postfix_value(site, "queue_directory"),
		 *path == '/' ? "" : "/", path);
	if (access(full, F_OK) < 0)
		return check_say(text_r, CHECK_WRONG,
				 "Nothing listens on %s: make smtpd_sasl_path and the "
				 "unix_listener in Dovecot's "
				 "service auth name the same socket",
				 full);
	return check_say(text_r, CHECK_OK, "SMTP logins ask Dovecot at %s.", full);
}

static enum check_status check_port_25(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };

	while (check_next_login(site, &service)) {
		if (check_is_port_25(&service))
			return check_say(
				text_r, CHECK_WRONG,
				"%s offers AUTH: set smtpd_sasl_auth_enable = no in main.cf, "
				"and yes only in the submission services",
				service.name);
	}
	return check_say(text_r, CHECK_OK, "Port 25 doesn't offer AUTH.");
}

static enum check_status check_milters(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;
	unsigned int count = 0;

	while (check_next_login(site, &service)) {
		if (!check_find_milter(site, &service, &milter))
			return check_say(text_r, CHECK_WRONG,
					 "%s doesn't ask postern-milter, so nothing sent there is "
					 "limited: add -o smtpd_milters=$postern_milter to it",
					 service.name);
		count++;
	}
	if (count == 0)
		return check_say(text_r, CHECK_WARNING,
				 "No service offers AUTH, so nobody can send: add the "
				 "services from postfix-master.cf");
	return check_say(text_r, CHECK_OK, "Services that ask postern-milter: %u.", count);
}

/* What makes a service's milters see less than the whole message and who sends it. */
static enum check_status judge_options(const struct check_site *site,
				       const struct check_service *service, char *text_r)
{
	if (check_has_no_milters(site, service))
		return check_say(text_r, CHECK_WRONG,
				 "%s has no_milters, so nothing sent there is limited: remove it "
				 "from its receive_override_options",
				 service->name);
	if (*check_postfix_value_of(site, service, "smtpd_proxy_filter") != '\0')
		return check_say(text_r, CHECK_WRONG,
				 "%s has an smtpd_proxy_filter, which takes the message before "
				 "a milter sees it, so nothing sent there is limited: add "
				 "-o smtpd_proxy_filter= to it",
				 service->name);
	if (!check_list_has(check_postfix_value_of(site, service, "milter_mail_macros"),
			    "{auth_authen}"))
		return check_say(text_r, CHECK_WRONG,
				 "%s doesn't tell the milter who logged in, so nothing sent there "
				 "is limited: add {auth_authen} to milter_mail_macros",
				 service->name);
	return CHECK_OK;
}

static enum check_status check_milter_options(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 }, exempt = { .at = 0 };
	enum check_status status;

	while (check_next_login(site, &service)) {
		status = judge_options(site, &service, text_r);
		if (status != CHECK_OK)
			return status;
	}
	while (check_next_login(site, &exempt)) {
		if (*check_postfix_value_of(site, &exempt, "smtpd_milter_maps") != '\0')
			return check_say(text_r, CHECK_WARNING,
					 "%s looks up its milters by client, so some clients may "
					 "send without limits: "
					 "add -o smtpd_milter_maps= to it",
					 exempt.name);
	}
	return check_say(text_r, CHECK_OK, "The milter sees everything that a login sends.");
}

static enum check_status check_milter_address(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the milter's socket: fix them first.");
	while (check_next_login(site, &service)) {
		if (!check_find_milter(site, &service, &milter))
			continue;
		if (strncmp(milter.address, "inet", 4) == 0)
			return check_say(text_r, CHECK_WARNING,
					 "%s asks the milter over TCP, where each message waits 44 "
					 "ms: use the unix socket, as postfix-main.cf does",
					 service.name);
		if (!check_is_socket(site, milter.address, site->settings->milter.socket))
			return check_say(
				text_r, CHECK_WRONG,
				"%s asks %s, but postern-milter listens on %s: name the same "
				"socket in postern_milter and postern.conf",
				service.name, milter.address, site->settings->milter.socket);
	}
	return check_say(text_r, CHECK_OK, "Postfix and postern-milter name the same socket.");
}

static enum check_status check_milter_action(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;

	while (check_next_login(site, &service)) {
		if (!check_find_milter(site, &service, &milter))
			continue;
		if (strcmp(milter.action, "tempfail") != 0 && strcmp(milter.action, "reject") != 0)
			return check_say(
				text_r, CHECK_WRONG,
				"While the milter is down, %s has default_action=%s, so everything "
				"passes without limits: add -o smtpd_milters=$postern_milter to "
				"it, "
				"which has tempfail",
				service.name, milter.action);
	}
	return check_say(text_r, CHECK_OK,
			 "While the milter is down, nothing passes without limits.");
}

static enum check_status check_tls(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };

	while (check_next_login(site, &service)) {
		if (!check_is_yes(
			    check_postfix_value_of(site, &service, "smtpd_tls_wrappermode")) &&
		    !check_is_yes(check_postfix_value_of(site, &service, "smtpd_tls_auth_only")) &&
		    !check_is_yes(check_postfix_value_of(site, &service, "smtpd_enforce_tls")) &&
		    strcmp(check_postfix_value_of(site, &service, "smtpd_tls_security_level"),
			   "encrypt") != 0)
			return check_say(
				text_r, CHECK_WARNING,
				"%s accepts passwords in the clear: set "
				"smtpd_tls_auth_only = yes, unless it is there for programs "
				"that can't do TLS",
				service.name);
	}
	return check_say(text_r, CHECK_OK, "SMTP AUTH needs TLS.");
}

static enum check_status check_dsn(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };

	while (check_next_login(site, &service)) {
		if (!check_list_has(
			    check_postfix_value_of(site, &service, "smtpd_discard_ehlo_keywords"),
			    "dsn"))
			return check_say(text_r, CHECK_WRONG,
					 "%s offers DSN, with which a cracked account can hide its "
					 "bounces: add -o smtpd_discard_ehlo_keywords="
					 "silent-discard,dsn to it",
					 service.name);
	}
	return check_say(text_r, CHECK_OK, "DSN isn't offered where AUTH is.");
}

static enum check_status check_queue_ids(const struct check_site *site, char *text_r)
{
	if (!check_is_yes(check_postfix_value(site, "enable_long_queue_ids")))
		return check_say(text_r, CHECK_WRONG,
				 "Queue ids are reused, so a message may pass uncharged: set "
				 "enable_long_queue_ids = yes");
	return check_say(text_r, CHECK_OK, "Queue ids are never reused.");
}

static enum check_status check_protocol(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };

	while (check_next_login(site, &service)) {
		const char *protocol = check_postfix_value_of(site, &service, "smtpd_sasl_service");

		if (strcmp(protocol, "smtp") != 0)
			return check_say(
				text_r, CHECK_WRONG,
				"%s has smtpd_sasl_service = %s, which Postern doesn't know: "
				"leave it at smtp",
				service.name, protocol);
	}
	return check_say(text_r, CHECK_OK, "SMTP logins are recognised as such.");
}

static const char *postfix_unknown(const struct check_site *site)
{
	return site->postfix.error == NULL
		       ? NULL
		       : "Postfix's configuration can't be read: see 'postfix'.";
}

static bool postfix_absent(const struct check_site *site)
{
	return site->postfix.is_absent;
}

static const struct check checks[] = {
	{ .name = "postfix", .run = check_reading, .always = true },
	{ .name = "postfix-sasl", .run = check_sasl },
	{ .name = "postfix-port-25", .run = check_port_25 },
	{ .name = "postfix-milter", .run = check_milters },
	{ .name = "postfix-milter-options", .run = check_milter_options },
	{ .name = "postfix-milter-address", .run = check_milter_address },
	{ .name = "postfix-milter-action", .run = check_milter_action },
	{ .name = "postfix-bounces", .run = check_postfix_bounces },
	{ .name = "postfix-bounces-port-25", .run = check_postfix_bounces_port_25 },
	{ .name = "postfix-bounces-action", .run = check_postfix_bounces_action },
	{ .name = "postfix-bounces-checks", .run = check_postfix_bounces_checks },
	{ .name = "postfix-filter", .run = check_postfix_filter },
	{ .name = "postfix-tls", .run = check_tls },
	{ .name = "postfix-dsn", .run = check_dsn },
	{ .name = "postfix-sender", .run = check_postfix_sender },
	{ .name = "postfix-sendmail", .run = check_postfix_sendmail },
	{ .name = "postfix-pickup", .run = check_postfix_pickup },
	{ .name = "postfix-queue-ids", .run = check_queue_ids },
	{ .name = "postfix-protocol", .run = check_protocol },
	{ .name = NULL },
};

const struct check_topic check_postfix_topic = { .checks = checks,
						 .unknown = postfix_unknown,
						 .absent = postfix_absent };
