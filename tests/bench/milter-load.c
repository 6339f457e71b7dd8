/*
 * Plays the MTA to a milter as fast as it answers: messages with 8 headers, each by the next of a
 * list of logins, on a number of connections at once (milter protocol 6, as Postfix speaks it: all
 * that needs no reply goes out with what follows it).
 *
 *	milter-load SOCKET ACCOUNTS CONNECTIONS SECONDS MESSAGES-PER-CONNECTION
 *		[submission [BYTES] | inbound | bounce BYTES SECRETS DOMAIN]
 *
 * ACCOUNTS has lines that begin with a login name, up to a tab or the end. A submission is what a
 * login sends, and its body has 4 KB unless BYTES says otherwise. An inbound message is what comes
 * to port 25, from a sender that has not logged in. A bounce is Postfix's own, about a message that
 * the login sent, with a trace made with the secrets file and the default domain of a site.
 *
 * Prints one line of JSON: times are from sending MAIL to the final verdict. Exits with 1 if it
 * can't go on; messages that are not accepted are only counted.
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

#include "bounce-message.h"
#include "latency.h"
#include "milter-packets.h"

#define PROTOCOL_VERSION 6
#define ACTIONS		 0x1ff	  /* what Postfix offers */
#define STEPS		 0x1fffff /* likewise */

#define CONNECTIONS_MAX 500
#define SILENCE_SECONDS 20
#define BODY_SIZE	4096

enum kind {
	KIND_SUBMISSION,
	KIND_INBOUND,
	KIND_BOUNCE,
};

struct client {
	pthread_t thread;
	struct packets packets;
	uint32_t steps; /* as negotiated */
	struct bounce_message bounce;
	unsigned long accepted, refused;
	struct latency latency;
};

static struct {
	enum kind kind;
	const char *body; /* of all but bounces */
	size_t body_size;
	const char *socket;
	char **accounts;
	size_t accounts_count;
	unsigned int connections, messages_per_connection;
	uint64_t until;
} load;

static atomic_ulong next_message;

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

static void make_body(size_t size)
{
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, again and again.\r\n";
	char *body = malloc(size);

	if (body == NULL)
		die("memory");
	for (size_t i = 0; i < size; i++)
		body[i] = line[i % (sizeof(line) - 1)];
	load.body = body;
	load.body_size = size;
}

/* Sends what there is and takes the step's answer; at once "continue" for a step that has none. */
static char step_answer(struct client *client, uint32_t no_reply)
{
	char answer;

	if ((client->steps & no_reply) != 0)
		return SMFIR_CONTINUE;
	packets_send(&client->packets);
	do {
		answer = packets_receive(&client->packets, NULL, 0);
	} while (answer == SMFIR_PROGRESS);
	return answer;
}

