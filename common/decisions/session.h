#ifndef POSTERN_SESSION_H
#define POSTERN_SESSION_H

#include "account/account.h"
#include "keys/app-password.h"
#include "store/command.h"
#include "account/protocol.h"
#include "settings/settings.h"

struct redisReply;

/*
 * The decision whether sessions from outside still hold (A3, A8, A10, D5): calls of
 * session.lua.
 *
 * What a session goes by is the app password that opened it. It is found out when the login is
 * decided, so it distinguishes a session from before a switch-off from a later one, whatever clocks
 * say and however long the login waited in between.
 */

/* One session, or all of an account that are alike. */
struct session {
	struct account_name account;
	enum protocol protocol;			 /* 0 for one that tiers don't name */
	char password[APP_PASSWORD_DIGEST_SIZE]; /* what opened it; "" where nobody knows */
};

enum session_verdict {
	SESSION_HOLDS,
	SESSION_OVER,
	SESSION_UNAVAILABLE, /* not known */
};

/* At most this many sessions, of this many accounts, fit into one question. */
#define SESSION_ASK_MAX	     40
#define SESSION_ACCOUNTS_MAX 16

/* How many of the sessions, from the first one on, can be asked about at once: those of the same
   partition, as long as they fit. Those of an account have to be adjacent. */
unsigned int session_together(const struct session *sessions, unsigned int count);

/* Asks about as many. The settings outlive the command. */
void session_ask(const struct session *sessions, unsigned int count,
		 const struct settings *settings, struct command *command_r);

/* 0 if the reply has a verdict for each of count sessions, -1 if Redis can't tell: *error_r is then
   a static sentence. */
int session_read(const struct redisReply *reply, unsigned int count, const char **error_r);

/* The verdict on the session at a place of the question. */
enum session_verdict session_verdict(const struct redisReply *reply, unsigned int place);

#endif
