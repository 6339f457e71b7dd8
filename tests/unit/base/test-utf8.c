/* UTF-8, RFC 3629. */

#include "base/utf8.h"

#include <string.h>

#include "tests/unit/rows.h"

struct row {
	const char *name;
	const char *text;
	bool is_text;
};

static const struct row rows[] = {
	{ "empty", "", true },
	{ "ASCII", "my phone ~", true },
	{ "Estonian", "s\303\274lear\302\240vuti", true },
	{ "Russian", "\321\202\320\265\320\273\320\265\321\204\320\276\320\275", true },
	{ "the last of two bytes", "\337\277", true },
	{ "the first of three", "\340\240\200", true },
	{ "the last before the surrogates", "\355\237\277", true },
	{ "the first of four", "\360\220\200\200", true },
	{ "the last of all", "\364\217\277\277", true },
	{ "a line end", "a\nb", false },
	{ "a tab", "a\tb", false },
	{ "escape", "\033[2J", false },
	{ "delete", "\177", false },
	{ "a C1 control", "\302\205", false },
	{ "a lone continuation", "\200", false },
	{ "cut", "\303", false },
	{ "cut in the middle", "\342\202 x", false },
	{ "Latin-1", "J\374ri", false },
	{ "slash, too long", "\300\257", false },
	{ "slash in three", "\340\200\257", false },
	{ "NUL in two", "\300\200", false },
	{ "a surrogate", "\355\240\200", false },
	{ "behind the last", "\364\220\200\200", false },
	{ "five bytes", "\370\210\200\200\200", false },
	{ "0xff", "\377", false },
};

static void texts(void **state)
{
	const struct row *row = *state;

	assert_int_equal(utf8_is_text(row->text, strlen(row->text)), row->is_text);
}

/* What stands behind the size is not looked at. */
static void stays_within(void **state)
{
	(void)state;
	assert_true(utf8_is_text("ab\n", 2));
	assert_int_equal(utf8_character("\303\274", 1), 0);
	assert_int_equal(utf8_character("\303\274", 2), 2);
	assert_int_equal(utf8_character("", 0), 0);
}

int main(void)
{
	ADD_ROWS(texts, rows);
	ADD_TEST(stays_within);
	return RUN_TESTS();
}
