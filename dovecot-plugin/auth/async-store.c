/*
 * The store's asynchronous client.
 *
 * A call is on one of two lists: waiting to be written, or written and waiting for its reply, in
 * the order of writing. While there are calls, a tick looks for what is late: it drops a connection
 * that doesn't answer, which puts the written calls back to the waiting ones; it opens connections;
 * and it gives up calls whose deadline has passed.
 */

#include "lib.h"
#include "ioloop.h"
#include "llist.h"
#include "safe-memset.h"
#include "str-sanitize.h"

#include "async-store.h"
#include "store/handshake.h"
#include "base/monotonic.h"
#include "store/reply.h"
#include "reply-guard.h"

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

#define TICK_MSECS	50
#define RECONNECT_MSECS 250

/* More calls than this are not kept waiting: a stampede must not take the memory. */
#define CALLS_MAX 20000

struct async_call {
	struct async_call *prev, *next;
	struct async_store *store;
	enum script script;
	char *resp;
	int resp_size;
	bool reloaded;		   /* its script has just been loaded for it */
	int64_t written, deadline; /* milliseconds, monotonic */
	async_store_callback_t *callback;
	void *context;
};

struct async_store {
	const struct redis_settings *settings;
	const struct secrets *secrets;
	char peer[160];

	struct ioloop *ioloop;
	redisAsyncContext *connection;
	struct io *io_read, *io_write;
	bool ready; /* the handshake is done */
	struct reply_guard guard;
	bool loading[SCRIPT_COUNT]; /* scripts that Redis is being given */
	unsigned int steps_open;    /* of the handshake, whose replies aren't here */
	int64_t connecting_since;
	int64_t connect_after;

	struct timeout *to_tick;
	struct async_call *waiting, *waiting_tail;
	struct async_call *written, *written_tail;
	unsigned int calls;
	char *last_error; /* NULL while all is well */
};

static void async_store_write_waiting(struct async_store *store);
static void async_store_lend_scripts(struct async_store *store);

/* Logs the first in a series of failures, and keeps the newest for those who have to wait. */
static void async_store_trouble(struct async_store *store, const char *error)
{
	const char *clean = str_sanitize(error, 200);

	if (store->last_error == NULL)
		i_error("postern: redis=%s unavailable: %s", store->peer, clean);
	i_free(store->last_error);
	store->last_error = i_strdup(clean);
}

static void async_store_well(struct async_store *store)
{
	if (store->last_error != NULL)
		i_info("postern: redis=%s available again", store->peer);
	i_free(store->last_error);
}

static void async_call_finish(struct async_call *call, const redisReply *reply, const char *error)
{
	call->store->calls--;
	call->callback(reply, error, call->context);
	free(call->resp);
	i_free(call);
}

/* hiredis's hooks: they may be called again while already in effect. */

static void handle_read(struct async_store *store)
{
	redisAsyncHandleRead(store->connection);
}

static void handle_write(struct async_store *store)
{
	redisAsyncHandleWrite(store->connection);
}

static void hook_add_read(void *context)
{
	struct async_store *store = context;

	if (store->io_read == NULL)
		store->io_read = io_add_to(store->ioloop, store->connection->c.fd, IO_READ,
					   handle_read, store);
}

static void hook_del_read(void *context)
{
	struct async_store *store = context;

	io_remove(&store->io_read);
}

static void hook_add_write(void *context)
{
	struct async_store *store = context;

	if (store->io_write == NULL)
		store->io_write = io_add_to(store->ioloop, store->connection->c.fd, IO_WRITE,
					    handle_write, store);
}

static void hook_del_write(void *context)
{
	struct async_store *store = context;

	io_remove(&store->io_write);
}

/* hiredis is about to close the connection: all callbacks have been called. */
static void hook_cleanup(void *context)
{
	struct async_store *store = context;

	io_remove(&store->io_read);
	io_remove(&store->io_write);
	store->connection = NULL;
	store->ready = FALSE;
	store->steps_open = 0;
	store->connect_after = monotonic_msecs() + RECONNECT_MSECS;
}

/* Ends the connection; the calls that were written on it wait again. */
static void async_store_drop(struct async_store *store, const char *error)
{
	async_store_trouble(store, error);
	redisAsyncFree(store->connection);
}

static void handle_connected(const redisAsyncContext *connection, int status)
{
	struct async_store *store = connection->data;

	if (status != REDIS_OK)
		async_store_trouble(store, connection->errstr);
}

static void handle_disconnected(const redisAsyncContext *connection, int status)
{
	struct async_store *store = connection->data;

	if (status != REDIS_OK)
		async_store_trouble(store, store->guard.surplus
						   ? "it sent more than it was asked for"
						   : connection->errstr);
}

