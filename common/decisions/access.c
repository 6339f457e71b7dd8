/* What support, the webmail and the postmaster do to an account, and see of it. */

#include "decisions/access.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "store/reply.h"
#include "keys/trace.h"

/* Longer than any site would grant: more is a typing mistake. */
#define HOLD_MAX (UINT64_C(366) * 24 * 3600 * 1000)

static const char *const kinds[] = { COMMAND_ACCESS_KINDS, NULL };
static const char *const with_guesses[] = { COMMAND_ACCESS_KINDS, "guesses", NULL };
static const char *const for_status[] = { COMMAND_ACCESS_KINDS, "guesses", "*refused", NULL };

void access_on_ask(const struct account_name *account, const struct app_password_terms *terms,
		   bool force, const struct actor *actor, struct command *command_r)
{
	static const char *const with_more[] = { COMMAND_ACCESS_KINDS, "guesses", "*expiries",
						 "*refused", NULL };

	command_begin(command_r, SCRIPT_ON, account, with_more);
	actor_add(command_r, actor);
	command_number(command_r, force ? 1 : 0);
	app_password_terms_add(command_r, terms);
}

void access_off_ask(const struct account_name *account, enum disable_reason reason,
		    const struct actor *actor, struct command *command_r)
{
	command_begin(command_r, SCRIPT_OFF, account, kinds);
	command_string(command_r, reason_word(reason));
	actor_add(command_r, actor);
}

static bool is_one_of(const char *value, const char *a, const char *b)
{
	return value == NULL || strcmp(value, a) == 0 || strcmp(value, b) == 0;
}

/* RFC 5646, as far as webmails use it: "et", "et_EE", "zh-Hans". */
bool access_is_language(const char *value)
{
	size_t letters = strspn(value, "abcdefghijklmnopqrstuvwxyz");
	size_t length = strlen(value);

	if (length == 0)
		return true; /* forgets it */
	if (letters < 2 || letters > 3 || length > 16)
		return false;
	if (value[letters] == '\0')
		return true;
	if ((value[letters] != '-' && value[letters] != '_') || value[letters + 1] == '\0')
		return false;
	for (const char *p = value + letters + 1; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p))
			return false;
	}
	return true;
}

static bool is_hold(const char *value, uint64_t *hold_r)
{
	const char *detail;

	return quantity_duration(value, hold_r, &detail) == 0 && *hold_r <= HOLD_MAX;
}

int access_changes_check(const struct access_changes *changes, const struct settings *settings,
			 const char **error_r)
{
	uint64_t hold;

	*error_r = NULL;
	if (changes->tier != NULL && settings_tier(settings, changes->tier) == NULL)
		*error_r = "tier: expected the name of a tier in the settings";
	else if (!is_one_of(changes->activity, "active", "passive"))
		*error_r = "activity: expected active or passive";
	else if (!is_one_of(changes->tls, "required", "exempt"))
		*error_r = "tls: expected required or exempt";
	else if (!is_one_of(changes->sending, "allowed", "blocked"))
		*error_r = "sending: expected allowed or blocked";
	else if (changes->language != NULL && !access_is_language(changes->language))
		*error_r = "language: expected a language tag such as en or et_EE";
	else if (changes->hold != NULL && changes->tier == NULL)
		*error_r = "hold: expected together with a tier";
	else if (changes->hold != NULL && !is_hold(changes->hold, &hold))
		*error_r = "hold: expected a duration such as 2d, of at most 366d";
	return *error_r == NULL ? 0 : -1;
}

static void add_change(struct command *command, const char *field, const char *value)
{
	if (value == NULL)
		return;
	command_string(command, field);
	command_string(command, value);
}

void access_set_ask(const struct account_name *account, const struct access_changes *changes,
		    const struct actor *actor, const struct settings *settings,
		    struct command *command_r)
{
	const struct tier *tier =
		changes->tier != NULL ? settings_tier(settings, changes->tier) : NULL;
	uint64_t hold = tier != NULL ? tier->upgrade_hold * UINT64_C(1000) : 0;

