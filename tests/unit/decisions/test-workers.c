/* What operations want to know: the sums of what all partitions have to do. */

#include "decisions/workers.h"

#include "tests/unit/samples.h"

#define MOST "9223372036854775807"

struct backlog_row {
	const char *name;
	const char *first, *second; /* two partitions' answers */
	struct workers_backlog backlog;
};

static const struct backlog_row backlog_rows[] = {
	{ "sums, and the greatest age",
	  "*5\r\n$4\r\ndone\r\n:3\r\n:70\r\n:5\r\n:8\r\n",
	  "*5\r\n$4\r\ndone\r\n:4\r\n:60\r\n:6\r\n:9\r\n",
	  { 7, 70, 11, 17 } },
	{ "more than there is a number for",
	  "*4\r\n$4\r\ndone\r\n:" MOST "\r\n:1\r\n:" MOST "\r\n",
	  "*4\r\n$4\r\ndone\r\n:1\r\n:2\r\n:" MOST "\r\n",
	  { INT64_MAX, 2, INT64_MAX, 0 } },
	{ "less than nothing",
	  "*4\r\n$4\r\ndone\r\n:-3\r\n:-70\r\n:-5\r\n",
	  "*4\r\n$4\r\ndone\r\n:1\r\n:-1\r\n:2\r\n",
	  { 1, 0, 2, 0 } },
};

static void adds(struct workers_backlog *backlog, const char *resp)
{
	redisReply *reply = sample_reply(resp);

	assert_int_equal(workers_backlog_add(reply, backlog), 0);
	freeReplyObject(reply);
}

static void backlogs(void **state)
{
	const struct backlog_row *row = *state;
	struct workers_backlog backlog = { 0 };

	adds(&backlog, row->first);
	adds(&backlog, row->second);
	assert_int_equal(backlog.notices, row->backlog.notices);
	assert_int_equal(backlog.oldest, row->backlog.oldest);
	assert_int_equal(backlog.due, row->backlog.due);
	assert_int_equal(backlog.refused, row->backlog.refused);
}

static void no_backlog(void **state)
{
	struct workers_backlog backlog = { 0 };
	redisReply *reply = sample_reply("*4\r\n$11\r\nunavailable\r\n:3\r\n:70\r\n:5\r\n");

	(void)state;
	assert_int_equal(workers_backlog_add(reply, &backlog), -1);
	assert_int_equal(backlog.notices + backlog.oldest + backlog.due, 0);
	freeReplyObject(reply);
}

int main(void)
{
	ADD_ROWS(backlogs, backlog_rows);
	ADD_TEST(no_backlog);
	return RUN_TESTS();
}
