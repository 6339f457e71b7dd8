/* Looks at accounts when it is time (A10, D5). */

#include "due-accounts.h"

#include "daemon/log.h"
#include "base/monotonic.h"
#include "question.h"
#include "daemon/state.h"
#include "worker.h"

/* What there is to look for. */
static const struct look {
	enum due_index index;
	unsigned int interval; /* in milliseconds */
	/* 1 if something comes of it, 0 if not, or -1 when Redis can't tell. */
	int (*ask)(struct store *store, const struct account_name *account, const char **error_r);
	const char *done; /* for the log, after the account */
} looks[] = {
	/* A third of what a session may outlive its app password by, so that an outage of Redis
	   doesn't use it up. */
	{ DUE_EXPIRY, 10 * 1000, question_expiry, "app_password=expired" },
	/* Refused notices are tried again after ten minutes, or hours. */
	{ DUE_AGAIN, 30 * 1000, question_again, "notice=again" },
};
#define LOOKS (sizeof(looks) / sizeof(looks[0]))

struct due_accounts {
	struct state *state; /* of this round */
	int64_t now;	     /* Redis's clock, which the indexes have their times from */
	struct trouble redis;
};

static int fail(struct due_accounts *due, const char *error)
{
	trouble_failed(&due->redis, error);
	return -1;
}

/* 0, or -1 when Redis can't tell. */
static int look_at(struct due_accounts *due, const struct look *look,
		   const struct account_name *account)
{
	const char *error;
	int done = look->ask(due->state->store, account, &error);

	if (done < 0)
		return fail(due, error);
	if (done > 0)
		log_line(LOG_INFO, "account=%s %s", account->text, look->done);
	return 0;
}

/* One page of names. How many there were, or -1 when the round can't continue. */
static int look_at_page(struct due_accounts *due, const struct look *look, unsigned int partition,
			unsigned int *skip)
{
	struct account_name names[QUESTION_DUE_MAX];
	const char *error;
	int count = question_due(due->state->store, look->index, partition, due->now, *skip, names,
				 &error);

	if (count < 0)
		return fail(due, error);
	for (int i = 0; i < count; i++) {
		/* Who has been looked at isn't due any more. */
		if (names[i].text[0] == '\0')
			(*skip)++;
		else if (worker_stopping() || look_at(due, look, &names[i]) < 0)
			return -1;
	}
	return count;
}

/* All partitions. 0, or -1 when Redis can't tell. */
static int look_at_all(struct due_accounts *due, const struct look *look)
{
	const char *error;

	if (question_time(due->state->store, &due->now, &error) < 0)
		return fail(due, error);
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		unsigned int skip = 0;
		int count;

		do {
			count = look_at_page(due, look, i, &skip);
			if (count < 0)
				return -1;
		} while (count == QUESTION_DUE_MAX);
	}
	trouble_over(&due->redis);
	return 0;
}

/* Every look that it is time for. Milliseconds until the next one. */
static unsigned int look_around(struct due_accounts *due, int64_t next[LOOKS])
{
	int64_t soonest = INT64_MAX, now;

	for (size_t i = 0; i < LOOKS; i++) {
		if (next[i] <= monotonic_msecs()) {
			look_at_all(due, &looks[i]);
			next[i] = monotonic_msecs() + looks[i].interval;
		}
		soonest = next[i] < soonest ? next[i] : soonest;
	}
	now = monotonic_msecs();
	return soonest > now ? (unsigned int)(soonest - now) : 0;
}

void *due_accounts_run(void *unused)
{
	struct due_accounts due = { .redis.what = "redis-due" };
	int64_t next[LOOKS] = { 0 };

	(void)unused;
	while (!worker_stopping()) {
		unsigned int wait;

		due.state = state_acquire();
		wait = look_around(&due, next);
		state_release(&due.state);
		worker_pause(wait);
	}
	return NULL;
}
