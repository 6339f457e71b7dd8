/* Keeps hiredis from aborting at replies that nobody waits for. */

#include "reply-guard.h"

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

static redisReplyObjectFunctions guarded, *unguarded;

/* Errors may come unasked, as when Redis has too many clients: hiredis knows that. */
static bool is_surplus(const redisReadTask *task)
{
	struct reply_guard *guard = task->privdata;

	if (task->parent != NULL || task->type == REDIS_REPLY_ERROR ||
	    guard->connection->replies.head != NULL)
		return false;
	guard->surplus = true;
	return true;
}

static void *make_string(const redisReadTask *task, char *text, size_t size)
{
	return is_surplus(task) ? NULL : unguarded->createString(task, text, size);
}

#if HIREDIS_MAJOR >= 1
static void *make_array(const redisReadTask *task, size_t elements)
#else
static void *make_array(const redisReadTask *task, int elements)
#endif
{
	return is_surplus(task) ? NULL : unguarded->createArray(task, elements);
}

static void *make_integer(const redisReadTask *task, long long value)
{
	return is_surplus(task) ? NULL : unguarded->createInteger(task, value);
}

static void *make_nil(const redisReadTask *task)
{
	return is_surplus(task) ? NULL : unguarded->createNil(task);
}

void reply_guard_install(struct reply_guard *guard, redisAsyncContext *connection)
{
	redisReader *reader = connection->c.reader;

	guard->connection = connection;
	guard->surplus = false;
	unguarded = reader->fn;
	guarded = *reader->fn;
	guarded.createString = make_string;
	guarded.createArray = make_array;
	guarded.createInteger = make_integer;
	guarded.createNil = make_nil;
	reader->fn = &guarded;
	reader->privdata = guard;
}
