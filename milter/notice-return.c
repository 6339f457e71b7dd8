/* A notice that its mailbox refused. */

#include "notice-return.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "daemon/log.h"
#include "decisions/refusal.h"
#include "store/reply.h"

/* What it is about, and what has become of it. */
struct returned {
	struct account_name account;
	struct notice_number number;
	const char *status;
	const char *queue_id;
};

/* True if the notice with that sender was to the address. */
static bool is_to(const struct secrets *secrets, const char *sender, const char *address,
		  struct returned *returned)
{
	const char *error;

	return account_name_parse(address, strlen(address), NULL, &returned->account, &error) ==
		       0 &&
	       notice_sender_is_of(secrets, sender, &returned->account, &returned->number);
}

/* An alias may have led the notice to a mailbox of another name. */
static bool find(const struct secrets *secrets, const struct bounce_reading *reading,
		 const char *sender, struct returned *returned)
{
	return is_to(secrets, sender, reading->given_up.original_recipient, returned) ||
	       is_to(secrets, sender, reading->given_up.final_recipient, returned);
}

static void log_returned(int priority, const struct returned *returned, const char *what,
			 const char *error)
{
	char number[NOTICE_NUMBER_SIZE], status[LOG_WORD_SIZE], queue_id[LOG_WORD_SIZE];

	notice_number_write(&returned->number, number);
	log_word(returned->status, status);
	log_word(returned->queue_id, queue_id);
	log_line(priority,
		 "account=%s notice=refused-by-mailbox number=%s status=%s verdict=%s%s%s%s"
		 " queue_id=%s",
		 returned->account.text, number, status, what, error != NULL ? " error=\"" : "",
		 error != NULL ? error : "", error != NULL ? "\"" : "", queue_id);
}

static enum notice_return fail(const struct returned *returned, const char *error)
{
	char problem[DECISION_PROBLEM_SIZE];

	decision_problem(error, problem);
	log_returned(LOG_WARNING, returned, "unavailable", problem);
	return NOTICE_RETURN_LATER;
}

static enum notice_return conclude(const struct returned *returned,
				   const struct refusal_answer *answer)
{
	static const char *const words[] = {
		[REFUSAL_WAITS] = "waits",
		[REFUSAL_KNOWN] = "known",
		[REFUSAL_OVER] = "over",
	};

	log_returned(answer->verdict == REFUSAL_WAITS ? LOG_NOTICE : LOG_INFO, returned,
		     words[answer->verdict], NULL);
	return NOTICE_RETURN_TAKEN;
}

static enum notice_return tell(struct state *state, const struct returned *returned)
{
	enum notice_return result;
	struct refusal_answer answer;
	struct command command;
	redisReply *reply;
	const char *error;

	refusal_ask(&returned->account, &returned->number, returned->status, &command);
	if (store_ask(state->store, &command, &reply, &error) < 0)
		return fail(returned, error);
	refusal_read(reply, &answer);
	if (answer.verdict == REFUSAL_UNAVAILABLE)
		result = fail(returned, reply_unavailable_text(reply));
	else
		result = conclude(returned, &answer);
	freeReplyObject(reply);
	return result;
}

enum notice_return notice_return_take(struct state *state, const struct bounce_reading *reading,
				      const struct bounce_origin *origin, const char *recipient,
				      const char *queue_id)
{
	struct returned returned = { .status = reading->given_up.status, .queue_id = queue_id };

	/* What anybody else brings proves nothing, and Postfix's own has no Received header. */
	if (!origin->internal || reading->received > 0 ||
	    !find(state->settings->secrets, reading, recipient, &returned))
		return NOTICE_RETURN_NONE;
	return tell(state, &returned);
}
