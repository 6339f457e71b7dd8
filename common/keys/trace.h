#ifndef POSTERN_TRACE_H
#define POSTERN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/account.h"
#include "settings/secrets.h"

/*
 * The trace header (B1): which account sent a message, when, and to how many recipients, sealed
 * with AES-128-SIV (RFC 5297) so that only this site can read or make it. Every token has the same
 * length, so that it doesn't reveal the length of the name either. It costs no stored state, but
 * for accounts whose name is too long for the token: those carry a reference, and the script that
 * charges a message stores the name under it, once per account.
 */

#define TRACE_HEADER "Postern-Trace"

/* The header's value: base64url of key id, SIV and 45 sealed bytes. With the header's name and its
   CRLF it makes 100 bytes. */
#define TRACE_VALUE_LENGTH 83
#define TRACE_VALUE_SIZE   (TRACE_VALUE_LENGTH + 1)

/* A long name's reference: 32 hexadecimal digits. */
#define TRACE_REFERENCE_SIZE 33

/* What names a message: 12 hexadecimal digits. */
#define TRACE_ID_SIZE 13

/* Bytes of the queue id's digest. */
#define TRACE_QUEUE_SIZE 3

struct trace {
	struct account_name account;	       /* text is "" if there is a reference instead */
	char reference[TRACE_REFERENCE_SIZE];  /* "" but for long names */
	unsigned int partition;		       /* where to look up the name by the reference */
	int64_t sent;			       /* seconds since 1970 */
	unsigned int recipients;	       /* 1 to 255; 255 also means more */
	unsigned char queue[TRACE_QUEUE_SIZE]; /* see trace_is_of_queue() */
	char id[TRACE_ID_SIZE];		       /* different for every message of the site */
};

/* The reference if the account's name is too long for a token, else "". 0, or -1 if OpenSSL fails.
 */
int trace_reference(const struct account_name *account, const char *default_domain,
		    char reference_r[TRACE_REFERENCE_SIZE]);

/* Makes a token with the current key. default_domain may be NULL; queue_id is the MTA's name of the
   message. 0, or -1 if OpenSSL fails. Thread-safe. */
int trace_seal(const struct secrets *secrets, const struct account_name *account,
	       const char *default_domain, int64_t sent, unsigned int recipients,
	       const char *queue_id, char value_r[TRACE_VALUE_SIZE]);

/* Opens the token in the size bytes of value, which must have been made with the same
   default_domain. 1 when it is one of ours, 0 when it isn't (any bytes may be handed in), -1 if
   OpenSSL fails. Thread-safe. */
int trace_open(const struct secrets *secrets, const char *value, size_t size,
	       const char *default_domain, struct trace *trace_r);

/* True if the message had that queue id when it was sent, and one in 16 million times for another.
   So what the MTA says about its own queue file can be told from a copy of the message that
   somebody passed on. Thread-safe. */
bool trace_is_of_queue(const struct trace *trace, const char *queue_id);

#endif
