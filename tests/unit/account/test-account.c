/* Account names (A6), from friendly to hostile. */

#include "account/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rows.h"

struct row {
	const char *name;
	const char *input;
	size_t size; /* 0: the string's */
	const char *domain;
	const char *expected; /* NULL: refused */
};

static const struct row rows[] = {
	{ "full address", "andrejs@example.org", 0, NULL, "andrejs@example.org" },
	{ "upper case is folded", "Andrejs@EXAMPLE.Org", 0, NULL, "andrejs@example.org" },
	{ "surrounding spaces are dropped", " \t andrejs@example.org\r\n ", 0, NULL,
	  "andrejs@example.org" },
	{ "bare name gets the domain", "andrejs", 0, "example.org", "andrejs@example.org" },
	{ "bare name in spaces gets the domain", " Andrejs ", 0, "Example.org",
	  "andrejs@example.org" },
	{ "full address keeps its domain", "andrejs@example.net", 0, "example.org",
	  "andrejs@example.net" },
	{ "bare name without a domain", "andrejs", 0, NULL, NULL },
	{ "bare name and an empty domain", "andrejs", 0, "", NULL },
	{ "only size bytes are read", "andrejs@example.organisation", 19, NULL,
	  "andrejs@example.org" },
	{ "shortest", "a@b", 0, NULL, "a@b" },
	{ "one byte with a domain", "a", 0, "example.org", "a@example.org" },
	{ "every sign that is allowed", "a.b_c-d+e=f&g'h~i@example.org", 0, NULL,
	  "a.b_c-d+e=f&g'h~i@example.org" },
	{ "digits", "0@1.2", 0, NULL, "0@1.2" },
	{ "punycode", "a@xn--d1acufc.xn--p1ai", 0, NULL, "a@xn--d1acufc.xn--p1ai" },
	{ "empty", "", 0, "example.org", NULL },
	{ "only spaces", "  \t ", 0, "example.org", NULL },
	{ "no local part", "@example.org", 0, NULL, NULL },
	{ "no domain", "andrejs@", 0, "example.org", NULL },
	{ "only an at sign", "@", 0, "example.org", NULL },
	{ "two at signs", "a@b@example.org", 0, NULL, NULL },
	{ "master user", "a@example.org*admin", 0, NULL, NULL },
	{ "star", "*", 0, "example.org", NULL },
	{ "star at a domain", "*@example.org", 0, NULL, NULL },
	{ "question mark", "a?@example.org", 0, NULL, NULL },
	{ "quoted local part", "\"a b\"@example.org", 0, NULL, NULL },
	{ "space inside", "a b@example.org", 0, NULL, NULL },
	{ "percent sign", "%u@example.org", 0, NULL, NULL },
	{ "dollar sign", "${x}@example.org", 0, NULL, NULL },
	{ "braces of a hash tag", "{1}@example.org", 0, NULL, NULL },
	{ "colon", "a:b@example.org", 0, NULL, NULL },
	{ "slash", "../etc@example.org", 0, NULL, NULL },
	{ "slash in the domain", "a@example.org/..", 0, NULL, NULL },
	{ "backslash", "a\\b@example.org", 0, NULL, NULL },
	{ "line break inside", "a@example.org\r\nSET x", 0, NULL, NULL },
	{ "tab inside", "a\tb@example.org", 0, NULL, NULL },
	{ "escape", "a\033[2J@example.org", 0, NULL, NULL },
	{ "DEL", "a\177@example.org", 0, NULL, NULL },
	{ "vertical tab is no space", "\va@example.org", 0, NULL, NULL },
	{ "NUL inside", "a\0b@example.org", 15, NULL, NULL },
	{ "NUL at the end", "a@example.org", 14, NULL, NULL },
	{ "only NUL", "", 1, "example.org", NULL },
	{ "8-bit", "\344@example.org", 0, NULL, NULL },
	{ "8-bit domain", "a@\344.org", 0, NULL, NULL },
	{ "UTF-8", "andrējs@example.org", 0, NULL, NULL },
	{ "UTF-8 domain", "a@piemērs.lv", 0, NULL, NULL },
	{ "broken UTF-8", "a\303@example.org", 0, NULL, NULL },
	{ "no-break space around", "\302\240a@example.org", 0, NULL, NULL },
	{ "leading dot", ".a@example.org", 0, NULL, NULL },
	{ "trailing dot", "a.@example.org", 0, NULL, NULL },
	{ "two dots", "a..b@example.org", 0, NULL, NULL },
	{ "domain with a leading dot", "a@.org", 0, NULL, NULL },
	{ "domain with a trailing dot", "a@example.org.", 0, NULL, NULL },
	{ "domain with two dots", "a@example..org", 0, NULL, NULL },
	{ "domain with a leading hyphen", "a@-example.org", 0, NULL, NULL },
	{ "domain with a trailing hyphen", "a@example-.org", 0, NULL, NULL },
	{ "domain with an underscore", "a@exa_mple.org", 0, NULL, NULL },
	{ "address literal", "a@[192.0.2.1]", 0, NULL, NULL },
};

