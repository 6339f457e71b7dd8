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

static enum queue_found search_beside(const char *script)
{
	struct files files = files_begin();
	char sendmail[sizeof(files.directory) + 16], *error;
	enum queue_found found;

	snprintf(files.path, sizeof(files.path), "%s/postqueue", files.directory);
	snprintf(sendmail, sizeof(sendmail), "%s/sendmail", files.directory);
	if (script != NULL)
		files_write(&files, script, strlen(script), 0755);
	found = queue_search(sendmail, ACCOUNT, 0, &error);
	assert_int_equal(error != NULL, found == QUEUE_UNKNOWN || found == QUEUE_MISSING);
	free(error);
	unlink(files.path);
	rmdir(files.directory);
	return found;
}

/* postqueue stands beside sendmail, which may be in no folder of PATH. */
static void searches(void **state)
{
	(void)state;
	assert_int_equal(search_beside("#!/bin/sh\necho '" BOUNCE "'\n"), QUEUE_FOUND);
	assert_int_equal(search_beside("#!/bin/sh\nexit 0\n"), QUEUE_NOT_FOUND);
	assert_int_equal(search_beside("#!/bin/sh\nexit 69\n"), QUEUE_UNKNOWN);
	assert_int_equal(setenv("PATH", "/no/such/directory", 1), 0);
	assert_int_equal(search_beside(NULL), QUEUE_MISSING);
}

int main(void)
{
	ADD_ROWS(reads, rows);
	ADD_TEST(searches);
	return RUN_TESTS();
}
