#include "state.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shared_state {
	struct state state; /* first, so that a user's pointer is ours */
	struct settings *settings;
	const struct state_extra *extra;
	unsigned int users; /* the pieces of work that use it, and one for being current */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_state *current = NULL; /* it and every users field: under lock */

static void shared_state_free(struct shared_state *shared)
{
	if (shared->state.extra != NULL)
		shared->extra->free(shared->state.extra);
	store_free(&shared->state.store);
	settings_free(&shared->settings);
	free(shared);
}

static void drop(struct shared_state *shared)
{
	unsigned int users;

	if (shared == NULL)
		return;
	pthread_mutex_lock(&lock);
	users = --shared->users;
	pthread_mutex_unlock(&lock);
	if (users == 0)
		shared_state_free(shared);
}

/* Makes shared, which may be NULL, the current one. */
static void swap_current(struct shared_state *shared)
{
	struct shared_state *old;

	pthread_mutex_lock(&lock);
	old = current;
	current = shared;
	pthread_mutex_unlock(&lock);
	drop(old);
}

int state_load(const char *path, enum secrets_reader reader, const struct state_extra *extra,
	       char **error_r)
{
	struct settings *settings;
	struct shared_state *shared;
	void *own = NULL;

	settings = settings_load(path, reader, error_r);
	if (settings == NULL)
		return -1;
	if (extra != NULL && extra->load(settings, &own, error_r) < 0) {
		settings_free(&settings);
		return -1;
	}
	shared = calloc(1, sizeof(*shared));
	if (shared == NULL)
		abort();
	shared->extra = extra;
	shared->state.extra = own;
	shared->settings = settings;
	shared->state.settings = settings;
	shared->state.store = store_create(&settings->redis, settings->secrets);
	shared->users = 1;
	swap_current(shared);
	return 0;
}

struct state *state_acquire(void)
{
	struct shared_state *shared;

	pthread_mutex_lock(&lock);
	shared = current;
	if (shared != NULL)
		shared->users++;
	pthread_mutex_unlock(&lock);
	return shared == NULL ? NULL : &shared->state;
}

void state_release(struct state **state)
{
	struct shared_state *shared = (struct shared_state *)*state;

	*state = NULL;
	drop(shared);
}

void state_close(void)
{
	swap_current(NULL);
}
