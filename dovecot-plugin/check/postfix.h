#ifndef POSTERN_CHECK_POSTFIX_H
#define POSTERN_CHECK_POSTFIX_H

#include "check.h"

/* What the checks of Postfix's configuration share. */

#define MAIN_CF "/etc/postfix/main.cf"

/* A service of master.cf. Zeroed before the first one. */
struct check_service {
	char name[80]; /* "submission/inet" */
	size_t at;     /* where the next one is looked for */
};

/* What writes Postfix's own bounces. */
extern const struct check_service check_bounce_service;

struct check_milter {
	char address[200];
	char action[20]; /* while it is down: its own default_action, else that of main.cf */
};

/* The next service that runs this program of Postfix. */
bool check_next_service(const struct check_site *site, const char *program,
			struct check_service *service);

/* The next service whose program is smtpd. */
bool check_next_smtpd(const struct check_site *site, struct check_service *service);

/* The next of them that offers AUTH. */
bool check_next_login(const struct check_site *site, struct check_service *service);

bool check_offers_auth(const struct check_site *site, const struct check_service *service);

/* Where other servers bring mail: port 25, by number, name or after postscreen. */
bool check_is_port_25(const struct check_service *service);

/* What main.cf has, "" for nothing. */
const char *check_postfix_value(const struct check_site *site, const char *name);

/* What master.cf has for a service, NULL for nothing. */
const char *check_postfix_own_value(const struct check_site *site,
				    const struct check_service *service, const char *name);

/* The value that holds for a service. */
const char *check_postfix_value_of(const struct check_site *site,
				   const struct check_service *service, const char *name);

bool check_is_yes(const char *value);

/* Finds ours among a service's milters: what has the address of postern_milter, or our socket. */
bool check_find_milter(const struct check_site *site, const struct check_service *service,
		       struct check_milter *milter_r);

bool check_has_service(const struct check_site *site, const struct check_service *service);

/* The cleanup(8) that a service hands its mail to; it need not be there. */
void check_cleanup_of(const struct check_site *site, const struct check_service *service,
		      struct check_service *cleanup_r);

/* The one that Postfix's own bounces go to. */
void check_cleanup_of_bounces(const struct check_site *site, struct check_service *cleanup_r);

/* Finds ours among the milters that a cleanup asks about what comes from no smtpd. */
bool check_find_cleanup_milter(const struct check_site *site, const struct check_service *cleanup,
			       struct check_milter *milter_r);

/* The same for the cleanup of Postfix's own bounces. */
bool check_find_bounce_milter(const struct check_site *site, struct check_milter *milter_r);

/* Whether a service asks none of its milters. */
bool check_has_no_milters(const struct check_site *site, const struct check_service *service);

/* Whether Postfix's name of a socket, which may be relative to its queue, means this path. */
bool check_is_socket(const struct check_site *site, const char *address, const char *path);

/* postfix-bounces.c: what the milter must be shown and mustn't hold up. */
check_function_t check_postfix_bounces, check_postfix_bounces_port_25, check_postfix_bounces_action,
	check_postfix_bounces_checks, check_postfix_filter;

/* postfix-senders.c: who may send as whom, and pass for Postfix. */
check_function_t check_postfix_sender, check_postfix_sendmail, check_postfix_pickup;

#endif