	if (changes->hold != NULL && !is_hold(changes->hold, &hold))
		hold = 0;
	command_begin(command_r, SCRIPT_SET, account, kinds);
	actor_add(command_r, actor);
	command_number(command_r, hold);
	command_string(command_r, settings->tier_rows.login);
	add_change(command_r, "tier", changes->tier);
	add_change(command_r, "activity", changes->activity);
	add_change(command_r, "tls", changes->tls);
	add_change(command_r, "language", changes->language);
	add_change(command_r, "sending", changes->sending);
}

void access_password_changed_ask(const struct account_name *account, const struct actor *actor,
				 struct command *command_r)
{
	command_begin(command_r, SCRIPT_PASSWORD_CHANGED, account, with_guesses);
	actor_add(command_r, actor);
}

int access_erase_ask(const struct account_name *account, const struct settings *settings,
		     struct command *command_r)
{
	static const char *const all[] = { COMMAND_ACCESS_KINDS, "guesses", "sent",
					   "failures",		 "*traced", "*expiries",
					   "*refused",		 NULL };
	char reference[TRACE_REFERENCE_SIZE];

	if (trace_reference(account, settings->default_domain, reference) < 0)
		return -1;
	command_begin(command_r, SCRIPT_ERASE, account, all);
	command_string(command_r, reference);
	return 0;
}

void access_read(const struct redisReply *reply, struct access_answer *answer_r)
{
	static const char *const words[] = { "done", "unchanged", "gated", "unavailable" };

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = (enum access_verdict)reply_verdict(reply, words, ACCESS_UNAVAILABLE);
	answer_r->enabled = strcmp(reply_string(reply, 1), "enabled") == 0;
	answer_r->since = reply_number(reply, 3);
	if (answer_r->verdict != ACCESS_UNAVAILABLE && !answer_r->enabled &&
	    reason_parse(reply_string(reply, 2), &answer_r->reason) < 0)
		answer_r->verdict = ACCESS_UNAVAILABLE;
	if (answer_r->verdict == ACCESS_UNAVAILABLE)
		answer_r->unavailable = reply_unavailable_text(reply);
}

void access_init_ask(unsigned int partition, struct command *command_r)
{
	command_begin_partition(command_r, SCRIPT_INIT, partition, NULL);
}

enum access_init access_init_read(const struct redisReply *reply)
{
	static const char *const words[] = {
		[ACCESS_INIT_MARKED] = "marked",
		[ACCESS_INIT_WAS] = "was",
		[ACCESS_INIT_FOREIGN] = "foreign",
	};

	return (enum access_init)reply_verdict(reply, words, ACCESS_INIT_FAILED);
}

void access_status_ask(const struct account_name *account, struct command *command_r)
{
	command_begin(command_r, SCRIPT_STATUS, account, for_status);
}

/* "time address attempt"; without a valid time, it stays never. The text is the reply's; the
   address is copied out of it. */
static void read_last_use(const struct redisReply *facts, const char *field,
			  struct access_last_use *use_r)
{
	const char *text = reply_field(facts, field), *space = strchr(text, ' ');
	long long time = strtoll(text, NULL, 10);
	size_t size;

	if (space == NULL || time <= 0)
		return;
	use_r->time = time;
	size = strcspn(space + 1, " ");
	if (size < sizeof(use_r->address))
		memcpy(use_r->address, space + 1, size);
}

/* "id times status"; when it is tried again is kept elsewhere. */
static void read_refused(const struct redisReply *facts, struct access_status *status_r)
{
	const char *text = reply_field(facts, "refused"), *times = strchr(text, ' ');
	char *end;

	status_r->refused_status = "";
	if (times == NULL)
		return;
	status_r->refused_times = (unsigned int)strtoul(times, &end, 10);
	if (*end == ' ')
		status_r->refused_status = end + 1;
	status_r->refused_next = reply_digits(reply_field(facts, "again"));
}

