/* Mails owners what became of their external access (D5). */

#include "notices.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doveadm.h"
#include "letter.h"
#include "log.h"
#include "monotonic.h"
#include "printable.h"
#include "question.h"
#include "queue.h"
#include "sendmail.h"
#include "worker.h"

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
#define ROUND_MAX_MS                                                                               \
	5000 /* between two looks into all outboxes, for entries whose lease is over               \
	      */

/* For how long it is known who has to end sessions. */
#define WORKERS_MS 1000

/* The clocks of Redis, Postfix and Dovecot may differ by so many seconds. */
#define QUEUE_SLACK   60
#define MAILBOX_SLACK 86400

/* After so long nobody waits for a mailbox that Dovecot doesn't know any more. */
#define NO_USER_MS (INT64_C(5) * 24 * 3600 * 1000)

struct notices {
	const struct state *state; /* of this round */
	struct doveadm *doveadm;
	uint64_t todo;	       /* a bit for each partition whose outbox has to be looked into */
	int64_t whole_look;    /* when to look into all of them, of the monotonic clock */
	char *workers;	       /* who has to end sessions first; NULL if it isn't known */
	int64_t workers_asked; /* when, of the monotonic clock */
	bool doubtful;	       /* in this round anything may have been sent before */
	bool doubt;	       /* in the next */
	bool unknown_logged, missing_logged;
	unsigned int retry; /* milliseconds to wait when sending fails; 0 while it works */
	struct trouble redis, sendmail, search, writing;
};

enum sent {
	SENT_BEFORE,
	SENT_NEVER,
	SENT_MAYBE, /* it is on its way, or nobody can tell */
};

enum outcome {
	OUTCOME_DONE,  /* sent now or before, or not to be sent */
	OUTCOME_LATER, /* it stays, and comes again when its lease is over */
	OUTCOME_STOP,  /* the same, and so would the next ones */
};

/* The milliseconds of the entry's id: Redis's clock when it came to be. */
static int64_t born(const struct outbox_event *event)
{
	return strtoll(event->id, NULL, 10);
}

/* False while the queue has something that may be the notice, and when it can't be read. */
static bool is_queue_clear(struct notices *notices, const struct outbox_event *event)
{
	char *error;

	switch (queue_search(notices->state->settings->worker.sendmail, event->account.text,
			     born(event) / 1000 - QUEUE_SLACK, &error)) {
	case QUEUE_FOUND:
		return false;
	case QUEUE_NOT_FOUND:
		return true;
	case QUEUE_MISSING:
		if (!notices->missing_logged)
			log_line(LOG_NOTICE, "no queue is looked into: %s",
				 error != NULL ? error : "out of memory");
		notices->missing_logged = true;
		free(error);
		return true;
	case QUEUE_UNKNOWN:
		break;
	}
	trouble_failed(&notices->search, error != NULL ? error : "out of memory");
	free(error);
	return false;
}

/* Whether the notice has been sent before. */
static enum sent search(struct notices *notices, const struct outbox_event *event,
			const char *message_id)
{
	const char *error;

	/* The queue comes first, as mail goes from there into the mailbox. It is read twice: what
	   is on the way from one part of it to another while it is read may not show. */
	for (int i = 0; i < 2; i++) {
		if (!is_queue_clear(notices, event))
			return SENT_MAYBE;
	}
	switch (doveadm_search(notices->doveadm, notices->state->settings, event->account.text,
			       message_id, born(event) / 1000 - MAILBOX_SLACK, &error)) {
	case DOVEADM_FOUND:
		trouble_over(&notices->search);
		return SENT_BEFORE;
	case DOVEADM_NOT_FOUND:
		trouble_over(&notices->search);
		return SENT_NEVER;
	case DOVEADM_NO_USER:
		if (born(event) + NO_USER_MS < (int64_t)time(NULL) * 1000)
			return SENT_BEFORE;
		break;
	case DOVEADM_UNKNOWN:
		break;
	}
	trouble_failed(&notices->search, error);
	return SENT_MAYBE;
}

static void log_notice(const struct outbox_event *event, const char *message_id, const char *what)
{
	static const char *const kinds[] = {
		[OUTBOX_OFF] = "off",	      [OUTBOX_ON] = "on",   [OUTBOX_PASSWORD] = "password",
		[OUTBOX_WARNING] = "warning", [OUTBOX_END] = "end", [OUTBOX_UNKNOWN] = "unknown",
	};

	log_line(LOG_INFO, "account=%s notice=%s event=%s message_id=%s", event->account.text, what,
		 kinds[event->kind], message_id);
}

