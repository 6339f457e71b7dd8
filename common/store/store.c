/*
 * The store's blocking client.
 *
 * A call takes an idle connection or opens one, and gives it back when it is sound. The sockets
 * don't block: whatever Redis does or drips, a call ends at its deadline.
 */

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hiredis/hiredis.h>

#include "store/handshake.h"
#include "base/monotonic.h"
#include "base/printable.h"
#include "store/reply.h"

#define IDLE_MAX   64
#define ERROR_SIZE 256
#define BORROW_MS  20 /* between two looks for a script that somebody else gives Redis */

struct store {
	const struct redis_settings *settings;
	const struct secrets *secrets;
	char peer[160];
	pthread_mutex_t lock; /* guards all below */
	redisContext *idle[IDLE_MAX];
	unsigned int idle_count;
	bool broken;
	int64_t broken_until; /* milliseconds of the monotonic clock; no one asks before */
};

/* One call while it is in progress. */
struct call {
	struct store *store;
	redisContext *connection; /* NULL while there is none */
	bool was_idle;		  /* it came from the pool, so it may be dead without our knowing */
	unsigned int patience;	  /* milliseconds for all of it */
	int64_t deadline;	  /* milliseconds of the monotonic clock */
};

static _Thread_local char error_text[ERROR_SIZE];

/* Sets the thread's error text: one printable line, whatever Redis said. Always -1. */
__attribute__((format(printf, 2, 3))) static int fail(const struct store *store, const char *format,
						      ...)
{
	va_list args;
	int used = snprintf(error_text, sizeof(error_text), "Redis at %s: ", store->peer);

	va_start(args, format);
	vsnprintf(error_text + used, sizeof(error_text) - (size_t)used, format, args);
	va_end(args);
	make_printable(error_text, "");
	return -1;
}

struct store *store_create(const struct redis_settings *settings, const struct secrets *secrets)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		abort();
	store->settings = settings;
	store->secrets = secrets;
	handshake_peer(settings, store->peer, sizeof(store->peer));
	pthread_mutex_init(&store->lock, NULL);
	return store;
}

static void free_idle(struct store *store)
{
	while (store->idle_count > 0)
		redisFree(store->idle[--store->idle_count]);
}

