#include "latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t latency_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void append(struct latency *latency, uint32_t micros)
{
	if (latency->count == latency->room) {
		latency->room = latency->room == 0 ? 65536 : 2 * latency->room;
		latency->micros = realloc(latency->micros, latency->room * sizeof(uint32_t));
		if (latency->micros == NULL)
			abort();
	}
	latency->micros[latency->count++] = micros;
}

void latency_add(struct latency *latency, uint64_t started)
{
	append(latency, (uint32_t)((latency_now() - started) / 1000));
}

void latency_join(struct latency *latency, struct latency *from)
{
	for (size_t i = 0; i < from->count; i++)
		append(latency, from->micros[i]);
	latency_free(from);
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* In milliseconds; 0 if nothing was measured. */
static double at(const struct latency *latency, double part)
{
	size_t last = latency->count - 1;

	return latency->count == 0 ? 0 : latency->micros[(size_t)((double)last * part)] / 1000.0;
}

void latency_print(struct latency *latency)
{
	if (latency->count > 0)
		qsort(latency->micros, latency->count, sizeof(uint32_t), compare);
	printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f", at(latency, 0.5),
	       at(latency, 0.99), at(latency, 1));
}

void latency_free(struct latency *latency)
{
	free(latency->micros);
	*latency = (struct latency){ .micros = NULL };
}
