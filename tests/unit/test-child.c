/* Running another program: how it ended. */

#include "child.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "rows.h"

#define DEADLINE 30000

struct row {
	const char *name;
	const char *program;
	const char *script;
	enum child_end end;
	const char *output;
	const char *error;
};

static const struct row rows[] = {
	{ "done", "sh", "echo a; echo b >&2", CHILD_DONE, "a\nb\n", "" },
	{ "failed", "sh", "echo why; exit 3", CHILD_FAILED, "why\n", "sh: exit status 3: why" },
	{ "killed", "sh", "kill -9 $$", CHILD_FAILED, "", "sh: killed by signal 9" },
	{ "in no folder of PATH", "no-such-program", "", CHILD_MISSING, "",
	  "no-such-program: No such file or directory" },
	{ "no such path", "/no/such/program", "", CHILD_MISSING, "",
	  "/no/such/program: No such file or directory" },
	{ "not to be run", "/etc/passwd", "", CHILD_FAILED, "", "/etc/passwd: Permission denied" },
	{ "too much output", "sh", "echo 0123456789abcdef0123456789abcdef", CHILD_DONE,
	  "0123456789abcdef", "" },
};

static void run(const char *program, const char *script, struct child_result *result_r)
{
	char *argv[] = { strdup(program), strdup("-c"), strdup(script), NULL };
	const struct child child = { .argv = argv, .deadline = DEADLINE, .output_max = 16 };

	child_run(&child, result_r);
	for (int i = 0; argv[i] != NULL; i++)
		free(argv[i]);
}

static void ends(void **state)
{
	const struct row *row = *state;
	struct child_result result;

	run(row->program, row->script, &result);
	assert_int_equal(result.end, row->end);
	assert_string_equal(result.output, row->output);
	assert_string_equal(result.error, row->error);
	free(result.output);
}

/* Nobody knows then whether there is such a program. */
static void cannot_start(void **state)
{
	struct rlimit before, none = { .rlim_cur = 0 };
	struct child_result result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	run("true", "", &result);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result.end, CHILD_FAILED);
	assert_string_equal(result.error, "pipe: Too many open files");
	free(result.output);
}

int main(void)
{
	ADD_ROWS(ends, rows);
	ADD_TEST(cannot_start);
	return RUN_TESTS();
}
