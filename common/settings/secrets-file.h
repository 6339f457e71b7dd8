#ifndef POSTERN_SECRETS_FILE_H
#define POSTERN_SECRETS_FILE_H

#include "settings/ini-file.h"
#include "settings/secrets.h"

/* Between secrets.c, which reads secrets files, and secrets-write.c, which writes them. */

#define SECRETS_FILE_MAX (1 << 14)

/* Where a new key goes. */
struct secrets_layout {
	unsigned int keys_line; /* the last line of [keys] so far, 0 if there is no [keys] */
};

/* The secrets in a file's text, which may have no key yet. NULL after a mistake, with *error_r for
   the caller to free(). */
struct secrets *secrets_parse(const struct ini_text *text, const char *path,
			      enum secrets_reader reader, struct secrets_layout *layout_r,
			      char **error_r);

/* The section that a daemon's file has for the subkeys of a purpose; NULL if none has them. */
const char *secrets_section(enum secrets_purpose purpose);

/* The set of enum secrets_purpose that a reader's file has. */
unsigned int secrets_purposes(enum secrets_reader reader);

/* The subkey. */
const unsigned char *secrets_subkey(const struct secret_key *key, enum secrets_purpose purpose);

#endif
