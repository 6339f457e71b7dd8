/* Looks for app passwords that have expired (A10). */

#include "expiries.h"

#include "log.h"
#include "question.h"
#include "state.h"
#include "worker.h"

/* A third of what a session may outlive its app password by, so that an outage of Redis doesn't
   use it up. */
#define LOOK_MS (10 * 1000)

struct expiries {
	struct state *state; /* of this round */
	int64_t now;	     /* Redis's clock, which the index has its times from */
	struct trouble redis;
};

static int fail(struct expiries *expiries, const char *error)
{
	trouble_failed(&expiries->redis, error);
	return -1;
}

/* 0, or -1 when Redis can't tell. */
static int look(struct expiries *expiries, const struct account_name *account)
{
	const char *error;
	int expired = question_expiry(expiries->state->store, account, &error);

	if (expired < 0)
		return fail(expiries, error);
	if (expired > 0)
		log_line(LOG_INFO, "account=%s app_password=expired", account->text);
	return 0;
}

/* One page of names. How many there were, or -1 when the round can't go on. */
static int look_at_page(struct expiries *expiries, unsigned int partition, unsigned int *skip)
{
	struct account_name names[QUESTION_DUE_MAX];
	const char *error;
	int count = question_due(expiries->state->store, DUE_EXPIRY, partition, expiries->now,
				 *skip, names, &error);

	if (count < 0)
		return fail(expiries, error);
	for (int i = 0; i < count; i++) {
		/* Who has been looked at isn't due any more. */
		if (names[i].text[0] == '\0')
			(*skip)++;
		else if (worker_stopping() || look(expiries, &names[i]) < 0)
			return -1;
	}
	return count;
}

/* All partitions. 0, or -1 when Redis can't tell. */
static int look_at_all(struct expiries *expiries)
{
	const char *error;

	if (question_time(expiries->state->store, &expiries->now, &error) < 0)
		return fail(expiries, error);
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		unsigned int skip = 0;
		int count;

		do {
			count = look_at_page(expiries, i, &skip);
			if (count < 0)
				return -1;
		} while (count == QUESTION_DUE_MAX);
	}
	trouble_over(&expiries->redis);
	return 0;
}

void *expiries_run(void *unused)
{
	struct expiries expiries = { .redis.what = "redis-expiries" };

	(void)unused;
	while (!worker_stopping()) {
		expiries.state = state_acquire();
		look_at_all(&expiries);
		state_release(&expiries.state);
		worker_pause(LOOK_MS);
	}
	return NULL;
}
