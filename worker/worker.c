#include "worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "base/monotonic.h"
#include "decisions/outbox.h"

static char name[OUTBOX_WORKER_SIZE];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change; /* of what follows, which is under lock */
static bool stopping;
static uint64_t news; /* one bit for each partition */
static unsigned int reloads;
static int64_t started;
static uint64_t sent;

/* What fails now: one place for each kind of trouble. */
static struct {
	const char *what;
	char error[128];
} troubles[16];
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

void worker_begin(void)
{
	pthread_condattr_t attributes;
	char host[65] = "";
	struct timespec now;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&change, &attributes);
	pthread_condattr_destroy(&attributes);
	gethostname(host, sizeof(host) - 1);
	clock_gettime(CLOCK_REALTIME, &now);
	started = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	snprintf(name, sizeof(name), "%s:%d:%lld", host, (int)getpid(), (long long)started);
}

const char *worker_name(void)
{
	return name;
}

void worker_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

bool worker_stopping(void)
{
	bool result;

	pthread_mutex_lock(&lock);
	result = stopping;
	pthread_mutex_unlock(&lock);
	return result;
}

_Static_assert(ACCOUNT_PARTITIONS == 64, "a bit for each partition");

static void add_news(uint64_t partitions)
{
	pthread_mutex_lock(&lock);
	news |= partitions;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

void worker_wake(unsigned int partition)
{
	add_news(UINT64_C(1) << partition % ACCOUNT_PARTITIONS);
}

void worker_wake_all(void)
{
	add_news(UINT64_MAX);
}

void worker_count_reload(void)
{
	pthread_mutex_lock(&lock);
	reloads++;
	pthread_mutex_unlock(&lock);
}

unsigned int worker_reloads(void)
{
	unsigned int result;

	pthread_mutex_lock(&lock);
	result = reloads;
	pthread_mutex_unlock(&lock);
	return result;
}

/* The news if it waits for them, else 0. */
static uint64_t wait_until(unsigned int milliseconds, bool for_news)
{
	uint64_t found = 0;
	int64_t until = monotonic_msecs() + milliseconds;
	struct timespec time = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	int error = 0;

	pthread_mutex_lock(&lock);
	while (error == 0 && !stopping && !(for_news && news != 0))
		error = pthread_cond_timedwait(&change, &lock, &time);
	if (for_news) {
		found = news;
		news = 0;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

void worker_pause(unsigned int milliseconds)
{
	wait_until(milliseconds, false);
}

uint64_t worker_wait_for_news(unsigned int milliseconds)
{
	return wait_until(milliseconds, true);
}

void worker_count_notice(void)
{
	pthread_mutex_lock(&lock);
	sent++;
	pthread_mutex_unlock(&lock);
}

void worker_report(struct worker_report *report_r)
{
	size_t used = 0;

	report_r->started = started;
	report_r->trouble[0] = '\0';
	pthread_mutex_lock(&lock);
	report_r->sent = sent;
	for (size_t i = 0; i < TROUBLES && used < sizeof(report_r->trouble); i++) {
		if (troubles[i].what != NULL)
			used += (size_t)snprintf(report_r->trouble + used,
						 sizeof(report_r->trouble) - used, "%s%s: %s",
						 used == 0 ? "" : "; ", troubles[i].what,
						 troubles[i].error);
	}
	pthread_mutex_unlock(&lock);
}

/* Notes what fails; NULL for no error takes it away. */
static void note_trouble(const char *what, const char *error)
{
	size_t place = TROUBLES;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < TROUBLES; i++) {
		if (troubles[i].what != NULL && strcmp(troubles[i].what, what) == 0) {
			place = i;
			break;
		}
		if (troubles[i].what == NULL && place == TROUBLES)
			place = i;
	}
	if (place < TROUBLES) {
		troubles[place].what = error != NULL ? what : NULL;
		snprintf(troubles[place].error, sizeof(troubles[place].error), "%s",
			 error != NULL ? error : "");
	}
	pthread_mutex_unlock(&lock);
}

void trouble_failed(struct trouble *trouble, const char *error)
{
	if (trouble->failures++ > 0)
		return;
	trouble->since = monotonic_msecs();
	note_trouble(trouble->what, error);
	log_line(LOG_WARNING, "%s=failed error=\"%s\"", trouble->what, error);
}

void trouble_over(struct trouble *trouble)
{
	if (trouble->failures == 0)
		return;
	log_line(LOG_NOTICE, "%s=works-again failures=%u seconds=%lld", trouble->what,
		 trouble->failures, (long long)(monotonic_msecs() - trouble->since) / 1000);
	trouble->failures = 0;
	note_trouble(trouble->what, NULL);
}
