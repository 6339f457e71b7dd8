/* Many accounts: found, listed, exported and imported. */

#include "decisions/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/reply.h"

bool accounts_is_cursor(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits >= ACCOUNTS_CURSOR_SIZE || text[digits] != '\0')
		return false;
	errno = 0;
	strtoull(text, NULL, 10);
	return errno == 0;
}

void accounts_scan_ask(const char *cursor, unsigned int count, struct command *command_r)
{
	command_begin_plain(command_r, "SCAN");
	command_string(command_r, cursor);
	command_string(command_r, "MATCH");
	command_string(command_r, "postern:*:account:*");
	command_string(command_r, "COUNT");
	command_number(command_r, count);
}

/* "postern:{17}:account:NAME", with the name as we write it, and in its own partition. */
static bool parse_key(const char *key, struct account_name *name_r)
{
	static const char begin[] = "postern:{", middle[] = "}:account:";
	const char *name, *error;
	unsigned long partition;
	char *end;

	if (strncmp(key, begin, strlen(begin)) != 0)
		return false;
	partition = strtoul(key + strlen(begin), &end, 10);
	if (strncmp(end, middle, strlen(middle)) != 0)
		return false;
	name = end + strlen(middle);
	return account_name_parse(name, strlen(name), NULL, name_r, &error) == 0 &&
	       strcmp(name, name_r->text) == 0 && name_r->partition == partition;
}

static int by_partition(const void *a, const void *b)
{
	const struct account_name *one = a, *other = b;

	return (int)one->partition - (int)other->partition;
}

int accounts_scan_read(const struct redisReply *reply, struct accounts_page *page_r)
{
	const struct redisReply *keys = reply_array(reply, 1);
	const char *next = reply_string(reply, 0);

	memset(page_r, 0, sizeof(*page_r));
	if (!accounts_is_cursor(next) || keys == NULL)
		return -1;
	strcpy(page_r->next, next);
	page_r->names = calloc(reply_count(keys) + 1, sizeof(*page_r->names));
	if (page_r->names == NULL)
		abort();
	for (unsigned int i = 0; i < reply_count(keys); i++) {
		if (parse_key(reply_string(keys, i), &page_r->names[page_r->count]))
			page_r->count++;
	}
	qsort(page_r->names, page_r->count, sizeof(*page_r->names), by_partition);
	return 0;
}

void accounts_page_clear(struct accounts_page *page)
{
	free(page->names);
	page->names = NULL;
	page->count = 0;
}

unsigned int accounts_together(const struct account_name *names, unsigned int count,
			       unsigned int max)
{
	unsigned int together = 1;

	while (together < count && together < max &&
	       names[together].partition == names[0].partition)
		together++;
	return together;
}

void accounts_stamp_ask(unsigned int partition, struct command *command_r)
{
	command_begin_partition(command_r, SCRIPT_LIST, partition, NULL);
}

void accounts_list_ask(const struct account_name *names, unsigned int count,
		       struct command *command_r)
{
	command_begin_accounts(command_r, SCRIPT_LIST, names, count, NULL);
}

void accounts_export_ask(const struct account_name *names, unsigned int count,
			 struct command *command_r)
{
	static const char *const kinds[] = { "history", NULL };

	command_begin_accounts(command_r, SCRIPT_EXPORT, names, count, kinds);
}

int accounts_read(const struct redisReply *reply, const char **error_r)
{
	if (strcmp(reply_string(reply, 0), "done") == 0 && reply_array(reply, 1) != NULL)
		return 0;
	*error_r = reply_unavailable_text(reply);
	return -1;
}

static enum accounts_found found(const struct redisReply *row)
{
	static const char *const words[] = {
		[ACCOUNTS_FOUND] = "found",
		[ACCOUNTS_GONE] = "gone",
	};

	return (enum accounts_found)reply_verdict(row, words, ACCOUNTS_BROKEN);
}

/* "time address ..." */
static int64_t read_time(const struct redisReply *row, unsigned int place)
{
	long long time = strtoll(reply_string(row, place), NULL, 10);

	return time > 0 ? time : 0;
}

enum accounts_found accounts_list_read(const struct redisReply *reply, unsigned int place,
				       struct accounts_row *row_r)
{
	const struct redisReply *row = reply_array(reply_array(reply, 1), place);
	const char *tier = reply_string(row, 4);

	memset(row_r, 0, sizeof(*row_r));
	row_r->enabled = strcmp(reply_string(row, 1), "enabled") == 0;
	if (reason_parse(reply_string(row, 2), &row_r->reason) < 0)
		row_r->reason = REASON_NEVER_ENABLED;
	row_r->since = reply_number(row, 3);
	row_r->tier = *tier != '\0' ? tier : "free";
	row_r->passive = strcmp(reply_string(row, 5), "passive") == 0;
	row_r->sending_blocked = strcmp(reply_string(row, 6), "blocked") == 0;
	row_r->language = reply_string(row, 7);
	row_r->pop3 = read_time(row, 8);
	row_r->imap = read_time(row, 9);
	row_r->smtp = read_time(row, 10);
	return found(row);
}

/* False if there is more than an account can have. */
static bool read_fields(const struct redisReply *fields, struct account_record *record)
{
	for (unsigned int i = 0; i + 1 < reply_count(fields); i += 2) {
		struct account_record_field *field = &record->fields[record->fields_count];

		if (record->fields_count == ACCOUNT_RECORD_FIELDS_MAX)
			return false;
		field->name = reply_string(fields, i);
		field->value = reply_bytes(fields, i + 1, &field->size);
		if (field->value == NULL)
			return false;
		record->fields_count++;
	}
	return true;
}

enum accounts_found accounts_export_read(const struct redisReply *reply, unsigned int place,
					 const struct account_name *account,
					 struct account_record *record_r)
{
	const struct redisReply *row = reply_array(reply_array(reply, 1), place);

	memset(record_r, 0, sizeof(*record_r));
	record_r->account = *account;
	if (found(row) != ACCOUNTS_FOUND)
		return found(row);
	record_r->history = reply_string(row, 2);
	return read_fields(reply_array(row, 1), record_r) ? ACCOUNTS_FOUND : ACCOUNTS_BROKEN;
}

void accounts_import_ask(const struct account_record *record, struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "guesses", "failures",
					     "*expiries", NULL };

	/* EVALSHA, digest, number of keys; the keys; format and history. */
	_Static_assert(3 + 8 + 2 + 2 * ACCOUNT_RECORD_FIELDS_MAX <= COMMAND_ARGS_MAX,
		       "the largest record fits");
	command_begin(command_r, SCRIPT_IMPORT, &record->account, kinds);
	command_borrow(command_r, record->history, strlen(record->history));
	for (unsigned int i = 0; i < record->fields_count; i++) {
		const struct account_record_field *field = &record->fields[i];

		command_borrow(command_r, field->name, strlen(field->name));
		command_borrow(command_r, field->value, field->size);
	}
}

enum accounts_import accounts_import_read(const struct redisReply *reply, const char **error_r)
{
	static const char *const words[] = {
		[ACCOUNTS_IMPORT_DONE] = "done",
		[ACCOUNTS_IMPORT_UNCHANGED] = "unchanged",
	};
	int verdict = reply_verdict(reply, words, ACCOUNTS_IMPORT_UNAVAILABLE);

	if (verdict == ACCOUNTS_IMPORT_UNAVAILABLE)
		*error_r = reply_unavailable_text(reply);
	return (enum accounts_import)verdict;
}
