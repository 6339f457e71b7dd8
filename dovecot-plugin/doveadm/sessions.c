/* doveadm postern sessions end: ends what access or an app password doesn't open any more (D5). */

#include "lib.h"

#include "dovecot-plugin/check/program.h"
#include "doveadm-postern.h"
#include "session-list.h"
#include "decisions/session.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

static const struct postern_column columns[] = {
	{ .name = "user" }, { .name = "status" }, { .name = "ended", .number = true },
	{ .name = "text" }, { .name = NULL },
};

/* What became of an account's sessions. */
struct outcome {
	unsigned int ended;
	bool waits; /* some can't be ended yet */
	bool unavailable;
};

/* Asks about all sessions of the list. Redis's error if it couldn't tell about all, else NULL. */
static const char *judge(struct postern_run *run, struct session_list *list)
{
	struct session *sessions = t_new(struct session, SESSION_ASK_MAX);
	const char *error = NULL;
	unsigned int count;

	while (error == NULL && (count = session_list_ask(list, sessions)) > 0) {
		struct command command;
		redisReply *reply;

		session_ask(sessions, count, run->settings, &command);
		if (postern_ask(run, &command, &reply, &error) < 0) {
			error = t_strdup(error);
			break;
		}
		error = NULL;
		if (session_read(reply, count, &error) == 0) {
			for (unsigned int i = 0; i < count; i++)
				session_list_judge(list, i, session_verdict(reply, i));
		}
		freeReplyObject(reply);
	}
	return error;
}

/* What has been found out about Dovecot's services. */
#define FACTS_MAX 8

struct facts {
	struct {
		const char *setting; /* "service/imap/client_limit" */
		bool is_one;
	} known[FACTS_MAX];
	unsigned int count;
};

static bool ask_doveconf(const char *setting)
{
	const char *const argv[] = {
		"doveconf", "-c", postern_dovecot_file(), "-h", setting, NULL
	};
	char *output, *error;
	bool is_one;

	/* If that can't be said, a process may be shared, and be used again. */
	if (check_program_run(argv, &output, &error) < 0) {
		free(error);
		return FALSE;
	}
	is_one = strcmp(output, "1\n") == 0;
	free(output);
	return is_one;
}

/* For session_list_verdict(): it asks in rare cases only. */
static bool is_one(void *context, const char *service, const char *name)
{
	const char *setting = t_strdup_printf("service/%s/%s", service, name);
	struct facts *facts = context;

	for (unsigned int i = 0; i < facts->count; i++) {
		if (strcmp(facts->known[i].setting, setting) == 0)
			return facts->known[i].is_one;
	}
	if (facts->count == FACTS_MAX)
		return FALSE;
	facts->known[facts->count].setting = setting;
	facts->known[facts->count].is_one = ask_doveconf(setting);
	return facts->known[facts->count++].is_one;
}

/* Ends what is over among the rows of an account, the first of which is at *place; moves it past
   the last of them. */
static struct outcome end_account(const struct session_list *list, struct facts *facts,
				  size_t *place)
{
	const char *account = list->rows[*place].account;
	struct outcome outcome = { 0 };

	for (; *place < list->count && strcmp(list->rows[*place].account, account) == 0;
	     (*place)++) {
		const struct session_row *row = &list->rows[*place];

		switch (session_list_verdict(list, row, is_one, facts)) {
		case SESSION_HOLDS:
			break;
		case SESSION_OVER:
			if (session_list_waits(row, is_one, facts))
				outcome.waits = outcome.waits || row->fresh;
			else if (session_list_end(row))
				outcome.ended += row->connections;
			break;
		case SESSION_UNAVAILABLE:
			outcome.unavailable = TRUE;
			break;
		}
	}
	return outcome;
}

static void report(const struct postern_run *run, const char *account, struct outcome outcome,
		   const char *error)
{
	if (outcome.ended > 0)
		postern_log(run, "account=%s sessions=ended count=%u", account, outcome.ended);
	if (outcome.unavailable) {
		postern_fail(run, POSTERN_UNAVAILABLE, account,
			     error != NULL ? error
					   : "What Redis holds under this name is not an account.");
		return;
	}
	const char *text = outcome.ended == 0 ? "No session had to end."
			   : outcome.ended == 1
				   ? "One session was ended."
				   : t_strdup_printf("%u sessions were ended.", outcome.ended);
	const char *values[] = {
		account,
		outcome.waits ? "waiting" : "done",
		dec2str(outcome.ended),
		outcome.waits ? t_strconcat(text, " A login is still under way.", NULL) : text,
	};

	postern_print(run, values);
}

/* Those who are named get a row each; of all, those have one with whom there was something to do.
 */
static void end_sessions(struct postern_run *run, struct session_list *list,
			 const struct account_name *accounts, size_t count)
{
	const char *error = judge(run, list);
	struct outcome outcome, *outcomes = t_new(struct outcome, count + 1);
	struct facts facts = { .count = 0 };
	size_t place = 0;

	while (place < list->count) {
		const char *account = list->rows[place].account;

		outcome = end_account(list, &facts, &place);
		if (accounts == NULL && (outcome.ended > 0 || outcome.waits || outcome.unavailable))
			report(run, account, outcome, error);
		for (size_t i = 0; accounts != NULL && i < count; i++) {
			if (strcmp(accounts[i].text, account) == 0)
				outcomes[i] = outcome;
		}
	}
	for (size_t i = 0; i < count; i++)
		report(run, accounts[i].text, outcomes[i], error);
}

/* The accounts that are named. */
struct named {
	struct account_name *accounts; /* of the heap */
	size_t count;
};

static void add_named(struct postern_run *run ATTR_UNUSED, const struct account_name *account,
		      const void *context)
{
	struct named *const *named = context;
	size_t size = (*named)->count * sizeof(*account);

	(*named)->accounts = i_realloc((*named)->accounts, size, size + sizeof(*account));
	(*named)->accounts[(*named)->count++] = *account;
}

static void end_named(struct postern_run *run, const struct account_name *accounts, size_t count)
{
	struct session_list list;
	char *error;

	if (session_list_read(&list, doveadm_settings->base_dir, run->settings, accounts, count,
			      &error) < 0) {
		for (size_t i = 0; i < count; i++)
			postern_fail(run, POSTERN_UNAVAILABLE, accounts[i].text, error);
		if (accounts == NULL)
			postern_refuse(run, POSTERN_UNAVAILABLE, error);
		free(error);
		return;
	}
	end_sessions(run, &list, accounts, count);
	session_list_clear(&list);
}

static void cmd_postern_sessions_end(struct doveadm_cmd_context *cctx)
{
	struct named named = { 0 }, *context = &named;
	const char *const *users;
	struct postern_run run;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (!postern_flag(&run, "all")) {
		postern_each_user(&run, add_named, &context);
		if (named.count > 0)
			end_named(&run, named.accounts, named.count);
	} else if (doveadm_cmd_param_array(cctx, "users", &users) && *users != NULL) {
		postern_refuse(&run, POSTERN_INVALID, "all: expected without an account name");
	} else {
		end_named(&run, NULL, 0);
	}
	i_free(named.accounts);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	POSTERN_FLAG("all"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_sessions_end_command = {
	.name = "postern sessions end",
	.cmd = cmd_postern_sessions_end,
	.usage = "--all | <user> [<user> ...]",
	.parameters = parameters,
};
