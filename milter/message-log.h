#ifndef POSTERN_MILTER_MESSAGE_LOG_H
#define POSTERN_MILTER_MESSAGE_LOG_H

#include <stdbool.h>

#include "decision.h"

/* The log lines about messages, one for each decision: key=value fields, none of which can hold a
   space or a line's end that somebody else chose. */

struct message_log {
	const char *account;
	const char *client;   /* address, "" for none */
	const char *queue_id; /* NULL while there is none */
	unsigned int recipients;
};

/* passed: the client was told to continue. */
void message_log_decision(const struct message_log *message, const struct decision *decision,
			  bool passed);

/* The message was refused because of something that no verdict says. */
void message_log_refusal(int priority, const struct message_log *message, const char *problem);

/* The login is not an account name; any bytes. */
void message_log_login(const char *login, const char *client, const char *problem);

#endif
