#ifndef POSTERN_ASYNC_STORE_H
#define POSTERN_ASYNC_STORE_H

#include "store/command.h"
#include "settings/settings.h"

struct redisReply;

/*
 * The store's asynchronous client, on Dovecot's event loop: any number of calls in progress over
 * one connection, written and read in batches. It connects when first asked.
 *
 * A call that Redis can't answer now (it is down, starting, or failing over) waits, and is asked
 * again until its deadline: most outages are shorter than a few seconds. Every script can be run
 * twice without harm, so a call whose answer got lost is simply made again.
 */

struct async_store;

/* The answer. reply is NULL when there was none until the deadline: error then says why. Both
   live until the callback returns. */
typedef void async_store_callback_t(const struct redisReply *reply, const char *error,
				    void *context);

/* settings and secrets must outlive the store. */
struct async_store *async_store_create(const struct redis_settings *settings,
				       const struct secrets *secrets);

/* Calls that are in progress get their callback, without a reply. */
void async_store_free(struct async_store **store);

/* Makes the call. Its callback is called once, never before this returns. wait_msecs is how long
   the call may wait for Redis to come back; connecting and an answer may take a timeout of the
   settings each on top of it. */
void async_store_ask(struct async_store *store, const struct command *command,
		     unsigned int wait_msecs, async_store_callback_t *callback, void *context);

#endif
