#ifndef POSTERN_SECRETS_FILE_H
#define POSTERN_SECRETS_FILE_H

#include "ini-file.h"
#include "secrets.h"

/* Between secrets.c, which reads the secrets file, and secrets-file.c, which changes it. */

#define SECRETS_FILE_MAX (1 << 14)

/* Where a new key goes. */
struct secrets_layout {
	unsigned int keys_line; /* the last line of [keys] so far, 0 if there is no [keys] */
};

/* The secrets in a file's text, which may have no key yet. NULL after a mistake, with *error_r for
   the caller to free(). */
struct secrets *secrets_parse(const struct ini_text *text, const char *path,
			      struct secrets_layout *layout_r, char **error_r);

#endif
