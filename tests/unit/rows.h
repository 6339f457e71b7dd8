#ifndef POSTERN_TESTS_ROWS_H
#define POSTERN_TESTS_ROWS_H

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/*
 * Tables of named rows. A row is a struct whose first member is its name, and becomes a test of its
 * own: the test function finds it in *state.
 */

#define ROWS_MAX 256

/* Unused places stay empty: cmocka skips them. */
static struct CMUnitTest tests[ROWS_MAX];
static size_t tests_count;

static inline void add_test(const char *name, CMUnitTestFunction function, const void *row)
{
	assert(tests_count < ROWS_MAX);
	tests[tests_count].name = name;
	tests[tests_count].test_func = function;
	tests[tests_count++].initial_state = (void *)(uintptr_t)row;
}

static inline void add_rows(CMUnitTestFunction function, const void *rows, size_t size,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const void *row = (const char *)rows + i * size;

		add_test(*(const char *const *)row, function, row);
	}
}

#define ADD_TEST(function) add_test(#function, function, NULL)
#define ADD_ROWS(function, rows)                                                                   \
	add_rows(function, rows, sizeof((rows)[0]), sizeof(rows) / sizeof((rows)[0]))
#define RUN_TESTS() cmocka_run_group_tests(tests, NULL, NULL)

#endif
