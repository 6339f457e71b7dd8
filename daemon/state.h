#ifndef POSTERN_DAEMON_STATE_H
#define POSTERN_DAEMON_STATE_H

#include "settings/settings.h"
#include "store/store.h"

/*
 * What all threads of a daemon share: the settings, the store that they name, and what else the
 * daemon makes of them. A piece of work (the milter's message) uses one state from its beginning to
 * its end. A reload makes a complete new one current, for the work that begins afterwards; the old
 * one is freed when the last one that uses it has ended. So a reload drops nothing, and no work
 * meets two settings.
 *
 * There is one current state in the process, as libmilter's callbacks are handed nothing of ours
 * but their session. All functions are thread-safe.
 */

struct state {
	const struct settings *settings;
	struct store *store;
	void *extra; /* what struct state_extra made of the settings; NULL without one */
};

/* What a daemon makes of the settings in addition to the store. */
struct state_extra {
	/* 0 with *extra_r, or -1 with *error_r for free(): then the settings are not taken. */
	int (*load)(const struct settings *settings, void **extra_r, char **error_r);
	void (*free)(void *extra);
};

/* Reads the settings file at path with the secrets of this reader, and makes a current state of it,
   with what extra, which may be NULL and must stay, makes of it. 0, or -1: the current state stays,
   and *error_r is one line for the caller to free(). */
int state_load(const char *path, enum secrets_reader reader, const struct state_extra *extra,
	       char **error_r);

/* The current state, NULL before the first state_load() and after state_close(). */
struct state *state_acquire(void);

/* Gives back what state_acquire() returned. */
void state_release(struct state **state);

/* Leaves no current state. */
void state_close(void);

#endif
