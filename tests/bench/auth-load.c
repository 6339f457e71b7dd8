/*
 * Logs in as fast as Dovecot's auth service answers, over one connection to an auth client socket,
 * with a fixed number of logins in flight (Dovecot's auth protocol 1.1: AUTH with PLAIN).
 *
 *	auth-load SOCKET ACCOUNTS SECONDS IN-FLIGHT SERVICE
 *
 * ACCOUNTS has lines of a user name, a tab, and a password; they are used in turn, without end.
 * Prints one line of JSON. Exits with 1 if it can't go on; refused logins are only counted.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "latency.h"

#define IN_FLIGHT_MAX	1000
#define TIMES_MAX	65536 /* logins between the oldest that is open and the newest */
#define REQUEST_MAX	1024
#define CREDENTIALS_MAX 512
#define SILENCE_MSECS	20000

struct accounts {
	char **requests; /* what an AUTH request ends with, by account */
	size_t count;
};

struct load {
	int fd;
	struct accounts accounts;
	unsigned int in_flight, open;
	unsigned int next_id;
	size_t next_account;
	uint64_t times[TIMES_MAX]; /* when each login was sent, by its id */
	char out[IN_FLIGHT_MAX * REQUEST_MAX];
	size_t out_size, out_sent;
	char in[65536];
	size_t in_size;
	unsigned long ok, refused;
	struct latency latency;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "auth-load: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
	exit(1);
}

/* The initial response of PLAIN (RFC 4616), behind all that doesn't change. */
static char *make_request(const char *service, const char *user, const char *password)
{
	char credentials[CREDENTIALS_MAX];
	unsigned char encoded[CREDENTIALS_MAX * 2];
	char *request;
	int size =
		snprintf(credentials, sizeof(credentials), "%c%s%c%s", '\0', user, '\0', password);

	if (size >= CREDENTIALS_MAX) {
		errno = EMSGSIZE;
		die(user);
	}
	EVP_EncodeBlock(encoded, (const unsigned char *)credentials, size);
	if (asprintf(&request,
		     "PLAIN\tservice=%s\tsecured=tls\tno-penalty\tlip=192.0.2.1\trip=198.51.100.7\t"
		     "lport=993\trport=50000\tresp=%s\n",
		     service, encoded) < 0)
		die("memory");
	return request;
}

static void read_accounts(struct accounts *accounts, const char *path, const char *service)
{
	FILE *file = fopen(path, "r");
	char line[CREDENTIALS_MAX];

	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *tab = strchr(line, '\t');

		line[strcspn(line, "\n")] = '\0';
		if (tab == NULL) {
			errno = EINVAL;
			die(path);
		}
		*tab = '\0';
		accounts->requests =
			realloc(accounts->requests, (accounts->count + 1) * sizeof(char *));
		if (accounts->requests == NULL)
			die("memory");
		accounts->requests[accounts->count++] = make_request(service, line, tab + 1);
	}
	fclose(file);
	if (accounts->count == 0) {
		errno = ENODATA;
		die(path);
	}
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static void add_output(struct load *load, const char *text)
{
	size_t size = strlen(text);

	if (load->out_size + size > sizeof(load->out)) {
		errno = ENOBUFS;
		die("requests");
	}
	memcpy(load->out + load->out_size, text, size);
	load->out_size += size;
}

static void send_output(struct load *load)
{
	ssize_t sent;

	if (load->out_sent == load->out_size)
		return;
	sent = write(load->fd, load->out + load->out_sent, load->out_size - load->out_sent);
	if (sent < 0 && errno != EAGAIN)
		die("write");
	if (sent > 0)
		load->out_sent += (size_t)sent;
	if (load->out_sent == load->out_size)
		load->out_sent = load->out_size = 0;
}

/* Fills the window. */
static void add_logins(struct load *load)
{
	while (load->open < load->in_flight) {
		char head[32];

		snprintf(head, sizeof(head), "AUTH\t%u\t", ++load->next_id);
		add_output(load, head);
		add_output(load, load->accounts.requests[load->next_account]);
		load->next_account = (load->next_account + 1) % load->accounts.count;
		load->times[load->next_id % TIMES_MAX] = latency_now();
		load->open++;
	}
}

static void handle_line(struct load *load, const char *line)
{
	bool ok = strncmp(line, "OK\t", 3) == 0;
	const char *id = strchr(line, '\t');

	if (!ok && strncmp(line, "FAIL\t", 5) != 0)
		return; /* of the handshake */
	latency_add(&load->latency, load->times[strtoul(id + 1, NULL, 10) % TIMES_MAX]);
	load->open--;
	if (ok)
		load->ok++;
	else if (load->refused++ == 0)
		fprintf(stderr, "auth-load: the first refusal: %s\n", line);
}

static void receive(struct load *load)
{
	ssize_t size = read(load->fd, load->in + load->in_size, sizeof(load->in) - load->in_size);
	char *line = load->in, *end;

	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0)
		die("the auth service closed the connection");
	load->in_size += (size_t)size;
	while ((end = memchr(line, '\n', load->in_size - (size_t)(line - load->in))) != NULL) {
		*end = '\0';
		handle_line(load, line);
		line = end + 1;
	}
	load->in_size -= (size_t)(line - load->in);
	memmove(load->in, line, load->in_size);
}

/* Until all that was asked is answered, in the time that is given. */
static void run(struct load *load, uint64_t until)
{
	struct pollfd ready = { .fd = load->fd };

	add_output(load, "VERSION\t1\t1\nCPID\t1\n");
	for (;;) {
		if (latency_now() < until && load->out_size == 0)
			add_logins(load);
		else if (load->open == 0 && load->out_size == 0)
			return;
		send_output(load);
		ready.events = (short)(POLLIN | (load->out_size > 0 ? POLLOUT : 0));
		errno = 0;
		if (poll(&ready, 1, SILENCE_MSECS) <= 0)
			die("no answer from the auth service");
		if (ready.revents != POLLOUT)
			receive(load);
	}
}

int main(int argc, char **argv)
{
	static struct load load;
	uint64_t started;

	if (argc != 6) {
		fputs("usage: auth-load SOCKET ACCOUNTS SECONDS IN-FLIGHT SERVICE\n", stderr);
		return 64;
	}
	load.in_flight = (unsigned int)strtoul(argv[4], NULL, 10);
	if (load.in_flight < 1 || load.in_flight > IN_FLIGHT_MAX) {
		errno = ERANGE;
		die("IN-FLIGHT");
	}
	read_accounts(&load.accounts, argv[2], argv[5]);
	load.fd = connect_to(argv[1]);
	fcntl(load.fd, F_SETFL, O_NONBLOCK);

	started = latency_now();
	run(&load, started + (uint64_t)(strtod(argv[3], NULL) * 1e9));
	printf("{\"ok\":%lu,\"refused\":%lu,\"seconds\":%.6f,", load.ok, load.refused,
	       (double)(latency_now() - started) / 1e9);
	latency_print(&load.latency);
	puts("}");

	latency_free(&load.latency);
	for (size_t i = 0; i < load.accounts.count; i++)
		free(load.accounts.requests[i]);
	free(load.accounts.requests);
	close(load.fd);
	return 0;
}
