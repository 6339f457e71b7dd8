/* doveadm postern status: the whole story of an account, for support. */

#include "lib.h"
#include "str.h"

#include "doveadm-postern.h"
#include "settings/tier-rows.h"
#include "decisions/failure.h"
#include "account/protocol.h"
#include "decisions/send.h"
#include "decisions/unused.h"

#include <hiredis/hiredis.h>

enum {
	USER,
	STATUS,
	TEXT,
	ACCESS,
	REASON,
	REASON_TEXT,
	SINCE,
	BY,
	FROM,
	TIER,
	PROTOCOLS,
	HELD_TIER,
	HELD_UNTIL,
	UNUSED_ENDS,
	PASSWORD_CHANGE,
	UNSEEN,
	REFUSED,
	AGAIN,
	LOGINS_HOUR,
	LOGINS_DAY,
	PER_MINUTE,
	SENT_MINUTE,
	PER_HOUR,
	SENT_HOUR,
	RECIPIENTS,
	COUNT,
	WRONG,
	WRONG_NETWORKS,
	SHUT_OUT,
	BREAK_INS,
	FAILED,
	FAILED_WINDOW,
	FAILURES,
	SENDING,
	ACTIVITY,
	TLS,
	LANGUAGE,
	POP3_TIME,
	POP3_ADDRESS,
	POP3_WAIT,
	IMAP_TIME,
	IMAP_ADDRESS,
	SMTP_TIME,
	SMTP_ADDRESS,
	APP_PASSWORDS,
	SHUT_OUT_NETWORKS,
	FAILURE_LOG,
	HISTORY,
	COLUMNS_COUNT,
};

/* The limits are words, since one may be unlimited. */
static const struct postern_column columns[] = {
	[USER] = { .name = "user" },
	[STATUS] = { .name = "status" },
	[TEXT] = { .name = "text" },
	[ACCESS] = { .name = "access" },
	[REASON] = { .name = "reason" },
	[REASON_TEXT] = { .name = "reason_text" },
	[SINCE] = { .name = "since" },
	[BY] = { .name = "by" },
	[FROM] = { .name = "from" },
	[TIER] = { .name = "tier" },
	[PROTOCOLS] = { .name = "protocols" },
	[HELD_TIER] = { .name = "held_tier" },
	[HELD_UNTIL] = { .name = "held_until" },
	[UNUSED_ENDS] = { .name = "unused_ends" },
	[PASSWORD_CHANGE] = { .name = "password_change_needed" },
	[UNSEEN] = { .name = "sessions_unseen" },
	[REFUSED] = { .name = "notice_refused" },
	[AGAIN] = { .name = "notice_again" },
	[LOGINS_HOUR] = { .name = "logins_per_hour" },
	[LOGINS_DAY] = { .name = "logins_per_day" },
	[PER_MINUTE] = { .name = "messages_per_minute" },
	[SENT_MINUTE] = { .name = "sent_last_minute", .number = TRUE },
	[PER_HOUR] = { .name = "messages_per_hour" },
	[SENT_HOUR] = { .name = "sent_last_hour", .number = TRUE },
	[RECIPIENTS] = { .name = "recipients_per_message" },
	[COUNT] = { .name = "count" },
	[WRONG] = { .name = "wrong_passwords" },
	[WRONG_NETWORKS] = { .name = "wrong_password_networks" },
	[SHUT_OUT] = { .name = "shut_out", .number = TRUE },
	[BREAK_INS] = { .name = "break_ins", .number = TRUE },
	[FAILED] = { .name = "failed_recipients" },
	[FAILED_WINDOW] = { .name = "failed_recipients_window" },
	[FAILURES] = { .name = "failures", .number = TRUE },
	[SENDING] = { .name = "sending" },
	[ACTIVITY] = { .name = "activity" },
	[TLS] = { .name = "tls" },
	[LANGUAGE] = { .name = "language" },
	[POP3_TIME] = { .name = "pop3_last_use" },
	[POP3_ADDRESS] = { .name = "pop3_address" },
	[POP3_WAIT] = { .name = "pop3_wait", .number = TRUE },
	[IMAP_TIME] = { .name = "imap_last_use" },
	[IMAP_ADDRESS] = { .name = "imap_address" },
	[SMTP_TIME] = { .name = "smtp_last_use" },
	[SMTP_ADDRESS] = { .name = "smtp_address" },
	[APP_PASSWORDS] = { .name = "app_passwords" },
	[SHUT_OUT_NETWORKS] = { .name = "shut_out_networks" },
	[FAILURE_LOG] = { .name = "failure_log" },
	[HISTORY] = { .name = "history" },
	[COLUMNS_COUNT] = { .name = NULL },
};

