#ifndef POSTERN_MILTER_STATE_H
#define POSTERN_MILTER_STATE_H

#include "settings.h"
#include "store.h"

/*
 * What all sessions share: the settings, and the store that they name. A message uses one state
 * from its beginning to its end. A reload makes a complete new one current, for the messages that
 * begin afterwards; the old one is freed when the last message that uses it has ended. So a reload
 * drops nothing, and no message meets two settings.
 *
 * There is one current state in the process, as libmilter's callbacks are handed nothing of ours
 * but their session. All functions are thread-safe.
 */

struct state {
	const struct settings *settings;
	struct store *store;
};

/* Reads the settings file at path and makes a current state of it. 0, or -1: the current state
   stays, and *error_r is one line for the caller to free(). */
int state_load(const char *path, char **error_r);

/* The current state, NULL before the first state_load() and after state_close(). */
struct state *state_acquire(void);

/* Gives back what state_acquire() returned. */
void state_release(struct state **state);

/* Leaves no current state. */
void state_close(void);

#endif
