/* What all daemons of Postern have in common. */

#include "daemon.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "log.h"
#include "postern-config.h"

#define DEFAULT_SETTINGS SYSCONFDIR "/postern/postern.conf"

struct options {
	const char *settings;
	bool foreground;
	bool check;
	const char *read;
};

static const struct option option_table[] = {
	{ "settings", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "check", no_argument, NULL, 'k' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "read", required_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

static const struct daemon *running;
static const char *settings_path;

static void show_usage(FILE *out)
{
	fprintf(out, "usage: %s [-c|--settings FILE] [-f|--foreground] [--check] %s[--version]\n",
		running->name, running->read != NULL ? "[--read FILE] " : "");
}

static const char *refuse_option(void)
{
	show_usage(stderr);
	exit(EX_USAGE);
}

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
		case 'r':
			options_r->read = running->read != NULL ? optarg : refuse_option();
			break;
		case 'v':
			printf("%s %s\n", running->name, PACKAGE_VERSION);
			exit(EX_OK);
		case 'h':
			show_usage(stdout);
			exit(EX_OK);
		default:
			refuse_option();
		}
	}
	if (optind < argc)
		refuse_option();
}

int daemon_report(int priority, const char *what, char *error, int status)
{
	log_line(priority, "%s%s", what, error != NULL ? error : "out of memory");
	free(error);
	return status;
}

bool daemon_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A mistake in the site's secrets would stop Dovecot's auth process, so root, who can read them, is
   told of it as well. On a host without them there is nothing to look at. */
static int check_site_secrets(char **error_r)
{
	struct settings *settings = settings_load_without_secrets(settings_path, error_r);
	int result = 0;

	if (settings == NULL)
		return -1;
	if (geteuid() == 0 && access(settings->secrets_file, F_OK) == 0) {
		settings_free(&settings);
		settings = settings_load(settings_path, SECRETS_SITE, error_r);
		result = settings == NULL ? -1 : 0;
	}
	settings_free(&settings);
	return result;
}

static int check(void)
{
	struct state *state;
	char *error = NULL;

	if (check_site_secrets(&error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	if (state_load(settings_path, running->secrets, running->extra, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	state = state_acquire();
	if (state->settings->doubt != NULL)
		log_line(LOG_WARNING, "%s", state->settings->doubt);
	state_release(&state);
	state_close();
	printf("%s: OK\n", settings_path);
	return EX_OK;
}

static int read_file(const char *file)
{
	struct state *state;
	char *error = NULL;
	int status;

	if (state_load(settings_path, running->secrets, running->extra, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	state = state_acquire();
	status = running->read(file, state->settings);
	state_release(&state);
	state_close();
	return status;
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

static void reload(void)
{
	struct state *old = state_acquire(), *new;
	struct timespec now;
	char *error = NULL;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	if (state_load(settings_path, running->secrets, running->extra, &error) < 0) {
		daemon_report(LOG_ERR, "keeping the old settings: ", error, 0);
	} else {
		new = state_acquire();
		running->reloaded(old->settings, new->settings);
		state_release(&new);
		log_line(LOG_NOTICE, "settings reloaded from %s", settings_path);
	}
	state_release(&old);
	sd_notify(0, "READY=1");
}

void daemon_ready(void)
{
	log_line(LOG_NOTICE, "%s %s started", running->name, PACKAGE_VERSION);
	sd_notify(0, "READY=1");
}

bool daemon_wait(unsigned int milliseconds)
{
	const struct timespec interval = { .tv_sec = milliseconds / 1000,
					   .tv_nsec = milliseconds % 1000 * 1000000L };
	sigset_t signals;

	wanted_signals(&signals);
	switch (milliseconds > 0 ? sigtimedwait(&signals, NULL, &interval)
				 : sigwaitinfo(&signals, NULL)) {
	case SIGUSR1:
		reload();
		return false;
	case SIGTERM:
	case SIGINT:
		sd_notify(0, "STOPPING=1");
		return true;
	default: /* it is time, or interrupted */
		return false;
	}
}

int daemon_run(const struct daemon *daemon, int argc, char **argv)
{
	struct options options;
	struct state *state;
	char *error = NULL;
	int status;

	running = daemon;
	log_begin(daemon->name);
	parse_options(argc, argv, &options);
	settings_path = options.settings;
	if (options.check)
		return check();
	if (options.read != NULL)
		return read_file(options.read);

	arrange_signals();
	if (state_load(settings_path, daemon->secrets, daemon->extra, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	state = state_acquire();
	status = daemon->prepare(state->settings);
	state_release(&state);
	if (status == EX_OK) {
		if (!options.foreground)
			log_to_syslog();
		status = daemon->serve();
		log_line(LOG_NOTICE, "stopped");
	}
	state_close();
	return status;
}
