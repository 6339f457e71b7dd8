#include "question.h"

#include <string.h>

#include <hiredis/hiredis.h>

#include "decisions/access.h"
#include "decisions/expiry.h"
#include "decisions/refusal.h"
#include "store/reply.h"
#include "decisions/workers.h"
#include "worker.h"

/* -1, with what the reply says about why it isn't an answer. */
static int refuse(redisReply *reply, const char **error_r)
{
	*error_r = reply_unavailable_text(reply);
	freeReplyObject(reply);
	return -1;
}

/* One of Redis's own commands. 0, or -1. */
static int call(struct store *store, const struct command *command, unsigned int wait,
		redisReply **reply_r, const char **error_r)
{
	return store_call(store, command, wait, reply_r, error_r) == 1 ? 0 : -1;
}

int question_is_off_since(struct store *store, const struct account_name *account, int64_t since,
			  const char **error_r)
{
	struct access_status status;
	struct command command;
	redisReply *reply;

	access_status_ask(account, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	access_status_read(reply, &status);
	if (status.verdict != ACCESS_DONE)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return !status.enabled && status.since == since ? 1 : 0;
}

int question_claim(struct store *store, unsigned int partition, unsigned int lease,
		   const char *workers, struct outbox_event *event_r, const char **error_r)
{
	const struct redisReply *entries;
	struct command command;
	redisReply *reply;
	bool more;
	int result;

	outbox_claim_ask(partition, worker_name(), lease, 1, workers, &command);
	do {
		if (store_ask(store, &command, &reply, error_r) < 0)
			return -1;
		entries = outbox_claim_read(reply, &more);
		if (entries == NULL)
			return refuse(reply, error_r);
		result = reply_count(entries) == 0 ? 0 : 1;
		if (result == 1 && outbox_event_read(entries, 0, partition, event_r) < 0)
			return refuse(reply, error_r);
		freeReplyObject(reply);
	} while (result == 0 && more && !worker_stopping());
	return result;
}

char *question_workers(struct store *store, const char **error_r)
{
	const struct workers_heartbeat none = { .name = "", .trouble = "" };
	struct workers_entry own = { .name = worker_name() };
	const struct redisReply *workers;
	struct worker_report report;
	struct command command;
	redisReply *reply;
	char *text = NULL;

	worker_report(&report);
	own.started = report.started;
	workers_heartbeat_ask(&none, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return NULL;
	workers = workers_heartbeat_read(reply);
	if (workers != NULL)
		text = workers_text(workers, &own);
	else
		*error_r = reply_unavailable_text(reply);
	freeReplyObject(reply);
	return text;
}

int question_heartbeat(struct store *store, bool ends, const char **error_r)
{
	struct worker_report report;
	struct workers_heartbeat heartbeat = { .name = worker_name() };
	struct command command;
	redisReply *reply;

	worker_report(&report);
	heartbeat.started = ends ? 0 : report.started;
	heartbeat.sent = report.sent;
	heartbeat.trouble = report.trouble;
	workers_heartbeat_ask(&heartbeat, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	if (workers_heartbeat_read(reply) == NULL)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_renew(struct store *store, const struct outbox_event *event, const char **error_r)
{
	struct command command;
	redisReply *reply;
	int result;

	outbox_renew_ask(event->partition, worker_name(), event->id, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	result = outbox_renew_read(reply);
	if (result < 0)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return result;
}

int question_done(struct store *store, const struct outbox_event *event, const char **error_r)
{
	struct command command;
	redisReply *reply;

	outbox_done_ask(event, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	if (!outbox_done_read(reply))
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_ended(struct store *store, unsigned int partition, const char *id,
		   const char **error_r)
{
	struct command command;
	redisReply *reply;

	outbox_ended_ask(partition, worker_name(), id, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	if (!outbox_ended_read(reply))
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_unseen(struct store *store, const char *hosts, const char **error_r)
{
	struct command command;
	redisReply *reply;

	system_unseen_ask(hosts, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	if (system_unseen_read(reply) == NULL)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_seasoned(struct store *store, const char **error_r)
{
	struct command command;
	redisReply *reply;
	int result;

	command_begin_plain(&command, "SCRIPT");
	command_string(&command, "EXISTS");
	command_string(&command, script_digest(SCRIPT_CLAIM));
	if (call(store, &command, 0, &reply, error_r) < 0)
		return -1;
	result = reply_number(reply, 0) == 1 ? 1 : 0;
	freeReplyObject(reply);
	return result;
}

int question_time(struct store *store, int64_t *time_r, const char **error_r)
{
	struct command command;
	redisReply *reply;

	command_begin_plain(&command, "TIME");
	if (call(store, &command, 0, &reply, error_r) < 0)
		return -1;
	*time_r = reply_time(reply) / 1000;
	if (*time_r == 0)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_positions(struct store *store, int64_t since, struct outbox_positions *positions,
		       const char **error_r)
{
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		struct command command;
		redisReply *reply;

		outbox_last_ask(i, &command);
		if (call(store, &command, 0, &reply, error_r) < 0)
			return -1;
		if (outbox_last_read(reply, i, since, positions) < 0)
			return refuse(reply, error_r);
		freeReplyObject(reply);
	}
	return 0;
}

int question_follow(struct store *store, struct outbox_positions *positions, unsigned int wait,
		    outbox_follow_callback_t *callback, void *context, const char **error_r)
{
	struct command command;
	redisReply *reply;

	outbox_follow_ask(positions, wait, &command);
	if (call(store, &command, wait, &reply, error_r) < 0)
		return -1;
	if (outbox_follow_read(reply, positions, callback, context) < 0)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_due(struct store *store, enum due_index index, unsigned int partition, int64_t time,
		 unsigned int skip, struct account_name names_r[QUESTION_DUE_MAX],
		 const char **error_r)
{
	const struct redisReply *names;
	struct command command;
	redisReply *reply;
	int count = 0;

	due_ask(index, partition, time, skip, QUESTION_DUE_MAX, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	names = due_read(reply);
	if (names == NULL)
		return refuse(reply, error_r);
	for (unsigned int i = 0; i < reply_count(names) && i < QUESTION_DUE_MAX; i++) {
		const char *text = reply_string(names, i), *error;

		if (account_name_parse(text, strlen(text), NULL, &names_r[count], &error) < 0 ||
		    names_r[count].partition != partition)
			names_r[count].text[0] = '\0';
		count++;
	}
	freeReplyObject(reply);
	return count;
}

int question_again(struct store *store, const struct account_name *account, const char **error_r)
{
	enum again_verdict verdict;
	struct command command;
	redisReply *reply;

	again_ask(account, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	verdict = again_read(reply);
	if (verdict == AGAIN_UNAVAILABLE)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return verdict == AGAIN_DONE ? 1 : 0;
}

int question_unused(struct store *store, const struct unused_request *request,
		    const struct settings *settings, struct unused_answer *answer_r,
		    const char **error_r)
{
	struct command command;
	redisReply *reply;

	unused_ask(request, settings, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	unused_read(reply, answer_r);
	if (answer_r->verdict == UNUSED_UNAVAILABLE)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return 0;
}

int question_expiry(struct store *store, const struct account_name *account, const char **error_r)
{
	enum expiry_verdict verdict;
	struct command command;
	redisReply *reply;

	expiry_ask(account, &command);
	if (store_ask(store, &command, &reply, error_r) < 0)
		return -1;
	verdict = expiry_read(reply);
	if (verdict == EXPIRY_UNAVAILABLE)
		return refuse(reply, error_r);
	freeReplyObject(reply);
	return verdict == EXPIRY_EXPIRED ? 1 : 0;
}
