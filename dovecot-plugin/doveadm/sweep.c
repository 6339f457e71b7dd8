/* doveadm postern sweep: switches off what has not been used for long (D2). */

#include "lib.h"

#include "doveadm-postern.h"
#include "decisions/due.h"
#include "base/quantity.h"
#include "store/reply.h"
#include "decisions/unused.h"

#include <time.h>

#include <hiredis/hiredis.h>

#define BATCH	   100 /* names that are asked for at a time */
#define ROWS_MAX   1000000000
#define HTTP_LIMIT 1000

static const struct postern_column columns[] = {
	{ .name = "user" }, { .name = "status" }, { .name = "last_use" },
	{ .name = "ends" }, { .name = "text" },	  { .name = NULL },
};

struct sweep {
	struct postern_run *run;
	bool dry;
	int64_t now;	      /* milliseconds since 1970 */
	uint64_t warning;     /* milliseconds before the end */
	uint64_t limit;	      /* rows, 0 for all */
	unsigned int staying; /* names of the partition that stay in its index */
	uint64_t off, warned, looked_at;
	bool failed; /* and has said so */
};

static bool is_full(const struct sweep *sweep)
{
	return sweep->limit != 0 && sweep->off + sweep->warned >= sweep->limit;
}

static void print_off(struct sweep *sweep, const struct account_name *account,
		      const struct unused_answer *answer)
{
	const char *values[] = {
		account->text,
		sweep->dry ? "would-disable" : "disabled",
		postern_time(answer->used),
		postern_time(answer->ends),
		sweep->dry ? "External access would go off: it has been unused for too long."
			   : "External access is now off: it had been unused for too long.",
	};

	sweep->off++;
	postern_print(sweep->run, values);
	if (!sweep->dry)
		postern_log(sweep->run, "account=%s access=disabled reason=unused", account->text);
}

static void print_warned(struct sweep *sweep, const struct account_name *account,
			 const struct unused_answer *answer)
{
	const char *values[] = {
		account->text,
		sweep->dry ? "would-warn" : "warned",
		postern_time(answer->used),
		postern_time(answer->ends),
		sweep->dry ? "The owner would be warned that external access is about to go off."
			   : "The owner has been warned that external access is about to go off.",
	};

	sweep->warned++;
	postern_print(sweep->run, values);
}

static void print_answer(struct sweep *sweep, const struct account_name *account,
			 const struct unused_answer *answer)
{
	switch (answer->verdict) {
	case UNUSED_OFF:
		print_off(sweep, account, answer);
		break;
	case UNUSED_WARNED:
		print_warned(sweep, account, answer);
		break;
	case UNUSED_USED:
	case UNUSED_NEVER:
	case UNUSED_OFF_BEFORE:
		break;
	case UNUSED_UNAVAILABLE:
		sweep->staying++;
		postern_fail(sweep->run, POSTERN_UNAVAILABLE, account->text, answer->unavailable);
		break;
	}
}

/* FALSE when there is no answer at all. */
static bool look_at(struct sweep *sweep, const struct account_name *account)
{
	const struct unused_request request = {
		.account = account,
		.time = sweep->dry ? sweep->now : 0,
		.only_look = sweep->dry,
		.warning = sweep->warning,
	};
	struct unused_answer answer;
	struct command command;
	redisReply *reply;
	const char *error;
	int ret;

	unused_ask(&request, sweep->run->settings, &command);
	ret = postern_call(sweep->run, &command, &reply, &error);
	sweep->looked_at++;
	if (ret <= 0) {
		sweep->staying++;
		postern_fail(sweep->run, POSTERN_UNAVAILABLE, account->text, error);
		sweep->failed = ret < 0;
		return ret == 0;
	}
	unused_read(reply, &answer);
	freeReplyObject(reply);
	print_answer(sweep, account, &answer);
	return TRUE;
}

/* FALSE to end the sweep. */
static bool look_at_each(struct sweep *sweep, unsigned int partition,
			 const struct redisReply *names)
{
	struct account_name account;
	const char *error;
	bool more = TRUE;

	for (unsigned int i = 0; i < reply_count(names) && more; i++) {
		const char *name = reply_string(names, i);

		if (account_name_parse(name, strlen(name), NULL, &account, &error) < 0 ||
		    account.partition != partition) {
			sweep->staying++; /* not ours */
			continue;
		}
		T_BEGIN
		{
			more = look_at(sweep, &account) && !is_full(sweep);
		}
		T_END;
	}
	return more;
}

