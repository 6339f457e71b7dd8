/* What doveadm's HTTP API answers: rows, failures, and what is neither. */

#include "worker/doveadm-answer.h"

#include <string.h>

#include "tests/unit/rows.h"

#define NOT_UNDERSTOOD "an unexpected answer"

struct row {
	const char *name;
	const char *text;
	int rows; /* -1 for a failure */
	int exit_code;
	const char *type;
};

static const struct row rows[] = {
	{ "no session", "[[\"doveadmResponse\",[],\"postern\"]]", 0, 0, "" },
	{ "two rows", "[[\"doveadmResponse\",[{\"a\":\"b\"},{\"a\":\"c\"}],\"postern\"]]", 2, 0,
	  "" },
	{ "rows as Dovecot 2.3 has them",
	  "[[\"doveadmResponse\",[{\"a\":\"b\"}],{\"a\":\"c\"},{\"a\":\"d\"},\"postern\"]]", 3, 0,
	  "" },
	{ "something else among the rows", "[[\"doveadmResponse\",[{\"a\":\"b\"}],[],\"postern\"]]",
	  -1, 0, NOT_UNDERSTOOD },
	{ "nobody to kick", "[[\"error\",{\"type\":\"exitCode\",\"exitCode\":68},\"postern\"]]", -1,
	  68, "exitCode" },
	{ "no such user", "[[\"error\",{\"type\":\"exitCode\",\"exitCode\":67},\"postern\"]]", -1,
	  67, "exitCode" },
	{ "a command that is not allowed", "[[\"error\",{\"type\":\"unAuthorized\"},\"postern\"]]",
	  -1, 0, "unAuthorized" },
	{ "a code of something else",
	  "[[\"error\",{\"type\":\"invalidRequest\",\"exitCode\":68},\"postern\"]]", -1, 0,
	  "invalidRequest" },
	{ "a failure that claims to be none", "[[\"error\",[],\"postern\"]]", -1, 0,
	  NOT_UNDERSTOOD },
	{ "a code that is none", "[[\"error\",{\"type\":\"exitCode\",\"exitCode\":\"68\"},\"x\"]]",
	  -1, 0, "exitCode" },
	{ "a code of too many bits",
	  "[[\"error\",{\"type\":\"exitCode\",\"exitCode\":4294967364},\"x\"]]", -1, 0,
	  "exitCode" },
	{ "a negative code", "[[\"error\",{\"type\":\"exitCode\",\"exitCode\":-68},\"x\"]]", -1, 0,
	  "exitCode" },
	{ "a type that is none", "[[\"error\",{\"type\":68,\"exitCode\":68},\"x\"]]", -1, 0,
	  NOT_UNDERSTOOD },
	{ "a type that is long",
	  "[[\"error\",{\"type\":"
	  "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg\"},\"x\"]]",
	  -1, 0, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde" },
	{ "a failure of another kind",
	  "[[\"warning\",{\"type\":\"exitCode\",\"exitCode\":68},\"x\"]]", -1, 0, NOT_UNDERSTOOD },
	{ "rows that are none", "[[\"doveadmResponse\",{},\"postern\"]]", -1, 0, NOT_UNDERSTOOD },
	{ "nothing in it", "[]", -1, 0, NOT_UNDERSTOOD },
	{ "an object", "{\"type\":\"exitCode\",\"exitCode\":68}", -1, 0, NOT_UNDERSTOOD },
	{ "no JSON", "<html>", -1, 0, NOT_UNDERSTOOD },
	{ "half an answer", "[[\"doveadmResponse\",[", -1, 0, NOT_UNDERSTOOD },
	{ "nothing", "", -1, 0, NOT_UNDERSTOOD },
};

static void reads(void **state)
{
	const struct row *row = *state;
	struct doveadm_failure failure;
	json_t *found = doveadm_answer_read(row->text, strlen(row->text), &failure);

	assert_int_equal(found != NULL ? (int)json_array_size(found) : -1, row->rows);
	if (found == NULL) {
		assert_int_equal(failure.exit_code, row->exit_code);
		assert_string_equal(failure.type, row->type);
	}
	json_decref(found);
}

int main(void)
{
	ADD_ROWS(reads, rows);
	return RUN_TESTS();
}
