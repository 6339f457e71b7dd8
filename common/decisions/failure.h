#ifndef POSTERN_FAILURE_H
#define POSTERN_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "store/command.h"
#include "account/reason.h"
#include "settings/settings.h"
#include "keys/trace.h"

struct redisReply;

/*
 * Counting genuine failures to deliver what an account sent (B2, B3): one call of
 * failure.lua for each report. Whether a report is genuine is for the caller to find out.
 */

#define FAILURES_MAX	     100 /* failed recipients of one report that count; the rest don't */
#define FAILURE_ADDRESS_SIZE 321 /* RFC 5321 section 4.5.3.1: 64 and 255 octets, the @ */
#define FAILURE_STATUS_SIZE  12

/* Seconds after its message was sent that a failure counts for (B2); failure.lua knows it as well.
 */
#define FAILURE_AGE_MAX (7 * 24 * 3600)

enum failure_source {
	FAILURE_OWN_QUEUE, /* this host's Postfix, about the very queue file that the login sent */
	FAILURE_OWN_HOST, /* made by one of the site's own hosts (a relay, behind a content filter):
			   each recipient's domain is the site that failed */
	FAILURE_REMOTE, /* somebody else's: the network of the client that brought it is the site */
};

struct failed_recipient {
	char address[FAILURE_ADDRESS_SIZE]; /* as reported, lower case where ASCII; "" if the report
					       doesn't say; any bytes, hostile */
	char status[FAILURE_STATUS_SIZE];   /* "5.1.1" (RFC 3463), "" for none */
	bool spam; /* mentions spam, a blocklist or policy, or is an abuse report: counts double
		      (B3) */
};

struct failure_report {
	const struct account_name *account;
	const struct trace *trace; /* of the message that failed */
	enum failure_source source;
	const char *client; /* for FAILURE_REMOTE: the IP address */
	const struct failed_recipient *failed;
	unsigned int failed_count; /* 1 to FAILURES_MAX */
};

enum failure_verdict {
	FAILURE_COUNTED,
	FAILURE_COMPROMISED, /* the threshold is met: access has just gone off (B3) */
	FAILURE_KNOWN,	     /* nothing new: counted before, or from a site that was (B2) */
	FAILURE_OLD,	     /* the message was sent more than 7 days ago, or before access was last
				switched on */
	FAILURE_OFF,	     /* access is off already, for a reason that stays */
	FAILURE_UNLIMITED,   /* the tier doesn't count */
	FAILURE_UNAVAILABLE, /* not known */
};

struct failure_answer {
	enum failure_verdict verdict;
	unsigned int counted;	    /* new failures */
	unsigned int score;	    /* the total of those within the window */
	unsigned int threshold;	    /* of the account's tier */
	enum disable_reason reason; /* for FAILURE_OFF */
};

/* "counted", "compromised", ...: the word in logs and the script's reply. */
const char *failure_verdict_word(enum failure_verdict verdict);

/* Builds the call. 0, or -1 if OpenSSL fails. */
int failure_ask(const struct failure_report *report, const struct settings *settings,
		struct command *command_r);

/* Reads the script's reply. Whatever is not a verdict is FAILURE_UNAVAILABLE. */
void failure_read(const struct redisReply *reply, struct failure_answer *answer_r);

/* What is counted of an account now, for support. */

#define FAILURE_LIST_MAX 100

struct failure_entry {
	int64_t time;	    /* when it was counted, milliseconds since 1970 */
	const char *domain; /* of the recipient; "" if not known */
	const char *status; /* "" for none */
	unsigned int weight;
	enum failure_source source;
	const char *network; /* for FAILURE_REMOTE: 8 hexadecimal digits that identify it */
};

/* The strings point into the reply that it was read from, and live as long as it does. */
struct failure_list {
	unsigned int score; /* the total of those within the window */
	struct failure_entry
		entries[FAILURE_LIST_MAX]; /* of the last 7 days, the newest ones, newest first */
	unsigned int count;
};

void failure_list_ask(const struct account_name *account, const struct settings *settings,
		      struct command *command_r);

/* 0, or -1 if the reply is not such a list. */
int failure_list_read(const struct redisReply *reply, struct failure_list *list_r);

#endif
