/* doveadm postern check: which senders Postfix takes mail of, and who can pass for Postfix. */

#include "postfix.h"

#include <string.h>

static const char *const restriction_lists[] = {
	"smtpd_client_restrictions",	  "smtpd_helo_restrictions",
	"smtpd_sender_restrictions",	  "smtpd_relay_restrictions",
	"smtpd_recipient_restrictions",	  "smtpd_data_restrictions",
	"smtpd_end_of_data_restrictions", NULL,
};

/* Those of which one may refuse double_bounce_sender: what they look up isn't known here. */
static const char *const sender_restrictions[] = { "check_sender_access", "check_policy_service",
						   NULL };

/* Not reject_known_sender_login_mismatch, which takes all that are nobody's. */
static const char *const login_restrictions[] = { "reject_sender_login_mismatch",
						  "reject_authenticated_sender_login_mismatch",
						  NULL };

static bool has_one_of(const char *list, const char *const words[])
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (check_list_has(list, words[i]))
			return true;
	}
	return false;
}

/* Whether a service has one of these restrictions. A class of the site's own may hold any. */
static bool has_restriction(const struct check_site *site, const struct check_service *service,
			    const char *const words[])
{
	for (size_t i = 0; restriction_lists[i] != NULL; i++) {
		if (has_one_of(check_postfix_value_of(site, service, restriction_lists[i]), words))
			return true;
	}
	return *check_postfix_value_of(site, service, "smtpd_restriction_classes") != '\0';
}

enum check_status check_postfix_sender(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 }, any = { .at = 0 };

	while (check_next_login(site, &service)) {
		if (!has_restriction(site, &service, sender_restrictions) &&
		    !has_restriction(site, &service, login_restrictions))
			return check_say(
				text_r, CHECK_WARNING,
				"%s accepts Postfix's own double_bounce_sender as a sender, so a "
				"cracked "
				"account could send mail that never bounces: add "
				"-o smtpd_sender_restrictions=$postern_sender_restrictions to it",
				service.name);
	}
	while (check_next_login(site, &any)) {
		if (!has_restriction(site, &any, login_restrictions))
			return check_say(text_r, CHECK_OK,
					 "%s accepts any sender address from a login. To accept "
					 "only its own: "
					 "reject_sender_login_mismatch, see postfix-main.cf.",
					 any.name);
	}
	return check_say(text_r, CHECK_OK, "A login's sender address has to be its own.");
}

/* Tables and files may name anybody. */
static bool is_plain_list(const char *list)
{
	return strpbrk(list, ":/!") == NULL;
}

enum check_status check_postfix_sendmail(const struct check_site *site, char *text_r)
{
	const char *users = check_postfix_value(site, "authorized_submit_users");
	const char *worker = site->settings != NULL ? site->settings->worker.user : NULL;

	if (check_list_has(users, "static:anyone"))
		return check_say(
			text_r, CHECK_OK,
			"Any user of this host may send through sendmail(1) without limits. "
			"To restrict this: authorized_submit_users, see "
			"postfix-main.cf.");
	if (worker != NULL && is_plain_list(users) && !check_list_has(users, worker))
		return check_say(text_r, CHECK_WARNING,
				 "postern-worker can't send notices from this host: add its user, "
				 "%s, to authorized_submit_users",
				 worker);
	return check_say(text_r, CHECK_OK,
			 "Only those in authorized_submit_users may use sendmail(1).");
}

/* The options of a service that is there twice aren't known: postconf shows those of the first
   line, and Postfix uses the last. */
static bool is_there_twice(const struct check_site *site, const struct check_service *service)
{
	struct check_service other = { .at = service->at };

	while (check_next_service(site, "pickup", &other)) {
		if (strcmp(other.name, service->name) == 0)
			return true;
	}
	return false;
}

/* The milter can't tell what pickup(8) brings with an empty sender from a bounce by this Postfix,
   which it trusts completely (B3). */
enum check_status check_postfix_pickup(const struct check_site *site, char *text_r)
{
	struct check_service service = { .at = 0 }, cleanup;
	struct check_milter milter;

	while (check_next_service(site, "pickup", &service)) {
		if (is_there_twice(site, &service))
			return check_say(text_r, CHECK_WARNING,
					 "%s is in master.cf twice, and Postfix uses the last one: "
					 "keep only the line from postfix-master.cf",
					 service.name);
		check_cleanup_of(site, &service, &cleanup);
		if (!check_has_service(site, &cleanup))
			return check_say(
				text_r, CHECK_WRONG,
				"%s hands mail to %s, which doesn't exist, so nothing gets "
				"through sendmail(1): add that service, see "
				"postfix-master.cf",
				service.name, cleanup.name);
		if (!check_has_no_milters(site, &service) &&
		    check_find_cleanup_milter(site, &cleanup, &milter))
			return check_say(
				text_r, CHECK_WARNING,
				"Anyone who may use sendmail(1) here can forge bounces that switch "
				"off an account, as %s leads to postern-milter: add "
				"-o cleanup_service_name=cleanup-sendmail to it, and that service, "
				"see postfix-master.cf",
				service.name);
	}
	return check_say(text_r, CHECK_OK, "What sendmail(1) sends can't pass for a bounce.");
}
