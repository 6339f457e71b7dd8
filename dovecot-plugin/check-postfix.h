#ifndef POSTERN_CHECK_POSTFIX_H
#define POSTERN_CHECK_POSTFIX_H

#include "check.h"

/* What the checks of Postfix's configuration share. */

#define MAIN_CF "/etc/postfix/main.cf"

/* An smtpd of master.cf. Zeroed before the first one. */
struct check_service {
	char name[80]; /* "submission/inet" */
	size_t at;     /* where the next one is looked for */
};

struct check_milter {
	char address[200];
	char action[20]; /* its own default_action, "" for none */
};

/* The next service that offers AUTH. */
bool check_next_login(const struct check_site *site, struct check_service *service);

/* What main.cf has, "" for nothing. */
const char *check_postfix_value(const struct check_site *site, const char *name);

/* The value that holds for a service. */
const char *check_postfix_value_of(const struct check_site *site,
				   const struct check_service *service, const char *name);

bool check_is_yes(const char *value);

/* Finds ours among a service's milters: what is called postern_milter, or what has our socket. */
bool check_find_milter(const struct check_site *site, const struct check_service *service,
		       struct check_milter *milter_r);

/* Whether Postfix's name of a socket, which may be relative to its queue, means this path. */
bool check_is_socket(const struct check_site *site, const char *address, const char *path);

#endif
