/* What the passdb leaves in a request for the userdb. */

#include "auth-common.h"
#include "auth-request.h"

#include "session-mark.h"

/*
 * A login's request has a pointer that nobody uses between passdb and userdb: the auth workers' own
 * requests do, and the userdb "static" puts back what it found. A field of extra_fields would do as
 * well, but the first one costs a login more than all else that is done here.
 */
struct session_mark {
	const struct session_mark *self; /* nobody else's is like that */
	char password[APP_PASSWORD_DIGEST_SIZE];
	int64_t started;
};

void session_mark_set(struct auth_request *request, const char *password, int64_t started)
{
	struct session_mark *mark = p_new(request->pool, struct session_mark, 1);

	mark->self = mark;
	strcpy(mark->password, password);
	mark->started = started;
	request->context = mark;
}

bool session_mark_get(const struct auth_request *request, struct session *session_r,
		      int64_t *started_r)
{
	const struct auth_request_fields *fields = &request->fields;
	const struct session_mark *mark = request->context;
	const char *error;

	i_zero(session_r);
	if (mark == NULL || mark->self != mark)
		return FALSE;
	strcpy(session_r->password, mark->password);
	*started_r = mark->started;
	return account_name_parse(fields->user, strlen(fields->user), NULL, &session_r->account,
				  &error) == 0 &&
	       protocol_parse(fields->service, &session_r->protocol) == 0;
}
