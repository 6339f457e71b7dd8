/* Networks and who lies in them (A5). */

#include "base/network.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/rows.h"

#define NO_NETWORK "not an IP address or network"
#define PREFIX_32  "the prefix is not a number from 0 to 32"
#define PREFIX_128 "the prefix is not a number from 0 to 128"
#define BITS	   "bits are set beyond the prefix"

struct bad_row {
	const char *name;
	const char *text;
	const char *error;
};

static const struct bad_row bad_rows[] = {
	{ "bad: empty", "", NO_NETWORK },
	{ "bad: host name", "localhost", NO_NETWORK },
	{ "bad: only a prefix", "/24", NO_NETWORK },
	{ "bad: three parts", "192.0.2", NO_NETWORK },
	{ "bad: five parts", "192.0.2.1.1", NO_NETWORK },
	{ "bad: part over 255", "192.0.2.256", NO_NETWORK },
	{ "bad: leading zero, which some read as octal", "192.0.2.010", NO_NETWORK },
	{ "bad: hexadecimal", "0xc0000201", NO_NETWORK },
	{ "bad: space", "192.0.2.1 ", NO_NETWORK },
	{ "bad: port", "192.0.2.1:25", NO_NETWORK },
	{ "bad: star", "192.0.2.*", NO_NETWORK },
	{ "bad: nine groups", "1:2:3:4:5:6:7:8:9", NO_NETWORK },
	{ "bad: brackets", "[::1]", NO_NETWORK },
	{ "bad: zone", "fe80::1%eth0", NO_NETWORK },
	{ "bad: very long", "1111111111111111111111111111111111111111111111111111", NO_NETWORK },
	{ "bad: no prefix behind the slash", "192.0.2.0/", PREFIX_32 },
	{ "bad: netmask", "192.0.2.0/255.255.255.0", PREFIX_32 },
	{ "bad: prefix of 33", "192.0.2.0/33", PREFIX_32 },
	{ "bad: prefix that overflows", "192.0.2.0/4294967320", PREFIX_32 },
	{ "bad: negative prefix", "192.0.2.0/-1", PREFIX_32 },
	{ "bad: prefix with a plus", "192.0.2.0/+24", PREFIX_32 },
	{ "bad: prefix with a leading zero", "192.0.2.0/024", PREFIX_32 },
	{ "bad: two prefixes", "192.0.2.0/24/24", PREFIX_32 },
	{ "bad: prefix of 129", "2001:db8::/129", PREFIX_128 },
	{ "bad: host bits", "192.0.2.1/24", BITS },
	{ "bad: the last host bit", "192.0.2.1/31", BITS },
	{ "bad: the first host bit", "192.0.2.128/24", BITS },
	{ "bad: everything, mistyped", "192.0.2.0/2", BITS },
	{ "bad: host bits of IPv6", "2001:db8::1/64", BITS },
};

static void test_bad(void **state)
{
	const struct bad_row *row = *state;
	struct network_list list = { 0 };
	const char *error = NULL;

	assert_int_equal(network_list_add(&list, row->text, &error), -1);
	assert_string_equal(error, row->error);
	assert_int_equal(list.count, 0);
	assert_null(list.networks);
}

struct has_row {
	const char *name;
	const char *networks[3];
	const char *address;
	bool expected;
};

