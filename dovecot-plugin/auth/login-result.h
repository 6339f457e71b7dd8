#ifndef POSTERN_LOGIN_RESULT_H
#define POSTERN_LOGIN_RESULT_H

#include "decisions/login.h"
#include "passdb.h"

/*
 * How a verdict on a login becomes what Dovecot tells the client. The one place that knows which
 * of Dovecot's results says what on the wire, in each protocol.
 */

/* Sets the request's fields for the verdict, and returns the passdb's result. */
enum passdb_result login_result_set(struct auth_request *request, const struct login_answer *answer,
				    enum protocol protocol, const struct settings *settings);

#endif
