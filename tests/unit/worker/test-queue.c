/* Looking into Postfix's queue. */

#include "worker/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/files.h"
#include "tests/unit/rows.h"

#define SENDER "postern-notice+17.1764028800000-0.5e1f"
#define NOTICE                                                                                     \
	"{\"queue_name\":\"deferred\",\"sender\":\"" SENDER "@example.org\","                      \
	"\"recipients\":[{\"address\":\"andrejs@example.org\"}]}\n"

/* One for each key of the site. */
static char senders[][NOTICE_SENDER_SIZE] = { "postern-notice+17.1764028800000-0.77ab", SENDER };

struct row {
	const char *name;
	const char *lines;
	enum queue_found found;
};

static const struct row rows[] = {
	{ "nothing", "", QUEUE_NOT_FOUND },
	{ "it", NOTICE, QUEUE_FOUND },
	{ "in other letters", "{\"sender\":\"Postern-Notice+17.1764028800000-0.77AB@b\"}\n",
	  QUEUE_FOUND },
	{ "of nobody", "{\"sender\":\"MAILER-DAEMON\"}\n{\"sender\":\"\"}\n", QUEUE_NOT_FOUND },
	{ "another one", "{\"sender\":\"postern-notice+17.1764028800000-0.5e1e@b\"}\n",
	  QUEUE_NOT_FOUND },
	{ "one that goes on", "{\"sender\":\"" SENDER "0@b\"}\n", QUEUE_NOT_FOUND },
	{ "one that ends early", "{\"sender\":\"" SENDER "\"}\n", QUEUE_NOT_FOUND },
	{ "behind others", "{\"sender\":\"a@b\"}\n\n" NOTICE, QUEUE_FOUND },
	{ "no JSON", "postqueue: warning\n" NOTICE, QUEUE_UNKNOWN },
};

static void reads(void **state)
{
	const struct row *row = *state;

	assert_int_equal(queue_search_lines(row->lines, senders, 2), row->found);
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
	found = queue_search(sendmail, senders, 2, error_r);
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
	{ "search: it", "#!/bin/sh\necho '" NOTICE "'\n", 0755, QUEUE_FOUND, NULL },
	{ "search: nothing", "#!/bin/sh\nexit 0\n", 0755, QUEUE_NOT_FOUND, NULL },
	{ "search: it failed", "#!/bin/sh\nexit 69\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: exit status 69" },
	{ "search: it says why",
	  "#!/bin/sh\necho a; printf 'no \"\\344\" there\n\n' >&2; exit 69\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: exit status 69: no ??? there" },
	{ "search: it warns", "#!/bin/sh\necho warning >&2; echo '" NOTICE "'\n", 0755, QUEUE_FOUND,
	  NULL },
	{ "search: it failed half way", "#!/bin/sh\necho '" NOTICE "'; exit 69\n", 0755,
	  QUEUE_UNKNOWN, "postqueue: exit status 69" },
	{ "search: it crashed", "#!/bin/sh\nkill -9 $$\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: ended by signal 9" },
	{ "search: no JSON", "#!/bin/sh\necho a\n", 0755, QUEUE_UNKNOWN,
	  "postqueue: unexpected output" },
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
	assert_int_equal(queue_search("/no/such/sendmail", senders, 2, &error), QUEUE_NOT_FOUND);
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