/* The next names of a partition's index. FALSE to end the sweep: everything has then been said. */
static bool next_batch(struct sweep *sweep, unsigned int partition, unsigned int skip,
		       unsigned int *count_r)
{
	uint64_t rest = unused_rest(sweep->run->settings, sweep->warning);
	const struct redisReply *names;
	struct command command;
	redisReply *reply;
	const char *error;
	bool more;

	due_ask(DUE_UNUSED, partition, sweep->now - (int64_t)rest, skip, BATCH, &command);
	if (postern_ask(sweep->run, &command, &reply, &error) < 0) {
		postern_fail(sweep->run, POSTERN_UNAVAILABLE, "", error);
		sweep->failed = TRUE;
		return FALSE;
	}
	names = due_read(reply);
	*count_r = reply_count(names);
	more = names != NULL && look_at_each(sweep, partition, names);
	if (names == NULL) {
		postern_fail(sweep->run, POSTERN_UNAVAILABLE, "", reply_unavailable_text(reply));
		sweep->failed = TRUE;
	}
	freeReplyObject(reply);
	return more;
}

/* What was looked at leaves the range by itself, unless it is a dry run. */
static bool sweep_partition(struct sweep *sweep, unsigned int partition)
{
	unsigned int count, skip = 0;

	sweep->staying = 0;
	do {
		if (!next_batch(sweep, partition, skip, &count))
			return FALSE;
		skip = sweep->dry ? skip + count : sweep->staying;
	} while (count == BATCH);
	return TRUE;
}

static void print_end(struct sweep *sweep)
{
	const char *values[] = {
		"",
		sweep->dry ? "dry-run" : "swept",
		"",
		"",
		t_strdup_printf("%" PRIu64 " accounts %s, %" PRIu64 " owners %s; %" PRIu64
				" accounts were looked at.",
				sweep->off, sweep->dry ? "would go off" : "went off", sweep->warned,
				sweep->dry ? "would be warned" : "were warned", sweep->looked_at),
	};

	postern_print(sweep->run, values);
}

static bool read_clock(struct postern_run *run, int64_t *now_r)
{
	struct command command;
	redisReply *reply;
	const char *error;

	command_begin_plain(&command, "TIME");
	if (postern_call(run, &command, &reply, &error) <= 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "", error);
		return FALSE;
	}
	*now_r = reply_number(reply, 0) * 1000;
	freeReplyObject(reply);
	return TRUE;
}

/* "2027-01-31" or "2027-01-31T12:00:00Z", and no other way to write it. */
static bool parse_date(const char *text, int64_t *time_r)
{
	char again[32];
	struct tm tm;
	time_t seconds;

	i_zero(&tm);
	if (strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL &&
	    (strptime(text, "%Y-%m-%d", &tm) == NULL || strlen(text) != strlen("2027-01-31")))
		return FALSE;
	seconds = timegm(&tm);
	if (strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
	    strncmp(again, text, strlen(text)) != 0)
		return FALSE;
	*time_r = (int64_t)seconds * 1000;
	return seconds > 0;
}

static bool parse_time(const char *text, int64_t now, int64_t *time_r)
{
	const char *detail;
	uint64_t duration;

	if (*text == '+') {
		if (quantity_duration(text + 1, &duration, &detail) < 0 ||
		    duration > UINT64_C(36500) * 24 * 3600 * 1000)
			return FALSE;
		*time_r = now + (int64_t)duration;
		return TRUE;
	}
	return parse_date(text, time_r);
}

/* FALSE if it can't be done: that has then been said. */
static bool read_options(struct sweep *sweep)
{
	const char *as_of = postern_option(sweep->run, "as-of");

	sweep->dry = postern_flag(sweep->run, "dry-run");
	if (as_of != NULL && !sweep->dry) {
		/* A slip, and everybody's access would be off. */
		postern_refuse(sweep->run, POSTERN_INVALID,
			       "as-of: expected only together with dry-run");
		return FALSE;
	}
	sweep->limit = postern_over_http(sweep->run) ? HTTP_LIMIT : 0;
	if (!postern_number(sweep->run, "limit", ROWS_MAX, &sweep->limit) ||
	    !read_clock(sweep->run, &sweep->now))
		return FALSE;
	if (as_of != NULL && !parse_time(as_of, sweep->now, &sweep->now)) {
		postern_refuse(sweep->run, POSTERN_INVALID,
			       "as-of: expected a time such as 2027-01-31, 2027-01-31T12:00:00Z "
			       "or +60d");
		return FALSE;
	}
	return TRUE;
}

static void cmd_postern_sweep(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	struct sweep sweep;
	bool more = TRUE;

	i_zero(&sweep);
	if (!postern_begin(&run, cctx, columns))
		return;
	sweep.run = &run;
	sweep.warning = run.settings->notices.unused_warning * UINT64_C(1000);
	if (read_options(&sweep)) {
		if (unused_rest(run.settings, sweep.warning) == 0)
			more = FALSE; /* no tier has a limit */
		for (unsigned int i = 0; i < ACCOUNT_PARTITIONS && more; i++)
			more = sweep_partition(&sweep, i);
		if (!sweep.failed)
			print_end(&sweep);
	}
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_FLAG("dry-run"),
	POSTERN_OPTION("as-of"),
	POSTERN_OPTION("limit"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_sweep_command = {
	.name = "postern sweep",
	.cmd = cmd_postern_sweep,
	.usage = "[--dry-run] [--as-of <time>] [--limit <number>]",
	.parameters = parameters,
};
