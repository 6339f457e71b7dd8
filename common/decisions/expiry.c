/* App passwords that expire. */

#include "decisions/expiry.h"

#include "store/reply.h"

void expiry_ask(const struct account_name *account, struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "*expiries", NULL };

	command_begin(command_r, SCRIPT_EXPIRE, account, kinds);
}

enum expiry_verdict expiry_read(const struct redisReply *reply)
{
	static const char *const words[] = {
		[EXPIRY_EXPIRED] = "expired",
		[EXPIRY_NONE] = "none",
	};

	return (enum expiry_verdict)reply_verdict(reply, words, EXPIRY_UNAVAILABLE);
}
