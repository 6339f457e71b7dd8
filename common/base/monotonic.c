/* The clock for deadlines and durations. */

#include "base/monotonic.h"

#include <time.h>

int64_t monotonic_usecs(void)
{
	struct timespec now;

	/* Linux always has this clock, and its address is good: it can't fail. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t monotonic_msecs(void)
{
	return monotonic_usecs() / 1000;
}
