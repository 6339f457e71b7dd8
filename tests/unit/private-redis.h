#ifndef POSTERN_TESTS_PRIVATE_REDIS_H
#define POSTERN_TESTS_PRIVATE_REDIS_H

#include <sys/types.h>

#include "settings/settings.h"

/*
 * A Redis of the test's own, in a directory of its own, on a unix socket and on a free port of the
 * loopback interface. It dies with the process that started it.
 */

struct private_redis {
	char directory[64];
	char socket[96];
	unsigned int port;
	pid_t pid; /* 0 while it is stopped */
};

/* Runs the tests in a child process, with an empty directory for Redis that is removed when the
   child has ended, however. The child's exit status. */
int private_redis_run(int (*tests)(struct private_redis *redis));

/* Starts it, empty, and waits until it answers. 0 or -1. */
int private_redis_start(struct private_redis *redis);

/* Kills it, and waits until it is gone. */
void private_redis_stop(struct private_redis *redis);

/* Says something to it past the store: command and arguments, up to a NULL. What it answered, as
   text that is valid until the next call. */
const char *private_redis_say(const struct private_redis *redis, const char *command, ...)
	__attribute__((sentinel));

/* A port of the loopback interface that nobody listens on. */
unsigned int free_port(void);

#endif
