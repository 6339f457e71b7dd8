/* The sweep (D2). */

#include "decisions/unused.h"

#include <string.h>

#include "store/reply.h"

uint64_t unused_rest(const struct settings *settings, uint64_t warning)
{
	uint64_t least = 0;

	for (unsigned int i = 0; i < settings->tiers_count; i++) {
		uint64_t limit = settings->tiers[i].unused_after * UINT64_C(1000);

		if (limit != 0 && (least == 0 || limit < least))
			least = limit;
	}
	/* A warning that would come before there was any use comes at once. */
	return least == 0 ? 0 : least > warning ? least - warning : 1;
}

void unused_ask(const struct unused_request *request, const struct settings *settings,
		struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, NULL };

	command_begin(command_r, SCRIPT_UNUSED, request->account, kinds);
	command_number(command_r, (uint64_t)request->time);
	command_number(command_r, request->only_look ? 1 : 0);
	command_number(command_r, request->warning);
	command_number(command_r, unused_rest(settings, request->warning));
	command_string(command_r, settings->tier_rows.unused);
}

void unused_read(const struct redisReply *reply, struct unused_answer *answer_r)
{
	static const char *const words[] = {
		[UNUSED_OFF] = "unused",
		[UNUSED_WARNED] = "warned",
		[UNUSED_USED] = "used",
		[UNUSED_NEVER] = "never",
		[UNUSED_OFF_BEFORE] = "off-before",
	};

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = (enum unused_verdict)reply_verdict(reply, words, UNUSED_UNAVAILABLE);
	answer_r->used = reply_number(reply, 1);
	answer_r->ends = reply_number(reply, 2);
	if (answer_r->verdict == UNUSED_UNAVAILABLE)
		answer_r->unavailable = reply_unavailable_text(reply);
}
