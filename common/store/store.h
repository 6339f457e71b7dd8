#ifndef POSTERN_STORE_H
#define POSTERN_STORE_H

#include "store/command.h"
#include "settings/settings.h"

struct redisReply;

/*
 * The store's blocking client: for threads and commands that may wait. (The asynchronous one,
 * for Dovecot's event loop, is dovecot-plugin/auth/async-store.h.) It keeps idle connections for
 * later callers, so there are as many as calls were ever made at once.
 *
 * The process must ignore SIGPIPE, as hiredis may write to a connection that Redis has closed.
 *
 * No call takes longer than the timeout of the settings (and what store_call() is told). When Redis
 * can't be reached or doesn't answer, a circuit breaker answers for it: for STORE_BREAK_MS no one
 * else tries, then one caller does while the others still fail at once. So an outage costs one
 * timeout, not one per call.
 */

#define STORE_BREAK_MS 300

struct store;

/* Never fails; connects when first asked. settings and secrets must outlive the store. */
struct store *store_create(const struct redis_settings *settings, const struct secrets *secrets);

/* No call may be in progress. */
void store_free(struct store **store);

/*
 * Runs the script and waits for its reply, which the caller frees with freeReplyObject(). Loads the
 * script when Redis doesn't have it, or, with borrows_scripts in the settings, waits for it. A
 * connection that turns out to be dead is replaced once: every script can be run twice without
 * harm. 0, or -1 when there is no answer: *error_r then says why and where, valid until this
 * thread's next call. Thread-safe.
 */
int store_ask(struct store *store, const struct command *command, struct redisReply **reply_r,
	      const char **error_r);

/* Gives Redis the scripts that are lent to the milter, if it hasn't got them. 0, or -1 with
 *error_r. Thread-safe. */
int store_lend_scripts(struct store *store, const char **error_r);

/*
 * The same for a command of Redis's own as well, which must also be one that can be run twice; with
 * up to wait milliseconds more than the timeout, for a command that waits itself (XREAD BLOCK). 1
 * with its reply; 0 when Redis refused this one command, as *error_r says in Redis's words; -1 when
 * there is no answer.
 */
int store_call(struct store *store, const struct command *command, unsigned int wait,
	       struct redisReply **reply_r, const char **error_r);

#endif
