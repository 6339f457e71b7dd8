#ifndef POSTERN_WORKER_SESSIONS_H
#define POSTERN_WORKER_SESSIONS_H

/*
 * The thread that ends the external sessions of this host when access goes off or an app password
 * is revoked (A3, A10, D5). It follows all outboxes, when it starts from some minutes back: what
 * was decided while no worker ran is made up for, even if access is on again. First of all, and
 * whenever Redis could not be reached, it also asks about every account that is logged in here.
 *
 * A login that was accepted before the decision may become a session only after it: so each account
 * is looked at again a few times.
 */
void *sessions_run(void *unused);

#endif
