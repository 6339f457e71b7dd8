/* The outboxes (D5). */

#include "decisions/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reply.h"
#include "base/utf8.h"

#define VERSION	   "1"
#define FOLLOW_MAX 100 /* entries of one outbox in one answer */

/* The outbox, and what is known of the entries that wait until sessions are ended. */
static const char *const holding_kinds[] = { "*outbox", "*held", "*looks", "*ended", NULL };

void outbox_claim_ask(unsigned int partition, const char *worker, unsigned int lease,
		      unsigned int count, const char *workers, struct command *command_r)
{
	command_begin_partition(command_r, SCRIPT_CLAIM, partition, holding_kinds);
	command_string(command_r, worker);
	command_number(command_r, lease);
	command_number(command_r, count);
	command_borrow(command_r, workers, strlen(workers));
}

const struct redisReply *outbox_claim_read(const struct redisReply *reply, bool *more_r)
{
	*more_r = strcmp(reply_string(reply, 2), "1") == 0;
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_array(reply, 1) : NULL;
}

/* An id as Redis writes it. */
static int read_id(const char *text, char id_r[OUTBOX_ID_SIZE])
{
	size_t first = strspn(text, "0123456789"), second;

	if (first == 0 || text[first] != '-')
		return -1;
	second = strspn(text + first + 1, "0123456789");
	if (second == 0 || text[first + 1 + second] != '\0' || strlen(text) >= OUTBOX_ID_SIZE)
		return -1;
	strcpy(id_r, text);
	return 0;
}

/* Copies what fits and is text; what isn't becomes "", because a notice is better without it. */
static void take_text(const char *text, char text_r[OUTBOX_TEXT_SIZE])
{
	text_r[0] = '\0';
	if (strlen(text) >= OUTBOX_TEXT_SIZE || !utf8_is_text(text, strlen(text)))
		return;
	strcpy(text_r, text);
}

static void read_text(const struct redisReply *fields, const char *name,
		      char text_r[OUTBOX_TEXT_SIZE])
{
	take_text(reply_field(fields, name), text_r);
}

static enum outbox_kind read_kind(const struct redisReply *fields)
{
	static const char *const words[] = {
		[OUTBOX_OFF] = "off",	      [OUTBOX_ON] = "on",   [OUTBOX_PASSWORD] = "password",
		[OUTBOX_WARNING] = "warning", [OUTBOX_END] = "end", [OUTBOX_BREAK_IN] = "break-in",
		[OUTBOX_AGAIN] = "again",
	};
	const char *word = reply_field(fields, "event");

	for (int i = 0; i < OUTBOX_UNKNOWN; i++) {
		if (strcmp(words[i], word) == 0)
			return (enum outbox_kind)i;
	}
	return OUTBOX_UNKNOWN;
}

/* False if what the kind can't do without is missing. */
static bool read_facts(const struct redisReply *fields, struct outbox_event *event_r)
{
	const char *account = reply_field(fields, "account"), *error;

	/* An account of another partition would be told, or have its sessions ended, by somebody
	   who may write to this one only. */
	if (account_name_parse(account, strlen(account), NULL, &event_r->account, &error) < 0 ||
	    event_r->account.partition != event_r->partition)
		return false;
	event_r->time = reply_digits(reply_field(fields, "time"));
	event_r->until = reply_digits(reply_field(fields, "until"));
	event_r->number = (unsigned int)reply_digits(reply_field(fields, "number"));
	read_text(fields, "label", event_r->label);
	read_text(fields, "by", event_r->by);
	read_text(fields, "from", event_r->from);
	read_text(fields, "language", event_r->language);
	if (event_r->time == 0)
		return false;
	if (event_r->kind == OUTBOX_AGAIN &&
	    read_id(reply_field(fields, "refused"), event_r->refused) < 0)
		return false;
	return (event_r->kind != OUTBOX_OFF && event_r->kind != OUTBOX_AGAIN) ||
	       reason_parse(reply_field(fields, "reason"), &event_r->reason) == 0;
}

static void read_fields(const struct redisReply *fields, struct outbox_event *event_r)
{
	if (strcmp(reply_field(fields, "v"), VERSION) != 0)
		return;
	event_r->kind = read_kind(fields);
	if (event_r->kind != OUTBOX_UNKNOWN && !read_facts(fields, event_r))
		event_r->kind = OUTBOX_UNKNOWN;
}

static void clear(struct outbox_event *event, unsigned int partition)
{
	memset(event, 0, sizeof(*event));
	event->partition = partition;
	event->kind = OUTBOX_UNKNOWN;
}

int outbox_event_read(const struct redisReply *entries, unsigned int place, unsigned int partition,
		      struct outbox_event *event_r)
{
	const struct redisReply *entry = reply_array(entries, place);

	clear(event_r, partition);
	if (read_id(reply_string(entry, 0), event_r->id) < 0)
		return -1;
	event_r->times = (unsigned int)reply_number(entry, 1);
	read_fields(reply_array(entry, 2), event_r);
	take_text(reply_string(entry, 3), event_r->unseen);
	return 0;
}

