#ifndef POSTERN_SETTINGS_VALUE_H
#define POSTERN_SETTINGS_VALUE_H

#include "settings/settings-table.h"

/*
 * The kinds of values that settings have: what the table's parse members point at. A field that
 * holds text gets memory of its own, for free(); an "optional" one is NULL for an empty value.
 */

setting_parse_t setting_parse_domain;	     /* char *, optional; in lower case */
setting_parse_t setting_parse_address;	     /* char *, optional; in lower case: safe in a header */
setting_parse_t setting_parse_language;	     /* char *: [a-z]{2,3} */
setting_parse_t setting_parse_url;	     /* char * of at most max bytes */
setting_parse_t setting_parse_path;	     /* char * of at most max bytes */
setting_parse_t setting_parse_name;	     /* char * of at most max bytes */
setting_parse_t setting_parse_optional_name; /* the same, optional */
setting_parse_t setting_parse_networks;	     /* struct network_list, added to */
setting_parse_t setting_parse_redis_address; /* struct redis_settings: socket, or host and port */
setting_parse_t setting_parse_number;	     /* unsigned int from min to max */
setting_parse_t setting_parse_limit;	     /* unsigned int from 1 to max, or SETTINGS_UNLIMITED */
setting_parse_t setting_parse_milliseconds;  /* unsigned int: a duration from min to max */
setting_parse_t setting_parse_seconds;	     /* unsigned int: likewise, in whole seconds */
setting_parse_t setting_parse_protocols;     /* unsigned int: set of enum protocol, added to */
setting_parse_t setting_parse_store_failure; /* enum store_failure */
setting_parse_t setting_parse_count;	     /* enum send_count */
setting_parse_t setting_parse_on_break_in;   /* enum on_break_in */

#endif
