/* Lists of networks (A5). */

#include "base/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_PREFIX 96 /* bits that say "an IPv4 address, mapped", RFC 4291 section 2.5.5.2 */

static const unsigned char ipv4_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* The bits of the address as it is written: 32 or 128. 0 if text is not an address. */
static unsigned int parse_address(const char *text, unsigned char address_r[16])
{
	memcpy(address_r, ipv4_mapped, sizeof(ipv4_mapped));
	if (inet_pton(AF_INET, text, address_r + sizeof(ipv4_mapped)) == 1)
		return 32;
	return inet_pton(AF_INET6, text, address_r) == 1 ? 128 : 0;
}

/* Decimal, without sign, spaces or leading zeros, which strtoul() would take. */
static int parse_prefix(const char *text, unsigned int max, unsigned int *prefix_r)
{
	unsigned int prefix = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits] != '\0' || (digits > 1 && *text == '0'))
		return -1;
	for (; *text != '\0'; text++)
		prefix = prefix * 10 + (unsigned int)(*text - '0');
	*prefix_r = prefix;
	return prefix <= max ? 0 : -1;
}

/* Whether the first bits of both are the same. */
static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

/* A mistyped prefix shows in bits beyond it, and would open more than was meant. */
static bool has_bits_behind(const struct network *network)
{
	for (unsigned int bit = network->prefix; bit < 128; bit++) {
		if ((network->address[bit / 8] & (0x80u >> (bit % 8))) != 0)
			return true;
	}
	return false;
}

static int parse_network(const char *text, struct network *network_r, const char **error_r)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchrnul(text, '/');
	size_t size = (size_t)(slash - text);
	unsigned int bits;

	*error_r = "not an IP address or network";
	if (size >= sizeof(address))
		return -1;
	memcpy(address, text, size);
	address[size] = '\0';
	bits = parse_address(address, network_r->address);
	if (bits == 0)
		return -1;
	network_r->prefix = bits;
	if (*slash == '/' && parse_prefix(slash + 1, bits, &network_r->prefix) < 0) {
		*error_r = bits == 32 ? "the prefix is not a number from 0 to 32"
				      : "the prefix is not a number from 0 to 128";
		return -1;
	}
	network_r->prefix += 128 - bits;
	if (has_bits_behind(network_r)) {
		*error_r = "bits are set beyond the prefix";
		return -1;
	}
	*error_r = NULL;
	return 0;
}

int network_list_add(struct network_list *list, const char *text, const char **error_r)
{
	struct network network;
	struct network *networks;

	if (parse_network(text, &network, error_r) < 0)
		return -1;
	networks = reallocarray(list->networks, list->count + 1, sizeof(*networks));
	if (networks == NULL)
		abort();
	networks[list->count] = network;
	list->networks = networks;
	list->count++;
	return 0;
}

void network_list_clear(struct network_list *list)
{
	free(list->networks);
	list->networks = NULL;
	list->count = 0;
}

bool network_list_covers(const struct network_list *list, const struct network *network)
{
	bool is_ipv4 = network->prefix >= IPV4_PREFIX &&
		       same_bits(network->address, ipv4_mapped, IPV4_PREFIX);

	for (size_t i = 0; i < list->count; i++) {
		const struct network *other = &list->networks[i];

		/* All of IPv4 is in ::/64, as are ::1 and the like: that is never meant. */
		if (is_ipv4 && other->prefix < IPV4_PREFIX)
			continue;
		if (other->prefix <= network->prefix &&
		    same_bits(network->address, other->address, other->prefix))
			return true;
	}
	return false;
}

bool network_list_has(const struct network_list *list, const char *address)
{
	struct network network = { .prefix = 128 };

	if (address == NULL || parse_address(address, network.address) == 0)
		return false;
	return network_list_covers(list, &network);
}

/* The bytes of the address that say its network; 0 if it is no address. */
static unsigned int site_bytes(const char *address, unsigned char bytes_r[16])
{
	if (parse_address(address, bytes_r) == 0)
		return 0;
	return same_bits(bytes_r, ipv4_mapped, IPV4_PREFIX) ? sizeof(ipv4_mapped) + 3 : 6;
}

void network_site(const char *address, unsigned char site_r[NETWORK_SITE_SIZE])
{
	unsigned char bytes[16];
	unsigned int size = site_bytes(address, bytes);

	memset(site_r, 0, NETWORK_SITE_SIZE);
	if (size > sizeof(ipv4_mapped))
		memcpy(site_r + 3, bytes + sizeof(ipv4_mapped), 3);
	else
		memcpy(site_r, bytes, size);
}

void network_tag(const char *address, unsigned char tag_r[NETWORK_TAG_SIZE])
{
	unsigned char bytes[16];
	unsigned int size = site_bytes(address, bytes);
	uint32_t hash = UINT32_C(2166136261); /* FNV-1a: making two collide gains nothing */

	memset(tag_r, 0, NETWORK_TAG_SIZE);
	if (size == 0)
		return;
	for (unsigned int i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * UINT32_C(16777619);
	memcpy(tag_r, &hash, sizeof(hash));
}
