#ifndef POSTERN_QUANTITY_H
#define POSTERN_QUANTITY_H

#include <stdint.h>

/* Numbers and durations as settings and commands write them: "15", "5m". */

/* Reads a decimal number of at most max; *rest_r is what follows it. 0, or -1. */
int quantity_number(const char *text, uint64_t max, uint64_t *number_r, const char **rest_r);

/* Reads a number and one of the units ms, s, m, h, d, as milliseconds; "0" alone needs no unit. 0,
   or -1 if text is not one; *detail_r is then a static text if a unit is what is missing, or
   stays as it is. */
int quantity_duration(const char *text, uint64_t *milliseconds_r, const char **detail_r);

#endif
