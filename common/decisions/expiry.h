#ifndef POSTERN_EXPIRY_H
#define POSTERN_EXPIRY_H

#include "account/account.h"
#include "store/command.h"

struct redisReply;

/*
 * App passwords that expire (A10): a call of expire.lua, which looks at one account that
 * due_ask() has named, and has its sessions ended if it is so. (What it sends is stopped by
 * send.lua at the very moment.) To look in vain, or twice, does no harm.
 */

enum expiry_verdict {
	EXPIRY_EXPIRED, /* an app password has: the workers are told */
	EXPIRY_NONE,
	EXPIRY_UNAVAILABLE,
};

void expiry_ask(const struct account_name *account, struct command *command_r);
enum expiry_verdict expiry_read(const struct redisReply *reply);

#endif
