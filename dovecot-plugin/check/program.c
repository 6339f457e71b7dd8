/* Runs a program of the system and reads what it prints. */

#include "program.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/text.h"

#define COMPLAINT_MAX 4096

static const char directories[] = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";

/* Its own first line, without its name before it: "doveconf: Fatal: ...". */
static char *complaint(const char *name, const struct child_result *result)
{
	const char *text = result->errors.bytes;
	size_t size = strlen(name);
	char how[CHILD_TEXT_SIZE];

	if ((result->end != CHILD_EXITED && result->end != CHILD_SIGNALLED) || *text == '\0')
		return text_format("%s: %s", name, child_describe(result, how));
	if (strncmp(text, name, size) == 0 && strncmp(text + size, ": ", 2) == 0)
		text += size + 2;
	return text_format("%s: %.*s", name, (int)strcspn(text, "\n"), text);
}

int check_program_run(const char *const argv[], char **output_r, char **error_r)
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
						   NULL };
	char *path = child_find(argv[0], directories);
	const struct child child = {
		.path = path,
		.argv = argv,
		.environment = environment,
		.deadline = CHECK_PROGRAM_SECONDS * 1000,
		.output_max = CHECK_PROGRAM_OUTPUT_MAX,
		.errors_max = COMPLAINT_MAX,
		.whole_output = true,
	};
	struct child_result result;

	*output_r = *error_r = NULL;
	child_run(&child, &result);
	if (result.end == CHILD_EXITED && result.number == 0) {
		*output_r = result.output.bytes;
		result.output.bytes = NULL;
	} else {
		*error_r = complaint(argv[0], &result);
	}
	child_free(&result);
	free(path);
	return *error_r == NULL ? 0 : -1;
}