void store_free(struct store **_store)
{
	struct store *store = *_store;

	*_store = NULL;
	if (store == NULL)
		return;
	free_idle(store);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Waits until the connection is ready for what is wanted. */
static int await(const struct call *call, short events)
{
	struct pollfd ready = { .fd = call->connection->fd, .events = events };
	int ret;

	do {
		int64_t left = call->deadline - monotonic_msecs();

		/* Even if something is ready: it may never end. */
		ret = left > 0 ? poll(&ready, 1, (int)left) : 0;
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return fail(call->store, "no answer within %u ms", call->patience);
	return ret < 0 ? fail(call->store, "poll: %s", strerror(errno)) : 0;
}

/* One command and its reply. */
static int exchange(const struct call *call, const char *resp, size_t size, redisReply **reply_r)
{
	redisContext *connection = call->connection;
	void *reply = NULL;
	int done = 0;

	if (redisAppendFormattedCommand(connection, resp, size) != REDIS_OK) {
		fail(call->store, "%s", connection->errstr);
		return -1;
	}
	while (redisBufferWrite(connection, &done) == REDIS_OK && !done) {
		if (await(call, POLLOUT) < 0)
			return -1;
	}
	while (connection->err == 0 && redisGetReplyFromReader(connection, &reply) == REDIS_OK &&
	       reply == NULL) {
		if (await(call, POLLIN) < 0)
			return -1;
		if (redisBufferRead(connection) != REDIS_OK)
			break;
	}
	if (reply == NULL) {
		fail(call->store, "%s", connection->errstr);
		return -1;
	}
	*reply_r = reply;
	return 0;
}

static int finish_connecting(struct call *call)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (await(call, POLLOUT) < 0)
		return -1;
	if (getsockopt(call->connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	return error != 0 ? fail(call->store, "%s", strerror(error)) : 0;
}

static int shake_hands(struct call *call)
{
	const struct store *store = call->store;
	char *resp;
	int size;

	for (unsigned int step = 0;
	     (size = handshake_step(store->settings, store->secrets, step, &resp)) > 0; step++) {
		redisReply *reply = NULL;
		int ret = exchange(call, resp, (size_t)size, &reply);

		/* It may hold the password. */
		explicit_bzero(resp, (size_t)size);
		redisFreeCommand(resp);
		if (ret == 0 && !handshake_accepted(store->settings, store->secrets, step, reply))
			ret = fail(store, "refused us: %s",
				   reply->type == REDIS_REPLY_ERROR ? reply->str : "not Redis?");
		freeReplyObject(reply);
		if (ret < 0)
			return -1;
	}
	return size < 0 ? fail(store, "out of memory") : 0;
}

static int open_connection(struct call *call)
{
	const struct redis_settings *settings = call->store->settings;

	call->was_idle = false;
	call->connection = settings->socket != NULL
				   ? redisConnectUnixNonBlock(settings->socket)
				   : redisConnectNonBlock(settings->host, (int)settings->port);
	if (call->connection == NULL)
		return fail(call->store, "out of memory");
	if (call->connection->err != 0)
		return fail(call->store, "%s", call->connection->errstr);
	/* hiredis leaves descriptors open across exec. */
	fcntl(call->connection->fd, F_SETFD, FD_CLOEXEC);
	return finish_connecting(call) < 0 ? -1 : shake_hands(call);
}

static void drop_connection(struct call *call)
{
	if (call->connection != NULL)
		redisFree(call->connection);
	call->connection = NULL;
}

static bool is_error(const redisReply *reply, const char *code)
{
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}

/* Makes the script known to Redis. */
static int load_script(const struct call *call, enum script script)
{
	const char *args[] = { "SCRIPT", "LOAD", NULL };
	size_t sizes[] = { 6, 4, 0 };
	redisReply *reply = NULL;
	char *resp;
	int size, ret;

	args[2] = script_text(script, &sizes[2]);
	size = redisFormatCommandArgv(&resp, 3, args, sizes);
	if (size < 0)
		return fail(call->store, "out of memory");
	ret = exchange(call, resp, (size_t)size, &reply);
	redisFreeCommand(resp);
	if (ret == 0 && reply->type == REDIS_REPLY_ERROR)
		ret = fail(call->store, "%s", reply->str);
	freeReplyObject(reply);
	return ret;
}

/* Takes an error for no answer. Always -1. */
static int refuse_reply(const struct call *call, redisReply **reply_r)
{
	fail(call->store, "%s", (*reply_r)->str);
	freeReplyObject(*reply_r);
	*reply_r = NULL;
	return -1;
}

/* The script, and those that are lent to the milter. */
static int load_scripts(const struct call *call, enum script script)
{
	int ret = load_script(call, script);

	for (unsigned int i = 0; ret == 0 && script_lent(i) != SCRIPT_COUNT; i++) {
		if (script_lent(i) != script)
			ret = load_script(call, script_lent(i));
	}
	return ret;
}

/* Redis doesn't know the script: makes it known and asks again; or asks again until somebody else
   has made it known. */
static int run_unknown(const struct call *call, enum script script, const char *resp, size_t size,
		       redisReply **reply_r)
{
	if (!call->store->settings->borrows_scripts)
		return load_scripts(call, script) < 0 ? -1 : exchange(call, resp, size, reply_r);
	while (monotonic_msecs() + BORROW_MS < call->deadline) {
		poll(NULL, 0, BORROW_MS);
		if (exchange(call, resp, size, reply_r) < 0)
			return -1;
		if (!is_error(*reply_r, "NOSCRIPT"))
			return 0;
		freeReplyObject(*reply_r);
		*reply_r = NULL;
	}
	return fail(call->store, "has no script %s yet: postern-worker or a login loads it",
		    script_name(script));
}

static int run(struct call *call, const struct command *command, const char *resp, size_t size,
	       redisReply **reply_r)
{
	if (exchange(call, resp, size, reply_r) < 0)
		return -1;
	if (command->plain == NULL && is_error(*reply_r, "NOSCRIPT")) {
		freeReplyObject(*reply_r);
		*reply_r = NULL;
		if (run_unknown(call, command->script, resp, size, reply_r) < 0)
			return -1;
	}
	/* The next connection may lead to the new master. */
	return reply_is_demotion(*reply_r) ? refuse_reply(call, reply_r) : 0;
}

/* An idle connection, if there is one. -1 while the breaker is open. */
static int begin(struct call *call)
{
	struct store *store = call->store;
	int64_t now = monotonic_msecs();
	int ret = 0;

	call->deadline = now + call->patience;
	pthread_mutex_lock(&store->lock);
	if (store->broken && now < store->broken_until) {
		ret = -1;
	} else {
		/* This call finds out whether Redis is back; the others don't wait for it. */
		store->broken_until = now + store->settings->timeout + STORE_BREAK_MS;
		if (store->idle_count > 0) {
			call->connection = store->idle[--store->idle_count];
			call->was_idle = true;
		}
	}
	pthread_mutex_unlock(&store->lock);
	return ret < 0 ? fail(store, "unavailable; trying again %d ms after the last attempt",
			      STORE_BREAK_MS)
		       : 0;
}

/* Bytes after the reply would be taken for the answer to the next call. */
static bool is_drained(const redisContext *connection)
{
	return connection->reader->pos == connection->reader->len;
}

/* Gives the connection back, and informs the breaker. */
static void end(struct call *call, bool answered)
{
	struct store *store = call->store;

	if (!answered || !is_drained(call->connection))
		drop_connection(call);
	pthread_mutex_lock(&store->lock);
	store->broken = !answered;
	store->broken_until = monotonic_msecs() + STORE_BREAK_MS;
	if (!answered)
		free_idle(store);
	if (call->connection != NULL && store->idle_count < IDLE_MAX) {
		store->idle[store->idle_count++] = call->connection;
		call->connection = NULL;
	}
	pthread_mutex_unlock(&store->lock);
	drop_connection(call);
}

static int try_once(struct call *call, const struct command *command, const char *resp, size_t size,
		    redisReply **reply_r)
{
	if (call->connection == NULL && open_connection(call) < 0)
		return -1;
	return run(call, command, resp, size, reply_r);
}

/* False if Redis has closed it, or has sent what nobody asked for: that would be taken for the
   answer to this call. */
static bool is_quiet(const redisContext *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int ask(struct call *call, const struct command *command, const char *resp, size_t size,
	       redisReply **reply_r)
{
	int ret;

	if (begin(call) < 0)
		return -1;
	if (call->was_idle && !is_quiet(call->connection))
		drop_connection(call);
	ret = try_once(call, command, resp, size, reply_r);
	if (ret < 0 && call->was_idle && monotonic_msecs() < call->deadline) {
		drop_connection(call);
		ret = try_once(call, command, resp, size, reply_r);
	}
	end(call, ret == 0);
	return ret;
}

int store_call(struct store *store, const struct command *command, unsigned int wait,
	       redisReply **reply_r, const char **error_r)
{
	struct call call = { .store = store, .patience = store->settings->timeout + wait };
	redisReply *reply = NULL;
	char *resp = NULL;
	int size = command_format(command, &resp);
	int ret;

	*error_r = error_text;
	*reply_r = NULL;
	if (size < 0)
		return fail(store, "the call of %s does not fit", command_name(command));
	ret = ask(&call, command, resp, (size_t)size, &reply);
	free(resp);
	if (ret < 0)
		return -1;
	if (reply->type == REDIS_REPLY_ERROR) {
		fail(store, "%s: %s", command_name(command), reply->str);
		freeReplyObject(reply);
		return 0;
	}
	*reply_r = reply;
	return 1;
}

int store_ask(struct store *store, const struct command *command, redisReply **reply_r,
	      const char **error_r)
{
	return store_call(store, command, 0, reply_r, error_r) > 0 ? 0 : -1;
}

int store_lend_scripts(struct store *store, const char **error_r)
{
	for (unsigned int i = 0; script_lent(i) != SCRIPT_COUNT; i++) {
		struct command command;
		redisReply *reply;
		const char *text;
		size_t size;
		bool known;

		command_begin_plain(&command, "SCRIPT");
		command_string(&command, "EXISTS");
		command_string(&command, script_digest(script_lent(i)));
		if (store_call(store, &command, 0, &reply, error_r) <= 0)
			return -1;
		known = reply_number(reply, 0) == 1;
		freeReplyObject(reply);
		if (known)
			continue;
		text = script_text(script_lent(i), &size);
		command_begin_plain(&command, "SCRIPT");
		command_string(&command, "LOAD");
		command_borrow(&command, text, size);
		if (store_call(store, &command, 0, &reply, error_r) <= 0)
			return -1;
		freeReplyObject(reply);
	}
	return 0;
}
