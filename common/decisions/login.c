/* The decision on a login from outside. */

#include "decisions/login.h"

#include <stdio.h>
#include <string.h>

#include "base/network.h"
#include "store/reply.h"

static const char *const verdict_words[] = {
	[LOGIN_ALLOW] = "allow",
	[LOGIN_WRONG_PASSWORD] = "wrong-password",
	[LOGIN_OFF] = "off",
	[LOGIN_EXPIRED] = "expired",
	[LOGIN_TLS_REQUIRED] = "tls-required",
	[LOGIN_PROTOCOL] = "protocol",
	[LOGIN_SCOPE] = "scope",
	[LOGIN_TOO_SOON] = "too-soon",
	[LOGIN_UNAVAILABLE] = "unavailable",
};

const char *login_verdict_word(enum login_verdict verdict)
{
	return verdict_words[verdict];
}

static const struct {
	const char *word; /* in the script's reply */
	const char *text;
} shut_outs[] = {
	[LOGIN_SHUT_OUT_NO] = { "", "" },
	[LOGIN_SHUT_OUT_BEFORE] = { "before", " shut_out=before" },
	[LOGIN_SHUT_OUT_NOW] = { "now", " shut_out=now" },
	[LOGIN_SHUT_OUT_DISABLE] = { "disable", " shut_out=now break_in=disable" },
	[LOGIN_SHUT_OUT_TELL] = { "tell", " shut_out=now break_in=tell" },
	[LOGIN_SHUT_OUT_ENDED] = { "ended", " shut_out=ended" },
};

const char *login_shut_out_text(enum login_shut_out shut_out)
{
	return shut_outs[shut_out].text;
}

/* A word that isn't known says nothing: the verdict holds. */
static enum login_shut_out read_shut_out(const struct redisReply *reply, unsigned int place)
{
	const char *word = reply_string(reply, place);

	for (size_t i = 0; i < sizeof(shut_outs) / sizeof(shut_outs[0]); i++) {
		if (strcmp(shut_outs[i].word, word) == 0)
			return (enum login_shut_out)i;
	}
	return LOGIN_SHUT_OUT_NO;
}

int login_ask(const struct login_request *request, const struct settings *settings,
	      struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "guesses", "*expiries", NULL };
	const struct secrets *secrets = settings->secrets;
	unsigned char network[NETWORK_SITE_SIZE];

	network_site(request->address, network);
	command_begin(command_r, SCRIPT_LOGIN, request->account, kinds);
	command_string(command_r, protocol_word(request->protocol));
	command_string(command_r, request->address);
	command_number(command_r, request->secured ? 1 : 0);
	command_string(command_r, request->attempt);
	command_bytes(command_r, network, sizeof(network));
	command_string(command_r, settings->tier_rows.login);
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		char digest[APP_PASSWORD_DIGEST_SIZE];

		if (app_password_digest(&secrets->keys[i], request->account, request->password,
					digest) < 0)
			return -1;
		command_string(command_r, digest);
	}
	return 0;
}

void login_read(const struct redisReply *reply, struct login_answer *answer_r)
{
	int verdict = reply_verdict(reply, verdict_words, LOGIN_UNAVAILABLE);

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = LOGIN_UNAVAILABLE;
	switch ((enum login_verdict)verdict) {
	case LOGIN_OFF:
		if (reason_parse(reply_string(reply, 1), &answer_r->reason) < 0)
			return;
		break;
	case LOGIN_PROTOCOL:
		strcpy(answer_r->tier, reply_word(reply, 1, SETTINGS_TIER_MAX));
		if (*answer_r->tier == '\0')
			return;
		break;
	case LOGIN_TOO_SOON:
		answer_r->wait = (unsigned int)reply_number(reply, 1);
		break;
	case LOGIN_ALLOW:
		if (!app_password_is_digest(reply_string(reply, 1)))
			return;
		strcpy(answer_r->password, reply_string(reply, 1));
		answer_r->shut_out = read_shut_out(reply, 2);
		break;
	case LOGIN_WRONG_PASSWORD:
		answer_r->shut_out = read_shut_out(reply, 1);
		break;
	case LOGIN_EXPIRED:
	case LOGIN_TLS_REQUIRED:
	case LOGIN_SCOPE:
	case LOGIN_UNAVAILABLE:
		break;
	}
	answer_r->verdict = (enum login_verdict)verdict;
}

void login_sentence(const struct login_answer *answer, enum protocol protocol,
		    const struct settings *settings, char sentence_r[LOGIN_SENTENCE_SIZE])
{
	const char *name = protocol_name(protocol), *url = settings->help_url;

	sentence_r[0] = '\0';
	switch (answer->verdict) {
	case LOGIN_OFF:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "External access is off: %s. Switch it on at %s",
			 reason_text(answer->reason), url);
		break;
	case LOGIN_EXPIRED:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "This app password has expired: get a new one at %s", url);
		break;
	case LOGIN_TLS_REQUIRED:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "TLS is required: switch on TLS or SSL in the mail program, see %s", url);
		break;
	case LOGIN_PROTOCOL:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "%s is not available for this mailbox (%s), see %s", name, answer->tier,
			 url);
		break;
	case LOGIN_SCOPE:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "This app password is not for %s: get another one at %s", name, url);
		break;
	case LOGIN_TOO_SOON:
		snprintf(sentence_r, LOGIN_SENTENCE_SIZE,
			 "Mail was checked a moment ago: try again in %u seconds", answer->wait);
		break;
	case LOGIN_ALLOW:
	case LOGIN_WRONG_PASSWORD:
	case LOGIN_UNAVAILABLE:
		break;
	}
}
