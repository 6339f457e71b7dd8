#ifndef POSTERN_DAEMON_CHILD_H
#define POSTERN_DAEMON_CHILD_H

#include <stddef.h>

/*
 * Runs another program for what it prints, with no input. It is killed, with what it started, at
 * its deadline, and by the kernel when the thread that waits for it ends. It sees none of our
 * descriptors.
 */

struct child {
	char *const *argv;     /* argv[0] is looked for in PATH, unless there is a '/' in it */
	unsigned int deadline; /* milliseconds */
	size_t output_max;     /* bytes that are kept of what it writes; the rest is dropped */
};

enum child_end {
	CHILD_DONE,    /* exit status 0 */
	CHILD_FAILED,  /* all else: another exit status, a signal, its deadline, or it could not be
			  started; error says which */
	CHILD_MISSING, /* there is no such program */
};

struct child_result {
	enum child_end end;
	char *output; /* what it wrote to both of its outputs, with a terminator; for free() */
	size_t output_size;
	char error[256]; /* one printable line, ending in what it wrote last; "" when done */
};

/* Thread-safe. The output is there whatever the end. */
void child_run(const struct child *child, struct child_result *result_r);

#endif
