/* Ends the sessions of accounts whose access has gone off. */

#include "sessions.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "monotonic.h"
#include "question.h"
#include "session-list.h"
#include "state.h"
#include "worker.h"

#define FOLLOW_MS  1000 /* at most: then it is time to look whether we have to stop */
#define RETRY_MS   1000
#define BACK_MS	   (10 * 60 * 1000) /* how far back it begins; entries stay for an hour */
#define ENDING_MAX 8192

/* How many users a review asks about before events are looked at again. */
#define REVIEW_TURN 200

/* When to look for sessions, in milliseconds since the decision. A login under way takes well under
   a second, unless the host is very busy. */
static const unsigned int passes[] = { 0, 300, 1000, 3000, 8000 };
#define PASSES (sizeof(passes) / sizeof(passes[0]))

/* When access is off, only what was there before has to go if the owner has it on again: one pass.
   When an app password was revoked access stays on, and what is logging in with it at that moment
   can't be told from the others: they come back. */
#define SURE_OFF 1
#define SURE_END 3

/* How many switch-offs of one account can be under way. Of what is more, the owner is told later.
 */
#define OFFS_MAX 4

/* An account whose sessions have to end. */
struct ending {
	struct account_name account;
	char offs[OFFS_MAX]
		 [OUTBOX_ID_SIZE]; /* the entries to say of that it is over, "" for none */
	unsigned int sure;	   /* passes that end sessions even if access is on by then */
	unsigned int pass;
	int64_t begun, due; /* of the monotonic clock, in milliseconds */
};

struct sessions {
	const struct state *state; /* of this round */
	struct doveadm *doveadm;
	struct outbox_positions positions;
	bool standing;	      /* the outboxes can be followed from the positions */
	int64_t asked;	      /* Redis's time when that was found */
	unsigned int reviews; /* how many of the passes over all accounts have been made */
	int64_t reviewed_since, review_due;
	bool reviewing; /* in the midst of a pass */
	struct session_list reviewed;
	size_t review_at; /* the next place of that list */
	struct ending endings[ENDING_MAX];
	size_t endings_count;
	struct trouble redis, answers, ended, who, kicks;
};

static void stop_review(struct sessions *sessions)
{
	session_list_clear(&sessions->reviewed);
	sessions->reviewing = false;
	sessions->review_at = 0;
}

/* Everything that is logged in has to be looked at. */
static void begin_review(struct sessions *sessions)
{
	stop_review(sessions);
	sessions->reviews = 0;
	sessions->reviewed_since = sessions->review_due = monotonic_msecs();
}

static void add_off(struct ending *ending, const struct outbox_event *event)
{
	for (int i = 0; i < OFFS_MAX; i++) {
		if (ending->offs[i][0] == '\0') {
			strcpy(ending->offs[i], event->id);
			return;
		}
	}
}

/* Makes an account's passes, from the first one on, or one only. */
static void begin_ending(struct sessions *sessions, const struct outbox_event *event,
			 unsigned int sure, unsigned int first_pass)
{
	const struct account_name *account = &event->account;
	struct ending *ending = NULL;

	for (size_t i = 0; i < sessions->endings_count && ending == NULL; i++) {
		if (strcmp(sessions->endings[i].account.text, account->text) == 0)
			ending = &sessions->endings[i];
	}
	if (ending == NULL && sessions->endings_count == ENDING_MAX) {
		begin_review(sessions);
		return;
	}
	if (ending == NULL) {
		ending = &sessions->endings[sessions->endings_count++];
		*ending = (struct ending){ 0 };
	}
	ending->account = *account;
	ending->sure = sure;
	ending->pass = first_pass;
	ending->begun = ending->due = monotonic_msecs();
	if (event->kind == OUTBOX_OFF)
		add_off(ending, event);
}

static void on_event(void *context, const struct outbox_event *event)
{
	struct sessions *sessions = context;
	/* What was logging in at the time of an old event has done so: one look is enough. */
	int64_t age = sessions->asked - event->time;

	worker_wake(event->partition);
	switch (event->kind) {
	case OUTBOX_OFF:
		if (age > passes[PASSES - 1])
			begin_ending(sessions, event, PASSES, PASSES - 1);
		else
			begin_ending(sessions, event, SURE_OFF, 0);
		break;
	case OUTBOX_END:
		begin_ending(sessions, event, age > passes[SURE_END] ? SURE_OFF : SURE_END, 0);
		break;
	case OUTBOX_ON:
	case OUTBOX_PASSWORD:
	case OUTBOX_WARNING:
	case OUTBOX_BREAK_IN:
	case OUTBOX_UNKNOWN:
		break;
	}
}

/* Ends all sessions at these places, which are one account's. 0, or -1 when Dovecot can't be
   asked. */
static int kick(struct sessions *sessions, const struct session_list *list, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct session *session = &list->sessions[i];
		const char *error;
		int kicked = doveadm_kick(sessions->doveadm, sessions->state->settings,
					  session->user, session->address, &error);
		char user[LOG_WORD_SIZE], address[LOG_WORD_SIZE];

		if (kicked < 0) {
			trouble_failed(&sessions->kicks, error);
			return -1;
		}
		trouble_over(&sessions->kicks);
		if (kicked == 0)
			continue;
		log_word(session->user, user);
		log_word(session->address, address);
		log_line(LOG_INFO, "account=%s sessions=ended from=%s", user, address);
	}
	return 0;
}

static int list_sessions(struct sessions *sessions, const char *user, struct session_list *list_r)
{
	const char *error;

	if (session_list_ask(list_r, sessions->doveadm, sessions->state->settings, user, &error) <
	    0) {
		trouble_failed(&sessions->who, error);
		return -1;
	}
	trouble_over(&sessions->who);
	return 0;
}

