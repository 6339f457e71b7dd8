/* The lines of a header, RFC 5322. */

#include "base/header-field.h"

#include <string.h>

#include "tests/unit/rows.h"

struct line_row {
	const char *name;
	const char *line;
	const char *field; /* its name; NULL if the line has none */
	const char *value; /* what follows the colon */
};

static const struct line_row lines[] = {
	{ "plain", "Subject: x", "Subject", " x" },
	{ "no blank in it", "Subject:x", "Subject", "x" },
	{ "no value", "Subject:", "Subject", "" },
	{ "with the line's end", "Subject: x\r\n", "Subject", " x\r\n" },
	{ "one letter", "X:x", "X", "x" },
	{ "blanks before the colon", "Subject \t : x", "Subject", " x" },
	{ "two colons", "Subject:: x", "Subject", ": x" },
	{ "all that a name may have", "!#$%&'()*+,-./09;<=>?@AZ[\\]^_`az{|}~: x",
	  "!#$%&'()*+,-./09;<=>?@AZ[\\]^_`az{|}~", " x" },
	{ "empty", "", NULL, NULL },
	{ "a colon alone", ":", NULL, NULL },
	{ "no name", ": x", NULL, NULL },
	{ "no colon", "Subject", NULL, NULL },
	{ "blanks and no colon", "Subject  ", NULL, NULL },
	{ "two words", "Your message: x", NULL, NULL },
	{ "a blank before the name", " Subject: x", NULL, NULL },
	{ "the line ends before the colon", "Subject\n: x", NULL, NULL },
	{ "a form feed before the colon", "Subject\f: x", NULL, NULL },
	{ "DEL in the name", "Sub\177ject: x", NULL, NULL },
	{ "UTF-8 in the name", "T\xc4\x93ma: x", NULL, NULL },
};

static void parses(void **state)
{
	const struct line_row *row = *state;
	const size_t size = strlen(row->line);
	struct header_field field;

	assert_int_equal(header_field_parse(row->line, size, &field), row->field != NULL);
	if (row->field == NULL)
		return;
	assert_int_equal(field.name_size, strlen(row->field));
	assert_memory_equal(row->line, row->field, field.name_size);
	assert_string_equal(row->line + field.value, row->value);
}

/* However little of a line there is, nothing behind it is looked at. */
static void keeps_to_the_size(void **state)
{
	static const char line[] = "Subject \t: x";
	const size_t colon = (size_t)(strchr(line, ':') - line);
	struct header_field field;

	(void)state;
	for (size_t size = 0; size <= strlen(line); size++)
		assert_int_equal(header_field_parse(line, size, &field), size > colon);
	assert_false(header_field_is(line, strlen("Subjec"), "Subject"));
	assert_true(header_field_is(line, strlen("Subject"), "Subject"));
	assert_false(header_field_continues(" x", 0));
}

struct name_row {
	const char *name;
	const char *bytes;
	bool is_subject;
};

static const struct name_row names[] = {
	{ "the name", "Subject", true },
	{ "the name in lower case", "subject", true },
	{ "the name in upper case", "SUBJECT", true },
	{ "the name and blanks", "Subject \t ", true },
	{ "no bytes", "", false },
	{ "blanks alone", "  ", false },
	{ "a shorter name", "Subjec", false },
	{ "a longer name", "Subjects", false },
	{ "another name", "Sabject", false },
	{ "a blank and the name", " Subject", false },
	{ "the name and a blank and more", "Subject x", false },
	{ "the name and its colon", "Subject:", false },
	{ "the name and the line's end", "Subject\n", false },
};

static void compares(void **state)
{
	const struct name_row *row = *state;

	assert_int_equal(header_field_is(row->bytes, strlen(row->bytes), "Subject"),
			 row->is_subject);
}

struct continued_row {
	const char *name;
	const char *line;
	bool continues;
};

static const struct continued_row continued[] = {
	{ "continues: space", " x", true },
	{ "continues: tab", "\tx", true },
	{ "continues: blanks alone", " \t", true },
	{ "continues: a field, indented", " Subject: x", true },
	{ "begins: empty", "", false },
	{ "begins: letter", "x ", false },
	{ "begins: the line's end", "\n ", false },
	{ "begins: a space that doesn't break", "\xa0x", false },
};

static void continues(void **state)
{
	const struct continued_row *row = *state;

	assert_int_equal(header_field_continues(row->line, strlen(row->line)), row->continues);
}

int main(void)
{
	ADD_ROWS(parses, lines);
	ADD_TEST(keeps_to_the_size);
	ADD_ROWS(compares, names);
	ADD_ROWS(continues, continued);
	return RUN_TESTS();
}
