/*
 * Plays the MTA to a milter as fast as it answers: messages of 4 KB with 8 headers, each by the
 *next of a list of logins, on a number of connections at once (milter protocol 6, as Postfix speaks
 *it: all that needs no reply goes out with what follows it).
 *
 *	milter-load SOCKET ACCOUNTS CONNECTIONS SECONDS MESSAGES-PER-CONNECTION
 *
 * ACCOUNTS has lines that begin with a login name, up to a tab or the end. Prints one line of JSON:
 * times are from sending MAIL to the final verdict. Exits with 1 if it can't go on; messages that
 * are not accepted are only counted.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "latency.h"
#include "milter-packets.h"

#define PROTOCOL_VERSION 6
#define ACTIONS		 0x1ff	  /* what Postfix offers */
#define STEPS		 0x1fffff /* likewise */

#define CONNECTIONS_MAX 500
#define SILENCE_SECONDS 20

struct client {
	pthread_t thread;
	struct packets packets;
	uint32_t steps; /* as negotiated */
	unsigned long accepted, refused;
	struct latency latency;
};

static struct {
	const char *socket;
	char **accounts;
	size_t accounts_count;
	unsigned int connections, messages_per_connection;
	uint64_t until;
} load;

static atomic_ulong next_message;
static char body[4096];

static void read_accounts(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\t\n")] = '\0';
		load.accounts = realloc(load.accounts, (load.accounts_count + 1) * sizeof(char *));
		if (load.accounts == NULL)
			die("memory");
		load.accounts[load.accounts_count++] = strdup(line);
	}
	fclose(file);
	if (load.accounts_count == 0) {
		errno = ENODATA;
		die(path);
	}
}

static void fill_body(void)
{
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, again and again.\r\n";

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = line[i % (sizeof(line) - 1)];
}

/* Sends what there is and takes the step's answer; at once true for a step that has none. */
static bool step_passes(struct client *client, uint32_t no_reply)
{
	char answer;

	if ((client->steps & no_reply) != 0)
		return true;
	packets_send(&client->packets);
	do {
		answer = packets_receive(&client->packets, NULL, 0);
	} while (answer == SMFIR_PROGRESS);
	return answer == SMFIR_CONTINUE;
}

static bool wanted(const struct client *client, uint32_t no_step)
{
	return (client->steps & no_step) == 0;
}

/* An SMTP session */

static void connect_client(struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = SILENCE_SECONDS };

	if (strlen(load.socket) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(load.socket);
	}
	strcpy(address.sun_path, load.socket);
	client->packets.in_size = client->packets.out_size = 0;
	client->packets.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->packets.fd < 0 ||
	    setsockopt(client->packets.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) <
		    0 ||
	    connect(client->packets.fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(load.socket);
}

static void negotiate(struct client *client)
{
	const uint32_t offer[] = { htonl(PROTOCOL_VERSION), htonl(ACTIONS), htonl(STEPS) };
	uint32_t answer[3];

	packets_add(&client->packets, SMFIC_OPTNEG, offer, sizeof(offer));
	packets_send(&client->packets);
	if (packets_receive(&client->packets, answer, 3) != SMFIC_OPTNEG) {
		errno = EPROTO;
		die("negotiation");
	}
	client->steps = answer[2];
}

static void begin_session(struct client *client)
{
	uint16_t port = htons(50000);
	char connect[64];
	size_t size = 0;

	connect_client(client);
	negotiate(client);
	packets_add_strings(&client->packets, SMFIC_MACRO, "C", 1, "j", "mail.example.test",
			    "{daemon_name}", "submission", "v", "Postfix 3.7.11");
	if (wanted(client, SMFIP_NOCONNECT)) {
		memcpy(connect, "client.example\0004", size = 16);
		memcpy(connect + size, &port, sizeof(port));
		size += sizeof(port);
		memcpy(connect + size, "198.51.100.7", 13);
		packets_add(&client->packets, SMFIC_CONNECT, connect, size + 13);
		if (!step_passes(client, SMFIP_NR_CONN))
			die("the milter does not want the connection");
	}
	if (wanted(client, SMFIP_NOHELO)) {
		packets_add_strings(&client->packets, SMFIC_HELO, "", 0, "client.example");
		if (!step_passes(client, SMFIP_NR_HELO))
			die("the milter does not want the HELO");
	}
}

static void end_session(struct client *client)
{
	packets_add(&client->packets, SMFIC_QUIT, "", 0);
	packets_send(&client->packets);
	close(client->packets.fd);
}

