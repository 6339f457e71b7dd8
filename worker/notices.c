/* Mails owners what became of their external access (D5). */

#include "notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notice-text.h"
#include "daemon/log.h"
#include "base/monotonic.h"
#include "notices/notice.h"
#include "decisions/notice-name.h"
#include "base/printable.h"
#include "question.h"
#include "search.h"
#include "notices/sendmail.h"
#include "worker.h"

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
#define ROUND_MAX_MS                                                                               \
	5000 /* between two looks into all outboxes, for entries whose lease is over               \
	      */

/* For how long it is known in a round who has to end sessions. */
#define WORKERS_MS 1000

struct notices {
	const struct state *state; /* of this round */
	struct search search;
	uint64_t todo;	       /* a bit for each partition whose outbox has to be looked into */
	int64_t whole_look;    /* when to look into all of them, of the monotonic clock */
	char *workers;	       /* who has to end sessions first; NULL if it isn't known */
	int64_t workers_asked; /* when, of the monotonic clock */
	bool doubtful;	       /* in this round anything may have been sent before */
	bool doubt;	       /* in the next */
	bool unknown_logged;
	unsigned int retry; /* milliseconds to wait when sending fails; 0 while it works */
	struct trouble redis, sendmail, writing;
};

enum outcome {
	OUTCOME_DONE,  /* sent now or before, or not to be sent */
	OUTCOME_LATER, /* it stays, and comes again when its lease is over */
	OUTCOME_STOP,  /* the same, and so would the next ones */
};

/* What the notice of an entry is called. */
struct names {
	struct notice_number number;
	char message_id[NOTICE_MESSAGE_ID_SIZE];
	char sender[NOTICE_SENDER_SIZE + ACCOUNT_NAME_MAX];
};

/* 0, or -1 if OpenSSL fails. */
static int find_names(const struct settings *settings, const struct outbox_event *event,
		      struct names *names_r)
{
	const struct secret_key *key = &settings->secrets->keys[0];
	const char *domain = notice_sender_domain(settings, &event->account);
	char sender[NOTICE_SENDER_SIZE];

	notice_number_of(event, &names_r->number);
	if (notice_message_id(key, &names_r->number, &event->account, names_r->message_id) < 0 ||
	    notice_sender(key, &names_r->number, &event->account, sender) < 0)
		return -1;
	snprintf(names_r->sender, sizeof(names_r->sender), "%s@%s", sender, domain);
	return 0;
}

static void log_notice(const struct outbox_event *event, const char *message_id, const char *what)
{
	static const char *const kinds[] = {
		[OUTBOX_OFF] = "off",		[OUTBOX_ON] = "on",
		[OUTBOX_PASSWORD] = "password", [OUTBOX_WARNING] = "warning",
		[OUTBOX_END] = "end",		[OUTBOX_BREAK_IN] = "break-in",
		[OUTBOX_AGAIN] = "again",	[OUTBOX_UNKNOWN] = "unknown",
	};

	log_line(LOG_INFO, "account=%s notice=%s event=%s message_id=%s", event->account.text, what,
		 kinds[event->kind], message_id);
}

