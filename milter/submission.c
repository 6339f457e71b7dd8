/* A message that a login sends. */

#include "submission.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "decision.h"
#include "base/header-field.h"
#include "daemon/log.h"
#include "message-log.h"
#include "message-name.h"
#include "base/network.h"
#include "verdict-reply.h"
#include "keys/trace.h"

/* A message that was sent on a few times has a few. Each costs the MTA a walk through the headers,
   so there is a limit to what a sender may ask of it. */
#define TRACES_MAX 50

/* libmilter's prototypes know no const. */
static char macro_queue_id[] = "i";
static char macro_host[] = "j";
static char trace_header[] = TRACE_HEADER;

static struct message_log describe_message(const struct submission *submission,
					   const char *queue_id)
{
	return (struct message_log){
		.account = submission->account.text,
		.client = submission->client,
		.queue_id = queue_id,
		.recipients = submission->recipients,
	};
}

/* May it begin? */
static sfsistat ask_at_mail(struct submission *submission, SMFICTX *ctx)
{
	struct send_request request = { .account = &submission->account,
					.stage = SEND_AT_MAIL,
					.has_sender = submission->has_sender };
	const struct message_log described = describe_message(submission, NULL);
	struct decision decision;
	sfsistat result;

	decision_make(submission->state, submission->connection, &request, &decision);
	submission->recipients_allowed = decision.answer.recipients_allowed;
	result = smtp_reply_verdict(ctx, &decision.answer, submission->state->settings);
	if (decision.answer.verdict != SEND_ALLOW)
		message_log_decision(&described, &decision, result == SMFIS_CONTINUE);
	return result;
}

/* Postfix's own name for no sender: cleanup(8) turns it into one, with $myorigin after it. */
static bool is_name_of_none(const char *local_part, size_t size)
{
	static const char name[] = "mailer-daemon";

	return size == strlen(name) && strncasecmp(local_part, name, size) == 0;
}

/* True for a mailbox in its usual form (RFC 5321 section 4.1.2, without source routes and quoted
   local parts). What else Postfix accepts, such as comments, may turn out to be no sender at all.
 */
static bool is_mailbox(const char *sender)
{
	static const char specials[] = " \t()<>[]:;@\\,\"";
	size_t size;

	if (*sender == '<')
		sender++;
	size = strcspn(sender, specials);
	if (size == 0 || sender[size] != '@' || is_name_of_none(sender, size))
		return false;
	sender += size + 1;
	size = *sender == '[' ? strcspn(sender, "]") + 1 : strcspn(sender, specials);
	return size > 1 && size <= strlen(sender) &&
	       (sender[size] == '\0' || strcmp(sender + size, ">") == 0);
}

static sfsistat begin_for_login(struct submission *submission, SMFICTX *ctx, const char *login)
{
	const struct settings *settings;
	const char *error;

	submission->state = state_acquire();
	if (submission->state == NULL)
		return smtp_reply_failure(ctx);
	settings = submission->state->settings;
	if (network_list_has(&settings->internal_networks, submission->client))
		return SMFIS_ACCEPT; /* A5: webmail is not limited */
	if (account_name_parse(login, strlen(login), settings->default_domain, &submission->account,
			       &error) < 0) {
		message_log_login(login, submission->client, error);
		return smtp_reply_no_account(ctx);
	}
	return ask_at_mail(submission, ctx);
}

sfsistat submission_begin(struct submission *submission, SMFICTX *ctx, const char *login,
			  const char *client, struct connection *connection, const char *sender)
{
	sfsistat result;

	*submission = (struct submission){ .client = client,
					   .connection = connection,
					   .has_sender = is_mailbox(sender) };
	result = begin_for_login(submission, ctx, login);
	if (result != SMFIS_CONTINUE)
		submission_end(submission);
	return result;
}

sfsistat submission_recipient(struct submission *submission, SMFICTX *ctx)
{
	if (submission->recipients_allowed != SETTINGS_UNLIMITED &&
	    submission->recipients >= submission->recipients_allowed)
		return smtp_reply_recipient(ctx, submission->recipients_allowed,
					    submission->state->settings);
	submission->recipients++;
	return SMFIS_CONTINUE;
}

void submission_header(struct submission *submission, const char *name)
{
	if (header_field_is(name, strlen(name), TRACE_HEADER))
		submission->traces++;
}

/* Removes the traces that the sender supplied, last one first so that none changes its place
   before its turn, and adds our own (B1). Above the sender's headers, as some MTAs return only
   the first few of a message that they refuse. */
static int put_trace(SMFICTX *ctx, unsigned int old, char *value)
{
	for (unsigned int i = old; i > 0; i--) {
		if (smfi_chgheader(ctx, trace_header, (int)i, NULL) != MI_SUCCESS)
			return -1;
	}
	return smfi_insheader(ctx, 1, trace_header, value) == MI_SUCCESS ? 0 : -1;
}

/* Mail without a sender never bounces, so that spam could hide in it: it gets the account as one.
   (Mail programs send receipts that way.) */
static int put_sender(SMFICTX *ctx, const struct submission *submission)
{
	char sender[ACCOUNT_NAME_MAX + 3];

	if (submission->has_sender)
		return 0;
	snprintf(sender, sizeof(sender), "<%s>", submission->account.text);
	return smfi_chgfrom(ctx, sender, NULL) == MI_SUCCESS ? 0 : -1;
}

/* The trace is made before the message is charged, so that a failure costs the sender nothing. */
static sfsistat charge_message(struct submission *submission, SMFICTX *ctx, const char *queue_id,
			       const struct message_log *described)
{
	const struct settings *settings = submission->state->settings;
	char name[MESSAGE_NAME_SIZE], trace[TRACE_VALUE_SIZE];
	struct send_request request = { .account = &submission->account,
					.stage = SEND_MESSAGE,
					.message = name,
					.recipients = submission->recipients,
					.has_sender = submission->has_sender };
	struct decision decision;
	sfsistat result;

	if (message_name(smfi_getsymval(ctx, macro_host), queue_id, name) < 0 ||
	    trace_seal(settings->secrets, &submission->account, settings->default_domain,
		       time(NULL), submission->recipients, queue_id != NULL ? queue_id : name,
		       trace) < 0) {
		message_log_refusal(LOG_ERR, described, "the trace header can't be created");
		return smtp_reply_failure(ctx);
	}
	decision_make(submission->state, submission->connection, &request, &decision);
	result = smtp_reply_verdict(ctx, &decision.answer, settings);
	if (result == SMFIS_CONTINUE &&
	    (put_trace(ctx, submission->traces, trace) < 0 || put_sender(ctx, submission) < 0)) {
		message_log_refusal(LOG_ERR, described,
				    "the trace header or the sender can't be added");
		return smtp_reply_failure(ctx);
	}
	message_log_decision(described, &decision, result == SMFIS_CONTINUE);
	return result;
}

sfsistat submission_charge(struct submission *submission, SMFICTX *ctx)
{
	const char *queue_id = smfi_getsymval(ctx, macro_queue_id);
	const struct message_log described = describe_message(submission, queue_id);

	if (submission->traces <= TRACES_MAX)
		return charge_message(submission, ctx, queue_id, &described);
	message_log_refusal(LOG_NOTICE, &described, "too many trace headers");
	return smtp_reply_too_many_traces(ctx);
}

void submission_end(struct submission *submission)
{
	if (submission->state != NULL)
		state_release(&submission->state);
}
