#ifndef POSTERN_SETTINGS_TABLE_H
#define POSTERN_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

/*
 * The table of all settings: the parser, the defaults, the checks and the error texts follow it,
 * and a test holds the man page and the sample file to it.
 */

/* The section of the settings that every tier has, written "[tier NAME]". */
#define SETTINGS_SECTION_TIER "tier"

struct setting;

/* Reads value into the setting's own field; for a list, adds to it. 0, or -1: *detail_r is then a
   text that says more than setting->expected does, or NULL. */
typedef int setting_parse_t(const struct setting *setting, const char *value, void *field,
			    const char **detail_r);

struct setting {
	const char *section; /* a word, or SETTINGS_SECTION_TIER */
	const char *key;
	setting_parse_t *parse;
	size_t offset;		   /* of the field, in struct settings or in struct tier */
	const char *default_value; /* NULL: the field stays as it is, NULL or empty */
	const char *paid;	   /* the default of [tier paid] where it is another */
	const char *expected;	   /* what a value must be: "expected ..." */
	uint64_t min, max;	   /* of numbers, and of durations in milliseconds */
	bool is_required;
	bool is_list; /* may continue in lines that begin with a space */
};

#define SETTINGS_TABLE_MAX 64

extern const struct setting settings_table[];
extern const size_t settings_table_count;

#endif