static bool send_envelope(struct client *client, const char *login, const char *queue_id)
{
	char sender[300];

	snprintf(sender, sizeof(sender), "<%s>", login);
	packets_add_strings(&client->packets, SMFIC_MACRO, "M", 1, "{auth_type}", "PLAIN",
			    "{auth_authen}", login, "{mail_addr}", login, "{mail_host}",
			    "example.test", "{mail_mailer}", "smtp");
	packets_add_strings(&client->packets, SMFIC_MAIL, "", 0, sender, "SIZE=4500");
	if (!step_passes(client, SMFIP_NR_MAIL))
		return false;
	packets_add_strings(&client->packets, SMFIC_MACRO, "R", 1, "{rcpt_addr}",
			    "anna@remote.test", "{rcpt_host}", "remote.test", "{rcpt_mailer}",
			    "smtp");
	packets_add_strings(&client->packets, SMFIC_RCPT, "", 0, "<anna@remote.test>");
	if (!step_passes(client, SMFIP_NR_RCPT))
		return false;
	if (wanted(client, SMFIP_NODATA)) {
		packets_add_strings(&client->packets, SMFIC_MACRO, "T", 1, "i", queue_id);
		packets_add(&client->packets, SMFIC_DATA, "", 0);
		if (!step_passes(client, SMFIP_NR_DATA))
			return false;
	}
	return true;
}

static bool send_headers(struct client *client, const char *login, const char *queue_id)
{
	const char *const headers[8][2] = {
		{ "Received", "from client.example by mail.example.test with ESMTPSA" },
		{ "Message-ID", queue_id },
		{ "Date", "Thu, 2 Oct 2025 10:00:00 +0300" },
		{ "From", login },
		{ "To", "anna@remote.test" },
		{ "Subject", "The quarterly figures, as promised" },
		{ "MIME-Version", "1.0" },
		{ "Content-Type", "text/plain; charset=us-ascii" },
	};

	for (unsigned int i = 0; wanted(client, SMFIP_NOHDRS) && i < 8; i++) {
		packets_add_strings(&client->packets, SMFIC_HEADER, "", 0, headers[i][0],
				    headers[i][1]);
		if (!step_passes(client, SMFIP_NR_HDR))
			return false;
	}
	if (wanted(client, SMFIP_NOEOH)) {
		packets_add(&client->packets, SMFIC_EOH, "", 0);
		if (!step_passes(client, SMFIP_NR_EOH))
			return false;
	}
	return true;
}

static bool send_body(struct client *client, const char *queue_id)
{
	char answer;

	if (wanted(client, SMFIP_NOBODY)) {
		packets_add(&client->packets, SMFIC_BODY, body, sizeof(body));
		if (!step_passes(client, SMFIP_NR_BODY))
			return false;
	}
	packets_add_strings(&client->packets, SMFIC_MACRO, "E", 1, "i", queue_id);
	packets_add(&client->packets, SMFIC_BODYEOB, "", 0);
	packets_send(&client->packets);
	do { /* changes of the message come before the verdict */
		answer = packets_receive(&client->packets, NULL, 0);
	} while (strchr("himpbe+-2q", answer) != NULL && answer != '\0');
	return answer == SMFIR_CONTINUE || answer == SMFIR_ACCEPT;
}

static void send_message(struct client *client)
{
	unsigned long number = atomic_fetch_add(&next_message, 1);
	const char *login = load.accounts[number % load.accounts_count];
	uint64_t started = latency_now();
	char queue_id[32];
	bool accepted;

	/* No two alike, not even in the next run. */
	snprintf(queue_id, sizeof(queue_id), "4%lX%lX", (unsigned long)started / 1000, number);
	accepted = send_envelope(client, login, queue_id) &&
		   send_headers(client, login, queue_id) && send_body(client, queue_id);
	latency_add(&client->latency, started);
	if (accepted)
		client->accepted++;
	else
		client->refused++;
}

static void *run_client(void *context)
{
	struct client *client = context;

	while (latency_now() < load.until) {
		begin_session(client);
		for (unsigned int i = 0; i < load.messages_per_connection; i++) {
			if (latency_now() >= load.until)
				break;
			send_message(client);
		}
		end_session(client);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS_MAX];
	struct latency all = { .micros = NULL };
	unsigned long accepted = 0, refused = 0;
	uint64_t started;

	if (argc != 6) {
		fputs("usage: milter-load SOCKET ACCOUNTS CONNECTIONS SECONDS "
		      "MESSAGES-PER-CONNECTION\n",
		      stderr);
		return 64;
	}
	load.socket = argv[1];
	read_accounts(argv[2]);
	load.connections = (unsigned int)strtoul(argv[3], NULL, 10);
	load.messages_per_connection = (unsigned int)strtoul(argv[5], NULL, 10);
	if (load.connections < 1 || load.connections > CONNECTIONS_MAX ||
	    load.messages_per_connection < 1) {
		errno = ERANGE;
		die("CONNECTIONS, MESSAGES-PER-CONNECTION");
	}
	fill_body();
	started = latency_now();
	load.until = started + (uint64_t)(strtod(argv[4], NULL) * 1e9);
	for (unsigned int i = 0; i < load.connections; i++) {
		if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
			die("thread");
	}
	for (unsigned int i = 0; i < load.connections; i++) {
		pthread_join(clients[i].thread, NULL);
		accepted += clients[i].accepted;
		refused += clients[i].refused;
		latency_join(&all, &clients[i].latency);
	}
	printf("{\"ok\":%lu,\"refused\":%lu,\"seconds\":%.6f,", accepted, refused,
	       (double)(latency_now() - started) / 1e9);
	latency_print(&all);
	puts("}");
	latency_free(&all);
	return 0;
}
