#ifndef POSTERN_BENCH_BOUNCE_MESSAGE_H
#define POSTERN_BENCH_BOUNCE_MESSAGE_H

#include <stddef.h>

/* Bounces as Postfix makes them, with the trace of a message that an account sent, for the load
   generator. These end the program when something fails, unless they say otherwise. */

#define BOUNCE_MESSAGE_HEADERS 8

/* Names and values of the headers, which all of them share. */
extern const char *const bounce_message_headers[BOUNCE_MESSAGE_HEADERS][2];

/* The body of one bounce. */
struct bounce_message {
	char *bytes;
	size_t size;
	char *queue_id, *trace; /* their places in bytes */
};

/* To be called once, first: all that follow have size bytes, of which the original's body takes
   what the report leaves, and traces that are made with that secrets file and default domain. */
void bounce_message_begin(size_t size, const char *secrets_path, const char *default_domain);

/* Makes one without a trace. */
void bounce_message_new(struct bounce_message *message_r);

/* Makes it a bounce of what login has just sent to one recipient. 0, or -1 if there is no such
   account name or OpenSSL fails. Different threads may do so with different bounces. */
int bounce_message_trace(struct bounce_message *message, const char *login, const char *queue_id);

#endif