/* Whose rules hold: a tier that the site no longer has is the first one, free. */
static const struct tier *find_tier(const struct settings *settings, const char *name)
{
	const struct tier *tier = settings_tier(settings, name);

	return tier != NULL ? tier : &settings->tiers[0];
}

/* B4 */
static bool needs_password_change(const struct access_status *status)
{
	return !status->enabled && status->password_changed == 0 &&
	       (status->reason == REASON_COMPROMISED || status->reason == REASON_BREAK_IN);
}

/* "2 times, status 5.2.2" */
static const char *refused(const struct access_status *status)
{
	if (status->refused_times == 0)
		return "";
	return t_strdup_printf("%u %s, status %s", status->refused_times,
			       status->refused_times == 1 ? "time" : "times",
			       status->refused_status);
}

static void fill_access(const struct access_status *status, const char **values)
{
	const char *reason = reason_text(status->reason);

	values[ACCESS] = status->enabled ? "enabled" : "disabled";
	values[SINCE] = postern_time(status->since);
	values[BY] = status->by;
	values[FROM] = status->from;
	values[PASSWORD_CHANGE] = needs_password_change(status) ? "yes" : "no";
	values[UNSEEN] = status->unseen;
	values[REFUSED] = refused(status);
	values[AGAIN] = postern_time(status->refused_next);
	if (status->enabled) {
		values[TEXT] =
			t_strdup_printf("External access has been on since %s.", values[SINCE]);
		return;
	}
	values[REASON] = reason_word(status->reason);
	values[REASON_TEXT] = reason;
	values[TEXT] = status->since == 0
			       ? t_strdup_printf("External access is off: %s.", reason)
			       : t_strdup_printf("External access has been off since %s: %s.",
						 values[SINCE], reason);
}

static const char *protocol_words(const struct tier *tier)
{
	static const enum protocol all[] = { PROTOCOL_POP3, PROTOCOL_IMAP, PROTOCOL_SMTP };
	string_t *words = t_str_new(32);

	for (unsigned int i = 0; i < N_ELEMENTS(all); i++) {
		if ((tier->protocols & all[i]) != 0)
			str_printfa(words, "%s%s", str_len(words) > 0 ? " " : "",
				    protocol_word(all[i]));
	}
	return str_c(words);
}

static const char *limit(unsigned int number)
{
	return number == SETTINGS_UNLIMITED ? "unlimited" : dec2str(number);
}

/* As in the settings: "1h". */
static const char *duration(unsigned int seconds)
{
	static const struct {
		unsigned int seconds;
		const char *sign;
	} units[] = { { 24 * 3600, "d" }, { 3600, "h" }, { 60, "m" } };

	for (unsigned int i = 0; i < N_ELEMENTS(units); i++) {
		if (seconds % units[i].seconds == 0)
			return t_strdup_printf("%u%s", seconds / units[i].seconds, units[i].sign);
	}
	return t_strdup_printf("%us", seconds);
}

static void fill_site(const struct settings *settings, const struct access_status *status,
		      const char **values)
{
	const struct tier *tier = find_tier(settings, status->tier);

	values[TIER] = status->tier;
	values[PROTOCOLS] = protocol_words(tier);
	values[LOGINS_HOUR] = limit(tier->logins_per_hour);
	values[LOGINS_DAY] = limit(tier->logins_per_day);
	values[FAILED] = limit(tier->failed_recipients);
	values[FAILED_WINDOW] = duration(tier->failed_recipients_window);
	if (status->now < status->held_until) {
		tier = find_tier(settings, status->held_tier);
		values[HELD_TIER] = status->held_tier;
		values[HELD_UNTIL] = postern_time(status->held_until);
	}
	values[PER_MINUTE] = limit(tier->messages_per_minute);
	values[PER_HOUR] = limit(tier->messages_per_hour);
	values[RECIPIENTS] = limit(tier->recipients_per_message);
	values[COUNT] = tier->count == SEND_COUNT_RECIPIENTS ? "recipients" : "messages";
	values[SENDING] = status->sending_blocked ? "blocked" : "allowed";
	values[ACTIVITY] = status->passive ? "passive" : "active";
	values[TLS] = status->tls_exempt ? "exempt" : "required";
	values[LANGUAGE] = status->language;
}

