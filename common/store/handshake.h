#ifndef POSTERN_HANDSHAKE_H
#define POSTERN_HANDSHAKE_H

#include <stdbool.h>

#include "settings/settings.h"

struct redisReply;

/*
 * What is said on a new connection to Redis before the first script: who we are (AUTH), which
 * database (SELECT), and a PING, so that a Redis which accepts connections but doesn't answer is
 * found out. Both clients of the store do this.
 */

/* The command of one step, from 0 on, as it goes over the wire, to be freed with
   redisFreeCommand(). Its size, 0 after the last step, -1 when memory runs out. */
int handshake_step(const struct redis_settings *settings, const struct secrets *secrets,
		   unsigned int step, char **resp_r);

/* True if the reply is the one to this step. A greeting that nobody asked for isn't: with it, all
   replies would belong to the call before. */
bool handshake_accepted(const struct redis_settings *settings, const struct secrets *secrets,
			unsigned int step, const struct redisReply *reply);

/* "unix:/run/redis/redis.sock" or "127.0.0.1:6379", for logs. */
void handshake_peer(const struct redis_settings *settings, char *text_r, size_t size);

#endif
