#ifndef POSTERN_MONOTONIC_H
#define POSTERN_MONOTONIC_H

#include <stdint.h>

/* Milliseconds of a clock that nobody sets: for deadlines, and nothing else. */
int64_t monotonic_msecs(void);

#endif
