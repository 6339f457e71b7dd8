/* Looks into Postfix's queue, postqueue(1). */

#include "queue.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "child.h"

#define ASK_MS	  10000
#define QUEUE_MAX (64U << 20)

static bool has_recipient(json_t *recipients, const char *account)
{
	json_t *recipient;
	size_t i;

	json_array_foreach(recipients, i, recipient)
	{
		const char *address = json_string_value(json_object_get(recipient, "address"));

		if (address != NULL && strcasecmp(address, account) == 0)
			return true;
	}
	return false;
}

static bool is_it(json_t *message, const char *account, int64_t after)
{
	const char *sender = json_string_value(json_object_get(message, "sender"));
	json_t *arrival = json_object_get(message, "arrival_time");

	/* As a queue file's time is when it is written, it may be a copy of an older one. */
	return sender != NULL && (*sender == '\0' || strcmp(sender, "MAILER-DAEMON") == 0) &&
	       (!json_is_integer(arrival) || json_integer_value(arrival) >= after) &&
	       has_recipient(json_object_get(message, "recipients"), account);
}

enum queue_found queue_search_lines(const char *lines, const char *account, int64_t after)
{
	while (*lines != '\0') {
		size_t size = strcspn(lines, "\n");
		json_t *message;
		bool found;

		if (size > 0) {
			message = json_loadb(lines, size, 0, NULL);
			if (message == NULL)
				return QUEUE_UNKNOWN;
			found = is_it(message, account, after);
			json_decref(message);
			if (found)
				return QUEUE_FOUND;
		}
		lines += size + (lines[size] == '\n');
	}
	return QUEUE_NOT_FOUND;
}

/* Runs it; false if there is no such program. */
static bool ask(const char *sendmail, struct child_result *result_r)
{
	const char *slash = strrchr(sendmail, '/');
	int directory = slash != NULL ? (int)(slash + 1 - sendmail) : 0;
	char *argv[] = { NULL, (char[]){ "-j" }, NULL };
	const struct child child = { .argv = argv, .deadline = ASK_MS, .output_max = QUEUE_MAX };

	if (asprintf(&argv[0], "%.*spostqueue", directory, sendmail) < 0)
		abort();
	child_run(&child, result_r);
	if (result_r->end == CHILD_MISSING && directory > 0) {
		free(result_r->output);
		memmove(argv[0], argv[0] + directory, strlen(argv[0] + directory) + 1);
		child_run(&child, result_r);
	}
	free(argv[0]);
	return result_r->end != CHILD_MISSING;
}

enum queue_found queue_search(const char *sendmail, const char *account, int64_t after,
			      char **error_r)
{
	struct child_result result;
	enum queue_found found = QUEUE_UNKNOWN;

	*error_r = NULL;
	if (!ask(sendmail, &result))
		found = QUEUE_MISSING;
	/* What was cut is not known. */
	else if (result.end == CHILD_DONE && result.output_size < QUEUE_MAX)
		found = queue_search_lines(result.output, account, after);
	if (result.end != CHILD_DONE)
		*error_r = strdup(result.error);
	else if (found == QUEUE_UNKNOWN)
		*error_r = strdup("postqueue: an answer that is not understood");
	free(result.output);
	return found;
}
