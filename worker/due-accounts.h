#ifndef POSTERN_WORKER_DUE_ACCOUNTS_H
#define POSTERN_WORKER_DUE_ACCOUNTS_H

/*
 * The thread that looks at accounts when it is time, which the partitions' indexes know: when an
 * app password has expired, so that sessions end with it within a minute (A10), and when a notice
 * that a mailbox has refused is to be tried again (D5). What follows from it is in the outbox, for
 * all workers. Several of them that look do no harm.
 */
void *due_accounts_run(void *unused);

#endif
