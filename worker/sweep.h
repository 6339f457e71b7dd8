#ifndef POSTERN_WORKER_SWEEP_H
#define POSTERN_WORKER_SWEEP_H

/* The thread that switches off, or warns of it, where access has long not been used (D2). It goes
   through the partitions' indexes again and again; several workers doing so do no harm. */
void *sweep_run(void *unused);

#endif
