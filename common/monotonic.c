/* The clock for deadlines. */

#include "monotonic.h"

#include <time.h>

int64_t monotonic_msecs(void)
{
	struct timespec now;

	/* Linux always has this clock, and its address is good: it can't fail. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
