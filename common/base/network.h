#ifndef POSTERN_NETWORK_H
#define POSTERN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

/* Lists of networks in CIDR notation, IPv4 and IPv6. An IPv4-mapped IPv6 address is its IPv4 one.
 */

struct network {
	unsigned char address[16]; /* IPv6, or IPv4 mapped into it */
	unsigned int prefix;	   /* bits of address that count, 0 to 128 */
};

struct network_list {
	struct network *networks; /* owned: free with network_list_clear() */
	size_t count;
};

/* Adds "192.0.2.0/24", "2001:db8::/32" or a single address. 0, or -1 if text is none of these or
   has bits set beyond its prefix: *error_r is then a static text. Dies when memory runs out. */
int network_list_add(struct network_list *list, const char *text, const char **error_r);

void network_list_clear(struct network_list *list);

/* True if the address (text, as inet_pton(3) reads it) is in one of the networks. An empty,
   NULL or broken address is in none. */
bool network_list_has(const struct network_list *list, const char *address);

/* True if the whole network is in one of those in the list. */
bool network_list_covers(const struct network_list *list, const struct network *network);

/*
 * The network of a client, as far as it tells one client from another (B2, D4): of IPv4 a /24, of
 * IPv6 the /48 that a site is given, since whoever has one has all hosts in it.
 */

/* Three bytes of zero and the first three of IPv4; the first six of IPv6, where no client's
   address begins with three of zero (::/8 is reserved, RFC 4291). All zeros is no address. */
#define NETWORK_SITE_SIZE 6
void network_site(const char *address, unsigned char site_r[NETWORK_SITE_SIZE]);

/* A shorter one for logs that keep many: equal for addresses of one network, else different but by
   chance. Not secret. For what is no address it is all zeros. */
#define NETWORK_TAG_SIZE 4
void network_tag(const char *address, unsigned char tag_r[NETWORK_TAG_SIZE]);

#endif