/* Seconds until POP3 is no longer too soon (P1). */
static const char *pop3_wait(const struct tier *tier, const struct access_status *status)
{
	int64_t wait = status->pop3.time + (int64_t)tier_least_interval(tier) - status->now;

	if (status->pop3.time == 0 || wait <= 0)
		return "0";
	return dec2str((wait + 999) / 1000);
}

static void fill_last_use(const struct settings *settings, const struct access_status *status,
			  const char **values)
{
	values[POP3_TIME] = postern_time(status->pop3.time);
	values[POP3_ADDRESS] = status->pop3.address;
	values[POP3_WAIT] = pop3_wait(find_tier(settings, status->tier), status);
	values[IMAP_TIME] = postern_time(status->imap.time);
	values[IMAP_ADDRESS] = status->imap.address;
	values[SMTP_TIME] = postern_time(status->smtp.time);
	values[SMTP_ADDRESS] = status->smtp.address;
}

static const char *password_list(const struct access_status *status)
{
	string_t *list = t_str_new(256);

	for (unsigned int i = 0; i < status->passwords_count; i++) {
		const struct access_password *password = &status->passwords[i];

		str_printfa(list, "%s%u created %s", i > 0 ? "; " : "", password->number,
			    postern_time(password->created));
		if (password->ended != 0)
			str_printfa(list, " ended %s", postern_time(password->ended));
		if (password->expires != 0)
			str_printfa(list, " expires %s", postern_time(password->expires));
		if (strcmp(password->protocols, "*") != 0)
			str_printfa(list, " for %s", password->protocols);
		if (password->used != 0)
			str_printfa(list, " last used %s (%s from %s)",
				    postern_time(password->used), password->used_protocol,
				    password->used_address);
	}
	return str_c(list);
}

/* The networks that are shut out now (D4). */
static void fill_shut_out(const struct settings *settings, const struct access_status *status,
			  const char **values)
{
	const struct tier *tier = find_tier(settings, status->tier);
	string_t *list = t_str_new(256);
	unsigned int count = 0;

	for (unsigned int i = 0; i < status->shut_outs_count; i++) {
		const struct access_shut_out *shut_out = &status->shut_outs[i];
		int64_t until = shut_out->since + tier->shut_out * INT64_C(1000);

		if (until > status->now)
			str_printfa(list, "%s%s since %s until %s", count++ > 0 ? "; " : "",
				    shut_out->network, postern_time(shut_out->since),
				    postern_time(until));
	}
	values[WRONG] = limit(tier->wrong_passwords);
	values[WRONG_NETWORKS] = dec2str(tier->wrong_password_networks * status->break_in_factor);
	values[SHUT_OUT] = dec2str(count);
	values[SHUT_OUT_NETWORKS] = str_c(list);
	values[BREAK_INS] = dec2str(status->break_ins);
}

static const char *history_list(const struct access_status *status)
{
	string_t *list = t_str_new(1024);

	for (unsigned int i = 0; i < status->history_count; i++) {
		const struct access_event *event = &status->history[i];

		str_printfa(list, "%s%s %s", i > 0 ? "; " : "", postern_time(event->time),
			    event->what);
		if (*event->detail != '\0')
			str_printfa(list, " %s", event->detail);
		str_printfa(list, " by %s", event->by);
		if (*event->from != '\0')
			str_printfa(list, " from %s", event->from);
		if (*event->evidence != '\0')
			str_printfa(list, " on %s", event->evidence);
	}
	return str_c(list);
}

/* What the account's windows hold now (S1, S2). FALSE when Redis can't tell. */
static bool fill_sent(struct postern_run *run, const struct account_name *account,
		      const char **values, const char **error_r)
{
	const struct send_request request = { .account = account, .stage = SEND_COUNT };
	unsigned int minute, hour;
	struct command command;
	redisReply *reply;
	bool counted;

	if (send_ask(&request, run->settings, &command) < 0) {
		*error_r = "OpenSSL failed while the request was being built.";
		return FALSE;
	}
	if (postern_ask(run, &command, &reply, error_r) < 0)
		return FALSE;
	counted = send_count_read(reply, &minute, &hour) == 0;
	freeReplyObject(reply);
	if (!counted) {
		*error_r = "Redis gave an unexpected answer.";
		return FALSE;
	}
	values[SENT_MINUTE] = dec2str(minute);
	values[SENT_HOUR] = dec2str(hour);
	return TRUE;
}

