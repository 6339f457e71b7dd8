#ifndef POSTERN_BENCH_LATENCY_H
#define POSTERN_BENCH_LATENCY_H

#include <stddef.h>
#include <stdint.h>

/* How long each of many things took, for the load generators. Not thread-safe. */

struct latency {
	uint32_t *micros;
	size_t count, room;
};

/* Nanoseconds of the monotonic clock. */
uint64_t latency_now(void);

/* Adds what took from started until now. Aborts when memory runs out. */
void latency_add(struct latency *latency, uint64_t started);

/* Moves all of from to latency; from is empty then. */
void latency_join(struct latency *latency, struct latency *from);

/* Writes "p50_ms":1.234,"p99_ms":...,"max_ms":... to standard output: members of a JSON object. */
void latency_print(struct latency *latency);

void latency_free(struct latency *latency);

#endif
