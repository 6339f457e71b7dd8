#include "bounce-log.h"

#include <stdio.h>

#include "daemon/log.h"
#include "account/reason.h"

#define DETAIL_SIZE 320

static const char *form_word(enum bounce_form form)
{
	static const char *const words[] = { [BOUNCE_NOTHING] = "none",
					     [BOUNCE_STATUS] = "status",
					     [BOUNCE_FEEDBACK] = "feedback",
					     [BOUNCE_WORDS] = "words" };

	return words[form];
}

static const char *source_word(enum failure_source source)
{
	static const char *const words[] = { [FAILURE_OWN_QUEUE] = "own-queue",
					     [FAILURE_OWN_HOST] = "own-host",
					     [FAILURE_REMOTE] = "remote" };

	return words[source];
}

static const char *account_word(const struct bounce_decision *decision)
{
	return decision->account.text[0] != '\0' ? decision->account.text : "-";
}

/* Where it came from, after everything that it says. */
static void write_line(int priority, const char *what, const struct bounce_origin *origin,
		       const char *queue_id)
{
	char word[LOG_WORD_SIZE];

	log_word(queue_id, word);
	log_line(priority, "%s queue_id=%s client=%s", what, word,
		 origin->internal	     ? "postfix"
		 : origin->client[0] == '\0' ? "-"
					     : origin->client);
}

/* The verdict and its numbers, where there is one. */
static int verdict_detail(const struct bounce_decision *decision, char detail_r[DETAIL_SIZE])
{
	const struct failure_answer *answer = &decision->answer;

	switch (answer->verdict) {
	case FAILURE_COUNTED:
	case FAILURE_KNOWN:
		snprintf(detail_r, DETAIL_SIZE, " counted=%u score=%u/%u", answer->counted,
			 answer->score, answer->threshold);
		return LOG_INFO;
	case FAILURE_COMPROMISED:
		snprintf(detail_r, DETAIL_SIZE, " reason=%s counted=%u score=%u/%u",
			 reason_word(REASON_COMPROMISED), answer->counted, answer->score,
			 answer->threshold);
		return LOG_NOTICE;
	case FAILURE_OFF:
		snprintf(detail_r, DETAIL_SIZE, " reason=%s", reason_word(answer->reason));
		return LOG_INFO;
	case FAILURE_OLD:
	case FAILURE_UNLIMITED:
		detail_r[0] = '\0';
		return LOG_INFO;
	case FAILURE_UNAVAILABLE:
		snprintf(detail_r, DETAIL_SIZE, " error=\"%s\"", decision->problem);
		return LOG_WARNING;
	}
	return LOG_ERR;
}

static void log_failed(const struct bounce_decision *decision, const struct bounce_origin *origin,
		       const char *queue_id)
{
	const struct bounce_reading *reading = &decision->reading;
	char detail[DETAIL_SIZE], what[LOG_LINE_MAX], status[LOG_WORD_SIZE];
	int priority = verdict_detail(decision, detail);

	log_word(reading->failed_count > 0 ? reading->failed[0].status : NULL, status);
	snprintf(what, sizeof(what),
		 "bounce=genuine account=%s verdict=%s%s failed=%u status=%s form=%s by=%s "
		 "message=%s",
		 account_word(decision), failure_verdict_word(decision->answer.verdict), detail,
		 reading->failed_count, status, form_word(reading->form),
		 source_word(decision->source), reading->trace.id);
	write_line(priority, what, origin, queue_id);
}

void bounce_log(const struct bounce_decision *decision, const struct bounce_origin *origin,
		const char *queue_id)
{
	const struct bounce_reading *reading = &decision->reading;
	char what[LOG_LINE_MAX];

	if (!reading->genuine) {
		snprintf(what, sizeof(what), "bounce=unproven form=%s cut=%s",
			 form_word(reading->form), reading->was_cut ? "yes" : "no");
		write_line(LOG_INFO, what, origin, queue_id);
	} else if (reading->failed_count == 0) {
		snprintf(what, sizeof(what),
			 "bounce=genuine account=%s verdict=no-failure by=%s message=%s",
			 account_word(decision), source_word(decision->source), reading->trace.id);
		write_line(LOG_INFO, what, origin, queue_id);
	} else {
		log_failed(decision, origin, queue_id);
	}
}

void bounce_log_unread(const struct bounce_origin *origin, const char *queue_id,
		       const char *problem)
{
	char what[LOG_LINE_MAX];

	snprintf(what, sizeof(what), "bounce=unread error=\"%s\"", problem);
	write_line(LOG_WARNING, what, origin, queue_id);
}
