/* Ends the sessions that access, or an app password, doesn't open any more. */

#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "doveadm-client.h"
#include "daemon/log.h"
#include "base/monotonic.h"
#include "question.h"
#include "daemon/state.h"
#include "worker.h"

#define FOLLOW_MS 1000 /* at most: then it is time to check whether we have to stop */
#define RETRY_MS  1000
#define BACK_MS	  (10 * 60 * 1000) /* how far back it begins; entries stay for an hour */

/* Of more events at a time than this, all who are logged in are looked at. */
#define ENDINGS_MAX 65536

/* At most this many accounts are asked about in one call. */
#define CALL_MAX 1000

/*
 * When to look for an account's sessions, in milliseconds since the decision. A login that was let
 * in before it has its session noted in Dovecot's auth process within 3 s, or is looked at again
 * there (dovecot-plugin/auth/userdb-postern.c), and whatever is noted can be ended. Where nobody
 * notes, a session shows when it has begun: POP3 waits for another one's lock for as long as ten
 * seconds.
 */
static const unsigned int passes[] = { 0, 300, 1000, 3000, 8000, 15000 };
#define PASSES (sizeof(passes) / sizeof(passes[0]))

/* The same for all who are logged in here. */
static const unsigned int reviews[] = { 0, 15000 };
#define REVIEWS (sizeof(reviews) / sizeof(reviews[0]))

/*
 * A process that was told to end does so when it next looks: one that is busy with what its client
 * has sent ahead goes on for a while. So a switch-off is through here when a look finds nothing to
 * end. After this long nobody waits for that any more (see claim.lua), and it is never said.
 */
#define STUCK_MS (120 * 1000)

/* An event that ends sessions. */
struct ending {
	struct account_name account;
	char off[OUTBOX_ID_SIZE]; /* the entry to say of that it is over; "" for none */
	int64_t begun, due;	  /* of the monotonic clock, in milliseconds */
	int64_t heard;		  /* likewise: when this worker heard of it */
	bool looked;		  /* for the last time: what is left is to say so */
};

struct sessions {
	const struct state *state; /* of this round */
	struct doveadm *doveadm;
	struct outbox_positions positions;
	bool standing; /* the outboxes can be followed from the positions */
	int64_t asked; /* Redis's time when that was found */
	bool reviewing;
	int64_t review_begun, review_due;
	unsigned int reloads; /* of the settings, that all sessions have been looked at for */
	struct ending *endings;
	size_t endings_count, endings_room;
	size_t turn; /* the place of the first one to look at */
	struct trouble redis, ended, calls;
};

/* Everything that is logged in has to be looked at. */
static void begin_review(struct sessions *sessions)
{
	sessions->reviewing = true;
	sessions->review_begun = sessions->review_due = monotonic_msecs();
}

/* When the next of the passes is due of which the last one that worked began at a time; 0 if that
   was the last. */
static int64_t next_pass(int64_t begun, int64_t looked, const unsigned int times[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (begun + times[i] > looked)
			return begun + times[i];
	}
	return 0;
}

static void begin_ending(struct sessions *sessions, const struct outbox_event *event)
{
	/* By Redis's clock, which the decision was made by: at least so long ago. */
	int64_t age = event->time < sessions->asked ? sessions->asked - event->time : 0;
	struct ending *ending;

	if (sessions->endings_count == ENDINGS_MAX) {
		begin_review(sessions);
		return;
	}
	if (sessions->endings_count == sessions->endings_room) {
		sessions->endings_room = 2 * sessions->endings_room + 16;
		sessions->endings = reallocarray(sessions->endings, sessions->endings_room,
						 sizeof(*sessions->endings));
		if (sessions->endings == NULL)
			abort();
	}
	ending = &sessions->endings[sessions->endings_count++];
	*ending = (struct ending){ .account = event->account };
	if (event->kind == OUTBOX_OFF)
		strcpy(ending->off, event->id);
	ending->due = ending->heard = monotonic_msecs();
	ending->begun = ending->due - age;
}

static void on_event(void *context, const struct outbox_event *event)
{
	worker_wake(event->partition);
	switch (event->kind) {
	case OUTBOX_OFF:
	case OUTBOX_END:
		begin_ending(context, event);
		break;
	case OUTBOX_ON:
	case OUTBOX_PASSWORD:
	case OUTBOX_WARNING:
	case OUTBOX_AGAIN:
	case OUTBOX_BREAK_IN:
	case OUTBOX_UNKNOWN:
		break;
	}
}

