/*
 * Redis's answers: one reply, in the form that reply-text.h has, goes through every function that
 * reads one. Whoever writes to Redis doesn't get further than what they let through.
 */

#include "fuzz.h"

#include <hiredis/hiredis.h>

#include "decisions/access.h"
#include "decisions/accounts.h"
#include "decisions/app-password-change.h"
#include "decisions/due.h"
#include "decisions/expiry.h"
#include "decisions/failure.h"
#include "decisions/login.h"
#include "decisions/notice-name.h"
#include "decisions/outbox.h"
#include "reply-text.h"
#include "decisions/refusal.h"
#include "store/reply.h"
#include "decisions/send.h"
#include "decisions/session.h"
#include "decisions/workers.h"
#include "decisions/unused.h"
#include "base/utf8.h"

/* The outbox that the reply may be of, and where its follower stands. */
#define PARTITION 61
#define POSITION  "1764028800000-1"

#define SINCE 1764028000000

static const struct settings *site_settings(void)
{
	static char domain[] = "example.org", url[] = "https://example.org/help";
	static struct settings settings = { .default_domain = domain, .help_url = url };

	return &settings;
}

/* Ends the run with AddressSanitizer's report if it isn't whole. */
static void must_be_string(const char *text)
{
	MUST(text != NULL && strlen(text) < SIZE_MAX);
}

static void must_be_reason(enum disable_reason reason)
{
	MUST((int)reason >= 0 && (int)reason < REASON_COUNT);
	must_be_string(reason_word(reason));
}

static void must_be_sentence(const char *text, size_t size)
{
	MUST(strlen(text) < size && fuzz_is_printable(text));
}

static void must_be_account(const struct account_name *account)
{
	struct account_name again;
	const char *error;

	MUST(account_name_parse(account->text, strlen(account->text), NULL, &again, &error) == 0);
	MUST(strcmp(again.text, account->text) == 0 && again.partition == account->partition);
}

static void must_fit(const struct command *command)
{
	char *resp = NULL;

	MUST(command_format(command, &resp) > 0);
	free(resp);
}

static void read_login(const redisReply *reply)
{
	char sentence[LOGIN_SENTENCE_SIZE];
	struct login_answer answer;

	login_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= LOGIN_UNAVAILABLE);
	must_be_reason(answer.reason);
	must_be_string(login_verdict_word(answer.verdict));
	MUST(answer.verdict != LOGIN_PROTOCOL || *answer.tier != '\0');
	MUST((answer.verdict == LOGIN_ALLOW) == app_password_is_digest(answer.password));
	login_sentence(&answer, PROTOCOL_IMAP, site_settings(), sentence);
	must_be_sentence(sentence, sizeof(sentence));
}

static void read_session(const redisReply *reply)
{
	const char *error = NULL;

	for (unsigned int count = 1; count <= 3; count++) {
		if (session_read(reply, count, &error) == 0)
			MUST(session_verdict(reply, count) == SESSION_UNAVAILABLE);
		else
			MUST(fuzz_is_printable(error));
		MUST((int)session_verdict(reply, count) >= 0 &&
		     session_verdict(reply, count) <= SESSION_UNAVAILABLE);
	}
}

static void read_send(const redisReply *reply)
{
	char sentence[SEND_SENTENCE_SIZE];
	struct send_answer answer;
	unsigned int minute, hour;

	send_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= SEND_UNAVAILABLE);
	MUST(answer.count == SEND_COUNT_MESSAGES || answer.count == SEND_COUNT_RECIPIENTS);
	must_be_reason(answer.reason);
	must_be_string(send_verdict_word(answer.verdict));
	send_sentence(&answer, site_settings(), sentence);
	must_be_sentence(sentence, sizeof(sentence));
	if (send_count_read(reply, &minute, &hour) == 0)
		MUST(answer.verdict == SEND_UNAVAILABLE);
}

static void read_access(const redisReply *reply)
{
	struct access_answer answer;
	enum access_init init = access_init_read(reply);

	MUST((int)init >= 0 && init <= ACCESS_INIT_FAILED);
	access_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= ACCESS_UNAVAILABLE);
	MUST((answer.verdict == ACCESS_UNAVAILABLE) == (answer.unavailable != NULL));
	MUST(answer.since >= 0);
	must_be_reason(answer.reason);
}

