#ifndef POSTERN_TRACE_NAMES_H
#define POSTERN_TRACE_NAMES_H

#include "account/account.h"
#include "store/command.h"
#include "keys/trace.h"

struct redisReply;

/* The accounts whose names are too long for a trace: it carries a reference, and Redis has the name
   under it, stored by the script that charges a message. */

/* Builds the request for the name under trace->reference. */
void trace_names_ask(const struct trace *trace, struct command *command_r);

/* 0, or -1 if the reply is not a name, or not that trace's. */
int trace_names_read(const struct redisReply *reply, const struct trace *trace,
		     const char *default_domain, struct account_name *account_r);

#endif