static void parses(void **state)
{
	const struct row *row = *state;
	size_t size = row->size > 0 ? row->size : strlen(row->input);
	struct account_name name;
	const char *error = NULL;
	char *copy = malloc(size > 0 ? size : 1);
	int ret;

	/* On the heap and without a terminator, so that the sanitizers see a byte too much. */
	memcpy(copy, row->input, size);
	ret = account_name_parse(copy, size, row->domain, &name, &error);
	free(copy);
	assert_int_equal(ret, row->expected != NULL ? 0 : -1);
	if (row->expected != NULL) {
		assert_string_equal(name.text, row->expected);
		assert_in_range(name.partition, 0, ACCOUNT_PARTITIONS - 1);
	} else {
		assert_non_null(error);
	}
}

/* "xx...x@LABELS" of exactly the given sizes. */
static int parse_sized(size_t local, size_t label, size_t total)
{
	char *text = malloc(total);
	struct account_name name;
	const char *error;
	int ret;

	memset(text, 'x', total);
	if (local < total)
		text[local] = '@';
	for (size_t i = local + 1 + label; i + 1 < total; i += label + 1)
		text[i] = '.';
	ret = account_name_parse(text, total, NULL, &name, &error);
	if (ret == 0)
		assert_int_equal(strlen(name.text), total);
	free(text);
	return ret;
}

struct size_row {
	const char *name;
	size_t local, label, total;
	int expected;
};

static const struct size_row size_rows[] = {
	{ "64 bytes of local part", 64, 10, 100, 0 },
	{ "65 bytes of local part", 65, 10, 100, -1 },
	{ "a label of 63 bytes", 5, 63, 69, 0 },
	{ "a label of 64 bytes", 5, 64, 70, -1 },
	{ "254 bytes", 64, 50, 254, 0 },
	{ "255 bytes", 64, 50, 255, -1 },
	{ "255 bytes with a short local part", 1, 50, 255, -1 },
	{ "256 bytes", 64, 50, 256, -1 },
	{ "10,000 bytes", 64, 50, 10000, -1 },
	{ "10,000 bytes without an at sign", 10000, 50, 10000, -1 },
};

static void parses_size(void **state)
{
	const struct size_row *row = *state;

	assert_int_equal(parse_sized(row->local, row->label, row->total), row->expected);
}

static void long_name_and_default_domain(void **state)
{
	char local[64], domain[191];
	struct account_name name;
	const char *error;

	(void)state;
	memset(local, 'x', sizeof(local));
	memset(domain, 'd', sizeof(domain));
	for (size_t i = 50; i < sizeof(domain) - 2; i += 51)
		domain[i] = '.';
	domain[190] = '\0'; /* one byte too long for this local part */
	assert_int_equal(account_name_parse(local, 64, domain, &name, &error), -1);
	domain[189] = '\0';
	assert_int_equal(account_name_parse(local, 64, domain, &name, &error), 0);
	assert_int_equal(strlen(name.text), ACCOUNT_NAME_MAX);
}