static bool step_passes(struct client *client, uint32_t no_reply)
{
	return step_answer(client, no_reply) == SMFIR_CONTINUE;
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
	bool is_bounce = load.kind == KIND_BOUNCE;
	/* Postfix's own mail comes from no port. */
	uint16_t port = is_bounce ? 0 : htons(50000);
	const char *host = is_bounce ? "localhost" : "client.example";
	const char *address = is_bounce ? "127.0.0.1" : "198.51.100.7";
	size_t size = strlen(host) + 1;
	char connect[64];

	connect_client(client);
	negotiate(client);
	packets_add_strings(&client->packets, SMFIC_MACRO, "C", 1, "j", "mail.example.test",
			    "{daemon_name}", "mail.example.test", "v", "Postfix 3.7.11");
	if (wanted(client, SMFIP_NOCONNECT)) {
		memcpy(connect, host, size);
		connect[size++] = SMFIA_INET;
		memcpy(connect + size, &port, sizeof(port));
		size += sizeof(port);
		memcpy(connect + size, address, strlen(address) + 1);
		packets_add(&client->packets, SMFIC_CONNECT, connect, size + strlen(address) + 1);
		if (!step_passes(client, SMFIP_NR_CONN))
			die("the milter does not want the connection");
	}
	if (wanted(client, SMFIP_NOHELO)) {
		packets_add_strings(&client->packets, SMFIC_HELO, "", 0, host);
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

/* Each of these answers "continue" when the message goes on, else how the milter ended it. */

static char send_sender(struct client *client, const char *login, const char *queue_id)
{
	char sender[300];

	snprintf(sender, sizeof(sender), "<%s>", login);
	switch (load.kind) {
	case KIND_SUBMISSION:
		packets_add_strings(&client->packets, SMFIC_MACRO, "M", 1, "{auth_type}", "PLAIN",
				    "{auth_authen}", login, "{mail_addr}", login, "{mail_host}",
				    "example.test", "{mail_mailer}", "smtp");
		packets_add_strings(&client->packets, SMFIC_MAIL, "", 0, sender, "SIZE=4500");
		break;
	case KIND_INBOUND:
		packets_add_strings(&client->packets, SMFIC_MACRO, "M", 1, "{mail_addr}", login,
				    "{mail_host}", "example.test", "{mail_mailer}", "smtp");
		packets_add_strings(&client->packets, SMFIC_MAIL, "", 0, sender, "SIZE=4500");
		break;
	case KIND_BOUNCE:
		packets_add_strings(&client->packets, SMFIC_MACRO, "M", 1, "i", queue_id,
				    "{mail_addr}", "");
		packets_add_strings(&client->packets, SMFIC_MAIL, "", 0, "");
		break;
	}
	return step_answer(client, SMFIP_NR_MAIL);
}

static char send_envelope(struct client *client, const char *login, const char *queue_id)
{
	char answer = send_sender(client, login, queue_id);

	if (answer != SMFIR_CONTINUE)
		return answer;
	packets_add_strings(&client->packets, SMFIC_MACRO, "R", 1, "{rcpt_addr}",
			    "anna@remote.test", "{rcpt_host}", "remote.test", "{rcpt_mailer}",
			    "smtp");
	packets_add_strings(&client->packets, SMFIC_RCPT, "", 0, "<anna@remote.test>");
	answer = step_answer(client, SMFIP_NR_RCPT);
	if (answer != SMFIR_CONTINUE || !wanted(client, SMFIP_NODATA))
		return answer;
	packets_add_strings(&client->packets, SMFIC_MACRO, "T", 1, "i", queue_id);
	packets_add(&client->packets, SMFIC_DATA, "", 0);
	return step_answer(client, SMFIP_NR_DATA);
}

static bool send_header(struct client *client, const char *name, const char *value)
{
	packets_add_strings(&client->packets, SMFIC_HEADER, "", 0, name, value);
	return step_passes(client, SMFIP_NR_HDR);
}

static bool send_headers(struct client *client, const char *login, const char *queue_id)
{
	const char *const headers[BOUNCE_MESSAGE_HEADERS][2] = {
		{ "Received", "from client.example by mail.example.test with ESMTPSA" },
		{ "Message-ID", queue_id },
		{ "Date", "Thu, 2 Oct 2025 10:00:00 +0300" },
		{ "From", login },
		{ "To", "anna@remote.test" },
		{ "Subject", "The quarterly figures, as promised" },
		{ "MIME-Version", "1.0" },
		{ "Content-Type", "text/plain; charset=us-ascii" },
	};
	const char *const(*all)[2] = load.kind == KIND_BOUNCE ? bounce_message_headers : headers;

	for (unsigned int i = 0; wanted(client, SMFIP_NOHDRS) && i < BOUNCE_MESSAGE_HEADERS; i++) {
		if (!send_header(client, all[i][0], all[i][1]))
			return false;
	}
	if (wanted(client, SMFIP_NOEOH)) {
		packets_add(&client->packets, SMFIC_EOH, "", 0);
		if (!step_passes(client, SMFIP_NR_EOH))
			return false;
	}
	return true;
}

/* Up to where the milter wants no more of it. */
static bool send_body(struct client *client, const char *bytes, size_t size)
{
	char answer = SMFIR_CONTINUE;

	while (wanted(client, SMFIP_NOBODY) && size > 0 && answer == SMFIR_CONTINUE) {
		size_t piece = size < PACKETS_BODY_MAX ? size : PACKETS_BODY_MAX;

		packets_add(&client->packets, SMFIC_BODY, bytes, piece);
		answer = step_answer(client, SMFIP_NR_BODY);
		bytes += piece;
		size -= piece;
	}
	return answer == SMFIR_CONTINUE || answer == SMFIR_SKIP;
}

static bool end_message(struct client *client, const char *queue_id)
{
	char answer;

	packets_add_strings(&client->packets, SMFIC_MACRO, "E", 1, "i", queue_id);
	packets_add(&client->packets, SMFIC_BODYEOB, "", 0);
	packets_send(&client->packets);
	do { /* changes of the message come before the verdict */
		answer = packets_receive(&client->packets, NULL, 0);
	} while (strchr("himpbe+-2q", answer) != NULL && answer != '\0');
	return answer == SMFIR_CONTINUE || answer == SMFIR_ACCEPT;
}

static bool send_content(struct client *client, const char *login, const char *queue_id)
{
	const char *bytes = load.kind == KIND_BOUNCE ? client->bounce.bytes : load.body;
	size_t size = load.kind == KIND_BOUNCE ? client->bounce.size : load.body_size;

	return send_headers(client, login, queue_id) && send_body(client, bytes, size) &&
	       end_message(client, queue_id);
}

static void send_message(struct client *client)
{
	unsigned long number = atomic_fetch_add(&next_message, 1);
	const char *login = load.accounts[number % load.accounts_count];
	uint64_t started = latency_now();
	char queue_id[32], answer;
	bool accepted;

	/* No two alike, not even in the next run. */
	snprintf(queue_id, sizeof(queue_id), "4%lX%lX", (unsigned long)started / 1000, number);
	if (load.kind == KIND_BOUNCE && bounce_message_trace(&client->bounce, login, queue_id) < 0)
		die("the trace");
	started = latency_now();
	answer = send_envelope(client, login, queue_id);
	accepted = answer == SMFIR_ACCEPT ||
		   (answer == SMFIR_CONTINUE && send_content(client, login, queue_id));
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

static void usage(void)
{
	fputs("usage: milter-load SOCKET ACCOUNTS CONNECTIONS SECONDS MESSAGES-PER-CONNECTION\n"
	      "       [submission [BYTES] | inbound | bounce BYTES SECRETS DOMAIN]\n",
	      stderr);
	exit(64);
}

/* What the messages are, from the words that follow the numbers. */
static void choose_kind(int count, char **words)
{
	size_t size = count > 1 ? strtoul(words[1], NULL, 10) : BODY_SIZE;

	if (count == 0 || (count <= 2 && strcmp(words[0], "submission") == 0))
		load.kind = KIND_SUBMISSION;
	else if (count == 1 && strcmp(words[0], "inbound") == 0)
		load.kind = KIND_INBOUND;
	else if (count == 4 && strcmp(words[0], "bounce") == 0)
		load.kind = KIND_BOUNCE;
	else
		usage();
	if (load.kind == KIND_BOUNCE)
		bounce_message_begin(size, words[2], words[3]);
	else
		make_body(size);
}

int main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS_MAX];
	struct latency all = { .micros = NULL };
	unsigned long accepted = 0, refused = 0;
	uint64_t started;

	if (argc < 6)
		usage();
	load.socket = argv[1];
	read_accounts(argv[2]);
	load.connections = (unsigned int)strtoul(argv[3], NULL, 10);
	load.messages_per_connection = (unsigned int)strtoul(argv[5], NULL, 10);
	if (load.connections < 1 || load.connections > CONNECTIONS_MAX ||
	    load.messages_per_connection < 1) {
		errno = ERANGE;
		die("CONNECTIONS, MESSAGES-PER-CONNECTION");
	}
	choose_kind(argc - 6, argv + 6);
	for (unsigned int i = 0; load.kind == KIND_BOUNCE && i < load.connections; i++)
		bounce_message_new(&clients[i].bounce);
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
