#ifndef POSTERN_MILTER_BOUNCE_EXPLAIN_H
#define POSTERN_MILTER_BOUNCE_EXPLAIN_H

#include "settings/settings.h"

/* Prints what the milter makes of a message in a file, "-" for the standard input, without counting
   anything: for anyone who asks why a bounce counted, or why not. The exit status. */
int bounce_explain(const char *file, const struct settings *settings);

#endif