/* Whether access is off for sure; when Redis can't tell, *failed_r is set. */
static bool is_off(struct sessions *sessions, const struct account_name *account, bool *failed_r)
{
	const char *error;
	int on = question_access(sessions->state->store, account, &error);

	if (on < 0) {
		trouble_failed(&sessions->answers, error);
		*failed_r = true;
	} else {
		trouble_over(&sessions->answers);
	}
	return on == 0;
}

/* A turn of a pass over all who are logged in here. 0, or -1 if the pass has to be made again. */
static int review(struct sessions *sessions)
{
	struct session_list *list = &sessions->reviewed;
	bool failed = false;

	for (int i = 0; i < REVIEW_TURN && sessions->review_at < list->count; i++) {
		size_t from = sessions->review_at, to = session_list_end(list, from);
		const char *text = list->sessions[from].account, *error;
		struct account_name account;

		if (worker_stopping())
			return -1;
		if (account_name_parse(text, strlen(text), NULL, &account, &error) == 0 &&
		    is_off(sessions, &account, &failed) && kick(sessions, list, from, to) < 0)
			failed = true;
		if (failed)
			return -1;
		sessions->review_at = to;
	}
	return 0;
}

static void review_when_due(struct sessions *sessions)
{
	struct session_list *list = &sessions->reviewed;
	int result = 0;

	if (sessions->reviews == PASSES || monotonic_msecs() < sessions->review_due)
		return;
	if (!sessions->reviewing)
		result = list_sessions(sessions, NULL, list);
	if (result == 0) {
		sessions->reviewing = true;
		result = review(sessions);
	}
	/* It goes on when events have been looked at. */
	if (result == 0 && sessions->review_at < list->count)
		return;
	stop_review(sessions);
	if (result < 0) {
		sessions->review_due = monotonic_msecs() + RETRY_MS;
		return;
	}
	sessions->reviews++;
	if (sessions->reviews < PASSES)
		sessions->review_due = sessions->reviewed_since + passes[sessions->reviews];
}

/* The sessions of an ending in the list, which has all that are wanted. */
static int end_one(struct sessions *sessions, const struct ending *ending,
		   const struct session_list *list)
{
	size_t from = session_list_find(list, ending->account.text);

	return from == list->count ? 0 : kick(sessions, list, from, session_list_end(list, from));
}

/* Says of each switch-off that the account's sessions are ended here, for its notice waits for
   that. 0, or -1 if it has to be said again. */
static int say_ended(struct sessions *sessions, struct ending *ending)
{
	unsigned int partition = ending->account.partition;
	const char *error;

	for (int i = 0; i < OFFS_MAX && ending->offs[i][0] != '\0'; i++) {
		if (question_ended(sessions->state->store, partition, ending->offs[i], &error) <
		    0) {
			trouble_failed(&sessions->ended, error);
			ending->due = monotonic_msecs() + RETRY_MS;
			return -1;
		}
		trouble_over(&sessions->ended);
		worker_wake(partition);
	}
	return 0;
}

/* Whether the account's turn is over: it goes to the next pass, or is tried again. */
static bool make_pass(struct sessions *sessions, struct ending *ending,
		      const struct session_list *list)
{
	bool failed = false, off = ending->pass < ending->sure;

	if (ending->pass == PASSES)
		return say_ended(sessions, ending) == 0;
	if (!off) {
		off = is_off(sessions, &ending->account, &failed);
		if (!off && !failed) {
			ending->pass = PASSES;
			return say_ended(sessions, ending) == 0;
		}
	}
	if (failed || end_one(sessions, ending, list) < 0) {
		ending->due = monotonic_msecs() + RETRY_MS;
		return false;
	}
	if (++ending->pass == PASSES)
		return say_ended(sessions, ending) == 0;
	ending->due = ending->begun + passes[ending->pass];
	return false;
}

static void end_when_due(struct sessions *sessions)
{
	int64_t now = monotonic_msecs();
	const char *user = NULL;
	struct session_list list;
	size_t due = 0, kept = 0;

	for (size_t i = 0; i < sessions->endings_count; i++) {
		if (sessions->endings[i].due <= now) {
			user = sessions->endings[i].account.text;
			due++;
		}
	}
	if (due == 0)
		return;
	/* Dovecot goes through all sessions in any case, so for several accounts it is asked once.
	 */
	if (list_sessions(sessions, due == 1 ? user : NULL, &list) < 0) {
		for (size_t i = 0; i < sessions->endings_count; i++) {
			if (sessions->endings[i].due <= now)
				sessions->endings[i].due = now + RETRY_MS;
		}
		return;
	}
	for (size_t i = 0; i < sessions->endings_count; i++) {
		struct ending ending = sessions->endings[i];

		if (ending.due > now || !make_pass(sessions, &ending, &list))
			sessions->endings[kept++] = ending;
	}
	sessions->endings_count = kept;
	session_list_clear(&list);
}

/* How long until something is due. */
static unsigned int time_left(const struct sessions *sessions)
{
	int64_t now = monotonic_msecs(), due = now + FOLLOW_MS;

	if (sessions->reviews < PASSES && sessions->review_due < due)
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
	sessions->answers.what = "redis-access";
	sessions->ended.what = "redis-ended";
	sessions->who.what = "doveadm-who";
	sessions->kicks.what = "doveadm-kick";
	sessions->reviews = PASSES;
	while (!worker_stopping()) {
		struct state *state = state_acquire();

		sessions->state = state;
		follow(sessions);
		end_when_due(sessions);
		review_when_due(sessions);
		state_release(&state);
	}
	stop_review(sessions);
	doveadm_free(&sessions->doveadm);
	free(sessions);
	return NULL;
}
