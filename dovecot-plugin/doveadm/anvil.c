/* Who is logged in, as Dovecot's anvil process reports it. */

#include "anvil.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 5

static const char question[] = "VERSION\tanvil\t1\t0\nCONNECT-DUMP\n";

static int fail(char **error_r, const char *path, const char *why)
{
	if (asprintf(error_r, "%s: %s", path, why) < 0)
		abort();
	return -1;
}

/* The socket, or -1 with errno. */
static int ask(const char *path)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, question, strlen(question), MSG_NOSIGNAL) == (ssize_t)strlen(question))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/*
 * "SERVICE/ADDRESS/USER PID CONNECTIONS" or, without an address, "SERVICE/USER ...", with tabs for
 * the spaces. Some bytes are escaped by a \001: a user whose name has one of them is not an
 * account, so the name needn't be read right.
 */
static bool read_line(char *line, struct anvil_row *row_r)
{
	char *ident = strsep(&line, "\t"), *pid = strsep(&line, "\t"), *slash, *end;
	long number;

	if (pid == NULL || line == NULL)
		return false;
	number = strtol(pid, &end, 10);
	row_r->connections = (unsigned int)strtoul(line, NULL, 10);
	if (*pid == '\0' || *end != '\0' || number <= 1 || number > INT32_MAX)
		return false;
	row_r->pid = (pid_t)number;
	row_r->service = strsep(&ident, "/");
	if (ident == NULL)
		return false;
	slash = strchr(ident, '/');
	if (slash != NULL)
		*slash = '\0';
	row_r->address = slash != NULL ? ident : "";
	row_r->user = slash != NULL ? slash + 1 : ident;
	return true;
}

/* True if the answer came to its end, an empty line. */
static bool read_answer(FILE *answer, anvil_callback_t *callback, void *context)
{
	char *line = NULL;
	size_t room = 0;
	bool whole = false;

	while (!whole && getline(&line, &room, answer) > 0) {
		char *rest = line, *text = strsep(&rest, "\n");
		struct anvil_row row;

		whole = *text == '\0' && rest != NULL;
		if (!whole && read_line(text, &row))
			callback(context, &row);
	}
	free(line);
	return whole;
}

int anvil_read(const char *directory, anvil_callback_t *callback, void *context, char **error_r)
{
	char *path;
	FILE *answer;
	int fd, result = 0;

	if (asprintf(&path, "%s/anvil", directory) < 0)
		abort();
	fd = ask(path);
	answer = fd < 0 ? NULL : fdopen(fd, "r");
	if (answer == NULL) {
		result = fail(error_r, path, strerror(errno));
	} else {
		errno = 0;
		if (!read_answer(answer, callback, context))
			result = fail(error_r, path,
				      errno != 0 ? strerror(errno) : "an incomplete answer");
		fclose(answer);
	}
	free(path);
	return result;
}
