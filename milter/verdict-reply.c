#include "verdict-reply.h"

#include "daemon/log.h"

/* Any sentence with every '%' doubled: less than the 980 bytes that libmilter takes. */
#define ESCAPED_SIZE (2 * SEND_SENTENCE_SIZE)

/* The MTA reads a reply's text as a format: "%%" is a percent sign, "%" alone is dropped. */
static void escape_percent(const char *text, char escaped_r[ESCAPED_SIZE])
{
	size_t at = 0;

	for (; *text != '\0' && at + 2 < ESCAPED_SIZE; text++) {
		if (*text == '%')
			escaped_r[at++] = '%';
		escaped_r[at++] = *text;
	}
	escaped_r[at] = '\0';
}

/* The first digit of the code says whether the client may try again. */
static sfsistat set_reply(SMFICTX *ctx, const char *code, const char *status, const char *text)
{
	char escaped[ESCAPED_SIZE];

	escape_percent(text, escaped);
	if (smfi_setmlreply(ctx, code, status, escaped, NULL) != MI_SUCCESS) {
		log_line(LOG_ERR, "libmilter did not accept the reply: %s %s %s", code, status,
			 text);
		smfi_setmlreply(ctx, code, status, "Not accepted", NULL);
	}
	return code[0] == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat reply_unavailable(SMFICTX *ctx, const struct settings *settings,
				  const char *sentence)
{
	switch (settings->milter.store_failure) {
	case STORE_FAILURE_DEFER:
		return set_reply(ctx, "451", "4.3.0", sentence);
	case STORE_FAILURE_ACCEPT:
		return SMFIS_CONTINUE;
	}
	return smtp_reply_failure(ctx);
}

sfsistat smtp_reply_verdict(SMFICTX *ctx, const struct send_answer *answer,
			    const struct settings *settings)
{
	char sentence[SEND_SENTENCE_SIZE];

	send_sentence(answer, settings, sentence);
	switch (answer->verdict) {
	case SEND_ALLOW:
		return SMFIS_CONTINUE;
	case SEND_DEFER:
		return set_reply(ctx, "450", "4.7.28", sentence);
	case SEND_LIMIT:
	case SEND_RECEIPT:
		return set_reply(ctx, "550", "5.7.28", sentence);
	case SEND_OFF:
		return set_reply(ctx, "550", "5.7.13", sentence);
	case SEND_LOG_IN_AGAIN: /* 421 ends the connection, RFC 5321 section 3.8 */
		return set_reply(ctx, "421", "4.7.0", sentence);
	case SEND_PROTOCOL:
	case SEND_BLOCKED:
		return set_reply(ctx, "550", "5.7.1", sentence);
	case SEND_TOO_MANY_RECIPIENTS:
		return set_reply(ctx, "550", "5.5.3", sentence);
	case SEND_UNAVAILABLE:
		return reply_unavailable(ctx, settings, sentence);
	}
	return smtp_reply_failure(ctx);
}

sfsistat smtp_reply_recipient(SMFICTX *ctx, unsigned int recipients_allowed,
			      const struct settings *settings)
{
	const struct send_answer answer = { .verdict = SEND_TOO_MANY_RECIPIENTS,
					    .recipients_allowed = recipients_allowed };
	char sentence[SEND_SENTENCE_SIZE];

	send_sentence(&answer, settings, sentence);
	return set_reply(ctx, "452", "4.5.3", sentence);
}

sfsistat smtp_reply_no_account(SMFICTX *ctx)
{
	return set_reply(ctx, "550", "5.7.1", "This login is not an account on this site");
}

sfsistat smtp_reply_too_many_traces(SMFICTX *ctx)
{
	return set_reply(ctx, "550", "5.7.1", "This message carries too many trace headers");
}

sfsistat smtp_reply_failure(SMFICTX *ctx)
{
	return set_reply(ctx, "451", "4.3.0", "The message can't be accepted now: try again later");
}
