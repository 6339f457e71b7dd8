#ifndef POSTERN_CHECK_DOVECOT_H
#define POSTERN_CHECK_DOVECOT_H

#include "check.h"

/* What the checks of Dovecot's configuration share. */

/* The value that a block has, "" for what Dovecot doesn't know. */
const char *check_dovecot_value(const struct check_site *site, size_t block, const char *name);

bool check_dovecot_yes(const struct check_site *site, size_t block, const char *name);

/* For struct check_topic. */
const char *check_dovecot_unknown(const struct check_site *site);

#endif
