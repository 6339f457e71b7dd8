/*
 * postern-worker: mails owners what became of their external access, ends sessions, and switches
 * off what is unused, postern-worker(8).
 *
 * The main thread gives up its privileges, starts the threads that do the work, and then waits for
 * signals, which all other threads block.
 */

#include <pthread.h>
#include <string.h>
#include <sysexits.h>

#include <curl/curl.h>

#include "daemon/daemon.h"
#include "due-accounts.h"
#include "notice-text.h"
#include "daemon/log.h"
#include "notices.h"
#include "daemon/privileges.h"
#include "question.h"
#include "sessions.h"
#include "sweep.h"
#include "decisions/workers.h"
#include "worker.h"

static void *(*const threads[])(void *) = { sessions_run, notices_run, sweep_run,
					    due_accounts_run };
#define THREADS (sizeof(threads) / sizeof(threads[0]))

static int prepare(const struct settings *settings)
{
	struct identity identity;
	char *error = NULL;

	if (privileges_find(settings->worker.user, &identity, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	if (privileges_drop(&identity, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_NOPERM);
	/* sendmail hands mail to Postfix through a program that is setgid. */
	privileges_limit(true);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_line(LOG_ERR, "libcurl did not start");
		return EX_SOFTWARE;
	}
	if (settings->secrets->doveadm_password == NULL)
		log_line(LOG_WARNING,
			 "no session can be ended: expected password in [doveadm] of %s.worker: "
			 "\"doveadm postern key files\" makes one",
			 settings->secrets_file);
	worker_begin();
	return EX_OK;
}

static void take_settings(const struct settings *old, const struct settings *new)
{
	if (!daemon_same(old->worker.user, new->worker.user))
		log_line(LOG_WARNING, "user has changed: restart to apply it");
	worker_count_reload();
	worker_wake_all();
}

/* Says that this worker is there, or that it ends, and gives Redis what the milter can't give it.
   Redis's troubles are the other threads' to log. */
static void send_heartbeat(bool ends)
{
	struct state *state = state_acquire();
	const char *error;

	question_heartbeat(state->store, ends, &error);
	if (!ends)
		store_lend_scripts(state->store, &error);
	state_release(&state);
}

static int serve(void)
{
	pthread_t running[THREADS];
	size_t count = 0;
	int error = 0;

	while (count < THREADS && error == 0) {
		error = pthread_create(&running[count], NULL, threads[count], NULL);
		count += error == 0;
	}
	if (error == 0) {
		daemon_ready();
		do
			send_heartbeat(false);
		while (!daemon_wait(WORKERS_HEARTBEAT_MS));
	} else {
		log_line(LOG_ERR, "can't start a thread: %s", strerror(error));
	}
	/* A notice that is being sent is finished. */
	worker_stop();
	while (count > 0)
		pthread_join(running[--count], NULL);
	send_heartbeat(true);
	curl_global_cleanup();
	return error == 0 ? EX_OK : EX_OSERR;
}

int main(int argc, char **argv)
{
	static const struct daemon worker = {
		.name = "postern-worker",
		.secrets = SECRETS_WORKER,
		.extra = &notice_text_state,
		.prepare = prepare,
		.serve = serve,
		.reloaded = take_settings,
	};

	return daemon_run(&worker, argc, argv);
}