enum result {
	RESULT_UNKNOWN, /* Dovecot or Redis didn't say */
	RESULT_TOLD,	/* sessions were told to end, or will have to be */
	RESULT_CLEAN,	/* there was nothing to end */
};

/* What became of the accounts of a call. */
struct call {
	struct sessions *sessions;
	const char *accounts[CALL_MAX]; /* in the order of the endings; none twice in a row */
	enum result results[CALL_MAX];
	size_t count, answered;
	bool failed; /* for some */
};

static enum result result_of(struct call *call, enum doveadm_ended how, int count, const char *text)
{
	switch (how) {
	case DOVEADM_ENDED:
		return count > 0 ? RESULT_TOLD : RESULT_CLEAN;
	case DOVEADM_ENDED_WAITING:
		return RESULT_TOLD;
	case DOVEADM_ENDED_UNKNOWN:
		break;
	}
	trouble_failed(&call->sessions->calls, text);
	call->failed = true;
	return RESULT_UNKNOWN;
}

static void on_ended(void *context, const char *account, enum doveadm_ended how, int count,
		     const char *text)
{
	struct call *call = context;
	enum result result = result_of(call, how, count, text);
	char word[LOG_WORD_SIZE];

	if (count > 0) {
		log_word(account, word);
		log_line(LOG_INFO, "account=%s sessions=ended count=%d", word, count);
	}
	/* Answers come in the order of the question. */
	if (call->answered < call->count && strcmp(account, call->accounts[call->answered]) == 0)
		call->results[call->answered++] = result;
}

/* Asks Dovecot to end what is over: of the call's accounts, or of all if it has none. */
static void make_call(struct call *call)
{
	struct sessions *sessions = call->sessions;
	const char *error;

	if (doveadm_end_sessions(sessions->doveadm, sessions->state->settings, call->accounts,
				 call->count, on_ended, call, &error) < 0) {
		trouble_failed(&sessions->calls, error);
		call->failed = true;
	}
	if (!call->failed)
		trouble_over(&sessions->calls);
}

/* Says of a switch-off that the account's sessions are ended here, for its notice waits for that.
   0, or -1 if it has to be said again. */
static int say_ended(struct sessions *sessions, const struct ending *ending)
{
	const char *error;

	if (ending->off[0] == '\0')
		return 0;
	if (question_ended(sessions->state->store, ending->account.partition, ending->off, &error) <
	    0) {
		trouble_failed(&sessions->ended, error);
		return -1;
	}
	trouble_over(&sessions->ended);
	worker_wake(ending->account.partition);
	return 0;
}

/* What a call that began at a time means for an ending that it was about. */
static void take_result(struct ending *ending, enum result result, int64_t began)
{
	int64_t next = next_pass(ending->begun, began, passes, PASSES);

	ending->due = began + RETRY_MS;
	switch (result) {
	case RESULT_UNKNOWN:
		return;
	case RESULT_TOLD:
		if (next == 0 && began - ending->heard < STUCK_MS)
			return;
		if (next == 0)
			ending->off[0] = '\0';
		break;
	case RESULT_CLEAN:
		break;
	}
	ending->due = next;
	ending->looked = next == 0;
}

static void look(struct sessions *sessions, struct ending *due[], size_t count)
{
	struct call call = { .sessions = sessions };
	int64_t began = monotonic_msecs();
	size_t place = 0;

	for (size_t i = 0; i < count; i++) {
		const char *account = due[i]->account.text;

		if (call.count == 0 || strcmp(call.accounts[call.count - 1], account) != 0)
			call.accounts[call.count++] = account;
	}
	make_call(&call);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(call.accounts[place], due[i]->account.text) != 0)
			place++;
		take_result(due[i], call.results[place], began);
	}
}

static int by_account(const void *_a, const void *_b)
{
	const struct ending *const *a = _a, *const *b = _b;

	return strcmp((*a)->account.text, (*b)->account.text);
}

/* Looks for the sessions of all that is due in one call. Where there are more than CALL_MAX, the
   others' turn is next. */