static void handle_step(redisAsyncContext *connection, void *_reply, void *context)
{
	struct async_store *store = connection->data;
	const redisReply *reply = _reply;
	unsigned int step = POINTER_CAST_TO(context, unsigned int);

	if (reply == NULL)
		return;
	if (!handshake_accepted(store->settings, store->secrets, step, reply)) {
		async_store_drop(store,
				 reply->type == REDIS_REPLY_ERROR ? reply->str : "not Redis?");
		return;
	}
	i_assert(store->steps_open > 0);
	if (--store->steps_open == 0) {
		store->ready = TRUE;
		async_store_lend_scripts(store);
		async_store_write_waiting(store);
	}
}

static void async_store_shake_hands(struct async_store *store)
{
	char *resp;
	int size;

	for (unsigned int step = 0;
	     (size = handshake_step(store->settings, store->secrets, step, &resp)) > 0; step++) {
		redisAsyncFormattedCommand(store->connection, handle_step, POINTER_CAST(step), resp,
					   size);
		store->steps_open++;
		/* It may hold the password. */
		safe_memset(resp, 0, size);
		redisFreeCommand(resp);
	}
	if (size < 0)
		i_fatal_status(FATAL_OUTOFMEM, "postern: out of memory");
}

static void async_store_connect(struct async_store *store)
{
	const struct redis_settings *set = store->settings;
	redisAsyncContext *connection = set->socket != NULL
						? redisAsyncConnectUnix(set->socket)
						: redisAsyncConnect(set->host, set->port);

	store->connecting_since = monotonic_msecs();
	store->connect_after = store->connecting_since + RECONNECT_MSECS;
	if (connection == NULL)
		i_fatal_status(FATAL_OUTOFMEM, "postern: out of memory");
	if (connection->err != 0) {
		async_store_trouble(store, connection->errstr);
		redisAsyncFree(connection);
		return;
	}
	fd_close_on_exec(connection->c.fd, TRUE);
	store->connection = connection;
	connection->data = store;
	reply_guard_install(&store->guard, connection);
	connection->ev.data = store;
	connection->ev.addRead = hook_add_read;
	connection->ev.delRead = hook_del_read;
	connection->ev.addWrite = hook_add_write;
	connection->ev.delWrite = hook_del_write;
	connection->ev.cleanup = hook_cleanup;
	redisAsyncSetConnectCallback(connection, handle_connected);
	redisAsyncSetDisconnectCallback(connection, handle_disconnected);
	async_store_shake_hands(store);
}

static void handle_reply(redisAsyncContext *connection, void *_reply, void *context);

/* FALSE when the connection takes no commands: it isn't there, or about to close. */
static bool async_call_write(struct async_call *call)
{
	struct async_store *store = call->store;

	if (store->connection == NULL || !store->ready ||
	    redisAsyncFormattedCommand(store->connection, handle_reply, call, call->resp,
				       call->resp_size) != REDIS_OK)
		return FALSE;
	DLLIST2_REMOVE(&store->waiting, &store->waiting_tail, call);
	DLLIST2_APPEND(&store->written, &store->written_tail, call);
	call->written = monotonic_msecs();
	return TRUE;
}

/* Back to the waiting calls: the next connection, or the next tick, asks again. */
static void async_call_wait(struct async_call *call)
{
	struct async_store *store = call->store;

	DLLIST2_REMOVE(&store->written, &store->written_tail, call);
	DLLIST2_APPEND(&store->waiting, &store->waiting_tail, call);
}

/* Calls that are late are left to the next tick, which gives them up. */
static void async_store_write_waiting(struct async_store *store)
{
	struct async_call *call, *next;
	int64_t now = monotonic_msecs();

	for (call = store->waiting; call != NULL; call = next) {
		next = call->next;
		if (call->deadline > now && !async_call_write(call))
			break;
	}
}

static void handle_loaded(redisAsyncContext *connection, void *_reply, void *context)
{
	struct async_store *store = connection->data;
	const redisReply *reply = _reply;

	if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
		async_store_trouble(store, reply->str);
	store->loading[POINTER_CAST_TO(context, enum script)] = FALSE;
}

/* Before the calls of the script that are written from now on. Once will do for all of them. */
static void async_store_load_script(struct async_store *store, enum script script)
{
	const char *args[] = { "SCRIPT", "LOAD", NULL };
	size_t sizes[] = { 6, 4, 0 };

	if (store->loading[script])
		return;
	args[2] = script_text(script, &sizes[2]);
	store->loading[script] =
		redisAsyncCommandArgv(store->connection, handle_loaded, POINTER_CAST(script),
				      N_ELEMENTS(args), args, sizes) == REDIS_OK;
}

/* What the milter runs, and gives Redis as little as it can. */
static void async_store_lend_scripts(struct async_store *store)
{
	for (unsigned int i = 0; script_lent(i) != SCRIPT_COUNT; i++)
		async_store_load_script(store, script_lent(i));
}