static void check_last_use(const struct access_last_use *use)
{
	MUST(use->time >= 0);
	MUST(strlen(use->address) < sizeof(use->address));
}

static void check_passwords(const struct access_status *status)
{
	MUST(status->passwords_count <= ACCESS_PASSWORDS_MAX);
	for (unsigned int i = 0; i < status->passwords_count; i++) {
		const struct access_password *password = &status->passwords[i];

		MUST(password->created >= 0 && password->ended >= 0 && password->expires >= 0 &&
		     password->used >= 0);
		must_be_string(password->protocols);
		must_be_string(password->label);
		must_be_string(password->used_protocol);
		must_be_string(password->used_address);
	}
}

static void check_history(const struct access_status *status)
{
	MUST(status->history_count <= ACCESS_HISTORY_MAX);
	for (unsigned int i = 0; i < status->history_count; i++) {
		const struct access_event *event = &status->history[i];

		MUST(event->time >= 0);
		must_be_string(event->what);
		must_be_string(event->detail);
		must_be_string(event->by);
		must_be_string(event->from);
		must_be_string(event->evidence);
	}
}

static void check_shut_outs(const struct access_status *status)
{
	MUST(status->shut_outs_count <= ACCESS_SHUT_OUTS_MAX);
	for (unsigned int i = 0; i < status->shut_outs_count; i++) {
		MUST(status->shut_outs[i].since >= 0);
		must_be_string(status->shut_outs[i].network);
	}
}

static void read_status(const redisReply *reply)
{
	struct access_status status;

	access_status_read(reply, &status);
	MUST(status.verdict == ACCESS_DONE || status.verdict == ACCESS_UNAVAILABLE);
	MUST((status.verdict == ACCESS_UNAVAILABLE) == (status.unavailable != NULL));
	if (status.verdict == ACCESS_UNAVAILABLE)
		return;
	MUST(status.now >= 0 && status.since >= 0 && status.held_until >= 0 &&
	     status.password_changed >= 0);
	must_be_reason(status.reason);
	must_be_string(status.by);
	must_be_string(status.from);
	must_be_string(status.held_tier);
	must_be_string(status.language);
	MUST(*status.tier != '\0');
	check_last_use(&status.pop3);
	check_last_use(&status.imap);
	check_last_use(&status.smtp);
	check_passwords(&status);
	check_history(&status);
	check_shut_outs(&status);
}

static void read_failure(const redisReply *reply)
{
	static struct failure_list list;
	struct failure_answer answer;

	failure_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= FAILURE_UNAVAILABLE);
	must_be_string(failure_verdict_word(answer.verdict));
	must_be_reason(answer.reason);
	if (failure_list_read(reply, &list) < 0)
		return;
	MUST(list.count <= FAILURE_LIST_MAX);
	for (unsigned int i = 0; i < list.count; i++) {
		const struct failure_entry *entry = &list.entries[i];

		MUST(entry->time >= 0);
		MUST((int)entry->source >= 0 && entry->source <= FAILURE_REMOTE);
		must_be_string(entry->domain);
		must_be_string(entry->status);
		must_be_string(entry->network);
	}
}

static void must_be_id(const char *id)
{
	size_t first = strspn(id, "0123456789"), second;

	MUST(strlen(id) < OUTBOX_ID_SIZE && first > 0 && id[first] == '-');
	second = strspn(id + first + 1, "0123456789");
	MUST(second > 0 && id[first + 1 + second] == '\0');
}

static void must_be_text(const char *text)
{
	MUST(strlen(text) < OUTBOX_TEXT_SIZE && utf8_is_text(text, strlen(text)));
}

