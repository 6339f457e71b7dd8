/* What the `doveadm postern` commands share that go through all accounts. */

#include "lib.h"

#include "accounts.h"

#include <hiredis/hiredis.h>

bool postern_ask_accounts(struct postern_run *run, const struct command *command,
			  redisReply **reply_r)
{
	const char *error;

	if (postern_ask(run, command, reply_r, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "", error);
		return FALSE;
	}
	if (accounts_read(*reply_r, &error) == 0)
		return TRUE;
	postern_fail(run, POSTERN_UNAVAILABLE, "", error);
	freeReplyObject(*reply_r);
	return FALSE;
}

bool postern_check_stamps(struct postern_run *run)
{
	struct command command;
	redisReply *reply;

	for (unsigned int partition = 0; partition < ACCOUNT_PARTITIONS; partition++) {
		accounts_stamp_ask(partition, &command);
		if (!postern_ask_accounts(run, &command, &reply))
			return FALSE;
		freeReplyObject(reply);
	}
	return TRUE;
}

static bool read_page(struct postern_run *run, const struct postern_scan *scan, unsigned int count,
		      struct accounts_page *page_r)
{
	struct command command;
	redisReply *reply;
	const char *error;
	int ret;

	accounts_scan_ask(scan->cursor, count, &command);
	if (postern_call(run, &command, &reply, &error) <= 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "", error);
		return FALSE;
	}
	ret = accounts_scan_read(reply, page_r);
	freeReplyObject(reply);
	if (ret < 0)
		postern_fail(run, POSTERN_UNAVAILABLE, "", "Redis gave an unexpected answer.");
	return ret == 0;
}

static bool each_group(struct postern_run *run, const struct postern_scan *scan,
		       const struct accounts_page *page)
{
	unsigned int done = 0;
	bool more = TRUE;

	while (more && done < page->count) {
		const struct account_name *names = page->names + done;
		unsigned int count = accounts_together(names, page->count - done, scan->group_max);

		T_BEGIN
		{
			more = scan->callback(run, names, count, scan->context);
		}
		T_END;
		done += count;
	}
	return more;
}

int postern_scan(struct postern_run *run, struct postern_scan *scan, unsigned int count)
{
	struct accounts_page page;
	bool done;

	if (!read_page(run, scan, count, &page))
		return -1;
	done = each_group(run, scan, &page);
	i_strocpy(scan->cursor, page.next, sizeof(scan->cursor));
	accounts_page_clear(&page);
	if (!done)
		return -1;
	return strcmp(scan->cursor, ACCOUNTS_START) == 0 ? 0 : 1;
}