static void look_when_due(struct sessions *sessions)
{
	struct ending *due[CALL_MAX];
	int64_t now = monotonic_msecs();
	size_t count = 0, all = sessions->endings_count, i;

	for (i = 0; i < all && count < CALL_MAX; i++) {
		struct ending *ending = &sessions->endings[(sessions->turn + i) % all];

		if (!ending->looked && ending->due <= now)
			due[count++] = ending;
	}
	if (count == 0)
		return;
	sessions->turn = (sessions->turn + i) % all;
	qsort(due, count, sizeof(struct ending *), by_account);
	look(sessions, due, count);
}

static void drop_what_is_over(struct sessions *sessions)
{
	int64_t now = monotonic_msecs();
	size_t kept = 0;

	for (size_t i = 0; i < sessions->endings_count; i++) {
		struct ending *ending = &sessions->endings[i];

		if (ending->looked && ending->due <= now) {
			if (say_ended(sessions, ending) == 0)
				continue;
			ending->due = now + RETRY_MS;
		}
		sessions->endings[kept++] = *ending;
	}
	sessions->endings_count = kept;
}

static void review_when_due(struct sessions *sessions)
{
	struct call call = { .sessions = sessions };
	int64_t began = monotonic_msecs();

	if (!sessions->reviewing || began < sessions->review_due)
		return;
	make_call(&call);
	if (call.failed) {
		sessions->review_due = monotonic_msecs() + RETRY_MS;
		return;
	}
	sessions->review_due = next_pass(sessions->review_begun, began, reviews, REVIEWS);
	sessions->reviewing = sessions->review_due != 0;
}

/* How long until something is due. */
static unsigned int time_left(const struct sessions *sessions)
{
	int64_t now = monotonic_msecs(), due = now + FOLLOW_MS;

	if (sessions->reviewing && sessions->review_due < due)
		due = sessions->review_due;
	for (size_t i = 0; i < sessions->endings_count; i++) {
		if (sessions->endings[i].due < due)
			due = sessions->endings[i].due;
	}
	/* 0 would mean for ever to XREAD. */
	return due > now ? (unsigned int)(due - now) : 1;
}

/* Finds out where to follow from. Redis may have come back with another memory, or be another one.
   0, or -1. */
static int stand(struct sessions *sessions, const char **error_r)
{
	struct store *store = sessions->state->store;

	/* First the time, then the positions, then the review: nothing falls in between. */
	if (question_time(store, &sessions->asked, error_r) < 0 ||
	    question_positions(store, sessions->asked - BACK_MS, &sessions->positions, error_r) < 0)
		return -1;
	sessions->standing = true;
	begin_review(sessions);
	worker_wake_all();
	return 0;
}

/* Waits for events. */
static void follow(struct sessions *sessions)
{
	const char *error;

	if (!sessions->standing) {
		if (stand(sessions, &error) == 0)
			return;
	} else if (question_follow(sessions->state->store, &sessions->positions,
				   time_left(sessions), on_event, sessions, &error) == 0) {
		trouble_over(&sessions->redis);
		return;
	}
	trouble_failed(&sessions->redis, error);
	sessions->standing = false;
	worker_pause(RETRY_MS / 4);
}

/* Other settings may have taken a protocol from a tier (A8). */
static void heed_reload(struct sessions *sessions)
{
	unsigned int reloads = worker_reloads();

	if (reloads != sessions->reloads)
		begin_review(sessions);
	sessions->reloads = reloads;
}

void *sessions_run(void *unused)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	(void)unused;
	if (sessions == NULL)
		abort();
	sessions->doveadm = doveadm_create();
	if (sessions->doveadm == NULL)
		abort();
	sessions->redis.what = "redis-events";
	sessions->ended.what = "redis-ended";
	sessions->calls.what = "doveadm-sessions";
	sessions->reloads = worker_reloads();
	while (!worker_stopping()) {
		struct state *state;

		heed_reload(sessions);
		state = state_acquire();
		sessions->state = state;
		follow(sessions);
		look_when_due(sessions);
		drop_what_is_over(sessions);
		review_when_due(sessions);
		state_release(&state);
	}
	doveadm_free(&sessions->doveadm);
	free(sessions->endings);
	free(sessions);
	return NULL;
}
