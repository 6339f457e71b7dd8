#ifndef POSTERN_MILTER_CONNECTION_H
#define POSTERN_MILTER_CONNECTION_H

#include <stdint.h>

#include "store/store.h"

/*
 * When an SMTP connection began, on Redis's clock, which app passwords end by (A3). AUTH is not
 * shown to a milter, so a connection is taken to have logged in when it began: an app password that
 * has ended since may be the one that opened it.
 */
struct connection {
	int64_t opened; /* microseconds of the monotonic clock */
	int64_t began;	/* milliseconds since 1970: never later than it really was; 0 before
			   connection_date() */
};

/* Begins now: to be called before the client can log in. */
void connection_open(struct connection *connection);

/*
 * Asks Redis for its time, and works out from it and from the connection's age when it began: too
 * early by as long as the answer is on its way, and so asked again it may come nearer. 1 if that
 * moment is known now, or better than before, 0 if not; -1 when Redis can't tell: *error_r is then
 * valid until this thread's next question.
 */
int connection_date(struct connection *connection, struct store *store, const char **error_r);

#endif
