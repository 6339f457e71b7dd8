/*
 * postern-milter: the filter that Postfix asks about every message, postern-milter(8).
 *
 * The main thread opens the socket, gives up its privileges and then waits for signals, while a
 * thread of its own runs libmilter. The main thread must be the one that does not: libmilter takes
 * SIGHUP for an order to stop, and blocks it in the thread that calls smfi_main(3) so as to wait
 * for it elsewhere. Linux drops an ignored signal only if the main thread does not block it.
 */

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <openssl/crypto.h>

#include "bounce/bounce.h"
#include "bounce-explain.h"
#include "daemon/daemon.h"
#include "listener.h"
#include "daemon/log.h"
#include "daemon/privileges.h"
#include "session.h"

/* Seconds that the MTA may leave a connection idle. While a big message comes in over a slow line
   the MTA has nothing to say; two hours are Postfix's own patience with a milter, and then some. */
#define IDLE_TIMEOUT 7210

/* Bytes in one packet. libmilter hangs up on more, at which Postfix defers the message. Its own
   limit of 64 KB is less than the header of 100 KB that Postfix lets through (header_size_limit).
 */
#define PACKET_MAX (1024 * 1024)

/* Bytes from which an allocation is a mapping of its own, which goes back to the system when it is
   freed. Left alone, glibc raises this with each such freeing, and keeps what bounces took that
   came at the same time. */
#define MAPPING_MIN (128 * 1024)

/* Between two connections that make libmilter look up when it is to stop, and how many. */
#define LOOK_UP_NS  20000000
#define LOOK_UP_MAX 50

/* The smfi_main() thread leaves its result here; read once it has been joined. */
static int engine_result;
static pthread_t main_thread;

static int prepare_milter(const struct settings *settings)
{
	struct identity identity;
	char *error = NULL;

	if (privileges_find(settings->milter.user, &identity, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_CONFIG);
	mallopt(M_MMAP_THRESHOLD, MAPPING_MIN);
	bounce_start();
	if (smfi_register(*session_description()) != MI_SUCCESS ||
	    smfi_settimeout(IDLE_TIMEOUT) != MI_SUCCESS) {
		log_line(LOG_ERR, "libmilter did not start");
		return EX_SOFTWARE;
	}
	smfi_setmaxdatasize(PACKET_MAX);
	if (listener_open(&settings->milter, identity.uid, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_UNAVAILABLE);
	if (privileges_drop(&identity, &error) < 0)
		return daemon_report(LOG_ERR, "", error, EX_NOPERM);
	privileges_limit(false);
	return EX_OK;
}

/* However libmilter ends, the main thread learns of it as SIGTERM. */
static void *run_engine(void *unused)
{
	(void)unused;
	engine_result = smfi_main();
	pthread_kill(main_thread, SIGTERM);
	return NULL;
}

static void warn_if_restart_needed(const struct settings *old, const struct settings *new)
{
	if (!daemon_same(old->milter.socket, new->milter.socket) ||
	    !daemon_same(old->milter.socket_group, new->milter.socket_group) ||
	    !daemon_same(old->milter.user, new->milter.user))
		log_line(LOG_WARNING,
			 "socket, socket_group or user has changed: restart to apply it");
}

/*
 * libmilter waits for connections with a lock held that stopping takes as well, and looks up every
 * five seconds. So smfi_stop(3) would hold us up that long; instead libmilter's own signal thread
 * gets a signal, now that this thread doesn't wait for one, and connections make libmilter look up.
 * Now and then one of its workers leaves with its lock held, and the others wait for ever: then the
 * process ends around them, as no decision is in progress after session_stop().
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

static int serve_milter(void)
{
	pthread_t engine;
	int error, result;

	main_thread = pthread_self();
	error = pthread_create(&engine, NULL, run_engine, NULL);
	if (error != 0) {
		log_line(LOG_ERR, "can't start a thread for libmilter: %s", strerror(error));
		return EX_OSERR;
	}
	daemon_ready();
	while (!daemon_wait(0))
		;
	result = stop_engine(engine);
	session_stop();
	return result == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

int main(int argc, char **argv)
{
	static const struct daemon milter = {
		.name = "postern-milter",
		.secrets = SECRETS_MILTER,
		.prepare = prepare_milter,
		.serve = serve_milter,
		.read = bounce_explain,
		.reloaded = warn_if_restart_needed,
	};
	int status;

	/* libmilter ends while its threads are alive: they must find OpenSSL as they left it. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	status = daemon_run(&milter, argc, argv);
	listener_remove();
	return status;
}
