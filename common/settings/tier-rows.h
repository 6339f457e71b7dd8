#ifndef POSTERN_TIER_ROWS_H
#define POSTERN_TIER_ROWS_H

#include <stdint.h>

struct tier;

/*
 * The tiers as the scripts read them. A caller doesn't know an account's tier before it asks, so it
 * sends the limits of all, as one argument: a line for each tier, each after a newline, with what
 * the script needs. "free" comes first; 0 is no limit.
 */
struct tier_rows {
	char *login;   /* NAME PROTOCOL,... POP3-MILLISECONDS LOGINS-AN-HOUR LOGINS-A-DAY
			  WRONG-PASSWORDS NETWORKS SHUT-OUT-MILLISECONDS disable|tell */
	char *send;    /* NAME messages|recipients MINUTE HOUR RECIPIENTS HAS-SMTP(0|1) */
	char *unused;  /* NAME IMAP-COUNTS(0|1) MILLISECONDS */
	char *failure; /* NAME THRESHOLD MILLISECONDS */
};

/* Writes the rows of count tiers, for tier_rows_clear(). Dies when memory runs out. */
void tier_rows_write(const struct tier *tiers, unsigned int count, struct tier_rows *rows_r);

void tier_rows_clear(struct tier_rows *rows);

/* Milliseconds that must lie between two POP3 logins: the interval less its grace (P1). No more
   than half of the interval can be grace, so that a short one isn't given away whole. */
uint64_t tier_least_interval(const struct tier *tier);

#endif
