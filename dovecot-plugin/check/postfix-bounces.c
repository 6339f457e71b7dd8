/*
 * doveadm postern check: whether Postfix shows the milter the bounces, in which a cracked account
 * shows (B3), and never lets mail wait for it that nobody logged in for (B5).
 */

#include "postfix.h"

#include <string.h>

static bool shows_bounces(const struct check_site *site)
{
	return check_list_has(
		check_postfix_value_of(site, &check_bounce_service, "internal_mail_filter_classes"),
		"bounce");
}

enum check_status check_postfix_bounces(const struct check_site *site, char *text_r)
{
	struct check_service cleanup;
	struct check_milter milter;

	check_cleanup_of_bounces(site, &cleanup);
	if (!check_has_service(site, &cleanup))
		return check_say(
			text_r, CHECK_WRONG,
			"Postfix hands its own bounces to %s, which doesn't exist, so they "
			"aren't sent: add that service, see postfix-master.cf",
			cleanup.name);
	if (!check_find_cleanup_milter(site, &cleanup, &milter))
		return check_say(
			text_r, CHECK_WRONG,
			"non_smtpd_milters lacks postern-milter, so it sees no bounce that "
			"Postfix makes: set non_smtpd_milters = $postern_bounce_milter");
	if (!shows_bounces(site))
		return check_say(text_r, CHECK_WRONG,
				 "Postfix shows its own bounces to no milter: set "
				 "internal_mail_filter_classes = bounce");
	return check_say(text_r, CHECK_OK, "Postfix shows its own bounces to postern-milter.");
}

/* After a filter before the queue: that has the message before a milter sees it, so what the milter
   is shown on port 25 ends with the recipients. */
static bool asks_behind_filter(const struct check_site *site)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;

	while (check_next_smtpd(site, &service)) {
		if (!check_offers_auth(site, &service) &&
		    *check_postfix_value_of(site, &service, "smtpd_proxy_filter") == '\0' &&
		    !check_has_no_milters(site, &service) &&
		    check_find_milter(site, &service, &milter))
			return true;
	}
	return false;
}

static enum check_status judge_port_25(const struct check_site *site,
				       const struct check_service *service, char *text_r)
{
	struct check_milter milter;

	if (*check_postfix_value_of(site, service, "smtpd_proxy_filter") != '\0') {
		if (asks_behind_filter(site))
			return CHECK_OK;
		return check_say(text_r, CHECK_WRONG,
				 "%s hands mail to smtpd_proxy_filter before a milter sees it: add "
				 "-o smtpd_milters=$postern_bounce_milter to the service that "
				 "takes it back",
				 service->name);
	}
	if (!check_find_milter(site, service, &milter))
		return check_say(text_r, CHECK_WRONG,
				 "%s doesn't ask postern-milter, so it sees no bounce that other "
				 "servers bring: add $postern_bounce_milter to its smtpd_milters",
				 service->name);
	if (check_has_no_milters(site, service))
		return check_say(text_r, CHECK_WRONG,
				 "%s has no_milters, so postern-milter sees no bounce that other "
				 "servers bring: remove it from its receive_override_options",
				 service->name);
	return CHECK_OK;
}

enum check_status check_postfix_bounces_port_25(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	unsigned int count = 0;

	while (check_next_smtpd(site, &service)) {
		enum check_status status;

		if (!check_is_port_25(&service) || check_offers_auth(site, &service))
			continue;
		status = judge_port_25(site, &service, text_r);
		if (status != CHECK_OK)
			return status;
		count++;
	}
	return check_say(text_r, CHECK_OK,
			 "Services on port 25 that show bounces to the milter: %u.", count);
}

static enum check_status say_waits(char *text_r, const char *what, const char *action)
{
	return check_say(
		text_r, CHECK_WRONG,
		"While the milter is down, %s has default_action=%s, so mail that nobody logged "
		"in for is held up: use $postern_bounce_milter there, which has "
		"accept",
		what, action);
}

/* Port 25, or one like it: a submission service that has lost its AUTH has milters of its own. */
static bool takes_from_elsewhere(const struct check_site *site, const struct check_service *service)
{
	if (check_offers_auth(site, service))
		return false;
	return check_is_port_25(service) ||
	       check_postfix_own_value(site, service, "smtpd_milters") == NULL;
}

enum check_status check_postfix_bounces_action(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;

	if (check_find_bounce_milter(site, &milter) && strcmp(milter.action, "accept") != 0)
		return say_waits(text_r, "non_smtpd_milters", milter.action);
	while (check_next_smtpd(site, &service)) {
		if (takes_from_elsewhere(site, &service) &&
		    check_find_milter(site, &service, &milter) &&
		    strcmp(milter.action, "accept") != 0)
			return say_waits(text_r, service.name, milter.action);
	}
	return check_say(text_r, CHECK_OK,
			 "While the milter is down, mail that nobody logged in for isn't held up.");
}

/* What shows bounces to the milter shows them to these as well. What a table answers isn't known
   here. milter_header_checks doesn't matter: it sees the headers that milters add. */
enum check_status check_postfix_bounces_checks(const struct check_site *site, char *text_r)
{
	static const char *const tables[] = { "header_checks", "mime_header_checks",
					      "nested_header_checks", "body_checks" };
	struct check_service cleanup;

	if (!shows_bounces(site))
		return check_say(text_r, CHECK_OK, "Nothing inspects Postfix's own bounces.");
	check_cleanup_of_bounces(site, &cleanup);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (*check_postfix_value_of(site, &cleanup, tables[i]) != '\0')
			return check_say(
				text_r, CHECK_WARNING,
				"%s acts on Postfix's own bounces too: look in it for REJECT, "
				"DISCARD, HOLD, REDIRECT and PASS that may match a bounce or what "
				"it quotes, or give bounces the cleanup-bounces of "
				"postfix-master.cf",
				tables[i]);
	}
	return check_say(text_r, CHECK_OK, "No header_checks or body_checks act on bounces.");
}

static bool has_filter(const struct check_site *site)
{
	struct check_service service = { .at = 0 };

	while (check_next_smtpd(site, &service)) {
		if (*check_postfix_value_of(site, &service, "content_filter") != '\0')
			return true;
	}
	return false;
}

/* Such a service is recognised by what it must have, so that mail doesn't go round in circles. */
static bool takes_back(const struct check_site *site, const struct check_service *service)
{
	const char *filter = check_postfix_own_value(site, service, "content_filter");

	return filter != NULL && *filter == '\0' && !check_is_port_25(service) &&
	       !check_offers_auth(site, service);
}

enum check_status check_postfix_filter(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 };
	struct check_milter milter;

	if (!has_filter(site))
		return check_say(text_r, CHECK_OK, "There is no content filter.");
	while (check_next_smtpd(site, &service)) {
		if (takes_back(site, &service) && !check_has_no_milters(site, &service) &&
		    check_find_milter(site, &service, &milter))
			return check_say(
				text_r, CHECK_WARNING,
				"%s takes mail back from a content filter, and asks postern-milter "
				"about it a second time: add -o smtpd_milters= to it",
				service.name);
	}
	return check_say(
		text_r, CHECK_OK,
		"The milter isn't asked again about what comes back from a content filter.");
}
