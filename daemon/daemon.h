#ifndef POSTERN_DAEMON_DAEMON_H
#define POSTERN_DAEMON_DAEMON_H

#include <stdbool.h>

#include "settings/settings.h"
#include "state.h"

/*
 * What all daemons of Postern have in common: its options, the check of its settings, signals
 * (SIGTERM and SIGINT stop it, SIGUSR1 reads the settings again, SIGHUP and SIGPIPE are ignored),
 * what it reports to systemd, and when it logs where. There is one in the process, and its main
 * thread runs this.
 */
struct daemon {
	const char *name;		 /* of the program */
	enum secrets_reader secrets;	 /* whose it reads */
	const struct state_extra *extra; /* see state.h; NULL for none */

	/* Takes what is needed and gives up privileges, before there are threads. EX_OK, or the
	   status to exit with: it has logged why. */
	int (*prepare)(const struct settings *settings);

	/* Works until daemon_wait() says that it is time to stop. The exit status. */
	int (*serve)(void);

	/* For --read FILE: prints what the daemon makes of it, and changes nothing. The exit
	   status. NULL for a daemon without that option. */
	int (*read)(const char *file, const struct settings *settings);

	/* New settings are current: warns about those that take effect only after a restart. */
	void (*reloaded)(const struct settings *old, const struct settings *new);
};

/* Runs the daemon. The exit status. */
int daemon_run(const struct daemon *daemon, int argc, char **argv);

/* For serve(): all is running. */
void daemon_ready(void);

/* For serve(): waits for signals, and reads the settings again when told to. True when it is time
   to stop, false after that many milliseconds (0: never). */
bool daemon_wait(unsigned int milliseconds);

/* Logs and frees an error, NULL if memory ran out; returns status. */
int daemon_report(int priority, const char *what, char *error, int status);

/* Equal, or both NULL: of settings that a reload can't change. */
bool daemon_same(const char *a, const char *b);

#endif
