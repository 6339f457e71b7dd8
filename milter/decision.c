#include "decision.h"

#include <stdbool.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "command.h"
#include "reply.h"

/* Part of it may be Redis's words, and those may be anything: here they become one quoted field of
   a log line. */
static void set_problem(struct decision *decision, const char *problem)
{
	size_t at = 0;

	for (; *problem != '\0' && at < sizeof(decision->problem) - 1; problem++) {
		bool plain =
			*problem >= ' ' && *problem < 0x7f && *problem != '"' && *problem != '\\';

		decision->problem[at++] = plain ? *problem : '?';
	}
	decision->problem[at] = '\0';
}

void decision_make(struct state *state, const struct send_request *request,
		   struct decision *decision_r)
{
	struct command command;
	struct redisReply *reply = NULL;
	const char *error;

	memset(decision_r, 0, sizeof(*decision_r));
	decision_r->answer.verdict = SEND_UNAVAILABLE;
	if (send_ask(request, state->settings, &command) < 0) {
		set_problem(decision_r, "OpenSSL failed");
		return;
	}
	if (store_ask(state->store, &command, &reply, &error) < 0) {
		set_problem(decision_r, error);
		return;
	}
	send_read(reply, &decision_r->answer);
	if (decision_r->answer.verdict == SEND_UNAVAILABLE)
		set_problem(decision_r, reply_unavailable_text(reply));
	freeReplyObject(reply);
}
