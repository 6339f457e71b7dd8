#ifndef POSTERN_TRACED_H
#define POSTERN_TRACED_H

#include "account.h"
#include "command.h"
#include "trace.h"

struct redisReply;

/* The accounts whose names are too long for a trace: it carries a reference, and Redis has the name
   behind it, as the script that charges a message keeps it. */

/* Puts together the question for the name behind trace->reference. */
void traced_ask(const struct trace *trace, struct command *command_r);

/* 0, or -1 if the reply is no name, or not that trace's. */
int traced_read(const struct redisReply *reply, const struct trace *trace,
		const char *default_domain, struct account_name *account_r);

#endif