static void check_event(const struct outbox_event *event)
{
	static const struct secret_key key;
	char message_id[NOTICE_MESSAGE_ID_SIZE];
	struct notice_number number;

	must_be_id(event->id);
	MUST(event->partition < ACCOUNT_PARTITIONS);
	MUST((int)event->kind >= 0 && event->kind <= OUTBOX_UNKNOWN);
	if (event->kind == OUTBOX_UNKNOWN)
		return;
	must_be_account(&event->account);
	MUST(event->account.partition == event->partition);
	MUST(event->time > 0 && event->until >= 0);
	must_be_reason(event->reason);
	must_be_text(event->label);
	must_be_text(event->by);
	must_be_text(event->from);
	must_be_text(event->language);
	must_be_text(event->unseen);
	if (event->kind == OUTBOX_AGAIN)
		must_be_id(event->refused);
	notice_number_of(event, &number);
	MUST(notice_message_id(&key, &number, &event->account, message_id) == 0);
	must_be_sentence(message_id, sizeof(message_id));
	MUST(message_id[strlen(message_id) - 1] == '>');
}

struct follower {
	struct outbox_positions positions;
	bool has_moved;
};

static void check_followed(void *context, const struct outbox_event *event)
{
	struct follower *follower = context;

	MUST(event->times == 0);
	check_event(event);
	MUST(strcmp(follower->positions.ids[event->partition], event->id) == 0);
	follower->has_moved = true;
}

static void read_claim(const redisReply *reply)
{
	bool more;
	const struct redisReply *entries = outbox_claim_read(reply, &more);
	struct refusal_answer refusal;
	struct outbox_event event;

	/* The place behind the last one is as empty as any. */
	for (unsigned int i = 0; i <= reply_count(entries); i++) {
		if (outbox_event_read(entries, i, PARTITION, &event) == 0)
			check_event(&event);
	}
	MUST(outbox_renew_read(reply) != 1 || outbox_done_read(reply));
	MUST(outbox_done_read(reply) == outbox_ended_read(reply));
	refusal_read(reply, &refusal);
	MUST((int)refusal.verdict >= 0 && refusal.verdict <= REFUSAL_UNAVAILABLE);
	MUST(refusal.next >= 0);
	MUST((int)again_read(reply) >= 0 && again_read(reply) <= AGAIN_UNAVAILABLE);
}

static void follow_on(const struct outbox_positions *positions)
{
	struct command command;

	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		if (*positions->ids[i] != '\0')
			must_be_id(positions->ids[i]);
	}
	outbox_follow_ask(positions, 1000, &command);
	must_fit(&command);
}

static void read_outboxes(const redisReply *reply)
{
	static struct follower follower;
	struct outbox_positions *positions = &follower.positions;

	memset(&follower, 0, sizeof(follower));
	strcpy(positions->ids[PARTITION], POSITION);
	if (outbox_last_read(reply, PARTITION, SINCE, positions) == 0 &&
	    outbox_last_read(reply, 0, SINCE, positions) == 0)
		must_be_id(positions->ids[0]);
	must_be_id(positions->ids[PARTITION]);
	outbox_follow_read(reply, positions, check_followed, &follower);
	if (follower.has_moved)
		follow_on(positions);
}

static void read_expiry(const redisReply *reply)
{
	int verdict = (int)expiry_read(reply);

	MUST(verdict >= 0 && verdict <= EXPIRY_UNAVAILABLE);
	MUST(reply_time(reply) >= 0);
}

static void read_unused(const redisReply *reply)
{
	struct unused_answer answer;

	must_be_string(reply_string(due_read(reply), 0));
	unused_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= UNUSED_UNAVAILABLE);
	MUST((answer.verdict == UNUSED_UNAVAILABLE) == (answer.unavailable != NULL));
	MUST(answer.used >= 0 && answer.ends >= 0);
}

static void read_page(const redisReply *reply)
{
	struct accounts_page page;
	struct command command;

	if (accounts_scan_read(reply, &page) == 0) {
		MUST(accounts_is_cursor(page.next));
		for (unsigned int i = 0; i < page.count; i++) {
			must_be_account(&page.names[i]);
			MUST(i == 0 || page.names[i - 1].partition <= page.names[i].partition);
		}
		accounts_scan_ask(page.next, 100, &command);
		must_fit(&command);
	}
	accounts_page_clear(&page);
}

static void read_row(const redisReply *reply, unsigned int place)
{
	struct accounts_row row;
	enum accounts_found found = accounts_list_read(reply, place, &row);

	MUST((int)found >= 0 && found <= ACCOUNTS_BROKEN);
	must_be_reason(row.reason);
	MUST(*row.tier != '\0');
	must_be_string(row.language);
	MUST(row.since >= 0 && row.pop3 >= 0 && row.imap >= 0 && row.smtp >= 0);
}

