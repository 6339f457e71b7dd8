#ifndef POSTERN_NOTICE_TEMPLATE_H
#define POSTERN_NOTICE_TEMPLATE_H

#include <stddef.h>
#include <stdio.h>

#include "notices/notice.h"

/* One template file of a notice: "Subject: ...", an empty line, and the body. postern-notices(5).
 */

#define NOTICE_TEMPLATE_MAX (64 * 1024) /* bytes of a file */
#define NOTICE_LINE_MAX	    998		/* RFC 5322 section 2.1.1 */

/* What a template can name in braces. */
enum notice_variable {
	NOTICE_VAR_ACCOUNT,
	NOTICE_VAR_DOMAIN,
	NOTICE_VAR_HELP_URL,
	NOTICE_VAR_TIME,
	NOTICE_VAR_MAIL_SERVER,
	NOTICE_VAR_BY,
	NOTICE_VAR_FROM,
	NOTICE_VAR_NUMBER,
	NOTICE_VAR_LABEL,
	NOTICE_VAR_UNTIL,
};

#define NOTICE_VARIABLES (NOTICE_VAR_UNTIL + 1)

/* The most bytes that the variable's value has; whatever is handed in is cut to it. */
size_t notice_variable_max(enum notice_variable variable);

struct notice_template {
	char *subject; /* one line, as it is in the file */
	char *body;    /* likewise; ends with a line end */
};

/* Reads the file at path and checks it for that event. NULL after a mistake: *error_r is then one
   line with file, line and what was expected, for the caller to free(). */
struct notice_template *notice_template_load(const char *path, enum notice_event event,
					     char **error_r);

void notice_template_free(struct notice_template **_template);

/* Writes a checked text, with the values in the place of their variables. */
void notice_template_expand(const char *text, const char *const values[NOTICE_VARIABLES],
			    FILE *out);

#endif
