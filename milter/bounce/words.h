#ifndef POSTERN_MILTER_BOUNCE_WORDS_H
#define POSTERN_MILTER_BOUNCE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "decisions/failure.h"

/* What words mean, in a report's fields and in its text. */

/* The length of the number of 1 to max digits that the text begins with, or 0. */
size_t bounce_digits(const char *text, size_t max);

/* Copies size bytes of text to where there is room for that many, and a NUL, with ASCII in lower
   case; what is too long is cut. */
void bounce_lower(const char *text, size_t size, char *lower_r, size_t room);

/* Finds the first enhanced status code (RFC 3463) in the text: class '2', '4' or '5'. Returns its
   place, or NULL if there is none. */
const char *bounce_find_status(const char *text, char status_r[FAILURE_STATUS_SIZE]);

/* True for a status of policy (RFC 3463 section 3.8): what counts double (B3). */
bool bounce_is_policy(const char *status);

/* True if the words, in lower case, mention spam, a blocklist or policy: what counts double (B3).
 */
bool bounce_speaks_of_spam(const char *text);

#endif
