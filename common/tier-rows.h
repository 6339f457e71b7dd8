#ifndef POSTERN_TIER_ROWS_H
#define POSTERN_TIER_ROWS_H

#include <stdint.h>

struct tier;

/*
 * The tiers as the scripts read them. A caller doesn't know an account's tier before it asks, so it
 * sends the limits of all, as one argument: a line for each tier, each behind a newline,
 *
 *     NAME PROTOCOL,... POP3-MILLISECONDS messages|recipients MINUTE HOUR RECIPIENTS
 *
 * where 0 is no limit. "free" comes first.
 */

/* The rows of count tiers, for free(). NULL when memory runs out. */
char *tier_rows(const struct tier *tiers, unsigned int count);

/* Milliseconds that must lie between two POP3 logins: the interval less its grace (P1). No more
   than half of the interval can be grace, so that a short one isn't given away whole. */
uint64_t tier_least_interval(const struct tier *tier);

#endif
