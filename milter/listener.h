#ifndef POSTERN_MILTER_LISTENER_H
#define POSTERN_MILTER_LISTENER_H

#include <sys/types.h>

#include "settings/settings.h"

/* The unix socket that Postfix connects to. libmilter opens it, and there is one in the process;
   what libmilter leaves to chance is done here: who may connect, whose leftover is removed. */

/*
 * Opens the socket, of mode 0660 and of the group of the settings, owned by owner ((uid_t)-1: as it
 * comes). A leftover of a process that has ended is replaced; a socket on which somebody answers is
 * not. To be called after smfi_register(3) and before threads are started. 0, or -1: *error_r is
 * one line for the caller to free().
 */
int listener_open(const struct milter_settings *settings, uid_t owner, char **error_r);

/* Makes libmilter look up from waiting for connections, which it does each 5 seconds otherwise. */
void listener_wake(void);

/* Removes the socket, if one was opened and that one is still there. */
void listener_remove(void);

#endif
