/* What a bounce says, and what follows from it. */

#include "bounce-decision.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "store/command.h"
#include "store/reply.h"
#include "decisions/trace-names.h"

/*
 * A host of the site that made the bounce itself is trusted more than one that only passed it on.
 * Postfix shows no Received header of its own, so a bounce that was made here has none; one that
 * another of our hosts made has that host's "Received: by", and whatever reached it over SMTP has a
 * "Received: from".
 */
static bool is_made_inside(const struct bounce_reading *reading, const struct bounce_origin *origin)
{
	if (!origin->is_own)
		return false;
	return reading->received == 0 ||
	       (!origin->internal && reading->received == 1 && !reading->was_received_from);
}

/* Who says that something failed. */
static enum failure_source find_source(const struct bounce_reading *reading,
				       const struct bounce_origin *origin)
{
	if (!is_made_inside(reading, origin))
		return FAILURE_REMOTE;
	/* This host's Postfix, about the queue file that the login sent, and no copy that somebody
	   made of the message. What sendmail(1) was given would look the same: postfix-master.cf
	   keeps it away from here, and `doveadm postern check` says where it doesn't. */
	return origin->internal && trace_is_of_queue(&reading->trace, reading->queue_id)
		       ? FAILURE_OWN_QUEUE
		       : FAILURE_OWN_HOST;
}

static int fail_decision(struct bounce_decision *decision, const char *problem)
{
	decision->answer.verdict = FAILURE_UNAVAILABLE;
	decision_problem(problem, decision->problem);
	return -1;
}

static int find_account(struct state *state, struct bounce_decision *decision)
{
	const struct trace *trace = &decision->reading.trace;
	struct command command;
	struct redisReply *reply;
	const char *error;
	int result;

	if (trace->reference[0] == '\0')
		return 0;
	trace_names_ask(trace, &command);
	result = store_call(state->store, &command, 0, &reply, &error);
	if (result <= 0)
		return fail_decision(decision, error);
	result =
		trace_names_read(reply, trace, state->settings->default_domain, &decision->account);
	freeReplyObject(reply);
	return result == 0 ? 0 : fail_decision(decision, "the account of the trace is unknown");
}

static void count_failures(struct state *state, const struct failure_report *report,
			   struct bounce_decision *decision)
{
	struct command command;
	struct redisReply *reply;
	const char *error;

	if (failure_ask(report, state->settings, &command) < 0) {
		fail_decision(decision, "OpenSSL failed");
		return;
	}
	if (store_ask(state->store, &command, &reply, &error) < 0) {
		fail_decision(decision, error);
		return;
	}
	failure_read(reply, &decision->answer);
	if (decision->answer.verdict == FAILURE_UNAVAILABLE)
		fail_decision(decision, reply_unavailable_text(reply));
	freeReplyObject(reply);
}

void bounce_decide(struct state *state, struct bounce *bounce, const struct bounce_origin *origin,
		   struct bounce_decision *decision_r)
{
	const struct settings *settings = state->settings;
	struct bounce_reading *reading = &decision_r->reading;
	struct failure_report report;

	memset(decision_r, 0, sizeof(*decision_r));
	bounce_read(bounce, settings->secrets, settings->default_domain, reading);
	if (!reading->genuine)
		return;
	decision_r->source = find_source(reading, origin);
	decision_r->account = reading->trace.account;
	if (reading->failed_count == 0 || find_account(state, decision_r) < 0)
		return;
	report = (struct failure_report){
		.account = &decision_r->account,
		.trace = &reading->trace,
		.source = decision_r->source,
		.client = origin->client,
		.failed = reading->failed,
		.failed_count = reading->failed_count,
	};
	count_failures(state, &report, decision_r);
}
