#ifndef POSTERN_WORKER_EXPIRIES_H
#define POSTERN_WORKER_EXPIRIES_H

/* The thread that finds app passwords that have expired, so that sessions end with them within a
   minute (A10): it asks the partitions' indexes again and again. Several workers that do so are no
   harm. The outbox tells them all whose sessions have to end. */
void *expiries_run(void *unused);

#endif
