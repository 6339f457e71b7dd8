/* doveadm postern system: the workers, and what waits for them. */

#include "lib.h"

#include "doveadm-postern.h"
#include "store/reply.h"
#include "decisions/workers.h"
#include "decisions/unused.h"

#include <hiredis/hiredis.h>

static const struct postern_column columns[] = {
	{ .name = "what" },
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

/* A notice that waits longer is stuck: workers are away, or what they need is. */
#define LATE_MS INT64_C(300000)

static void print(const struct postern_run *run, const char *what, const char *status,
		  const char *text)
{
	const char *values[] = { what, status, text, NULL };

	postern_print(run, values);
}

static void print_worker(const struct postern_run *run, const struct workers_entry *worker)
{
	const char *what = t_strconcat("worker ", worker->name, NULL);

	if (worker->age > WORKERS_SILENT_MS)
		print(run, what, "away",
		      t_strdup_printf("Not heard from for %lld s.", (long long)worker->age / 1000));
	else if (worker->trouble[0] != '\0')
		print(run, what, "trouble", worker->trouble);
	else
		print(run, what, "ok",
		      t_strdup_printf("Running since %s, notices sent: %lld.",
				      postern_time(worker->started), (long long)worker->sent));
}

/* False when Redis can't tell: the row has then been printed. */
static bool print_workers(struct postern_run *run)
{
	const struct workers_heartbeat none = { .name = "", .trouble = "" };
	const struct redisReply *workers;
	struct command command;
	redisReply *reply;
	const char *error;
	unsigned int here = 0;

	workers_heartbeat_ask(&none, &command);
	if (postern_ask(run, &command, &reply, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "redis", error);
		return FALSE;
	}
	workers = workers_heartbeat_read(reply);
	if (workers == NULL) {
		postern_fail(run, POSTERN_UNAVAILABLE, "redis", reply_unavailable_text(reply));
		freeReplyObject(reply);
		return FALSE;
	}
	print(run, "redis", "ok", "It answers, and it holds Postern's data.");
	for (unsigned int i = 0; i < reply_count(workers); i++) {
		struct workers_entry worker;

		workers_entry_read(workers, i, &worker);
		print_worker(run, &worker);
		here += worker.age <= WORKERS_SILENT_MS;
	}
	if (here == 0)
		print(run, "worker", "none",
		      "No postern-worker is running: sessions continue when access goes off, and "
		      "owners aren't told.");
	freeReplyObject(reply);
	return TRUE;
}

static void print_host(const struct postern_run *run, const struct system_host *host)
{
	print(run, t_strconcat("host ", host->name, NULL), "unseen",
	      t_strdup_printf("Sessions weren't seen to end there before the owner was told: "
			      "switch-offs: %lld, the first at %s, the last at %s.",
			      (long long)host->switch_offs, postern_time(host->first),
			      postern_time(host->last)));
}

/* The hosts where sessions may have continued. FALSE when Redis can't tell: the row has then been
 * printed.
 */
static bool print_hosts(struct postern_run *run)
{
	const struct redisReply *hosts;
	struct command command;
	redisReply *reply;
	const char *error;

	system_unseen_ask("", &command);
	if (postern_ask(run, &command, &reply, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, "redis", error);
		return FALSE;
	}
	hosts = system_unseen_read(reply);
	if (hosts == NULL)
		postern_fail(run, POSTERN_UNAVAILABLE, "redis", reply_unavailable_text(reply));
	for (unsigned int i = 0; i < reply_count(hosts); i++) {
		struct system_host host;

		system_host_read(hosts, i, &host);
		print_host(run, &host);
	}
	freeReplyObject(reply);
	return hosts != NULL;
}

static bool add_backlogs(struct postern_run *run, struct workers_backlog *backlog_r)
{
	uint64_t rest =
		unused_rest(run->settings, run->settings->notices.unused_warning * UINT64_C(1000));

	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		struct command command;
		redisReply *reply;
		const char *error;
		int result;

		workers_backlog_ask(i, rest, &command);
		if (postern_ask(run, &command, &reply, &error) < 0) {
			postern_fail(run, POSTERN_UNAVAILABLE, "redis", error);
			return FALSE;
		}
		result = workers_backlog_add(reply, backlog_r);
		if (result < 0)
			postern_fail(run, POSTERN_UNAVAILABLE, "redis",
				     reply_unavailable_text(reply));
		freeReplyObject(reply);
		if (result < 0)
			return FALSE;
	}
	return TRUE;
}

static void cmd_postern_system(struct doveadm_cmd_context *cctx)
{
	struct workers_backlog backlog = { 0 };
	struct postern_run run;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (print_workers(&run) && print_hosts(&run) && add_backlogs(&run, &backlog)) {
		print(&run, "notices", backlog.oldest > LATE_MS ? "late" : "ok",
		      t_strdup_printf("Waiting: %lld, the oldest for %lld s.",
				      (long long)backlog.notices,
				      (long long)backlog.oldest / 1000));
		print(&run, "refused notices", "ok",
		      t_strdup_printf("To be tried again: %lld.", (long long)backlog.refused));
		print(&run, "unused", "ok",
		      t_strdup_printf("Accounts to look at: %lld.", (long long)backlog.due));
	}
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_system_command = {
	.name = "postern system",
	.cmd = cmd_postern_system,
	.usage = "",
	.parameters = parameters,
};
