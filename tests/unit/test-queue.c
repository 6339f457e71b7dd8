/* Looking into Postfix's queue. */

#include "queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "rows.h"

#define ACCOUNT "andrejs@example.org"
#define BOUNCE                                                                                     \
	"{\"queue_name\":\"deferred\",\"arrival_time\":1000,\"sender\":\"MAILER-DAEMON\","         \
	"\"recipients\":[{\"address\":\"" ACCOUNT "\"}]}\n"

struct row {
	const char *name;
	const char *lines;
	int64_t after;
	enum queue_found found;
};

static const struct row rows[] = {
	{ "nothing", "", 0, QUEUE_NOT_FOUND },
	{ "it", BOUNCE, 1000, QUEUE_FOUND },
	{ "an older one", BOUNCE, 1001, QUEUE_NOT_FOUND },
	{ "of somebody", "{\"sender\":\"a@b\",\"recipients\":[{\"address\":\"" ACCOUNT "\"}]}\n", 0,
	  QUEUE_NOT_FOUND },
	{ "to somebody else", "{\"sender\":\"\",\"recipients\":[{\"address\":\"a@b\"}]}\n", 0,
	  QUEUE_NOT_FOUND },
	{ "behind others", "{\"sender\":\"a@b\"}\n\n" BOUNCE, 0, QUEUE_FOUND },
	{ "no JSON", "postqueue: warning\n" BOUNCE, 0, QUEUE_UNKNOWN },
};

static void reads(void **state)
{
	const struct row *row = *state;

	assert_int_equal(queue_search_lines(row->lines, ACCOUNT, row->after), row->found);
}

static enum queue_found search_beside(const char *script, unsigned int mode, char **error_r)
{
	struct files files = files_begin();
	char sendmail[sizeof(files.directory) + 16];
	enum queue_found found;

	snprintf(files.path, sizeof(files.path), "%s/postqueue", files.directory);
	snprintf(sendmail, sizeof(sendmail), "%s/sendmail", files.directory);
	if (script != NULL)
		files_write(&files, script, strlen(script), mode);
	found = queue_search(sendmail, ACCOUNT, 0, error_r);
	unlink(files.path);
	rmdir(files.directory);
	return found;
}

struct search_row {
	const char *name;
	const char *script;
	unsigned int mode;
	enum queue_found found;
	const char *error;
};

static const struct search_row search_rows[] = {
	{ "search: it", "#!/bin/sh\necho '" BOUNCE "'\n", 0755, QUEUE_FOUND, NULL },
	{ "search: nothing", "#!/bin/sh\nexit 0\n", 0755, QUEUE_NOT_FOUND, NULL },
	{ "search: it failed", "#!/bin/sh\nexit 69\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: exit status 69" },
	{ "search: it says why",
	  "#!/bin/sh\necho a; printf 'no \"\\344\" there\n\n' >&2; exit 69\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: exit status 69: no ??? there" },
	{ "search: it warns", "#!/bin/sh\necho warning >&2; echo '" BOUNCE "'\n", 0755, QUEUE_FOUND,
	  NULL },
	{ "search: it failed half way", "#!/bin/sh\necho '" BOUNCE "'; exit 69\n", 0755,
	  QUEUE_UNKNOWN, "postqueue: exit status 69" },
	{ "search: it crashed", "#!/bin/sh\nkill -9 $$\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: ended by signal 9" },
	{ "search: no JSON", "#!/bin/sh\necho a\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: an answer that is not understood" },
	{ "search: not to be run", "#!/bin/sh\nexit 0\n", 0644, QUEUE_UNKNOWN,
	  "postqueue: Permission denied" },
	{ "search: no Postfix", NULL, 0, QUEUE_MISSING, "postqueue: not found on this host" },
};

/* postqueue stands beside sendmail, which may be in no folder of PATH. */
static void searches(void **state)
{
	const struct search_row *row = *state;
	char *error;

	assert_int_equal(search_beside(row->script, row->mode, &error), row->found);
	if (row->error == NULL)
		assert_null(error);
	else
		assert_string_equal(error, row->error);
	free(error);
}

/* A sendmail that isn't Postfix's own stands elsewhere. */
static void searches_path(void **state)
{
	struct files files = files_begin();
	char *error;

	(void)state;
	snprintf(files.path, sizeof(files.path), "%s/postqueue", files.directory);
	files_write(&files, "#!/bin/sh\nexit 0\n", 17, 0755);
	assert_int_equal(setenv("PATH", files.directory, 1), 0);
	assert_int_equal(queue_search("/no/such/sendmail", ACCOUNT, 0, &error), QUEUE_NOT_FOUND);
	assert_null(error);
	files_end(&files);
}

int main(void)
{
	/* Where Postfix may be. The scripts need the shell alone. */
	setenv("PATH", "/no/such/directory", 1);
	ADD_ROWS(reads, rows);
	ADD_ROWS(searches, search_rows);
	ADD_TEST(searches_path);
	return RUN_TESTS();
}