static const struct has_row has_rows[] = {
	{ "the address itself", { "192.0.2.7" }, "192.0.2.7", true },
	{ "another address", { "192.0.2.7" }, "192.0.2.6", false },
	{ "a prefix of 32", { "192.0.2.7/32" }, "192.0.2.7", true },
	{ "first of a network", { "192.0.2.0/24" }, "192.0.2.0", true },
	{ "last of a network", { "192.0.2.0/24" }, "192.0.2.255", true },
	{ "before a network", { "192.0.2.0/24" }, "192.0.1.255", false },
	{ "behind a network", { "192.0.2.0/24" }, "192.0.3.0", false },
	{ "last of a prefix within a byte", { "192.0.2.64/26" }, "192.0.2.127", true },
	{ "behind a prefix within a byte", { "192.0.2.64/26" }, "192.0.2.128", false },
	{ "before a prefix within a byte", { "192.0.2.64/26" }, "192.0.2.63", false },
	{ "all of IPv4", { "0.0.0.0/0" }, "203.0.113.9", true },
	{ "all of IPv4 is no IPv6", { "0.0.0.0/0" }, "2001:db8::1", false },
	{ "all of IPv6 is no IPv4", { "::/0" }, "203.0.113.9", false },
	{ "all of IPv6", { "::/0" }, "2001:db8::1", true },
	{ "the network around ::1 is no IPv4", { "::/64" }, "203.0.113.9", false },
	{ "the network around ::1 is no mapped IPv4", { "::/64" }, "::ffff:203.0.113.9", false },
	{ "the network around ::1 has it", { "::/64" }, "::1", true },
	{ "mapped address in an IPv4 network", { "192.0.2.0/24" }, "::ffff:192.0.2.9", true },
	{ "IPv4 address in a mapped network", { "::ffff:192.0.2.0/120" }, "192.0.2.9", true },
	{ "IPv4 address beside a mapped network", { "::ffff:192.0.2.0/120" }, "192.0.3.9", false },
	{ "all of mapped IPv4", { "::ffff:0:0/96" }, "192.0.3.9", true },
	{ "compatible address is not mapped", { "192.0.2.0/24" }, "::192.0.2.9", false },
	{ "IPv6 network", { "2001:db8::/32" }, "2001:db8:ffff::1", true },
	{ "behind an IPv6 network", { "2001:db8::/32" }, "2001:db9::", false },
	{ "IPv6 prefix within a byte", { "2001:db8:8000::/33" }, "2001:db8:7fff::1", false },
	{ "IPv6 in upper case", { "2001:DB8::/32" }, "2001:0db8::A", true },
	{ "IPv6 address", { "::1" }, "::1", true },
	{ "other IPv6 address", { "::1" }, "::2", false },
	{ "second of the list", { "192.0.2.0/24", "::1" }, "::1", true },
	{ "none of the list", { "192.0.2.0/24", "::1", "10.0.0.0/8" }, "11.0.0.1", false },
	{ "empty list", { NULL }, "127.0.0.1", false },
	{ "no address", { "0.0.0.0/0", "::/0" }, NULL, false },
	{ "empty address", { "0.0.0.0/0", "::/0" }, "", false },
	{ "broken address", { "0.0.0.0/0", "::/0" }, "192.0.2", false },
	{ "address with a port", { "0.0.0.0/0", "::/0" }, "192.0.2.1:25", false },
	{ "address with a zone", { "0.0.0.0/0", "::/0" }, "fe80::1%eth0", false },
	{ "address with a line break", { "0.0.0.0/0", "::/0" }, "192.0.2.1\n", false },
};

static void test_has(void **state)
{
	const struct has_row *row = *state;
	struct network_list list = { 0 };
	const char *error;

	for (size_t i = 0; i < 3 && row->networks[i] != NULL; i++)
		assert_int_equal(network_list_add(&list, row->networks[i], &error), 0);
	assert_int_equal(network_list_has(&list, row->address), row->expected);
	network_list_clear(&list);
	assert_null(list.networks);
	assert_int_equal(list.count, 0);
}

struct covers_row {
	const char *name;
	const char *list, *network;
	bool expected;
};

static const struct covers_row covers_rows[] = {
	{ "itself", "192.0.2.0/24", "192.0.2.0/24", true },
	{ "a part", "192.0.2.0/24", "192.0.2.128/25", true },
	{ "more than it", "192.0.2.0/24", "192.0.2.0/23", false },
	{ "beside it", "192.0.2.0/24", "192.0.3.0/24", false },
	{ "all of IPv4", "0.0.0.0/0", "0.0.0.0/0", true },
	{ "IPv4 is not in ::/0", "::/0", "0.0.0.0/0", false },
	{ "IPv6 is in ::/0", "::/0", "2001:db8::/32", true },
	{ "all of IPv6", "::/0", "::/0", true },
	{ "IPv6 is not in all of IPv4", "0.0.0.0/0", "2001:db8::/32", false },
};

