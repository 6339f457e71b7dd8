#include "fake-redis.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRIP_MS 100

struct fake_redis {
	const struct fake_answer *answer;
	int fd;
	int stop[2]; /* a pipe: the thread ends when its writing end is closed */
	unsigned int port;
	unsigned int scripts; /* that were asked for */
	atomic_uint connections;
	pthread_t thread;
};

/* True when fd can be read, false at the end of the wait or of the test. */
static bool await(const struct fake_redis *fake, int fd, int milliseconds)
{
	struct pollfd ready[2] = { { .fd = fake->stop[0], .events = POLLIN },
				   { .fd = fd, .events = POLLIN } };

	return poll(ready, 2, milliseconds) > 0 && ready[0].revents == 0;
}

static bool stopped(const struct fake_redis *fake)
{
	struct pollfd ready = { .fd = fake->stop[0], .events = POLLIN };

	return poll(&ready, 1, 0) > 0;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		bytes += sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool drip(const struct fake_redis *fake, int fd, const char *bytes, size_t size)
{
	struct pollfd stop = { .fd = fake->stop[0], .events = POLLIN };

	for (size_t i = 0; i < size; i++) {
		if (poll(&stop, 1, DRIP_MS) > 0 || !send_all(fd, bytes + i, 1))
			return false;
	}
	return true;
}

static bool say(const struct fake_redis *fake, int fd, const char *text, size_t size)
{
	const struct fake_answer *answer = fake->answer;

	if (text == NULL)
		return true;
	if (size == 0)
		size = strlen(text);
	if (answer->drips)
		return drip(fake, fd, text, size);
	do {
		if (!send_all(fd, text, size))
			return false;
	} while (answer->floods && !stopped(fake));
	return !answer->closes;
}

/* Each read is taken for one command: nobody sends another one before it is answered. */
static void serve(struct fake_redis *fake, int fd)
{
	const struct fake_answer *answer = fake->answer;
	char command[65536];

	while (await(fake, fd, -1)) {
		ssize_t size = recv(fd, command, sizeof(command), 0);
		bool script;

		if (size <= 0)
			return;
		script = memmem(command, (size_t)size, "EVALSHA", 7) != NULL;
		if (script && ++fake->scripts > answer->scripts && answer->scripts > 0)
			return;
		if (!script && answer->greeting != NULL) {
			if (!send_all(fd, answer->greeting, strlen(answer->greeting)))
				return;
		} else if (!say(fake, fd, answer->answer, answer->size)) {
			return;
		}
	}
}

static void *run(void *context)
{
	struct fake_redis *fake = context;

	while (await(fake, fake->fd, -1)) {
		int fd = accept(fake->fd, NULL, NULL);

		if (fd < 0)
			continue;
		fake->connections++;
		serve(fake, fd);
		close(fd);
	}
	return NULL;
}

struct fake_redis *fake_redis_start(const struct fake_answer *answer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct fake_redis *fake = calloc(1, sizeof(*fake));
	socklen_t size = sizeof(address);

	if (fake == NULL || pipe(fake->stop) < 0)
		abort();
	fake->answer = answer;
	fake->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fake->fd, (struct sockaddr *)&address, size) < 0 || listen(fake->fd, 16) < 0 ||
	    getsockname(fake->fd, (struct sockaddr *)&address, &size) < 0 ||
	    pthread_create(&fake->thread, NULL, run, fake) != 0)
		abort();
	fake->port = ntohs(address.sin_port);
	return fake;
}

unsigned int fake_redis_port(const struct fake_redis *fake)
{
	return fake->port;
}

unsigned int fake_redis_connections(const struct fake_redis *fake)
{
	return fake->connections;
}

void fake_redis_stop(struct fake_redis **_fake)
{
	struct fake_redis *fake = *_fake;

	*_fake = NULL;
	close(fake->stop[1]);
	pthread_join(fake->thread, NULL);
	close(fake->stop[0]);
	close(fake->fd);
	free(fake);
}
