/* doveadm postern list: a row for each account that Redis knows. */

#include "lib.h"
#include "str-sanitize.h"

#include "accounts.h"

#include <hiredis/hiredis.h>

#define PAGE_MAX 1000 /* rows of a page, and keys that SCAN goes through at a time */

/* What is shown of a value in Redis that need not be ours. */
#define SHOWN_MAX 80

enum {
	USER,
	STATUS,
	ACCESS,
	REASON,
	SINCE,
	TIER,
	ACTIVITY,
	SENDING,
	LANGUAGE,
	POP3,
	IMAP,
	SMTP,
	CURSOR,
	TEXT,
	COLUMNS_COUNT,
};

static const struct postern_column columns[] = {
	[USER] = { .name = "user" },	      [STATUS] = { .name = "status" },
	[ACCESS] = { .name = "access" },      [REASON] = { .name = "reason" },
	[SINCE] = { .name = "since" },	      [TIER] = { .name = "tier" },
	[ACTIVITY] = { .name = "activity" },  [SENDING] = { .name = "sending" },
	[LANGUAGE] = { .name = "language" },  [POP3] = { .name = "pop3_last_use" },
	[IMAP] = { .name = "imap_last_use" }, [SMTP] = { .name = "smtp_last_use" },
	[CURSOR] = { .name = "cursor" },      [TEXT] = { .name = "text" },
	[COLUMNS_COUNT] = { .name = NULL },
};

struct list {
	bool enabled, disabled;	   /* which of them are wanted */
	const char *tier;	   /* NULL for all */
	const char *reason;	   /* NULL for all */
	enum disable_reason which; /* the reason */
	uint64_t limit;		   /* rows, 0 for all */
	uint64_t printed;
};

static bool is_wanted(const struct list *list, const struct accounts_row *row)
{
	if (!(row->enabled ? list->enabled : list->disabled))
		return FALSE;
	if (list->reason != NULL && (row->enabled || row->reason != list->which))
		return FALSE;
	return list->tier == NULL || strcmp(list->tier, row->tier) == 0;
}

static void print_row(const struct postern_run *run, const struct account_name *account,
		      const struct accounts_row *row)
{
	const char *values[COLUMNS_COUNT] = {
		[USER] = account->text,
		[STATUS] = "ok",
		[ACCESS] = row->enabled ? "enabled" : "disabled",
		[REASON] = row->enabled ? "" : reason_word(row->reason),
		[SINCE] = postern_time(row->since),
		[TIER] = str_sanitize(row->tier, SHOWN_MAX),
		[ACTIVITY] = row->passive ? "passive" : "active",
		[SENDING] = row->sending_blocked ? "blocked" : "allowed",
		[LANGUAGE] = str_sanitize(row->language, SHOWN_MAX),
		[POP3] = postern_time(row->pop3),
		[IMAP] = postern_time(row->imap),
		[SMTP] = postern_time(row->smtp),
	};

	postern_print(run, values);
}

static bool list_group(struct postern_run *run, const struct account_name *names,
		       unsigned int count, void *context)
{
	struct list *list = context;
	struct accounts_row row;
	struct command command;
	redisReply *reply;

	accounts_list_ask(names, count, &command);
	if (!postern_ask_accounts(run, &command, &reply))
		return FALSE;
	for (unsigned int i = 0; i < count; i++) {
		switch (accounts_list_read(reply, i, &row)) {
		case ACCOUNTS_FOUND:
			if (!is_wanted(list, &row))
				break;
			print_row(run, &names[i], &row);
			list->printed++;
			break;
		case ACCOUNTS_GONE:
			break;
		case ACCOUNTS_BROKEN:
			postern_fail(run, POSTERN_BROKEN, names[i].text,
				     "What Redis holds under this name is not an account.");
			break;
		}
	}
	freeReplyObject(reply);
	return TRUE;
}

static void print_more(const struct postern_run *run, const char *cursor)
{
	const char *values[COLUMNS_COUNT] = {
		[STATUS] = "more",
		[CURSOR] = cursor,
		[TEXT] = "There may be more: ask again with this cursor.",
	};

	postern_print(run, values);
}

/* As many keys at a time as make a page hardly longer than its limit; more where
   few accounts match. */
static unsigned int next_count(const struct list *list, unsigned int last, bool fruitless)
{
	uint64_t missing = list->limit - list->printed;

	if (list->limit == 0)
		return PAGE_MAX;
	return (unsigned int)I_MIN(fruitless ? last * 2 : missing, PAGE_MAX);
}

static void print_list(struct postern_run *run, struct list *list, const char *cursor)
{
	struct postern_scan scan = {
		.group_max = ACCOUNTS_LIST_MAX,
		.callback = list_group,
		.context = list,
	};
	unsigned int count = 0;
	uint64_t before = 0;
	int ret;

	if (strcmp(cursor, ACCOUNTS_START) == 0 && !postern_check_stamps(run))
		return;
	i_strocpy(scan.cursor, cursor, sizeof(scan.cursor));
	do {
		count = next_count(list, count, count > 0 && list->printed == before);
		before = list->printed;
		ret = postern_scan(run, &scan, count);
	} while (ret > 0 && (list->limit == 0 || list->printed < list->limit));
	if (ret > 0)
		print_more(run, scan.cursor);
}

static bool read_filters(const struct postern_run *run, struct list *list)
{
	const char *state = postern_option(run, "state");

	list->tier = postern_option(run, "tier");
	list->reason = postern_option(run, "reason");
	list->enabled = state == NULL || strcmp(state, "enabled") == 0;
	list->disabled = state == NULL || strcmp(state, "disabled") == 0;
	if (!list->enabled && !list->disabled) {
		postern_refuse(run, POSTERN_INVALID, "state: expected enabled or disabled");
		return FALSE;
	}
	if (list->reason != NULL && reason_parse(list->reason, &list->which) < 0) {
		postern_refuse(run, POSTERN_INVALID,
			       "reason: expected one of the words in the reason column");
		return FALSE;
	}
	return TRUE;
}

static void cmd_postern_list(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	struct list list;
	const char *cursor;

	i_zero(&list);
	if (!postern_begin(&run, cctx, columns))
		return;
	cursor = postern_option(&run, "cursor");
	if (cursor == NULL)
		cursor = ACCOUNTS_START;
	list.limit = postern_over_http(&run) ? PAGE_MAX : 0;
	if (!accounts_is_cursor(cursor))
		postern_refuse(&run, POSTERN_INVALID,
			       "cursor: expected the one at the end of the previous page");
	else if (read_filters(&run, &list) && postern_number(&run, "limit", PAGE_MAX, &list.limit))
		print_list(&run, &list, cursor);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_OPTION("state"), POSTERN_OPTION("reason"), POSTERN_OPTION("tier"),
	POSTERN_OPTION("limit"), POSTERN_OPTION("cursor"), { .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_list_command = {
	.name = "postern list",
	.cmd = cmd_postern_list,
	.usage = "[--state enabled|disabled] [--reason <reason>] [--tier <tier>] "
		 "[--limit <number>] [--cursor <cursor>]",
	.parameters = parameters,
};
