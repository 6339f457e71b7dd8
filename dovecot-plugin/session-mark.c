/* What the passdb leaves in a request for the userdb. */

#include "auth-common.h"
#include "auth-fields.h"
#include "auth-request.h"

#include "session-mark.h"

#define MARK "postern_session"

void session_mark_set(struct auth_request *request, const struct session *session, int64_t started)
{
	const char *value = t_strdup_printf("%s %s %s %lld", session->account.text,
					    protocol_word(session->protocol), session->password,
					    (long long)started);

	/* Not a userdb_ field: of one of these the userdb "prefetch" would think that the passdb
	   has answered for the user. */
	auth_fields_add(request->fields.extra_fields, MARK, value, AUTH_FIELD_FLAG_HIDDEN);
}

bool session_mark_get(const struct auth_request *request, struct session *session_r,
		      int64_t *started_r)
{
	const char *value = auth_fields_find(request->fields.extra_fields, MARK);
	const char *const *words, *error;

	i_zero(session_r);
	if (value == NULL)
		return FALSE;
	words = t_strsplit(value, " ");
	if (str_array_length(words) != 4 ||
	    account_name_parse(words[0], strlen(words[0]), NULL, &session_r->account, &error) < 0 ||
	    protocol_parse(words[1], &session_r->protocol) < 0 ||
	    !app_password_is_digest(words[2]) || str_to_int64(words[3], started_r) < 0)
		return FALSE;
	strcpy(session_r->password, words[2]);
	return TRUE;
}
