#ifndef POSTERN_BENCH_MILTER_PACKETS_H
#define POSTERN_BENCH_MILTER_PACKETS_H

#include <stddef.h>
#include <stdint.h>

/* The packets of the milter protocol on one connection, for the load generator. All of these end
   the program when something fails. */

/* Bytes of a body that Postfix puts into a packet, at most. */
#define PACKETS_BODY_MAX 65535

struct packets {
	int fd;
	char out[PACKETS_BODY_MAX + 16384];
	size_t out_size;
	char in[65536];
	size_t in_size;
};

/* Says what failed, and why by errno unless that is 0, and exits with 1. */
__attribute__((noreturn)) void die(const char *what);

/* Puts a packet behind those that wait to be sent; they are sent first when there is no more room.
 */
void packets_add(struct packets *packets, char command, const void *bytes, size_t size);

/* The same with strings up to a NULL, behind a prefix of so many bytes. */
void packets_add_list(struct packets *packets, char command, const char *prefix, size_t prefix_size,
		      const char *const strings[]);

#define packets_add_strings(packets, command, prefix, prefix_size, ...)                            \
	packets_add_list(packets, command, prefix, prefix_size,                                    \
			 (const char *const[]){ __VA_ARGS__, NULL })

/* Sends all that waits. */
void packets_send(struct packets *packets);

/* Waits for the next packet; its command, and as many numbers as wanted from its beginning. */
char packets_receive(struct packets *packets, uint32_t *words_r, unsigned int words);

#endif
