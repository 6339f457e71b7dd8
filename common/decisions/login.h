#ifndef POSTERN_LOGIN_H
#define POSTERN_LOGIN_H

#include "account/account.h"
#include "keys/app-password.h"
#include "store/command.h"
#include "account/protocol.h"
#include "account/reason.h"
#include "settings/settings.h"

struct redisReply;

/* The decision on a login from outside: one call of login.lua. */

struct login_request {
	const struct account_name *account;
	const char *password; /* as entered */
	enum protocol protocol;
	const char *address; /* the client's, as text */
	bool secured;	     /* the password came over TLS (A7) */
	const char *attempt; /* names this attempt: asking twice about the same one is harmless */
};

enum login_verdict {
	LOGIN_ALLOW,
	LOGIN_WRONG_PASSWORD, /* wrong, for no account, or ended while access is on: say nothing
				 (A9) */
	LOGIN_OFF,	      /* right, but access is off (A9) */
	LOGIN_EXPIRED,	      /* right, but its time is over (A10) */
	LOGIN_TLS_REQUIRED,   /* right, but sent in the clear (A7) */
	LOGIN_PROTOCOL,	      /* right, but the tier doesn't have the protocol (A8) */
	LOGIN_SCOPE,	      /* right, but not for this protocol (A10) */
	LOGIN_TOO_SOON,	      /* right, but sooner than the POP3 interval allows (P1) */
	LOGIN_UNAVAILABLE,    /* not known */
};

/* What came of it for the client's network (D4). Nothing of it may reach the client. */
enum login_shut_out {
	LOGIN_SHUT_OUT_NO,
	LOGIN_SHUT_OUT_BEFORE,	/* it was, so a wrong password counted for nothing */
	LOGIN_SHUT_OUT_NOW,	/* it is now */
	LOGIN_SHUT_OUT_DISABLE, /* and there are enough of them: access is now off, break-in */
	LOGIN_SHUT_OUT_TELL,	/* and there are enough of them: the owner is told */
	LOGIN_SHUT_OUT_ENDED,	/* it was, until this right app password */
};

struct login_answer {
	enum login_verdict verdict;
	enum login_shut_out shut_out;	  /* for LOGIN_ALLOW and LOGIN_WRONG_PASSWORD */
	enum disable_reason reason;	  /* for LOGIN_OFF */
	unsigned int wait;		  /* seconds, for LOGIN_TOO_SOON */
	char tier[SETTINGS_TIER_MAX + 1]; /* for LOGIN_PROTOCOL */
	/* For LOGIN_ALLOW: the digest of the app password, which the session goes by (session.h).
	 */
	char password[APP_PASSWORD_DIGEST_SIZE];
};

#define LOGIN_SENTENCE_SIZE 400

/* "allow", "wrong-password", ...: the word in logs, events and the script's reply. */
const char *login_verdict_word(enum login_verdict verdict);

/* How it appears in a log line, with a space in front; "" for LOGIN_SHUT_OUT_NO. */
const char *login_shut_out_text(enum login_shut_out shut_out);

/* Builds the call: the password goes into it as digests only. 0, or -1 if OpenSSL fails. */
int login_ask(const struct login_request *request, const struct settings *settings,
	      struct command *command_r);

/* Reads the script's reply. Whatever is not a verdict is LOGIN_UNAVAILABLE. */
void login_read(const struct redisReply *reply, struct login_answer *answer_r);

/* One ASCII sentence for the person, with the site's help address; "" for the verdicts that say
   nothing. Without a response code. */
void login_sentence(const struct login_answer *answer, enum protocol protocol,
		    const struct settings *settings, char sentence_r[LOGIN_SENTENCE_SIZE]);

#endif
