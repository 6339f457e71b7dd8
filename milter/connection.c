#include "connection.h"

#include <hiredis/hiredis.h>

#include "store/command.h"
#include "base/monotonic.h"
#include "store/reply.h"

/* Three times that are rounded down are added up, one of them taken off: in microseconds. */
#define ROUNDING 1

void connection_open(struct connection *connection)
{
	*connection = (struct connection){ .opened = monotonic_usecs() };
}

/*
 * Redis's time was taken before the answer came, so it is no later than now, and less the
 * connection's age it is no later than the beginning. However long the question waits for a
 * connection to Redis, or Redis stalls, the beginning comes out too early, never too late.
 */
int connection_date(struct connection *connection, struct store *store, const char **error_r)
{
	struct command command;
	redisReply *reply;
	int64_t time, age, began;

	command_begin_plain(&command, "TIME");
	if (store_call(store, &command, 0, &reply, error_r) != 1)
		return -1;
	age = monotonic_usecs() - connection->opened;
	time = reply_time(reply);
	began = (time - age - ROUNDING) / 1000;
	*error_r = reply_unavailable_text(reply);
	freeReplyObject(reply);
	if (time == 0)
		return -1;
	if (began <= connection->began)
		return 0;
	connection->began = began;
	return 1;
}
