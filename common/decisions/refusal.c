/* Notices that a mailbox has refused. */

#include "decisions/refusal.h"

#include <string.h>

#include "store/reply.h"

/* What is in the account's hash has to be short. */
static const char *clean_status(const char *status)
{
	size_t size = strspn(status, "0123456789.");

	return size > 0 && size < REFUSAL_STATUS_SIZE && status[size] == '\0' ? status : "-";
}

void refusal_ask(const struct account_name *account, const struct notice_number *number,
		 const char *status, struct command *command_r)
{
	static const char *const kinds[] = { "*outbox", "*refused", NULL };

	command_begin(command_r, SCRIPT_REFUSED, account, kinds);
	command_string(command_r, number->id);
	command_string(command_r, clean_status(status));
}

void refusal_read(const struct redisReply *reply, struct refusal_answer *answer_r)
{
	static const char *const words[] = {
		[REFUSAL_WAITS] = "waits",
		[REFUSAL_KNOWN] = "known",
		[REFUSAL_OVER] = "over",
	};

	answer_r->verdict = (enum refusal_verdict)reply_verdict(reply, words, REFUSAL_UNAVAILABLE);
	answer_r->times = (unsigned int)reply_number(reply, 1);
	answer_r->next = reply_number(reply, 2);
}

void again_ask(const struct account_name *account, struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "*refused", NULL };

	command_begin(command_r, SCRIPT_AGAIN, account, kinds);
}

enum again_verdict again_read(const struct redisReply *reply)
{
	static const char *const words[] = {
		[AGAIN_DONE] = "done",
		[AGAIN_UNCHANGED] = "unchanged",
		[AGAIN_OVER] = "over",
	};

	return (enum again_verdict)reply_verdict(reply, words, AGAIN_UNAVAILABLE);
}