static void read_facts(const struct redisReply *facts, struct access_status *status_r)
{
	const char *reason = reply_field(facts, "reason"), *tier = reply_field(facts, "tier");

	status_r->enabled = strcmp(reply_field(facts, "access"), "enabled") == 0;
	if (reason_parse(reason, &status_r->reason) < 0)
		status_r->reason = REASON_NEVER_ENABLED;
	status_r->since = reply_digits(reply_field(facts, "since"));
	status_r->by = reply_field(facts, "by");
	status_r->from = reply_field(facts, "from");
	status_r->tier = *tier != '\0' ? tier : "free";
	status_r->held_tier = reply_field(facts, "held_tier");
	status_r->held_until = reply_digits(reply_field(facts, "held_until"));
	status_r->passive = strcmp(reply_field(facts, "activity"), "passive") == 0;
	status_r->tls_exempt = strcmp(reply_field(facts, "tls"), "exempt") == 0;
	status_r->sending_blocked = strcmp(reply_field(facts, "sending"), "blocked") == 0;
	status_r->language = reply_field(facts, "language");
	status_r->unseen = reply_field(facts, "unseen");
	read_refused(facts, status_r);
	status_r->password_changed = reply_digits(reply_field(facts, "changed"));
	read_last_use(facts, "seen:pop3", &status_r->pop3);
	read_last_use(facts, "seen:imap", &status_r->imap);
	read_last_use(facts, "seen:smtp", &status_r->smtp);
}

static void read_passwords(const struct redisReply *rows, struct access_status *status_r)
{
	for (unsigned int i = 0; i < reply_count(rows) && i < ACCESS_PASSWORDS_MAX; i++) {
		const struct redisReply *row = reply_array(rows, i);

		struct access_password *password =
			&status_r->passwords[status_r->passwords_count++];

		password->number = (unsigned int)reply_number(row, 0);
		password->created = reply_number(row, 1);
		password->ended = reply_number(row, 2);
		password->expires = reply_number(row, 3);
		password->protocols = reply_string(row, 4);
		password->label = reply_string(row, 5);
		password->used = reply_number(row, 6);
		password->used_protocol = reply_string(row, 7);
		password->used_address = reply_string(row, 8);
	}
}

static void read_history(const struct redisReply *rows, struct access_status *status_r)
{
	for (unsigned int i = 0; i < reply_count(rows) && i < ACCESS_HISTORY_MAX; i++) {
		const struct redisReply *row = reply_array(rows, i);
		struct access_event *event = &status_r->history[status_r->history_count++];

		event->time = reply_number(row, 0);
		event->what = reply_string(row, 1);
		event->detail = reply_string(row, 2);
		event->by = reply_string(row, 3);
		event->from = reply_string(row, 4);
		event->evidence = reply_string(row, 5);
	}
}

static void read_shut_outs(const struct redisReply *rows, struct access_status *status_r)
{
	for (unsigned int i = 0; i < reply_count(rows) && i < ACCESS_SHUT_OUTS_MAX; i++) {
		const struct redisReply *row = reply_array(rows, i);
		struct access_shut_out *shut_out =
			&status_r->shut_outs[status_r->shut_outs_count++];

		shut_out->network = reply_string(row, 0);
		shut_out->since = reply_number(row, 1);
	}
}

void access_status_read(const struct redisReply *reply, struct access_status *status_r)
{
	memset(status_r, 0, sizeof(*status_r));
	if (strcmp(reply_string(reply, 0), "done") != 0) {
		status_r->verdict = ACCESS_UNAVAILABLE;
		status_r->unavailable = reply_unavailable_text(reply);
		return;
	}
	status_r->verdict = ACCESS_DONE;
	status_r->now = reply_number(reply, 1);
	read_facts(reply_array(reply, 2), status_r);
	read_passwords(reply_array(reply, 3), status_r);
	read_history(reply_array(reply, 4), status_r);
	read_shut_outs(reply_array(reply, 5), status_r);
	status_r->break_ins = (unsigned int)reply_number(reply, 6);
	status_r->break_in_factor = (unsigned int)reply_number(reply, 7);
}
