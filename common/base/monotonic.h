#ifndef POSTERN_MONOTONIC_H
#define POSTERN_MONOTONIC_H

#include <stdint.h>

/* A clock that nobody sets: for deadlines and how long something takes, and nothing else. */
int64_t monotonic_msecs(void);
int64_t monotonic_usecs(void);

#endif