/* The call's script is given to Redis, once; if that doesn't help, the next tick tries again. */
static void async_call_reload(struct async_call *call)
{
	bool again = call->reloaded;

	async_call_wait(call);
	call->reloaded = !again;
	if (again)
		return;
	async_store_load_script(call->store, call->script);
	async_store_lend_scripts(call->store);
	async_call_write(call);
}

/* An error of Redis as a whole: the call waits until it recovers. */
static void handle_outage(struct async_call *call, const redisReply *reply)
{
	struct async_store *store = call->store;

	async_store_trouble(store, reply->str);
	async_call_wait(call);
	/* The next connection may lead to the new master. */
	if (reply_is_demotion(reply))
		async_store_drop(store, reply->str);
}

static void handle_reply(redisAsyncContext *connection ATTR_UNUSED, void *_reply, void *context)
{
	struct async_call *call = context;
	struct async_store *store = call->store;
	const redisReply *reply = _reply;

	if (reply == NULL) {
		async_call_wait(call);
	} else if (reply_is_outage(reply)) {
		handle_outage(call, reply);
	} else if (reply->type == REDIS_REPLY_ERROR && str_begins(reply->str, "NOSCRIPT")) {
		async_call_reload(call);
	} else {
		async_store_well(store);
		DLLIST2_REMOVE(&store->written, &store->written_tail, call);
		if (reply->type == REDIS_REPLY_ERROR)
			async_call_finish(call, NULL, reply->str);
		else
			async_call_finish(call, reply, NULL);
	}
}

static void async_store_give_up_late(struct async_store *store, int64_t now)
{
	struct async_call *call, *next;

	for (call = store->waiting; call != NULL; call = next) {
		next = call->next;
		if (call->deadline > now)
			continue;
		DLLIST2_REMOVE(&store->waiting, &store->waiting_tail, call);
		async_call_finish(call, NULL,
				  store->last_error != NULL ? store->last_error : "no answer");
	}
}

/* True if Redis owes us an answer for longer than the timeout. */
static bool async_store_is_silent(const struct async_store *store, int64_t now)
{
	int64_t since = store->ready ? now : store->connecting_since;

	if (store->written != NULL && store->written->written < since)
		since = store->written->written;
	return now - since > store->settings->timeout;
}

static void async_store_tick(struct async_store *store)
{
	int64_t now = monotonic_msecs();

	if (store->connection != NULL && async_store_is_silent(store, now))
		async_store_drop(
			store, t_strdup_printf("no answer within %u ms", store->settings->timeout));
	async_store_give_up_late(store, now);
	if (store->calls == 0) {
		timeout_remove(&store->to_tick);
		return;
	}
	if (store->connection == NULL && now >= store->connect_after)
		async_store_connect(store);
	async_store_write_waiting(store);
}

void async_store_ask(struct async_store *store, const struct command *command,
		     unsigned int wait_msecs, async_store_callback_t *callback, void *context)
{
	struct async_call *call = i_new(struct async_call, 1);
	int64_t now = monotonic_msecs();

	call->store = store;
	call->script = command->script;
	call->callback = callback;
	call->context = context;
	call->resp_size = command_format(command, &call->resp);
	if (call->resp_size < 0)
		call->resp = NULL;
	/* Without a call to make, or with no room for it, it is late from the start. */
	call->deadline = call->resp == NULL || store->calls >= CALLS_MAX ? 0 : now + wait_msecs;
	store->calls++;
	DLLIST2_APPEND(&store->waiting, &store->waiting_tail, call);

	if (store->to_tick == NULL)
		store->to_tick =
			timeout_add_short_to(store->ioloop, TICK_MSECS, async_store_tick, store);
	if (call->deadline == 0)
		return;
	if (store->connection == NULL && now >= store->connect_after)
		async_store_connect(store);
	async_store_write_waiting(store);
}

struct async_store *async_store_create(const struct redis_settings *settings,
				       const struct secrets *secrets)
{
	struct async_store *store = i_new(struct async_store, 1);

	store->settings = settings;
	store->secrets = secrets;
	store->ioloop = io_loop_get_root();
	handshake_peer(settings, store->peer, sizeof(store->peer));
	return store;
}

void async_store_free(struct async_store **_store)
{
	struct async_store *store = *_store;

	*_store = NULL;
	if (store == NULL)
		return;
	if (store->connection != NULL)
		redisAsyncFree(store->connection);
	while (store->waiting != NULL) {
		struct async_call *call = store->waiting;

		DLLIST2_REMOVE(&store->waiting, &store->waiting_tail, call);
		async_call_finish(call, NULL, "shutting down");
	}
	timeout_remove(&store->to_tick);
	i_free(store->last_error);
	i_free(store);
}
