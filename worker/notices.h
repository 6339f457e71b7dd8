#ifndef POSTERN_WORKER_NOTICES_H
#define POSTERN_WORKER_NOTICES_H

/*
 * The thread that mails owners what became of their external access, once (D5).
 *
 * It takes an entry of an outbox, sends its notice, and says that it is done. Only what may have
 * been sent before is looked for first: in Postfix's queue, then in the mailbox, by the Message-ID,
 * which follows from the entry. That is an entry that was handed out before, to a worker that died
 * or failed, and everything while Redis may have forgotten what it was told last. What can't be
 * found out now is left for later.
 */
void *notices_run(void *unused);

#endif