void outbox_renew_ask(unsigned int partition, const char *worker, const char *id,
		      struct command *command_r)
{
	static const char *const kinds[] = { "*outbox", NULL };

	command_begin_partition(command_r, SCRIPT_RENEW, partition, kinds);
	command_string(command_r, worker);
	command_string(command_r, id);
}

int outbox_renew_read(const struct redisReply *reply)
{
	if (strcmp(reply_string(reply, 0), "done") == 0)
		return 1;
	return strcmp(reply_string(reply, 0), "lost") == 0 ? 0 : -1;
}

void outbox_done_ask(const struct outbox_event *event, struct command *command_r)
{
	static const char *const kinds[] = { "*outbox", NULL };

	command_begin(command_r, SCRIPT_DONE, &event->account, kinds);
	command_string(command_r, event->id);
	command_number(command_r, (uint64_t)event->time);
	command_string(command_r, event->unseen);
}

bool outbox_done_read(const struct redisReply *reply)
{
	const char *word = reply_string(reply, 0);

	return strcmp(word, "done") == 0 || strcmp(word, "unchanged") == 0;
}

void outbox_ended_ask(unsigned int partition, const char *worker, const char *id,
		      struct command *command_r)
{
	command_begin_partition(command_r, SCRIPT_ENDED, partition, holding_kinds);
	command_string(command_r, worker);
	command_string(command_r, id);
}

bool outbox_ended_read(const struct redisReply *reply)
{
	const char *word = reply_string(reply, 0);

	return strcmp(word, "done") == 0 || strcmp(word, "unchanged") == 0;
}

static void add_key(struct command *command, unsigned int partition)
{
	char key[sizeof("postern:{63}:outbox")];

	snprintf(key, sizeof(key), "postern:{%u}:outbox", partition % ACCOUNT_PARTITIONS);
	command_string(command, key);
}

void outbox_last_ask(unsigned int partition, struct command *command_r)
{
	command_begin_plain(command_r, "XREVRANGE");
	add_key(command_r, partition);
	command_string(command_r, "+");
	command_string(command_r, "-");
	command_string(command_r, "COUNT");
	command_number(command_r, 1);
}

/* Whether the entry of one id comes before that of another. */
static bool is_before(const char *a, const char *b)
{
	char *a_rest, *b_rest;
	uint64_t first_a = strtoull(a, &a_rest, 10), first_b = strtoull(b, &b_rest, 10);

	if (first_a != first_b)
		return first_a < first_b;
	return strtoull(a_rest + 1, NULL, 10) < strtoull(b_rest + 1, NULL, 10);
}

int outbox_last_read(const struct redisReply *reply, unsigned int partition, int64_t since,
		     struct outbox_positions *positions)
{
	char *position = positions->ids[partition], last[OUTBOX_ID_SIZE] = "0-0";

	if (!reply_is_array(reply))
		return -1;
	if (reply_count(reply) > 0 && read_id(reply_string(reply_array(reply, 0), 0), last) < 0)
		return -1;
	if (*position == '\0' || is_before(last, position))
		snprintf(position, OUTBOX_ID_SIZE, "%lld-0", (long long)(since > 0 ? since : 0));
	return 0;
}

void outbox_follow_ask(const struct outbox_positions *positions, unsigned int wait,
		       struct command *command_r)
{
	command_begin_plain(command_r, "XREAD");
	command_string(command_r, "COUNT");
	command_number(command_r, FOLLOW_MAX);
	command_string(command_r, "BLOCK");
	command_number(command_r, wait);
	command_string(command_r, "STREAMS");
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++)
		add_key(command_r, i);
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++)
		command_string(command_r, positions->ids[i]);
}

/* The partition whose outbox has that key, -1 if none has. */
static int partition_of(const char *key)
{
	char known[32];

	for (int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		snprintf(known, sizeof(known), "postern:{%d}:outbox", i);
		if (strcmp(known, key) == 0)
			return i;
	}
	return -1;
}

/* One outbox of the answer: its key, and its entries with id and fields each. */
static int follow_one(const struct redisReply *stream, struct outbox_positions *positions,
		      outbox_follow_callback_t *callback, void *context)
{
	const struct redisReply *entries = reply_array(stream, 1);
	int partition = partition_of(reply_string(stream, 0));

	if (partition < 0)
		return -1;
	for (unsigned int i = 0; i < reply_count(entries); i++) {
		const struct redisReply *entry = reply_array(entries, i);
		struct outbox_event event;

		clear(&event, (unsigned int)partition);
		if (read_id(reply_string(entry, 0), event.id) < 0)
			return -1;
		read_fields(reply_array(entry, 1), &event);
		strcpy(positions->ids[partition], event.id);
		callback(context, &event);
	}
	return 0;
}

int outbox_follow_read(const struct redisReply *reply, struct outbox_positions *positions,
		       outbox_follow_callback_t *callback, void *context)
{
	/* Nothing has come within the time. */
	if (reply_is_nil(reply))
		return 0;
	if (!reply_is_array(reply))
		return -1;
	for (unsigned int i = 0; i < reply_count(reply); i++) {
		if (follow_one(reply_array(reply, i), positions, callback, context) < 0)
			return -1;
	}
	return 0;
}
