/* doveadm postern set: changes what the site decides about an account. */

#include "lib.h"
#include "str.h"

#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "user" },   { .name = "status" }, { .name = "access" },
	{ .name = "reason" }, { .name = "text" },   { .name = NULL },
};

static const char *set_text(const struct access_answer *answer)
{
	const char *what = answer->verdict == ACCESS_DONE ? "Changed." : "Nothing changed.";

	if (answer->enabled)
		return t_strdup_printf("%s External access is on.", what);
	return t_strdup_printf("%s External access is off: %s.", what, reason_text(answer->reason));
}

/* All values are words that access_changes_check() has let through. */
static const char *log_changes(const struct access_changes *changes)
{
	string_t *line = t_str_new(64);

	if (changes->tier != NULL)
		str_printfa(line, " tier=%s", changes->tier);
	if (changes->hold != NULL)
		str_printfa(line, " hold=%s", changes->hold);
	if (changes->activity != NULL)
		str_printfa(line, " activity=%s", changes->activity);
	if (changes->tls != NULL)
		str_printfa(line, " tls=%s", changes->tls);
	if (changes->language != NULL)
		str_printfa(line, " language=%s", changes->language);
	if (changes->sending != NULL)
		str_printfa(line, " sending=%s", changes->sending);
	return str_c(line);
}

static void set(struct postern_run *run, const struct account_name *account, const void *context)
{
	const struct access_changes *changes = context;
	struct access_answer answer;
	struct command command;

	access_set_ask(account, changes, &run->actor, run->settings, &command);
	if (!postern_change(run, account, &command, &answer))
		return;
	const char *values[] = {
		account->text,
		answer.verdict == ACCESS_DONE ? "changed" : "unchanged",
		answer.enabled ? "enabled" : "disabled",
		answer.enabled ? "" : reason_word(answer.reason),
		set_text(&answer),
	};
	postern_print(run, values);
	if (answer.verdict == ACCESS_DONE)
		postern_log(run, "account=%s access=%s%s", account->text, values[2],
			    log_changes(changes));
}

static bool read_changes(const struct postern_run *run, struct access_changes *changes_r)
{
	const char *error;

	changes_r->tier = postern_option(run, "tier");
	changes_r->activity = postern_option(run, "activity");
	changes_r->tls = postern_option(run, "tls");
	changes_r->language = postern_option(run, "language");
	changes_r->sending = postern_option(run, "sending");
	changes_r->hold = postern_option(run, "hold");
	if (changes_r->tier == NULL && changes_r->activity == NULL && changes_r->tls == NULL &&
	    changes_r->language == NULL && changes_r->sending == NULL && changes_r->hold == NULL) {
		postern_refuse(run, POSTERN_INVALID,
			       "expected at least one of tier, activity, tls, language, sending");
		return FALSE;
	}
	if (access_changes_check(changes_r, run->settings, &error) < 0) {
		postern_refuse(run, POSTERN_INVALID, error);
		return FALSE;
	}
	return TRUE;
}

static void cmd_postern_set(struct doveadm_cmd_context *cctx)
{
	struct access_changes changes;
	struct postern_run run;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (read_changes(&run, &changes))
		postern_each_user(&run, set, &changes);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	POSTERN_OPTION("by"),
	POSTERN_OPTION("from"),
	POSTERN_OPTION("tier"),
	POSTERN_OPTION("activity"),
	POSTERN_OPTION("tls"),
	POSTERN_OPTION("language"),
	POSTERN_OPTION("sending"),
	POSTERN_OPTION("hold"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_set_command = {
	.name = "postern set",
	.cmd = cmd_postern_set,
	.usage = "[--tier <tier>] [--hold <duration>] [--activity active|passive] [--tls "
		 "required|exempt] "
		 "[--language <tag>] [--sending allowed|blocked] "
		 "[--by <who>] [--from <address>] <user> [<user> ...]",
	.parameters = parameters,
};
