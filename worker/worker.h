#ifndef POSTERN_WORKER_WORKER_H
#define POSTERN_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What the threads of postern-worker share in addition to the state (daemon/state.h): who this
 * worker is, that it has to stop, and that there is news in an outbox. There is one worker in a
 * process. All functions are thread-safe.
 */

/* Gives this worker its name. To be called before threads are started. */
void worker_begin(void);

/* "HOST:PID:START": no two workers have the same, so none mistakes another one's work for its own.
 */
const char *worker_name(void);

void worker_stop(void);
bool worker_stopping(void);

/* Says that the outbox of a partition may have something to send, or that all may. */
void worker_wake(unsigned int partition);
void worker_wake_all(void);

/* Counts the reloads of the settings. */
void worker_count_reload(void);
unsigned int worker_reloads(void);

/* Waits for that many milliseconds, or until it is time to stop. */
void worker_pause(unsigned int milliseconds);

/* The same, or until there is news since the last call: one bit for each partition that has any. */
uint64_t worker_wait_for_news(unsigned int milliseconds);

/*
 * Something outside of us that works or doesn't, which is logged when that changes: one line when a
 * series of failures begins, one when it is over. For one thread.
 */
struct trouble {
	const char *what; /* "sendmail"; no two have the same */
	unsigned int failures;
	int64_t since; /* of the monotonic clock, in milliseconds */
};

/* How many notices this worker has sent. */
void worker_count_notice(void);

/* What there is to report about this worker, for operations: trouble_r gets what fails now, in one
 * line.
 */
struct worker_report {
	int64_t started; /* milliseconds since 1970 */
	uint64_t sent;
	char trouble[512];
};

void worker_report(struct worker_report *report_r);

void trouble_failed(struct trouble *trouble, const char *error);
void trouble_over(struct trouble *trouble);

#endif