/* 32-bit FNV-1a modulo 64, computed elsewhere: the stored format depends on it. */
static void partitions_stay_where_they_are(void **state)
{
	static const struct {
		const char *name;
		unsigned int partition;
	} known[] = {
		{ "andrejs@example.org", 14 },
		{ "a@b", 18 },
		{ "USER@Example.com", 59 },
	};
	struct account_name name;
	const char *error;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(account_name_parse(known[i].name, strlen(known[i].name), NULL,
						    &name, &error),
				 0);
		assert_int_equal(name.partition, known[i].partition);
	}
}

static void partitions_share_evenly(void **state)
{
	unsigned int counts[ACCOUNT_PARTITIONS] = { 0 };
	struct account_name name;
	const char *error;

	(void)state;
	for (int i = 0; i < 64000; i++) {
		char text[32];
		int size = snprintf(text, sizeof(text), "user%d@example.org", i);

		assert_int_equal(account_name_parse(text, (size_t)size, NULL, &name, &error), 0);
		counts[name.partition]++;
	}
	for (int i = 0; i < ACCOUNT_PARTITIONS; i++)
		assert_in_range(counts[i], 800, 1200);
}

/* Whatever gets through is plain, and is the same name when read again. */
static void random_bytes(void **state)
{
	static const char likely[] = "ab@@..-+*\"' \0\r\n\303\251{}:%";
	struct account_name name, again;
	const char *error;
	unsigned int accepted = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		char input[12];
		size_t size = (size_t)random() % sizeof(input);

		for (size_t j = 0; j < size; j++)
			input[j] =
				(char)(random() % 4 == 0
					       ? random()
					       : likely[(size_t)random() % (sizeof(likely) - 1)]);
		if (account_name_parse(input, size, "example.org", &name, &error) < 0)
			continue;
		accepted++;
		assert_int_equal(strspn(name.text, "abcdefghijklmnopqrstuvwxyz0123456789._-+=&'~@"),
				 strlen(name.text));
		assert_int_equal(
			account_name_parse(name.text, strlen(name.text), NULL, &again, &error), 0);
		assert_string_equal(name.text, again.text);
		assert_int_equal(name.partition, again.partition);
	}
	assert_true(accepted > 1000);
}

struct domain_row {
	const char *name;
	const char *input;
	const char *expected; /* NULL if it is refused */
};

#define LABEL_50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx."
#define X250	 LABEL_50 LABEL_50 LABEL_50 LABEL_50 LABEL_50

static const struct domain_row domains[] = {
	{ "domain: usual", "example.org", "example.org" },
	{ "domain: upper case", "Mail.EXAMPLE.org", "mail.example.org" },
	{ "domain: one label", "b", "b" },
	{ "domain: 252 bytes", X250 "xx", X250 "xx" },
	{ "domain: 253 bytes", X250 "xxx", NULL },
	{ "domain: 300 bytes", X250 LABEL_50 "x", NULL },
	{ "domain: empty", "", NULL },
	{ "domain: an at sign before it", "@example.org", NULL },
	{ "domain: an address", "a@example.org", NULL },
	{ "domain: a space before it", " example.org", NULL },
	{ "domain: a space behind it", "example.org ", NULL },
	{ "domain: a dot at the end", "example.org.", NULL },
	{ "domain: an underscore", "exa_mple.org", NULL },
	{ "domain: UTF-8", "piem\xc4\x93rs.lv", NULL },
	{ "domain: another directory", "..", NULL },
};

static void parses_domain(void **state)
{
	const struct domain_row *row = *state;
	char domain[ACCOUNT_DOMAIN_MAX + 1];

	assert_int_equal(account_domain_parse(row->input, domain), row->expected != NULL ? 0 : -1);
	if (row->expected != NULL)
		assert_string_equal(domain, row->expected);
}

int main(void)
{
	ADD_ROWS(parses, rows);
	ADD_ROWS(parses_size, size_rows);
	ADD_ROWS(parses_domain, domains);
	ADD_TEST(long_name_and_default_domain);
	ADD_TEST(partitions_stay_where_they_are);
	ADD_TEST(partitions_share_evenly);
	ADD_TEST(random_bytes);
	return RUN_TESTS();
}
