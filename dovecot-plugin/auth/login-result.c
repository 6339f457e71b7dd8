/* How a verdict on a login becomes what Dovecot tells the client. */

#include "auth-common.h"
#include "auth-fields.h"
#include "auth-request.h"

#include "login-result.h"

/*
 * A policy refusal is USER_DISABLED with a reason: of Dovecot's failures the one whose reason
 * reaches POP3, IMAP and Postfix, and no passdb after ours is asked. A reason
 * that begins with a bracket replaces Dovecot's response code, which is [AUTH] in POP3 (RFC 3206)
 * and [ALERT] in IMAP. Postfix would show the bracket to people, so SMTP gets none.
 */
static const char *response_code(enum login_verdict verdict, enum protocol protocol)
{
	if (protocol == PROTOCOL_POP3)
		return verdict == LOGIN_TOO_SOON ? "[LOGIN-DELAY] "
						 : ""; /* RFC 2449 section 8.1.1 */
	if (protocol == PROTOCOL_IMAP)		       /* RFC 5530 section 3 */
		return verdict == LOGIN_TLS_REQUIRED ? "[PRIVACYREQUIRED] "
		       : verdict == LOGIN_EXPIRED    ? "[EXPIRED] "
						     : "[CONTACTADMIN] ";
	return "";
}

static enum passdb_result refuse(struct auth_request *request, const struct login_answer *answer,
				 enum protocol protocol, const struct settings *settings)
{
	char sentence[LOGIN_SENTENCE_SIZE];

	login_sentence(answer, protocol, settings, sentence);
	auth_request_set_field(
		request, "reason",
		t_strconcat(response_code(answer->verdict, protocol), sentence, NULL), NULL);
	/* The password was right: no delay, and no penalty for others at the same address. */
	auth_request_set_field(request, "nodelay", "", NULL);
	return PASSDB_RESULT_USER_DISABLED;
}

static enum passdb_result fail_temporarily(struct auth_request *request)
{
	/* An outage isn't the client's fault either. Dovecot takes back what a failing lookup has
	   set, but for what was there at its last snapshot. */
	auth_request_set_field(request, "nodelay", "", NULL);
	auth_fields_snapshot(request->fields.extra_fields);
	return PASSDB_RESULT_INTERNAL_FAILURE;
}

enum passdb_result login_result_set(struct auth_request *request, const struct login_answer *answer,
				    enum protocol protocol, const struct settings *settings)
{
	switch (answer->verdict) {
	case LOGIN_ALLOW:
		return PASSDB_RESULT_OK;
	case LOGIN_WRONG_PASSWORD:
		return PASSDB_RESULT_PASSWORD_MISMATCH;
	case LOGIN_OFF:
	case LOGIN_EXPIRED:
	case LOGIN_TLS_REQUIRED:
	case LOGIN_PROTOCOL:
	case LOGIN_SCOPE:
	case LOGIN_TOO_SOON:
		return refuse(request, answer, protocol, settings);
	case LOGIN_UNAVAILABLE:
		break;
	}
	return fail_temporarily(request);
}
