#ifndef POSTERN_ACCOUNT_H
#define POSTERN_ACCOUNT_H

#include <stddef.h>

/*
 * Account names (rule A6) and the partition that an account's state lives in.
 *
 * A name is the full address in lower case. Names come from the network: what is not a plain
 * local part at a plain domain is refused here, so everything that gets a name from here may put it
 * into a Redis key or a log line as it is.
 */

/* RFC 5321 section 4.5.3.1.3: a path of 256 octets, less its angle brackets. */
#define ACCOUNT_NAME_MAX 254

/* A partition's keys share one Redis Cluster hash tag. The number is part of the stored format. */
#define ACCOUNT_PARTITIONS 64

/* The longest domain that fits into a name, after the shortest local part and the '@'. */
#define ACCOUNT_DOMAIN_MAX (ACCOUNT_NAME_MAX - 2)

struct account_name {
	char text[ACCOUNT_NAME_MAX + 1];
	unsigned int partition; /* 0 to ACCOUNT_PARTITIONS - 1 */
};

/*
 * Reads the size bytes of input, which need no terminator, as an account name. Surrounding spaces
 * are dropped, upper case is folded, and a bare name gets default_domain (NULL or "" for none).
 * 0 when *name_r is filled, -1 when the input is not an account name: *error_r is a static text
 * that quotes nothing of the input.
 */
int account_name_parse(const char *input, size_t size, const char *default_domain,
		       struct account_name *name_r, const char **error_r);

/* Reads input as the domain of account names, without the '@'. Upper case is folded; spaces around
   it are not dropped. 0, or -1 if no account name can have it: then domain_r is undefined. */
int account_domain_parse(const char *input, char domain_r[ACCOUNT_DOMAIN_MAX + 1]);

#endif
