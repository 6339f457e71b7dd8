/*
 * postern-milter: the filter that Postfix asks about every message, postern-milter(8).
 *
 * The main thread opens the socket, gives up its privileges and then waits for signals, while a
 * thread of its own runs libmilter. The main thread must be the one that does not: libmilter takes
 * SIGHUP for an order to stop, and blocks it in the thread that calls smfi_main(3) so as to wait
 * for it elsewhere. Linux drops an ignored signal only if the main thread does not block it.
 */

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <systemd/sd-daemon.h>

#include "listener.h"
#include "log.h"
#include "postern-config.h"
#include "privileges.h"
#include "session.h"
#include "settings.h"
#include "state.h"

#define DEFAULT_SETTINGS SYSCONFDIR "/postern/postern.conf"

/* Seconds that the MTA may leave a connection idle. While a big message comes in over a slow line
   the MTA has nothing to say; two hours are Postfix's own patience with a milter, and then some. */
#define IDLE_TIMEOUT 7210

/* Bytes in one packet. libmilter hangs up on more, at which Postfix defers the message. Its own
   limit of 64 KB is less than the header of 100 KB that Postfix lets through (header_size_limit).
 */
#define PACKET_MAX (1024 * 1024)

/* Between two connections that make libmilter look up when it is to stop, and how many. */
#define LOOK_UP_NS  20000000
#define LOOK_UP_MAX 50

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
	"usage: postern-milter [-c|--settings FILE] [-f|--foreground] [--check] [--version]\n";

/* The smfi_main() thread tells its result here; read once it has been joined. */
static int engine_result;
static pthread_t main_thread;

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
			printf("postern-milter %s\n", PACKAGE_VERSION);
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
	struct settings *settings = settings_load(path, &error);

	if (settings == NULL)
		return report(LOG_ERR, "", error, EX_CONFIG);
	settings_free(&settings);
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

	if (privileges_find(settings->milter.user, &identity, &error) < 0)
		return report(LOG_ERR, "", error, EX_CONFIG);
	if (smfi_register(*session_description()) != MI_SUCCESS ||
	    smfi_settimeout(IDLE_TIMEOUT) != MI_SUCCESS) {
		log_line(LOG_ERR, "libmilter does not start");
		return EX_SOFTWARE;
	}
	smfi_setmaxdatasize(PACKET_MAX);
	if (listener_open(&settings->milter, identity.uid, &error) < 0)
		return report(LOG_ERR, "", error, EX_UNAVAILABLE);
	if (privileges_drop(&identity, &error) < 0)
		return report(LOG_ERR, "", error, EX_NOPERM);
	privileges_limit(false);
	return EX_OK;
}

/* However libmilter comes to an end, the main thread hears of it as SIGTERM. */
static void *run_engine(void *unused)
{
	(void)unused;
	engine_result = smfi_main();
	pthread_kill(main_thread, SIGTERM);
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void warn_if_restart_needed(const struct milter_settings *old,
				   const struct milter_settings *new)
{
	if (!same(old->socket, new->socket) || !same(old->socket_group, new->socket_group) ||
	    !same(old->user, new->user))
		log_line(LOG_WARNING,
			 "socket, socket_group and user have changed: restart to make it so");
}

static void reload(const char *path)
{
	struct state *old = state_acquire(), *new;
	struct timespec now;
	char *error = NULL;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (state_load(path, NULL, &error) < 0) {
		report(LOG_ERR, "the old settings stay: ", error, 0);
	} else {
		new = state_acquire();
		warn_if_restart_needed(&old->settings->milter, &new->settings->milter);
		state_release(&new);
		log_line(LOG_NOTICE, "settings read again from %s", path);
	}
	state_release(&old);
	sd_notify(0, "READY=1");
}

/* Serves signals until it is time to stop. */
static void wait_for_signals(const char *settings_path)
{
	sigset_t signals;

	wanted_signals(&signals);
	for (;;) {
		switch (sigwaitinfo(&signals, NULL)) {
		case SIGUSR1:
			reload(settings_path);
			break;
		case SIGTERM:
		case SIGINT:
			return;
		default: /* interrupted */
			break;
		}
	}
}

/*
 * libmilter waits for connections with a lock held that stopping takes as well, and looks up each
 * five seconds. So smfi_stop(3) would hold us up that long; instead libmilter's own signal thread
 * gets a signal, now that this thread doesn't wait for one, and connections make libmilter look up.
 * Now and then one of its workers leaves with its lock held, and the others wait for ever: then the
 * process ends around them, as no decision is under way behind session_stop().
 */
static int stop_engine(pthread_t engine)
{
	struct timespec until;
	int error = ETIMEDOUT;

	kill(getpid(), SIGTERM);
	for (int i = 0; i < LOOK_UP_MAX && error == ETIMEDOUT; i++) {
		listener_wake();
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_UP_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		error = pthread_timedjoin_np(engine, NULL, &until);
	}
	return error == 0 ? engine_result : MI_SUCCESS;
}

static int serve(const struct options *options)
{
	pthread_t engine;
	int error, result;

	main_thread = pthread_self();
	error = pthread_create(&engine, NULL, run_engine, NULL);
	if (error != 0) {
		log_line(LOG_ERR, "no thread for libmilter: %s", strerror(error));
		return EX_OSERR;
	}
	log_line(LOG_NOTICE, "postern-milter %s started", PACKAGE_VERSION);
	sd_notify(0, "READY=1");
	wait_for_signals(options->settings);

	sd_notify(0, "STOPPING=1");
	result = stop_engine(engine);
	session_stop();
	log_line(LOG_NOTICE, "stopped");
	return result == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

int main(int argc, char **argv)
{
	struct state *state;
	struct options options;
	char *error = NULL;
	int status;

	log_begin("postern-milter");
	parse_options(argc, argv, &options);
	if (options.check)
		return check(options.settings);

	arrange_signals();
	if (state_load(options.settings, NULL, &error) < 0)
		return report(LOG_ERR, "", error, EX_CONFIG);
	state = state_acquire();
	status = prepare(state->settings);
	state_release(&state);
	if (status == EX_OK) {
		if (!options.foreground)
			log_to_syslog();
		status = serve(&options);
	}
	listener_remove();
	state_close();
	return status;
}
