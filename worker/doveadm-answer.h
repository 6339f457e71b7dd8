#ifndef POSTERN_WORKER_DOVEADM_ANSWER_H
#define POSTERN_WORKER_DOVEADM_ANSWER_H

#include <stddef.h>

#include <jansson.h>

/* What doveadm's HTTP API answers to a request of one command: either its rows,
   [["doveadmResponse",[...],"tag"]], or why it failed, [["error",{"type":...},"tag"]]. */

struct doveadm_failure {
	int exit_code; /* doveadm's, EX_NOUSER for one; 0 if the command didn't get as far as that
			*/
	char type[64]; /* "exitCode", "unAuthorized"; may be anything, so not for the log as it is
			*/
};

/* The array of rows, for json_decref(); NULL with the failure set. */
json_t *doveadm_answer_read(const char *text, size_t size, struct doveadm_failure *failure_r);

#endif