/* Hands the notice to sendmail. */
static enum outcome post(struct notices *notices, const struct outbox_event *event,
			 const char *message_id, const char *text)
{
	const struct worker_settings *settings = &notices->state->settings->worker;
	char error[SENDMAIL_TEXT_SIZE];

	switch (sendmail_run(settings->sendmail, event->account.text, text,
			     settings->notice_lease / 2, error)) {
	case SENDMAIL_SENT:
		trouble_over(&notices->sendmail);
		worker_count_notice();
		log_notice(event, message_id, "sent");
		return OUTCOME_DONE;
	case SENDMAIL_FAILED:
		trouble_over(&notices->sendmail);
		log_line(LOG_ERR, "account=%s notice=refused error=\"%s\"", event->account.text,
			 error);
		return OUTCOME_DONE;
	case SENDMAIL_LATER:
		break;
	}
	trouble_failed(&notices->sendmail, error);
	return OUTCOME_STOP;
}

/* Writes the notice and posts it. The lease began at the time taken. */
static enum outcome send(struct notices *notices, const struct outbox_event *event,
			 const char *message_id, int64_t taken)
{
	char *text = NULL, *error = NULL;
	enum outcome outcome = OUTCOME_LATER;
	int written = letter_write(notices->state, event, message_id, &text, &error);

	if (written == 0)
		return OUTCOME_DONE;
	/* sendmail has to end while the lease lasts: whoever gets the entry next must be able to
	   find what it has done. */
	if (written < 0) {
		trouble_failed(&notices->writing, error != NULL ? error : "out of memory");
	} else if (monotonic_msecs() - taken > notices->state->settings->worker.notice_lease / 4) {
		trouble_failed(&notices->writing, "too slow for notice_lease");
	} else {
		trouble_over(&notices->writing);
		outcome = post(notices, event, message_id, text);
	}
	free(error);
	free(text);
	return outcome;
}

/* Looks whether the notice has been sent, and sends it if not. */
static enum outcome send_again(struct notices *notices, const struct outbox_event *event,
			       const char *message_id)
{
	const char *error;
	int64_t taken;

	switch (search(notices, event, message_id)) {
	case SENT_BEFORE:
		log_notice(event, message_id, "was-sent");
		return OUTCOME_DONE;
	case SENT_MAYBE:
		return OUTCOME_LATER;
	case SENT_NEVER:
		break;
	}
	/* The search may have taken all of the lease. */
	taken = monotonic_msecs();
	switch (question_renew(notices->state->store, event, &error)) {
	case 1:
		return send(notices, event, message_id, taken);
	case 0:
		return OUTCOME_LATER;
	default:
		trouble_failed(&notices->redis, error);
		notices->doubt = true;
		return OUTCOME_STOP;
	}
}

/* Says whose sessions may still be there to delete the notice. */
static void log_unseen(const struct outbox_event *event)
{
	char hosts[OUTBOX_TEXT_SIZE];

	strcpy(hosts, event->unseen);
	make_printable(hosts, "\"");
	log_line(LOG_WARNING, "account=%s sessions=unseen hosts=\"%s\"", event->account.text,
		 hosts);
}

static enum outcome handle(struct notices *notices, const struct outbox_event *event, int64_t taken)
{
	char message_id[OUTBOX_MESSAGE_ID_SIZE];

	if (event->kind == OUTBOX_UNKNOWN) {
		if (!notices->unknown_logged)
			log_line(LOG_WARNING,
				 "outbox=%u entry=%s notice=unknown: left to a newer version of "
				 "Postern, as all such",
				 event->partition, event->id);
		notices->unknown_logged = true;
		return OUTCOME_LATER;
	}
	if (event->unseen[0] != '\0')
		log_unseen(event);
	outbox_message_id(event, message_id);
	if (event->times > 1 || notices->doubtful)
		return send_again(notices, event, message_id);
	return send(notices, event, message_id, taken);
}

