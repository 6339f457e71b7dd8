/* Making text printable. */

#include "base/printable.h"

#include <stdio.h>

#include "tests/unit/rows.h"

struct row {
	const char *name;
	const char *text;
	const char *but;
	const char *printable;
};

static const struct row rows[] = {
	{ "nothing", "", "x", "" },
	{ "printable", " aZ09\"\\~", "", " aZ09\"\\~" },
	{ "control characters", "a\tb\r\n\033[2J\001\177", "", "a?b???[2J??" },
	{ "eight bits", "\200\303\244\377", "", "????" },
	{ "but some", "a \"b\\\"", "\"\\", "a ?b??" },
	{ "but spaces", " a b ", " ", "?a?b?" },
};

static void makes(void **state)
{
	const struct row *row = *state;
	char text[32];

	snprintf(text, sizeof(text), "%s", row->text);
	make_printable(text, row->but);
	assert_string_equal(text, row->printable);
}

int main(void)
{
	ADD_ROWS(makes, rows);
	return RUN_TESTS();
}
