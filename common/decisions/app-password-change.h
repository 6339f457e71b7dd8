#ifndef POSTERN_APP_PASSWORD_CHANGE_H
#define POSTERN_APP_PASSWORD_CHANGE_H

#include <stdint.h>

#include "account/account.h"
#include "decisions/actor.h"
#include "store/command.h"
#include "account/reason.h"

struct redisReply;

/* Adding and revoking single app passwords (A10): calls of password_add.lua and
   password_revoke.lua. */

#define APP_PASSWORDS_WORKING_MAX 20 /* of one account */
#define APP_PASSWORD_LABEL_MAX	  48 /* bytes */

/* What a new app password is stored with. */
struct app_password_terms {
	const char *digest;	/* app_password_digest() */
	unsigned int protocols; /* set of enum protocol that it is for; 0 for all of the tier */
	uint64_t lasts;		/* milliseconds from now on, 0 for ever */
	const char *label;	/* UTF-8 without control characters, at most APP_PASSWORD_LABEL_MAX
				   bytes; "" for none */
};

enum app_password_verdict {
	APP_PASSWORD_DONE,
	APP_PASSWORD_UNCHANGED, /* revoke: it had already ended */
	APP_PASSWORD_UNKNOWN,	/* revoke: there is none with that number */
	APP_PASSWORD_OFF,	/* add: access is off */
	APP_PASSWORD_TOO_MANY,	/* add: APP_PASSWORDS_WORKING_MAX work already */
	APP_PASSWORD_UNAVAILABLE,
};

struct app_password_answer {
	enum app_password_verdict verdict;
	unsigned int number;	    /* of the one that was added or revoked */
	enum disable_reason reason; /* for APP_PASSWORD_OFF */
	const char *unavailable;    /* one static sentence, for APP_PASSWORD_UNAVAILABLE */
};

/* 0 if text can be a label, -1 if not: *error_r is a static text. */
int app_password_label_check(const char *text, const char **error_r);

void app_password_add_ask(const struct account_name *account,
			  const struct app_password_terms *terms, const struct actor *actor,
			  struct command *command_r);
void app_password_revoke_ask(const struct account_name *account, unsigned int number,
			     const struct actor *actor, struct command *command_r);
void app_password_change_read(const struct redisReply *reply, struct app_password_answer *answer_r);

/* Adds the terms to a call, in the order in which the scripts take them. */
void app_password_terms_add(struct command *command, const struct app_password_terms *terms);

#endif