/* Finds out who has to end sessions before owners are told. 0, or -1 when Redis can't tell. */
static int find_workers(struct notices *notices, const char **error_r)
{
	int64_t now = monotonic_msecs();
	char *workers;

	if (notices->workers != NULL && now - notices->workers_asked < WORKERS_MS)
		return 0;
	workers = question_workers(notices->state->store, error_r);
	if (workers == NULL)
		return -1;
	free(notices->workers);
	notices->workers = workers;
	notices->workers_asked = now;
	return 0;
}

/* Takes an entry: 1, 0 if there is none, or -1 when Redis can't tell. */
static int take(struct notices *notices, unsigned int partition, struct outbox_event *event_r,
		const char **error_r)
{
	unsigned int lease = notices->state->settings->worker.notice_lease;

	if (find_workers(notices, error_r) < 0)
		return -1;
	return question_claim(notices->state->store, partition, lease, notices->workers, event_r,
			      error_r);
}

/* All entries of one outbox that can be had. False when it makes no sense to go on. */
static bool empty_outbox(struct notices *notices, unsigned int partition)
{
	struct store *store = notices->state->store;
	struct outbox_event event;
	const char *error;

	while (!worker_stopping()) {
		int64_t taken = monotonic_msecs();
		int result = take(notices, partition, &event, &error);
		enum outcome outcome = OUTCOME_LATER;

		if (result == 0)
			return true;
		if (result > 0)
			outcome = handle(notices, &event, taken);
		if (outcome == OUTCOME_DONE && question_done(store, &event, &error) < 0)
			result = -1;
		if (result < 0) {
			trouble_failed(&notices->redis, error);
			notices->doubt = true;
			return false;
		}
		if (outcome == OUTCOME_STOP)
			return false;
	}
	return false;
}

/* Empties the outboxes that have to be looked into. False if not all are. */
static bool empty_outboxes(struct notices *notices)
{
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		uint64_t bit = UINT64_C(1) << i;

		if ((notices->todo & bit) == 0)
			continue;
		if (!empty_outbox(notices, i))
			return false;
		notices->todo &= ~bit;
	}
	return true;
}

static void make_round(struct notices *notices)
{
	unsigned int failures = notices->sendmail.failures;
	bool whole;

	if (notices->doubt)
		notices->todo = UINT64_MAX;
	notices->doubtful = notices->doubt;
	notices->doubt = false;
	whole = empty_outboxes(notices);
	if (whole && notices->redis.failures > 0)
		trouble_over(&notices->redis);
	/* Until a round is whole, what it didn't get to is as doubtful as it was. */
	notices->doubt |= notices->doubtful && !whole;
	if (notices->sendmail.failures > failures)
		notices->retry = notices->retry == 0		     ? RETRY_MIN_MS
				 : notices->retry < RETRY_MAX_MS / 2 ? 2 * notices->retry
								     : RETRY_MAX_MS;
	else
		notices->retry = whole ? 0 : RETRY_MIN_MS;
}

/* A Redis that has just been started may have lost what was said to it last. */
static void begin_rounds(struct notices *notices)
{
	struct state *state = state_acquire();
	const char *error;

	notices->doubt = question_seasoned(state->store, &error) != 1;
	state_release(&state);
}

/* Waits until there is something to do. */
static void wait_for_work(struct notices *notices, unsigned int lease)
{
	int64_t now = monotonic_msecs();

	if (notices->retry > 0)
		worker_pause(notices->retry);
	else if (now < notices->whole_look)
		notices->todo |= worker_wait_for_news((unsigned int)(notices->whole_look - now));
	now = monotonic_msecs();
	if (now >= notices->whole_look) {
		notices->todo = UINT64_MAX;
		notices->whole_look = now + (lease < ROUND_MAX_MS ? lease : ROUND_MAX_MS);
	}
}

void *notices_run(void *unused)
{
	struct notices notices = {
		.redis.what = "redis-notices",
		.sendmail.what = "sendmail",
		.search.what = "notice-search",
		.writing.what = "notice",
	};

	(void)unused;
	notices.doveadm = doveadm_create();
	if (notices.doveadm == NULL)
		abort();
	begin_rounds(&notices);
	while (!worker_stopping()) {
		struct state *state = state_acquire();
		unsigned int lease = state->settings->worker.notice_lease;

		notices.state = state;
		make_round(&notices);
		state_release(&state);
		wait_for_work(&notices, lease);
	}
	doveadm_free(&notices.doveadm);
	free(notices.workers);
	return NULL;
}
