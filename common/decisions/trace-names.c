/* The names that references in traces refer to. */

#include "decisions/trace-names.h"

#include <stdio.h>
#include <string.h>

#include "store/reply.h"

void trace_names_ask(const struct trace *trace, struct command *command_r)
{
	char key[sizeof("postern:{63}:traced")];

	snprintf(key, sizeof(key), "postern:{%u}:traced", trace->partition % ACCOUNT_PARTITIONS);
	command_begin_plain(command_r, "HMGET");
	command_string(command_r, key);
	command_string(command_r, trace->reference);
}

int trace_names_read(const struct redisReply *reply, const struct trace *trace,
		     const char *default_domain, struct account_name *account_r)
{
	char reference[TRACE_REFERENCE_SIZE];
	size_t size;
	const char *name = reply_bytes(reply, 0, &size), *error;

	if (name == NULL || account_name_parse(name, size, NULL, account_r, &error) < 0 ||
	    trace_reference(account_r, default_domain, reference) < 0)
		return -1;
	return strcmp(reference, trace->reference) == 0 ? 0 : -1;
}
