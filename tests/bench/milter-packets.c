#include "milter-packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *what)
{
	fprintf(stderr, "milter-load: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
	exit(1);
}

void packets_add(struct packets *packets, char command, const void *bytes, size_t size)
{
	uint32_t length = htonl((uint32_t)size + 1);
	char *at;

	if (packets->out_size + sizeof(length) + 1 + size > sizeof(packets->out))
		packets_send(packets);
	if (sizeof(length) + 1 + size > sizeof(packets->out)) {
		errno = ENOBUFS;
		die("packets");
	}
	at = packets->out + packets->out_size;
	memcpy(at, &length, sizeof(length));
	at[sizeof(length)] = command;
	memcpy(at + sizeof(length) + 1, bytes, size);
	packets->out_size += sizeof(length) + 1 + size;
}

void packets_add_list(struct packets *packets, char command, const char *prefix, size_t prefix_size,
		      const char *const strings[])
{
	char packet[1024];
	size_t used = prefix_size;

	memcpy(packet, prefix, prefix_size);
	for (; *strings != NULL; strings++) {
		size_t size = strlen(*strings) + 1;

		if (used + size > sizeof(packet)) {
			errno = EMSGSIZE;
			die(*strings);
		}
		memcpy(packet + used, *strings, size);
		used += size;
	}
	packets_add(packets, command, packet, used);
}

void packets_send(struct packets *packets)
{
	size_t sent = 0;

	while (sent < packets->out_size) {
		ssize_t size = write(packets->fd, packets->out + sent, packets->out_size - sent);

		if (size < 0)
			die("write");
		sent += (size_t)size;
	}
	packets->out_size = 0;
}

static void receive_more(struct packets *packets)
{
	ssize_t size;

	errno = 0;
	size = read(packets->fd, packets->in + packets->in_size,
		    sizeof(packets->in) - packets->in_size);
	if (size <= 0)
		die("no answer from the milter");
	packets->in_size += (size_t)size;
}

char packets_receive(struct packets *packets, uint32_t *words_r, unsigned int words)
{
	uint32_t length;
	char command;

	while (packets->in_size < sizeof(length))
		receive_more(packets);
	memcpy(&length, packets->in, sizeof(length));
	length = ntohl(length);
	if (length < 1 + words * sizeof(uint32_t) ||
	    length > sizeof(packets->in) - sizeof(length)) {
		errno = EBADMSG;
		die("packet");
	}
	while (packets->in_size < sizeof(length) + length)
		receive_more(packets);
	command = packets->in[sizeof(length)];
	for (unsigned int i = 0; i < words; i++) {
		memcpy(&words_r[i], packets->in + sizeof(length) + 1 + i * sizeof(uint32_t),
		       sizeof(uint32_t));
		words_r[i] = ntohl(words_r[i]);
	}
	packets->in_size -= sizeof(length) + length;
	memmove(packets->in, packets->in + sizeof(length) + length, packets->in_size);
	return command;
}
