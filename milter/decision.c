#include "decision.h"

#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/command.h"
#include "base/printable.h"
#include "store/reply.h"

void decision_problem(const char *problem, char problem_r[DECISION_PROBLEM_SIZE])
{
	snprintf(problem_r, DECISION_PROBLEM_SIZE, "%s", problem);
	make_printable(problem_r, "\"\\");
}

static void ask_store(struct state *state, const struct send_request *request,
		      struct decision *decision_r)
{
	struct command command;
	struct redisReply *reply = NULL;
	const char *error;

	memset(decision_r, 0, sizeof(*decision_r));
	decision_r->answer.verdict = SEND_UNAVAILABLE;
	if (send_ask(request, state->settings, &command) < 0) {
		decision_problem("OpenSSL failed", decision_r->problem);
		return;
	}
	if (store_ask(state->store, &command, &reply, &error) < 0) {
		decision_problem(error, decision_r->problem);
		return;
	}
	send_read(reply, &decision_r->answer);
	if (decision_r->answer.verdict == SEND_UNAVAILABLE)
		decision_problem(reply_unavailable_text(reply), decision_r->problem);
	freeReplyObject(reply);
}

void decision_make(struct state *state, struct connection *connection, struct send_request *request,
		   struct decision *decision_r)
{
	const char *error;

	if (connection->began == 0 && connection_date(connection, state->store, &error) < 0) {
		memset(decision_r, 0, sizeof(*decision_r));
		decision_r->answer.verdict = SEND_UNAVAILABLE;
		decision_problem(error, decision_r->problem);
		return;
	}
	request->began = connection->began;
	ask_store(state, request, decision_r);
	/* A slow answer made the connection look older than it is: a new one may have been taken
	   for an earlier one. */
	if (decision_r->answer.verdict == SEND_LOG_IN_AGAIN &&
	    connection_date(connection, state->store, &error) == 1) {
		request->began = connection->began;
		ask_store(state, request, decision_r);
	}
}
