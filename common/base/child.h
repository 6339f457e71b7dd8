#ifndef POSTERN_CHILD_H
#define POSTERN_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Runs another program, without a shell, and waits for its end, but not for processes that it
 * leaves behind. It begins with none of our descriptors, no signal ignored or blocked, and in a
 * process group of its own, which is killed at the deadline.
 *
 * Thread-safe. The kernel kills the program when the calling thread ends, so that none is left over
 * (PR_SET_PDEATHSIG; one with set-user-ID or set-group-ID escapes that): so call this from a thread
 * that lives on. The process must not ignore SIGCHLD, nor wait for children that it doesn't know:
 * CHILD_LOST. Needs Linux 5.11.
 */

struct child {
	const char *path; /* of the program; NULL is one that isn't there, see child_find() */
	const char *const *argv;	/* with its name first, and NULL at the end */
	const char *const *environment; /* NULL: ours */
	const char *input;		/* for standard input; NULL: /dev/null */
	unsigned int deadline;		/* milliseconds */
	size_t output_max;		/* bytes that are kept of standard output */
	size_t errors_max; /* and of standard error; 0: it goes where standard output goes */
	bool whole_output; /* kills it when it prints more than output_max: CHILD_TOO_MUCH. Else,
			      and on standard error, the rest is dropped */
};

enum child_end {
	CHILD_EXITED,	   /* number is its exit status */
	CHILD_SIGNALLED,   /* number is the signal that ended it */
	CHILD_LATE,	   /* killed at its deadline */
	CHILD_TOO_MUCH,	   /* only if whole_output */
	CHILD_MISSING,	   /* there is no such program: number is ENOENT */
	CHILD_NOT_STARTED, /* number is another error */
	CHILD_LOST,	   /* somebody else took its status */
};

struct child_text {
	char *bytes; /* with a terminator after them, and maybe others in between; never NULL */
	size_t size; /* without it */
};

struct child_result {
	enum child_end end;
	int number;			  /* 0 for those that have none */
	struct child_text output, errors; /* what there is, whatever the end */
};

/* The result is to be freed with child_free(), whatever the end. */
void child_run(const struct child *child, struct child_result *result_r);
void child_free(struct child_result *result);

#define CHILD_TEXT_SIZE 100

/* How it ended, in words: "exit status 1", "took too long". Returns text_r. */
const char *child_describe(const struct child_result *result, char text_r[CHILD_TEXT_SIZE]);

/* The path of the first such program in directories with ':' between them, for free(). If there is
   none, one that may not be run or looked at, so that running it says why; or NULL. */
char *child_find(const char *name, const char *directories);

#endif
