#ifndef POSTERN_WORKER_SESSIONS_H
#define POSTERN_WORKER_SESSIONS_H

/*
 * The thread that ends the external sessions of this host when access goes off or an app password
 * ends (A3, A10, D5). It follows all outboxes, when it starts from some minutes back: what was
 * decided while no worker ran is made up for, even if access is on again. First of all, whenever
 * Redis could not be reached, and after a reload of the settings, it also has all sessions of this
 * host looked at.
 *
 * Which sessions are over is found out by `doveadm postern sessions end`, which knows what opened
 * them. A login that was accepted before the decision may become a session only after it: so each
 * account is looked at for 15 s, a few times. When that is over, the switch-off's notice needn't
 * wait for this host any more.
 */
void *sessions_run(void *unused);

#endif