/* Who reported a failure. */
static const char *reporter(const struct failure_entry *entry)
{
	switch (entry->source) {
	case FAILURE_OWN_QUEUE:
		return "own-queue";
	case FAILURE_OWN_HOST:
		return "own-host";
	case FAILURE_REMOTE:
		break;
	}
	return t_strdup_printf("remote %s", entry->network);
}

static const char *failure_log(const struct failure_list *failures)
{
	string_t *list = t_str_new(1024);

	for (unsigned int i = 0; i < failures->count; i++) {
		const struct failure_entry *entry = &failures->entries[i];

		str_printfa(list, "%s%s", i > 0 ? "; " : "", postern_time(entry->time));
		if (*entry->domain != '\0')
			str_printfa(list, " to %s", entry->domain);
		if (*entry->status != '\0')
			str_printfa(list, " status %s", entry->status);
		str_printfa(list, " weight %u by %s", entry->weight, reporter(entry));
	}
	return str_c(list);
}

/* The failures that are counted (B3). FALSE when Redis can't tell. */
static bool fill_failures(struct postern_run *run, const struct account_name *account,
			  const char **values, const char **error_r)
{
	struct failure_list failures;
	struct command command;
	redisReply *reply;
	bool listed;

	failure_list_ask(account, run->settings, &command);
	if (postern_ask(run, &command, &reply, error_r) < 0)
		return FALSE;
	listed = failure_list_read(reply, &failures) == 0;
	if (listed) {
		values[FAILURES] = dec2str(failures.score);
		values[FAILURE_LOG] = failure_log(&failures);
	} else {
		*error_r = "Redis gave an unexpected answer.";
	}
	freeReplyObject(reply);
	return listed;
}

/* When access goes off because it is unused (D2), as the sweep sees it. FALSE when Redis can't
 * tell. */
static bool fill_unused(struct postern_run *run, const struct account_name *account,
			const char **values, const char **error_r)
{
	const struct unused_request request = { .account = account, .only_look = TRUE };
	struct unused_answer answer;
	struct command command;
	redisReply *reply;

	unused_ask(&request, run->settings, &command);
	if (postern_ask(run, &command, &reply, error_r) < 0)
		return FALSE;
	unused_read(reply, &answer);
	freeReplyObject(reply);
	switch (answer.verdict) {
	case UNUSED_OFF:
	case UNUSED_WARNED:
	case UNUSED_USED:
		values[UNUSED_ENDS] = postern_time(answer.ends);
		return TRUE;
	case UNUSED_NEVER:
	case UNUSED_OFF_BEFORE:
		return TRUE;
	case UNUSED_UNAVAILABLE:
		break;
	}
	*error_r = answer.unavailable;
	return FALSE;
}

static void print_status(struct postern_run *run, const struct account_name *account,
			 const struct access_status *status)
{
	const char *values[COLUMNS_COUNT] = { [USER] = account->text, [STATUS] = "ok" };
	const char *error;

	if (!fill_sent(run, account, values, &error) ||
	    !fill_unused(run, account, values, &error) ||
	    !fill_failures(run, account, values, &error)) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, error);
		return;
	}
	fill_access(status, values);
	fill_site(run->settings, status, values);
	fill_last_use(run->settings, status, values);
	fill_shut_out(run->settings, status, values);
	values[APP_PASSWORDS] = password_list(status);
	values[HISTORY] = history_list(status);
	postern_print(run, values);
}

static void show(struct postern_run *run, const struct account_name *account,
		 const void *context ATTR_UNUSED)
{
	struct access_status status;
	redisReply *reply;

	if (!postern_ask_status(run, account, &reply, &status))
		return;
	print_status(run, account, &status);
	freeReplyObject(reply);
}

static void cmd_postern_status(struct doveadm_cmd_context *cctx)
{
	postern_run_users(cctx, columns, show);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_USERS,
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_status_command = {
	.name = "postern status",
	.cmd = cmd_postern_status,
	.usage = "<user> [<user> ...]",
	.parameters = parameters,
};
