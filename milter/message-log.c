#include "message-log.h"

#include <stdio.h>

#include "daemon/log.h"
#include "account/reason.h"

#define DETAIL_SIZE 256

/* What there is to know of this verdict alone; begins with a space unless it is "". */
static void verdict_detail(const struct decision *decision, bool passed, char detail_r[DETAIL_SIZE])
{
	const struct send_answer *answer = &decision->answer;

	detail_r[0] = '\0';
	switch (answer->verdict) {
	case SEND_ALLOW:
	case SEND_LOG_IN_AGAIN:
	case SEND_BLOCKED:
		break;
	case SEND_PROTOCOL:
		snprintf(detail_r, DETAIL_SIZE, " tier=%s", answer->tier);
		break;
	case SEND_DEFER:
		snprintf(detail_r, DETAIL_SIZE, " limit=%u wait=%u", answer->limit, answer->wait);
		break;
	case SEND_RECEIPT:
		snprintf(detail_r, DETAIL_SIZE, " limit=%u", answer->limit);
		break;
	case SEND_LIMIT:
		snprintf(detail_r, DETAIL_SIZE, " limit=%u reason=%s", answer->limit,
			 reason_word(REASON_SEND_LIMIT));
		break;
	case SEND_OFF:
		snprintf(detail_r, DETAIL_SIZE, " reason=%s", reason_word(answer->reason));
		break;
	case SEND_TOO_MANY_RECIPIENTS:
		snprintf(detail_r, DETAIL_SIZE, " limit=%u", answer->recipients_allowed);
		break;
	case SEND_UNAVAILABLE:
		snprintf(detail_r, DETAIL_SIZE, " passed=%s error=\"%s\"", passed ? "yes" : "no",
			 decision->problem);
		break;
	}
}

static int verdict_priority(enum send_verdict verdict)
{
	switch (verdict) {
	case SEND_ALLOW:
		return LOG_INFO;
	case SEND_DEFER:
	case SEND_LIMIT:
	case SEND_RECEIPT:
	case SEND_OFF:
	case SEND_LOG_IN_AGAIN:
	case SEND_PROTOCOL:
	case SEND_BLOCKED:
	case SEND_TOO_MANY_RECIPIENTS:
		return LOG_NOTICE;
	case SEND_UNAVAILABLE:
		return LOG_WARNING;
	}
	return LOG_ERR;
}

static void write_line(int priority, const struct message_log *message, const char *verdict,
		       const char *detail)
{
	char queue_id[LOG_WORD_SIZE];

	log_word(message->queue_id, queue_id);
	log_line(priority, "account=%s verdict=%s%s recipients=%u queue_id=%s client=%s",
		 message->account, verdict, detail, message->recipients, queue_id,
		 message->client[0] == '\0' ? "-" : message->client);
}

void message_log_decision(const struct message_log *message, const struct decision *decision,
			  bool passed)
{
	const enum send_verdict verdict = decision->answer.verdict;
	char detail[DETAIL_SIZE];

	verdict_detail(decision, passed, detail);
	write_line(verdict_priority(verdict), message, send_verdict_word(verdict), detail);
}

void message_log_refusal(int priority, const struct message_log *message, const char *problem)
{
	char detail[DETAIL_SIZE];

	snprintf(detail, sizeof(detail), " error=\"%s\"", problem);
	write_line(priority, message, "refused", detail);
}

void message_log_login(const char *login, const char *client, const char *problem)
{
	char word[LOG_WORD_SIZE];

	log_word(login, word);
	log_line(LOG_NOTICE, "login=%s verdict=refused error=\"%s\" client=%s", word, problem,
		 client[0] == '\0' ? "-" : client);
}
