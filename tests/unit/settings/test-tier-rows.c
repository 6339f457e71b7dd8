/* The tiers as the scripts read them. */

#include "settings/tier-rows.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/samples.h"

static void writes_a_line_for_each(void **state)
{
	struct secrets secrets = sample_secrets();
	struct settings settings = sample_settings(&secrets);

	(void)state;
	assert_string_equal(settings.tier_rows.login,
			    "\nfree pop3,smtp 285000 120 1000 10 8 86400000 tell"
			    "\npaid pop3,imap,smtp 0 0 0 0 0 0 disable"
			    "\nlist smtp 0 0 0 0 0 0 disable");
	assert_string_equal(settings.tier_rows.send, "\nfree messages 5 15 0 1"
						     "\npaid messages 0 0 0 1"
						     "\nlist recipients 0 10000 50 1");
	assert_string_equal(settings.tier_rows.unused, "\nfree 0 5184000000"
						       "\npaid 1 0"
						       "\nlist 0 0");
	assert_string_equal(settings.tier_rows.failure, "\nfree 10 3600000"
							"\npaid 0 0"
							"\nlist 0 0");
}

/* What login.lua reads with '^\n(%S+) (%S*) (%d+) (%d+) (%d+)' and, for a wrong password, behind
   that ' (%d+) (%d+) (%d+) (%S+)'. */
static void writes_a_tier_of_nothing(void **state)
{
	struct tier tier = { .name = "x" };
	struct tier_rows rows;

	(void)state;
	tier_rows_write(&tier, 1, &rows);
	assert_string_equal(rows.login, "\nx  0 0 0 0 0 0 disable");
	assert_string_equal(rows.send, "\nx messages 0 0 0 0");
	tier_rows_clear(&rows);
	assert_null(rows.login);
}

struct interval_row {
	const char *name;
	unsigned int interval, grace; /* seconds */
	uint64_t expected;	      /* milliseconds */
};

static const struct interval_row interval_rows[] = {
	{ "none", 0, 0, 0 },
	{ "none but a grace", 0, 15, 0 },
	{ "shorter than its grace", 10, 15, 5000 },
	{ "as long as its grace", 15, 15, 7500 },
	{ "twice its grace", 30, 15, 15000 },
	{ "five minutes", 300, 15, 285000 },
	{ "without a grace", 300, 0, 300000 },
	{ "the longest", UINT32_MAX, 0, UINT64_C(4294967295000) },
	{ "the longest of all", UINT32_MAX, UINT32_MAX, UINT64_C(2147483647500) },
};

static void least_interval(void **state)
{
	const struct interval_row *row = *state;
	struct tier tier = { .pop3_interval = row->interval, .pop3_grace = row->grace };

	assert_int_equal(tier_least_interval(&tier), row->expected);
}

int main(void)
{
	ADD_TEST(writes_a_line_for_each);
	ADD_TEST(writes_a_tier_of_nothing);
	ADD_ROWS(least_interval, interval_rows);
	return RUN_TESTS();
}
