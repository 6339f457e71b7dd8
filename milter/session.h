#ifndef POSTERN_MILTER_SESSION_H
#define POSTERN_MILTER_SESSION_H

#include <libmilter/mfapi.h>

/*
 * The callbacks: from what the MTA says to one question, and from the verdict to a reply. A session
 * is one SMTP connection. libmilter runs its callbacks one after the other, but each on any of its
 * threads, so all that a session knows hangs on its SMFICTX.
 */

/* What smfi_register(3) wants to know. Valid for the life of the process. */
const struct smfiDesc *session_description(void);

/* Waits until no callback is asking or sealing; from then on none does: those that want to
   wait until the process ends. To be called once, when smfi_main(3) has returned. */
void session_stop(void);

#endif
