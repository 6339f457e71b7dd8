#ifndef POSTERN_TESTS_FUZZ_H
#define POSTERN_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What libFuzzer's targets share. A target is one fuzz-NAME.c: it hands the input to what it tests,
 * and says with MUST() what holds of everything that comes out. The same input does the same each
 * time: no clock, no chance, no network, no files.
 */

/* What libFuzzer calls with each input; the size bytes of data end where their memory does, so that
   AddressSanitizer sees who reads behind them. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true whatever the input is. Ends the run where it isn't; libFuzzer keeps the input.
 */
#define MUST(condition)                                                                            \
	((condition) ? (void)0 : fuzz_is_broken(#condition, __FILE__, __LINE__, __func__))

static inline _Noreturn void fuzz_is_broken(const char *condition, const char *file, int line,
					    const char *function)
{
	fprintf(stderr, "%s:%d: %s: doesn't hold: %s\n", file, line, function, condition);
	abort();
}

/* Takes the first line from the input, or all of it if there is only one. The text, up to its first
   NUL, is for free(). */
static inline char *fuzz_take_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t length = end != NULL ? (size_t)(end - *data) : *size;
	char *line = strndup(*size > 0 ? (const char *)*data : "", length);

	MUST(line != NULL);
	if (end != NULL)
		length++;
	*data += length;
	*size -= length;
	return line;
}

/* One line of printable ASCII, as sentences have to be. */
static inline bool fuzz_is_printable(const char *text)
{
	if (text == NULL)
		return false;
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

/* The same, with tabs: what quotes a line of a file, or is one. */
static inline bool fuzz_is_line(const char *text)
{
	if (text == NULL)
		return false;
	while ((*text >= ' ' && *text <= '~') || *text == '\t')
		text++;
	return *text == '\0';
}

#endif
