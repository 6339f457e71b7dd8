/* The decision on a message that a login wants to send. */

#include "decisions/send.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "store/reply.h"
#include "keys/trace.h"

/* Of the SHA-256 of a message's name: enough to distinguish the messages of an hour. */
#define MESSAGE_ID_SIZE 5

static const char *const verdict_words[] = {
	[SEND_ALLOW] = "allow",
	[SEND_DEFER] = "defer",
	[SEND_LIMIT] = "limit",
	[SEND_RECEIPT] = "receipt",
	[SEND_OFF] = "off",
	[SEND_LOG_IN_AGAIN] = "log-in-again",
	[SEND_PROTOCOL] = "protocol",
	[SEND_BLOCKED] = "blocked",
	[SEND_TOO_MANY_RECIPIENTS] = "too-many-recipients",
	[SEND_UNAVAILABLE] = "unavailable",
};

static const char *const stage_words[] = {
	[SEND_AT_MAIL] = "mail",
	[SEND_MESSAGE] = "message",
	[SEND_COUNT] = "count",
};

static const char *const count_words[] = {
	[SEND_COUNT_MESSAGES] = "messages",
	[SEND_COUNT_RECIPIENTS] = "recipients",
};

const char *send_verdict_word(enum send_verdict verdict)
{
	return verdict_words[verdict];
}

int send_ask(const struct send_request *request, const struct settings *settings,
	     struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "sent", "*traced", NULL };
	unsigned char id[DIGEST_SIZE] = { 0 };
	char reference[TRACE_REFERENCE_SIZE];

	if ((request->stage == SEND_MESSAGE &&
	     digest_make(request->message, strlen(request->message), id) < 0) ||
	    trace_reference(request->account, settings->default_domain, reference) < 0)
		return -1;
	command_begin(command_r, SCRIPT_SEND, request->account, kinds);
	command_string(command_r, stage_words[request->stage]);
	command_bytes(command_r, id, MESSAGE_ID_SIZE);
	command_number(command_r, request->stage == SEND_MESSAGE ? request->recipients : 0);
	command_string(command_r, request->account->text);
	command_string(command_r, reference);
	command_string(command_r, settings->tier_rows.send);
	command_number(command_r, request->began > 0 ? (uint64_t)request->began : 0);
	command_number(command_r, request->has_sender ? 1 : 0);
	return 0;
}

static enum send_count read_count(const struct redisReply *reply, unsigned int place)
{
	bool recipients = strcmp(reply_string(reply, place), "recipients") == 0;

	return recipients ? SEND_COUNT_RECIPIENTS : SEND_COUNT_MESSAGES;
}

void send_read(const struct redisReply *reply, struct send_answer *answer_r)
{
	int verdict = reply_verdict(reply, verdict_words, SEND_UNAVAILABLE);

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = SEND_UNAVAILABLE;
	switch ((enum send_verdict)verdict) {
	case SEND_ALLOW:
	case SEND_TOO_MANY_RECIPIENTS:
		answer_r->recipients_allowed = (unsigned int)reply_number(reply, 1);
		break;
	case SEND_DEFER:
		answer_r->wait = (unsigned int)reply_number(reply, 1);
		answer_r->limit = (unsigned int)reply_number(reply, 2);
		answer_r->count = read_count(reply, 3);
		answer_r->hourly = strcmp(reply_string(reply, 4), "hour") == 0;
		break;
	case SEND_LIMIT:
	case SEND_RECEIPT:
		answer_r->limit = (unsigned int)reply_number(reply, 1);
		answer_r->count = read_count(reply, 2);
		break;
	case SEND_OFF:
		if (reason_parse(reply_string(reply, 1), &answer_r->reason) < 0)
			return;
		break;
	case SEND_PROTOCOL:
		strcpy(answer_r->tier, reply_word(reply, 1, SETTINGS_TIER_MAX));
		if (*answer_r->tier == '\0')
			return;
		break;
	case SEND_LOG_IN_AGAIN:
	case SEND_BLOCKED:
	case SEND_UNAVAILABLE:
		break;
	}
	answer_r->verdict = (enum send_verdict)verdict;
}

int send_count_read(const struct redisReply *reply, unsigned int *minute_r, unsigned int *hour_r)
{
	if (strcmp(reply_string(reply, 0), "count") != 0)
		return -1;
	*minute_r = (unsigned int)reply_number(reply, 1);
	*hour_r = (unsigned int)reply_number(reply, 2);
	return 0;
}

void send_sentence(const struct send_answer *answer, const struct settings *settings,
		   char sentence_r[SEND_SENTENCE_SIZE])
{
	const char *url = settings->help_url;
	const char *done = answer->count == SEND_COUNT_RECIPIENTS ? "written to" : "sent";

	sentence_r[0] = '\0';
	switch (answer->verdict) {
	case SEND_DEFER:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "At most %u %s %s may be %s: try again in %u seconds, see %s",
			 answer->limit, count_words[answer->count],
			 answer->hourly ? "an hour" : "a minute", done, answer->wait, url);
		break;
	case SEND_LIMIT:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "At most %u %s an hour may be %s: external access is now off, "
			 "switch it on again at %s",
			 answer->limit, count_words[answer->count], done, url);
		break;
	case SEND_RECEIPT:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "At most %u %s an hour may be %s: this automatic message was refused, "
			 "and external access stays on, see %s",
			 answer->limit, count_words[answer->count], done, url);
		break;
	case SEND_OFF:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "External access is off: %s. Switch it on at %s",
			 reason_text(answer->reason), url);
		break;
	case SEND_LOG_IN_AGAIN:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "Log in again: the app password of this connection may have ended, see %s",
			 url);
		break;
	case SEND_PROTOCOL:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "SMTP is not available for this mailbox (%s), see %s", answer->tier, url);
		break;
	case SEND_BLOCKED:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "Sending from this mailbox is blocked by your mail provider, see %s", url);
		break;
	case SEND_TOO_MANY_RECIPIENTS:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "A message may have at most %u recipients, see %s",
			 answer->recipients_allowed, url);
		break;
	case SEND_UNAVAILABLE:
		snprintf(sentence_r, SEND_SENTENCE_SIZE,
			 "Sending is not possible at the moment: try again in a few minutes");
		break;
	case SEND_ALLOW:
		break;
	}
}
