#ifndef POSTERN_MILTER_INBOUND_H
#define POSTERN_MILTER_INBOUND_H

#include <stdbool.h>
#include <stddef.h>

#include <libmilter/mfapi.h>

#include "bounce-decision.h"

/* A message for which nobody logged in: bounces and abuse reports are read, all other mail leaves
   as soon as that is known (B2). Whatever goes wrong, it is let through (B5); but a bounce that
   brings a notice back goes no further than here (D5). */
struct inbound {
	struct state *state;   /* NULL while there is none */
	struct bounce *bounce; /* NULL while it isn't known whether it is read: it has a sender; is
				  it to the feedback address? */
	struct bounce_origin origin;
	/* Of a bounce of Postfix's own that may be about a notice: whom it goes to, else "". */
	char returned_to[FAILURE_ADDRESS_SIZE];
};

/* At MAIL. has_client: it came over a connection; otherwise Postfix announces mail of its own.
   client is the connection's address, "" for none, and must outlive it. sender is as the MTA says
   it. The answer is SMFIS_CONTINUE as long as it may be one that is read, else SMFIS_ACCEPT; then
   it has ended. */
sfsistat inbound_begin(struct inbound *inbound, const char *client, bool has_client,
		       const char *sender);

sfsistat inbound_recipient(struct inbound *inbound, const char *recipient);

/* It is all here: counts what it proves. queue_id may be NULL. The answer is SMFIS_ACCEPT, but for
   a notice that came back: nobody else waits for it. */
sfsistat inbound_judge(struct inbound *inbound, const char *queue_id);

/* However it ended. May be called again. */
void inbound_end(struct inbound *inbound);

#endif
