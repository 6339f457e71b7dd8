/* What is said on a new connection to Redis. */

#include "store/handshake.h"

#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

static int step_auth(const struct redis_settings *settings, const struct secrets *secrets,
		     char **resp_r)
{
	const char *args[3] = { "AUTH" };
	int count = 1;

	if (settings->user != NULL)
		args[count++] = settings->user;
	args[count++] = secrets->redis_password;
	return redisFormatCommandArgv(resp_r, count, args, NULL);
}

enum step { STEP_AUTH, STEP_SELECT, STEP_PING, STEP_NONE };

static enum step find_step(const struct redis_settings *settings, const struct secrets *secrets,
			   unsigned int step)
{
	unsigned int at = 0;

	if (secrets->redis_password != NULL && step == at++)
		return STEP_AUTH;
	if (settings->database != 0 && step == at++)
		return STEP_SELECT;
	return step == at ? STEP_PING : STEP_NONE;
}

int handshake_step(const struct redis_settings *settings, const struct secrets *secrets,
		   unsigned int step, char **resp_r)
{
	switch (find_step(settings, secrets, step)) {
	case STEP_AUTH:
		return step_auth(settings, secrets, resp_r);
	case STEP_SELECT:
		return redisFormatCommand(resp_r, "SELECT %u", settings->database);
	case STEP_PING:
		return redisFormatCommand(resp_r, "PING");
	case STEP_NONE:
		break;
	}
	return 0;
}

bool handshake_accepted(const struct redis_settings *settings, const struct secrets *secrets,
			unsigned int step, const struct redisReply *reply)
{
	bool is_ping = find_step(settings, secrets, step) == STEP_PING;

	return reply != NULL && reply->type == REDIS_REPLY_STATUS &&
	       strcmp(reply->str, is_ping ? "PONG" : "OK") == 0;
}

void handshake_peer(const struct redis_settings *settings, char *text_r, size_t size)
{
	if (settings->socket != NULL)
		snprintf(text_r, size, "unix:%s", settings->socket);
	else
		snprintf(text_r, size, strchr(settings->host, ':') ? "[%s]:%u" : "%s:%u",
			 settings->host, settings->port);
}
