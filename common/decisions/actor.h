#ifndef POSTERN_ACTOR_H
#define POSTERN_ACTOR_H

#include "store/command.h"

/* Who asks for a change, for the history (D6). Both are cut to ACTOR_MAX printable bytes. */
struct actor {
	const char *by;	  /* a person, or a program: "doveadm", "webmail", "anna" */
	const char *from; /* the address of the owner's browser, say; NULL if not known */
};

#define ACTOR_MAX 64

/* Adds both to a call. They come from outside: what isn't printable ASCII becomes a question mark,
   as does the semicolon that separates the entries of a history, and the rest is cut. */
void actor_add(struct command *command, const struct actor *actor);

#endif
