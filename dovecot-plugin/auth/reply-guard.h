#ifndef POSTERN_REPLY_GUARD_H
#define POSTERN_REPLY_GUARD_H

#include <stdbool.h>

struct redisAsyncContext;

/*
 * At a reply that nobody waits for, hiredis's asynchronous side aborts the process, and Redis, or
 * what has taken its place, must not be able to end Dovecot's auth process. With this guard such a
 * reply is never made, which ends the connection only.
 */
struct reply_guard {
	struct redisAsyncContext *connection;
	bool surplus; /* such a reply has come; hiredis's own error is misleading then */
};

/* Guards a new connection. The guard must live as long as that does. */
void reply_guard_install(struct reply_guard *guard, struct redisAsyncContext *connection);

#endif
