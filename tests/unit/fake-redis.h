#ifndef POSTERN_TESTS_FAKE_REDIS_H
#define POSTERN_TESTS_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>

/* Something that listens where Redis should, and answers what it is told to. */

struct fake_answer {
	const char *greeting; /* to what comes before a script; NULL: as answer */
	const char *answer;   /* to a script; NULL for nothing */
	size_t size;	      /* of answer; 0: the string's */
	bool drips;	      /* one byte each 100 ms */
	bool floods;	      /* the answer over and over again, without an end */
	bool closes;	      /* hangs up behind the answer */
	unsigned int scripts; /* answers so many, and hangs up on all others; 0: no end */
};

struct fake_redis;

/* Listens on a free port of 127.0.0.1, in a thread of its own. answer must outlive it. */
struct fake_redis *fake_redis_start(const struct fake_answer *answer);

unsigned int fake_redis_port(const struct fake_redis *fake);

/* How many connections it took. */
unsigned int fake_redis_connections(const struct fake_redis *fake);

void fake_redis_stop(struct fake_redis **fake);

#endif
