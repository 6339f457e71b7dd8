/* Looks for accounts that have long not been used (D2). */

#include "sweep.h"

#include "notice-text.h"
#include "daemon/log.h"
#include "base/monotonic.h"
#include "question.h"
#include "daemon/state.h"
#include "worker.h"

struct sweep {
	struct state *state; /* of this page of names */
	uint64_t warning;    /* milliseconds before the end that owners are warned; 0 for never */
	uint64_t rest;	     /* how long accounts rest in the index, in milliseconds; 0 for ever */
	int64_t before;	     /* who has not been used since is due; milliseconds since 1970 */
	int64_t next_look;   /* of the monotonic clock: keeps the rate */
	unsigned int looked, off, warned;
	struct trouble redis;
};

static void keep_rate(struct sweep *sweep)
{
	int64_t now = monotonic_msecs();
	unsigned int rate = sweep->state->settings->worker.sweep_rate;

	if (sweep->next_look > now)
		worker_pause((unsigned int)(sweep->next_look - now));
	else
		sweep->next_look = now;
	/* Whole milliseconds: a higher rate is kept by looking at several at once. */
	sweep->looked++;
	if (rate <= 1000)
		sweep->next_look += 1000 / rate;
	else if (sweep->looked % (rate / 1000) == 0)
		sweep->next_look++;
}

/* 1 if the account is not due any more, 0 if it may be, -1 when Redis can't tell. */
static int look(struct sweep *sweep, const struct account_name *account)
{
	struct unused_request request = { .account = account, .warning = sweep->warning };
	struct unused_answer answer;
	const char *error;

	if (question_unused(sweep->state->store, &request, sweep->state->settings, &answer,
			    &error) < 0) {
		trouble_failed(&sweep->redis, error);
		return -1;
	}
	trouble_over(&sweep->redis);
	switch (answer.verdict) {
	case UNUSED_OFF:
		sweep->off++;
		log_line(LOG_INFO, "account=%s access=disabled reason=unused", account->text);
		return 1;
	case UNUSED_WARNED:
		sweep->warned++;
		log_line(LOG_INFO, "account=%s access=warned", account->text);
		return 1;
	case UNUSED_NEVER:
	case UNUSED_OFF_BEFORE:
		return 1;
	case UNUSED_USED:
		/* Otherwise it stays where it is. */
		return answer.ends - (int64_t)(sweep->warning + sweep->rest) > sweep->before ? 1
											     : 0;
	case UNUSED_UNAVAILABLE:
		break;
	}
	return -1;
}

/* Begins a page of names: by the settings of now, and Redis's clock, which the index has its times
   from. False if there is nothing to sweep, or Redis can't tell. */
static bool begin_page(struct sweep *sweep)
{
	const struct settings *settings = sweep->state->settings;
	const char *error;
	int64_t now;

	sweep->warning = notice_text_warning(settings);
	sweep->rest = unused_rest(settings, sweep->warning);
	if (sweep->rest == 0)
		return false;
	if (question_time(sweep->state->store, &now, &error) < 0) {
		trouble_failed(&sweep->redis, error);
		return false;
	}
	sweep->before = now - (int64_t)sweep->rest;
	return true;
}

/* One page of names. How many there were, or -1 when the sweep can't continue. */
static int sweep_page(struct sweep *sweep, unsigned int partition, unsigned int *skip)
{
	struct account_name names[QUESTION_DUE_MAX];
	const char *error;
	int count;

	if (!begin_page(sweep))
		return -1;
	count = question_due(sweep->state->store, DUE_UNUSED, partition, sweep->before, *skip,
			     names, &error);
	if (count < 0) {
		trouble_failed(&sweep->redis, error);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		int result = 0;

		keep_rate(sweep);
		if (worker_stopping())
			return -1;
		if (names[i].text[0] != '\0')
			result = look(sweep, &names[i]);
		if (result < 0)
			return -1;
		*skip += result == 0;
	}
	return count;
}

/* All of one partition. False when the sweep can't continue. */
static bool sweep_partition(struct sweep *sweep, unsigned int partition)
{
	unsigned int skip = 0; /* those that are still due after a look: they come first */
	int count;

	do {
		/* Once more for each page, as a sweep may take hours and a reload must not wait. */
		sweep->state = state_acquire();
		count = sweep_page(sweep, partition, &skip);
		state_release(&sweep->state);
	} while (count == QUESTION_DUE_MAX);
	return count >= 0;
}

static void sweep_all(struct sweep *sweep)
{
	sweep->off = sweep->warned = 0;
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		if (!sweep_partition(sweep, i))
			break;
	}
	if (sweep->off + sweep->warned > 0)
		log_line(LOG_NOTICE, "sweep=done off=%u warned=%u", sweep->off, sweep->warned);
}

void *sweep_run(void *unused)
{
	struct sweep sweep = { .redis.what = "redis-sweep" };

	(void)unused;
	while (!worker_stopping()) {
		struct state *state;
		unsigned int interval;

		sweep_all(&sweep);
		state = state_acquire();
		interval = state->settings->worker.sweep_interval;
		state_release(&state);
		worker_pause(interval * 1000);
	}
	return NULL;
}
