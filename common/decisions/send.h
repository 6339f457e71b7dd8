#ifndef POSTERN_SEND_H
#define POSTERN_SEND_H

#include "account/account.h"
#include "store/command.h"
#include "account/reason.h"
#include "settings/settings.h"

struct redisReply;

/* The decision on a message that a login wants to send: one call of send.lua. */

enum send_stage {
	SEND_AT_MAIL, /* may it begin? Charges nothing (S7) */
	SEND_MESSAGE, /* the whole message is here: charge it */
	SEND_COUNT,   /* only say what the windows hold, for support */
};

struct send_request {
	const struct account_name *account;
	enum send_stage stage;
	const char
		*message; /* names the message, at SEND_MESSAGE: asking twice charges once (S4) */
	unsigned int recipients; /* at SEND_MESSAGE */
	int64_t began;		 /* when the connection began, on Redis's clock or a little earlier;
				    milliseconds since 1970: an app password that has ended since may
				    have opened it (A3). Not for SEND_COUNT */
	bool has_sender;	 /* without one it is taken for an automatic receipt (S2) */
};

enum send_verdict {
	SEND_ALLOW,
	SEND_DEFER,		  /* over the minute's limit (S1), or the hour's, which
				     automatic receipts have filled (S2) */
	SEND_LIMIT,		  /* over the hour's limit: access has just gone off (S2) */
	SEND_RECEIPT,		  /* an automatic receipt over it, which changes nothing (S2) */
	SEND_OFF,		  /* access is off (S6) */
	SEND_LOG_IN_AGAIN,	  /* it logged in before access, or an app password, ended (A3) */
	SEND_PROTOCOL,		  /* the tier hasn't got SMTP any more (A8) */
	SEND_BLOCKED,		  /* sending alone is blocked (S6) */
	SEND_TOO_MANY_RECIPIENTS, /* more than one message may ever have (S4) */
	SEND_UNAVAILABLE,	  /* not known */
};

struct send_answer {
	enum send_verdict verdict;
	unsigned int wait;	    /* seconds, for SEND_DEFER */
	enum disable_reason reason; /* for SEND_OFF */
	unsigned int limit;	    /* that was met, for SEND_DEFER, SEND_LIMIT and SEND_RECEIPT */
	bool hourly;		    /* for SEND_DEFER: it is the hour's */
	enum send_count count;	    /* what that limit counts */
	char tier[SETTINGS_TIER_MAX + 1]; /* for SEND_PROTOCOL */
	unsigned int recipients_allowed;  /* for SEND_ALLOW and SEND_TOO_MANY_RECIPIENTS;
					     SETTINGS_UNLIMITED */
};

#define SEND_SENTENCE_SIZE 400

/* "allow", "defer", ...: the word in logs and the script's reply. */
const char *send_verdict_word(enum send_verdict verdict);

/* Builds the call. 0, or -1 if OpenSSL fails. */
int send_ask(const struct send_request *request, const struct settings *settings,
	     struct command *command_r);

/* Reads the script's reply. Whatever is not a verdict is SEND_UNAVAILABLE. */
void send_read(const struct redisReply *reply, struct send_answer *answer_r);

/* Reads the reply to SEND_COUNT: what the two windows hold now, where they are limited. 0 or -1. */
int send_count_read(const struct redisReply *reply, unsigned int *minute_r, unsigned int *hour_r);

/* One ASCII sentence for the person, with the site's help address. */
void send_sentence(const struct send_answer *answer, const struct settings *settings,
		   char sentence_r[SEND_SENTENCE_SIZE]);

#endif