static void test_covers(void **state)
{
	const struct covers_row *row = *state;
	struct network_list list = { 0 }, other = { 0 };
	const char *error;

	assert_int_equal(network_list_add(&other, row->network, &error), 0);
	assert_false(network_list_covers(&list, &other.networks[0]));
	assert_int_equal(network_list_add(&list, "198.51.100.1", &error), 0);
	assert_int_equal(network_list_add(&list, row->list, &error), 0);
	assert_int_equal(network_list_covers(&list, &other.networks[0]), row->expected);
	network_list_clear(&list);
	network_list_clear(&other);
}

static void test_every_prefix(void **state)
{
	(void)state;
	for (unsigned int prefix = 1; prefix <= 32; prefix++) {
		struct network_list list = { 0 };
		const char *error;
		char text[32];

		snprintf(text, sizeof(text), "%s/%u", "128.0.0.0", prefix);
		assert_int_equal(network_list_add(&list, text, &error), 0);
		assert_true(network_list_has(&list, "128.0.0.0"));
		assert_int_equal(network_list_has(&list, "128.0.0.1"), prefix < 32);
		assert_int_equal(network_list_has(&list, "255.255.255.255"), prefix == 1);
		assert_false(network_list_has(&list, "127.255.255.255"));
		network_list_clear(&list);
	}
}

struct site_row {
	const char *name;
	const char *a, *b;
	bool same;
	const char *site; /* of the first, in hexadecimal digits */
};

static const struct site_row site_rows[] = {
	{ "a /24", "192.0.2.1", "192.0.2.254", true, "000000c00002" },
	{ "two /24", "192.0.2.1", "192.0.3.1", false, "000000c00002" },
	{ "mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.9", true, "000000c00002" },
	{ "a /48", "2001:db8:1:2::1", "2001:db8:1:ffff::1", true, "20010db80001" },
	{ "two /48", "2001:db8:1::1", "2001:db8:2::1", false, "20010db80001" },
	{ "IPv6 of zeros", "2001::1", "2001:0:0:9::", true, "200100000000" },
	{ "the host itself", "::1", "127.0.0.1", false, "000000000000" },
	{ "no address", "", "x", true, "000000000000" },
};

static void tells_networks_apart(void **state)
{
	const struct site_row *row = *state;
	unsigned char a[NETWORK_SITE_SIZE], b[NETWORK_SITE_SIZE];
	char digits[2 * NETWORK_SITE_SIZE + 1];

	network_site(row->a, a);
	network_site(row->b, b);
	assert_int_equal(memcmp(a, b, NETWORK_SITE_SIZE) == 0, row->same);
	for (unsigned int i = 0; i < NETWORK_SITE_SIZE; i++)
		snprintf(digits + 2 * i, 3, "%02x", a[i]);
	assert_string_equal(digits, row->site);
}

static void tags_are_as_different(void **state)
{
	const struct site_row *row = *state;
	unsigned char a[NETWORK_TAG_SIZE], b[NETWORK_TAG_SIZE];

	network_tag(row->a, a);
	network_tag(row->b, b);
	assert_int_equal(memcmp(a, b, NETWORK_TAG_SIZE) == 0, row->same);
}

int main(void)
{
	ADD_ROWS(tells_networks_apart, site_rows);
	ADD_ROWS(tags_are_as_different, site_rows);
	ADD_ROWS(test_bad, bad_rows);
	ADD_ROWS(test_has, has_rows);
	ADD_ROWS(test_covers, covers_rows);
	ADD_TEST(test_every_prefix);
	return RUN_TESTS();
}
