/*
 * postern-worker: mails owners what became of their external access, ends sessions, and switches
 * off what is unused, postern-worker(8).
 *
 * The main thread gives up its privileges, starts the threads that do the work, and then waits for
 * signals, which all other threads block.
 */

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <curl/curl.h>
#include <systemd/sd-daemon.h>

#include "letter.h"
#include "log.h"
#include "notices.h"
#include "postern-config.h"
#include "privileges.h"
#include "question.h"
#include "sessions.h"
#include "state.h"
#include "sweep.h"
#include "system.h"
#include "worker.h"

#define DEFAULT_SETTINGS SYSCONFDIR "/postern/postern.conf"

struct options {
	const char *settings;
	bool foreground;
	bool check;
};

static const struct option option_table[] = {
	{ "settings", required_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'f' },
	{ "check", no_argument, NULL, 'k' },	      { "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },	      { NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: postern-worker [-c|--settings FILE] [-f|--foreground] [--check] [--version]\n";

static void *(*const threads[])(void *) = { sessions_run, notices_run, sweep_run };
#define THREADS (sizeof(threads) / sizeof(threads[0]))

static void parse_options(int argc, char **argv, struct options *options_r)
{
	int option;

	*options_r = (struct options){ .settings = DEFAULT_SETTINGS };
	while ((option = getopt_long(argc, argv, "c:fh", option_table, NULL)) != -1) {
		switch (option) {
		case 'c':
			options_r->settings = optarg;
			break;
		case 'f':
			options_r->foreground = true;
			break;
		case 'k':
			options_r->check = true;
			break;
		case 'v':
			printf("postern-worker %s\n", PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			fputs(usage, stdout);
			exit(EX_OK);
		default:
			fputs(usage, stderr);
			exit(EX_USAGE);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(EX_USAGE);
	}
}

/* Logs and frees an error; returns status. */
static int report(int priority, const char *what, char *error, int status)
{
	log_line(priority, "%s%s", what, error != NULL ? error : "out of memory");
	free(error);
	return status;
}

static int check(const char *path)
{
	char *error = NULL;

	if (state_load(path, &letter_state, &error) < 0)
		return report(LOG_ERR, "", error, EX_CONFIG);
	state_close();
	printf("%s: OK\n", path);
	return EX_OK;
}

static void wanted_signals(sigset_t *signals_r)
{
	sigemptyset(signals_r);
	sigaddset(signals_r, SIGTERM);
	sigaddset(signals_r, SIGINT);
	sigaddset(signals_r, SIGUSR1);
}

/* Before the first thread, so that all inherit it. */
static void arrange_signals(void)
{
	sigset_t signals;

	wanted_signals(&signals);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int prepare(const struct settings *settings)
{
	struct identity identity;
	char *error = NULL;

	if (privileges_find(settings->worker.user, &identity, &error) < 0)
		return report(LOG_ERR, "", error, EX_CONFIG);
	if (privileges_drop(&identity, &error) < 0)
		return report(LOG_ERR, "", error, EX_NOPERM);
	/* sendmail hands mail to Postfix through a program that is setgid. */
	privileges_limit(true);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_line(LOG_ERR, "libcurl does not start");
		return EX_SOFTWARE;
	}
	if (settings->secrets->doveadm_api_key == NULL)
		log_line(LOG_WARNING,
			 "no session can be ended: expected api_key in [doveadm] of %s",
			 settings->secrets_file);
	worker_begin();
	return EX_OK;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void reload(const char *path)
{
	struct state *old = state_acquire(), *new;
	struct timespec now;
	char *error = NULL;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (state_load(path, &letter_state, &error) < 0) {
		report(LOG_ERR, "the old settings stay: ", error, 0);
	} else {
		new = state_acquire();
		if (!same(old->settings->worker.user, new->settings->worker.user))
			log_line(LOG_WARNING, "user has changed: restart to make it so");
		state_release(&new);
		log_line(LOG_NOTICE, "settings read again from %s", path);
		worker_wake();
	}
	state_release(&old);
	sd_notify(0, "READY=1");
}

/* Says that this worker is there. Redis's troubles are the other threads' to log. */
static void beat(void)
{
	struct state *state = state_acquire();
	const char *error;

	question_beat(state->store, &error);
	state_release(&state);
}

/* Serves signals until it is time to stop. */
static void wait_for_signals(const char *settings_path)
{
	const struct timespec interval = { .tv_sec = SYSTEM_BEAT_MS / 1000 };
	sigset_t signals;

	wanted_signals(&signals);
	for (;;) {
		beat();
		switch (sigtimedwait(&signals, NULL, &interval)) {
		case SIGUSR1:
			reload(settings_path);
			break;
		case SIGTERM:
		case SIGINT:
			return;
		default: /* it is time for a beat, or interrupted */
			break;
		}
	}
}

static int serve(const struct options *options)
{
	pthread_t running[THREADS];
	size_t count = 0;
	int error = 0;

	while (count < THREADS && error == 0) {
		error = pthread_create(&running[count], NULL, threads[count], NULL);
		count += error == 0;
	}
	if (error == 0) {
		log_line(LOG_NOTICE, "postern-worker %s started", PACKAGE_VERSION);
		sd_notify(0, "READY=1");
		wait_for_signals(options->settings);
		sd_notify(0, "STOPPING=1");
	} else {
		log_line(LOG_ERR, "no thread: %s", strerror(error));
	}
	/* A notice that is being sent is finished. */
	worker_stop();
	while (count > 0)
		pthread_join(running[--count], NULL);
	log_line(LOG_NOTICE, "stopped");
	return error == 0 ? EX_OK : EX_OSERR;
}

int main(int argc, char **argv)
{
	struct state *state;
	struct options options;
	char *error = NULL;
	int status;

	log_begin("postern-worker");
	parse_options(argc, argv, &options);
	if (options.check)
		return check(options.settings);

	arrange_signals();
	if (state_load(options.settings, &letter_state, &error) < 0)
		return report(LOG_ERR, "", error, EX_CONFIG);
	state = state_acquire();
	status = prepare(state->settings);
	state_release(&state);
	if (status == EX_OK) {
		if (!options.foreground)
			log_to_syslog();
		status = serve(&options);
		curl_global_cleanup();
	}
	state_close();
	return status;
}
