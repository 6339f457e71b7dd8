#ifndef POSTERN_MILTER_SUBMISSION_H
#define POSTERN_MILTER_SUBMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include <libmilter/mfapi.h>

#include "account/account.h"
#include "connection.h"
#include "daemon/state.h"

/* A message that a login sends: may it, and its trace (S1 to S7, B1). Each function does what one
   step of the milter's protocol asks for; those that answer set a reply if it isn't one of
   libmilter's. */
struct submission {
	struct state *state;	       /* NULL while there is none */
	const char *client;	       /* the session's: its address, "" if it has none */
	struct connection *connection; /* the session's */
	struct account_name account;
	bool has_sender; /* one that a bounce would come back to */
	unsigned int recipients;
	unsigned int recipients_allowed; /* or SETTINGS_UNLIMITED */
	unsigned int traces;		 /* trace headers that the sender supplied */
};

/* At MAIL. In progress from here on if the answer is SMFIS_CONTINUE. client and connection must
   outlive it; sender is as the MTA says it. */
sfsistat submission_begin(struct submission *submission, SMFICTX *ctx, const char *login,
			  const char *client, struct connection *connection, const char *sender);

sfsistat submission_recipient(struct submission *submission, SMFICTX *ctx);

void submission_header(struct submission *submission, const char *name);

/* It is all here; the answer is the last. */
sfsistat submission_charge(struct submission *submission, SMFICTX *ctx);

/* However it ended. May be called again. */
void submission_end(struct submission *submission);

#endif
