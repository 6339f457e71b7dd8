#ifndef POSTERN_MILTER_DECISION_H
#define POSTERN_MILTER_DECISION_H

#include "connection.h"
#include "decisions/send.h"
#include "daemon/state.h"

/* The question about a message to the store, and its answer, whatever went wrong on the way. */

#define DECISION_PROBLEM_SIZE 160

struct decision {
	struct send_answer answer;
	char problem[DECISION_PROBLEM_SIZE]; /* why the verdict is SEND_UNAVAILABLE, else "" */
};

/* Fills in when the connection began, and asks: one call, and at the first of a connection one more
   for that. Waits for each at most as long as store_ask() does. Thread-safe. */
void decision_make(struct state *state, struct connection *connection, struct send_request *request,
		   struct decision *decision_r);

/* Copies what went wrong into one quoted field of a log line. Part of it may be Redis's words, and
   those may be anything. */
void decision_problem(const char *problem, char problem_r[DECISION_PROBLEM_SIZE]);

#endif