/* Hands the notice to sendmail. */
static enum outcome post(struct notices *notices, const struct outbox_event *event,
			 const struct names *names, const char *text)
{
	const struct worker_settings *settings = &notices->state->settings->worker;
	char error[SENDMAIL_TEXT_SIZE];

	switch (sendmail_run(settings->sendmail, names->sender, event->account.text, text,
			     settings->notice_lease / 2, error)) {
	case SENDMAIL_SENT:
		trouble_over(&notices->sendmail);
		worker_count_notice();
		log_notice(event, names->message_id, "sent");
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
			 const struct names *names, int64_t taken)
{
	char *text = NULL, *error = NULL;
	enum outcome outcome = OUTCOME_LATER;
	int written = notice_text_write(notices->state, event, names->message_id, &text, &error);

	if (written == 0)
		return OUTCOME_DONE;
	/* sendmail has to end while the lease lasts: the worker that gets the entry next must be
	   able to find what it has done. */
	if (written < 0) {
		trouble_failed(&notices->writing, error != NULL ? error : "out of memory");
	} else if (monotonic_msecs() - taken > notices->state->settings->worker.notice_lease / 4) {
		trouble_failed(&notices->writing, "too slow for notice_lease");
	} else {
		trouble_over(&notices->writing);
		outcome = post(notices, event, names, text);
	}
	free(error);
	free(text);
	return outcome;
}

/* This notice may have been sent before if its entry has been. Of one that was refused, a mailbox
   may have the first all the same: where an alias leads to several, and another has refused it. */
static enum sent search(struct notices *notices, const struct outbox_event *event,
			const struct names *names)
{
	const struct settings *settings = notices->state->settings;
	struct notice_number refused = { .partition = event->partition };
	enum sent sent = SENT_NEVER;

	if (event->times > 1 || notices->doubtful)
		sent = search_notice(&notices->search, settings, &event->account, &names->number);
	if (event->kind != OUTBOX_AGAIN || sent != SENT_NEVER)
		return sent;
	strcpy(refused.id, event->refused);
	return search_notice(&notices->search, settings, &event->account, &refused);
}

/* Checks whether the notice has been sent, and sends it if not. */
static enum outcome send_again(struct notices *notices, const struct outbox_event *event,
			       const struct names *names)
{
	const char *error;
	int64_t taken;

	switch (search(notices, event, names)) {
	case SENT_BEFORE:
		log_notice(event, names->message_id, "was-sent");
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
		return send(notices, event, names, taken);
	case 0:
		return OUTCOME_LATER;
	default:
		trouble_failed(&notices->redis, error);
		notices->doubt = true;
		return OUTCOME_STOP;
	}
}

/* Says whose sessions may still be there to delete the notice. What can't be noted is in the log.
 */
static void tell_unseen(struct notices *notices, const struct outbox_event *event)
{
	char hosts[OUTBOX_TEXT_SIZE];
	const char *error;

	question_unseen(notices->state->store, event->unseen, &error);
	strcpy(hosts, event->unseen);
	make_printable(hosts, "\"");
	log_line(LOG_WARNING, "account=%s sessions=unseen hosts=\"%s\"", event->account.text,
		 hosts);
}

/* Sends a notice that was refused again, unless access has come on in the meantime: also if it has
   gone off once more since, which has a notice of its own. */
static enum outcome send_refused(struct notices *notices, const struct outbox_event *event,
				 const struct names *names)
{
	const char *error;

	switch (question_is_off_since(notices->state->store, &event->account, event->time,
				      &error)) {
	case 1:
		return send_again(notices, event, names);
	case 0:
		return OUTCOME_DONE;
	default:
		trouble_failed(&notices->redis, error);
		notices->doubt = true;
		return OUTCOME_STOP;
	}
}

static enum outcome handle(struct notices *notices, const struct outbox_event *event, int64_t taken)
{
	struct names names;

	if (event->kind == OUTBOX_UNKNOWN) {
		if (!notices->unknown_logged)
			log_line(LOG_WARNING,
				 "outbox=%u entry=%s notice=unknown: left to a newer version of "
				 "Postern, as are all others like it",
				 event->partition, event->id);
		notices->unknown_logged = true;
		return OUTCOME_LATER;
	}
	if (event->unseen[0] != '\0')
		tell_unseen(notices, event);
	if (find_names(notices->state->settings, event, &names) < 0) {
		trouble_failed(&notices->writing, "OpenSSL failed");
		return OUTCOME_LATER;
	}
	if (event->kind == OUTBOX_AGAIN)
		return send_refused(notices, event, &names);
	if (event->times > 1 || notices->doubtful)
		return send_again(notices, event, &names);
	return send(notices, event, &names, taken);
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

/* All entries of one outbox that can be had. False when it makes no sense to continue. */
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

	free(notices->workers);
	notices->workers = NULL;
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

/* A Redis that has just been started may have lost what it was told last. */
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
		.search.trouble.what = "notice-search",
		.writing.what = "notice",
	};

	(void)unused;
	notices.search.doveadm = doveadm_create();
	if (notices.search.doveadm == NULL)
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
	doveadm_free(&notices.search.doveadm);
	free(notices.workers);
	return NULL;
}
