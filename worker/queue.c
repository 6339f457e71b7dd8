/* Looks into Postfix's queue, postqueue(1). */

#include "queue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/child.h"
#include "base/text.h"
#include "base/printable.h"

#define ASK_MS	   10000
#define QUEUE_MAX  (64U << 20)
#define ERRORS_MAX 4096
#define QUOTED_MAX 200

static bool is_it(json_t *message, char senders[][NOTICE_SENDER_SIZE], unsigned int count)
{
	const char *sender = json_string_value(json_object_get(message, "sender"));

	for (unsigned int i = 0; sender != NULL && i < count; i++) {
		size_t size = strlen(senders[i]);

		if (strncasecmp(sender, senders[i], size) == 0 && sender[size] == '@')
			return true;
	}
	return false;
}

enum queue_found queue_search_lines(const char *lines, char senders[][NOTICE_SENDER_SIZE],
				    unsigned int count)
{
	while (*lines != '\0') {
		size_t size = strcspn(lines, "\n");
		json_t *message;
		bool found;

		if (size > 0) {
			message = json_loadb(lines, size, 0, NULL);
			if (message == NULL)
				return QUEUE_UNKNOWN;
			found = is_it(message, senders, count);
			json_decref(message);
			if (found)
				return QUEUE_FOUND;
		}
		lines += size + (lines[size] == '\n');
	}
	return QUEUE_NOT_FOUND;
}

/* Its path, for free(); NULL if there is none. */
static char *find_postqueue(const char *sendmail)
{
	const char *slash = strrchr(sendmail, '/'), *path = getenv("PATH");
	char *directories = text_format("%.*s:%s", slash != NULL ? (int)(slash - sendmail) : 0,
					sendmail, path != NULL ? path : "");
	char *found = child_find("postqueue", directories);

	free(directories);
	return found;
}

/* How it failed, and the last line of its complaint: one printable line, for free(). The queue
   itself is other people's mail, and doesn't belong in the log. */
static char *complaint(const struct child_result *result)
{
	const char *text = result->errors.bytes;
	size_t size = strlen(text), start;
	char how[CHILD_TEXT_SIZE], *error;

	while (size > 0 && strchr("\r\n ", text[size - 1]) != NULL)
		size--;
	for (start = size; start > 0 && text[start - 1] != '\n'; start--)
		;
	size = size - start < QUOTED_MAX ? size - start : QUOTED_MAX;
	error = text_format("postqueue: %s%s%.*s", child_describe(result, how),
			    size > 0 ? ": " : "", (int)size, text + start);
	make_printable(error, "\"");
	return error;
}

enum queue_found queue_search(const char *sendmail, char senders[][NOTICE_SENDER_SIZE],
			      unsigned int count, char **error_r)
{
	static const char *const argv[] = { "postqueue", "-j", NULL };
	char *path = find_postqueue(sendmail);
	const struct child child = {
		.path = path,
		.argv = argv,
		.deadline = ASK_MS,
		.output_max = QUEUE_MAX,
		.errors_max = ERRORS_MAX,
		.whole_output = true,
	};
	struct child_result result;
	enum queue_found found;

	*error_r = NULL;
	child_run(&child, &result);
	if (result.end != CHILD_EXITED || result.number != 0) {
		found = result.end == CHILD_MISSING ? QUEUE_MISSING : QUEUE_UNKNOWN;
		*error_r = complaint(&result);
	} else {
		found = queue_search_lines(result.output.bytes, senders, count);
		if (found == QUEUE_UNKNOWN)
			*error_r = text_copy("postqueue: unexpected output");
	}
	child_free(&result);
	free(path);
	return found;
}
