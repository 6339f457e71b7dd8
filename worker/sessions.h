#ifndef POSTERN_WORKER_SESSIONS_H
#define POSTERN_WORKER_SESSIONS_H

/*
 * The thread that ends the external sessions of this host when access goes off or an app password
 * is revoked (A3, A10, D5). It follows all outboxes from where they stand when it starts. First of
 * all, and whenever it may have missed something, it asks Redis about every account that is logged
 * in here.
 *
 * A login that was accepted before the decision may become a session only after it: so each account
 * is looked at again a few times.
 */
void *sessions_run(void *unused);

#endif