/* A record that is exported, and as it is imported elsewhere. */
static void read_record(const redisReply *reply, unsigned int place)
{
	static const struct account_name account = { "anna@example.org", PARTITION };
	struct account_record record;
	struct command command;
	const char *error = NULL;

	if (accounts_export_read(reply, place, &account, &record) != ACCOUNTS_FOUND)
		return;
	MUST(record.fields_count <= ACCOUNT_RECORD_FIELDS_MAX);
	must_be_string(record.history);
	for (unsigned int i = 0; i < record.fields_count; i++) {
		must_be_string(record.fields[i].name);
		must_be_string(record.fields[i].value);
	}
	if (account_record_check(&record, &error) < 0) {
		MUST(fuzz_is_printable(error));
		return;
	}
	for (unsigned int i = 0; i < record.fields_count; i++) {
		const struct account_record_field *field = &record.fields[i];

		MUST(account_record_is_bytes(field->name)
			     ? account_record_has_size(field->name, field->size)
			     : utf8_is_text(field->value, field->size));
	}
	accounts_import_ask(&record, &command);
	must_fit(&command);
}

static void read_accounts(const redisReply *reply)
{
	const char *error = NULL;

	if (accounts_read(reply, &error) < 0) {
		MUST(fuzz_is_printable(error));
		return;
	}
	for (unsigned int i = 0; i <= reply_count(reply_array(reply, 1)); i++) {
		read_row(reply, i);
		read_record(reply, i);
	}
}

static void read_changes(const redisReply *reply)
{
	struct app_password_answer answer;
	enum accounts_import import;
	const char *error = NULL;

	import = accounts_import_read(reply, &error);
	MUST((int)import >= 0 && import <= ACCOUNTS_IMPORT_UNAVAILABLE);
	MUST((import == ACCOUNTS_IMPORT_UNAVAILABLE) == (error != NULL));
	app_password_change_read(reply, &answer);
	MUST((int)answer.verdict >= 0 && answer.verdict <= APP_PASSWORD_UNAVAILABLE);
	MUST((answer.verdict == APP_PASSWORD_UNAVAILABLE) == (answer.unavailable != NULL));
	must_be_reason(answer.reason);
}

static void read_system(const redisReply *reply)
{
	const struct redisReply *workers = workers_heartbeat_read(reply);
	struct workers_backlog backlog = { 0 };
	struct workers_entry worker;
	struct system_host host;

	for (unsigned int i = 0; i <= reply_count(workers); i++) {
		workers_entry_read(workers, i, &worker);
		must_be_string(worker.name);
		must_be_string(worker.trouble);
		MUST(worker.age >= 0 && worker.started >= 0 && worker.sent >= 0);
	}
	for (unsigned int i = 0; i <= reply_count(system_unseen_read(reply)); i++) {
		system_host_read(system_unseen_read(reply), i, &host);
		must_be_string(host.name);
		MUST(host.switch_offs >= 0 && host.first >= 0 && host.last >= 0);
	}
	/* The sums of all partitions. */
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++)
		workers_backlog_add(reply, &backlog);
	MUST(backlog.notices >= 0 && backlog.oldest >= 0 && backlog.due >= 0 &&
	     backlog.refused >= 0);
}

static void read_error(const redisReply *reply)
{
	MUST(!reply_is_demotion(reply) || reply_is_outage(reply));
	MUST(!reply_is_outage(reply) || reply->type == REDIS_REPLY_ERROR);
	MUST(fuzz_is_printable(reply_unavailable_text(reply)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	redisReply *reply = reply_text_read(data, size);

	if (reply == NULL)
		return 0;
	read_error(reply);
	read_login(reply);
	read_session(reply);
	read_send(reply);
	read_access(reply);
	read_status(reply);
	read_failure(reply);
	read_claim(reply);
	read_outboxes(reply);
	read_expiry(reply);
	read_unused(reply);
	read_page(reply);
	read_accounts(reply);
	read_changes(reply);
	read_system(reply);
	freeReplyObject(reply);
	return 0;
}
