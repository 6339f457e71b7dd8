/* Numbers and durations as settings and commands write them. */

#include "base/quantity.h"

#include <stddef.h>

#include "tests/unit/rows.h"

struct duration_row {
	const char *name;
	const char *text;
	int result;
	uint64_t milliseconds;
	int tells; /* that a unit is missing */
};

static const struct duration_row duration_rows[] = {
	{ "nothing at all", "0", 0, 0, 0 },
	{ "milliseconds", "250ms", 0, 250, 0 },
	{ "seconds", "1s", 0, 1000, 0 },
	{ "minutes", "5m", 0, 300000, 0 },
	{ "hours", "2h", 0, 7200000, 0 },
	{ "days", "60d", 0, UINT64_C(5184000000), 0 },
	{ "leading zeros", "007s", 0, 7000, 0 },
	{ "empty", "", -1, 0, 0 },
	{ "only a unit", "s", -1, 0, 0 },
	{ "no unit", "15", -1, 0, 1 },
	{ "unknown unit", "15w", -1, 0, 1 },
	{ "a space before the unit", "15 s", -1, 0, 1 },
	{ "something behind", "15s ", -1, 0, 1 },
	{ "negative", "-1s", -1, 0, 0 },
	{ "fraction", "1.5h", -1, 0, 1 },
	{ "as long as can be", "100000000000d", 0, UINT64_C(8640000000000000000), 0 },
	{ "longer", "100000000001d", -1, 0, 0 },
	{ "19 digits", "1000000000000000000ms", -1, 0, 0 },
};

static void durations(void **state)
{
	const struct duration_row *row = *state;
	const char *detail = NULL;
	uint64_t milliseconds = 0;

	assert_int_equal(quantity_duration(row->text, &milliseconds, &detail), row->result);
	if (row->result == 0)
		assert_int_equal(milliseconds, row->milliseconds);
	assert_int_equal(detail != NULL, row->tells);
}

int main(void)
{
	ADD_ROWS(durations, duration_rows);
	return RUN_TESTS();
}
