/* An account as one line of JSON. */

#include "account-line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/base64url.h"

#define VERSION 1

#define TEXT(number)  TEXT_OF(number)
#define TEXT_OF(text) #text

static const char no_line[] = "expected an object with v, account, fields and history";

static int refuse(const char **error_r, const char *expected)
{
	*error_r = expected;
	return -1;
}

static int read_account(const json_t *root, struct account_record *record, const char **error_r)
{
	const char *name = json_string_value(json_object_get(root, "account"));

	if (name == NULL)
		return refuse(error_r, "account: expected an account name");
	if (account_name_parse(name, strlen(name), NULL, &record->account, error_r) == 0)
		return 0;
	record->account.text[0] = '\0';
	return -1;
}

/* The value as it is in Redis. */
static int read_value(struct account_line *line, struct account_record_field *field,
		      const json_t *value)
{
	unsigned char *bytes = line->bytes + line->bytes_used;
	int size;

	field->value = json_string_value(value);
	field->size = json_string_length(value);
	if (field->value == NULL)
		return -1;
	if (!account_record_is_bytes(field->name))
		return 0;
	/* A name comes once, so there is room for each. */
	size = base64url_decode(field->value, field->size, bytes,
				sizeof(line->bytes) - line->bytes_used);
	if (size < 0)
		return -1;
	field->value = (const char *)bytes;
	field->size = (size_t)size;
	line->bytes_used += field->size;
	return 0;
}

static int read_fields(struct account_line *line, const char **error_r)
{
	json_t *fields = json_object_get(line->root, "fields"), *value;
	struct account_record *record = &line->record;
	const char *name;
	static const char expected[] = "fields: expected an object of strings, of at most " TEXT(
		ACCOUNT_RECORD_FIELDS_MAX);

	if (!json_is_object(fields) || json_object_size(fields) > ACCOUNT_RECORD_FIELDS_MAX)
		return refuse(error_r, expected);
	json_object_foreach(fields, name, value)
	{
		struct account_record_field *field = &record->fields[record->fields_count];

		field->name = name;
		if (read_value(line, field, value) < 0)
			return refuse(error_r, account_record_is_bytes(name)
						       ? account_record_expected(name)
						       : expected);
		record->fields_count++;
	}
	return 0;
}

static int read_history(struct account_line *line, const char **error_r)
{
	const json_t *lines = json_object_get(line->root, "history"), *value;
	static const char expected[] = "history: expected an array of at most 32 lines";
	size_t used = 0, place;

	if (!json_is_array(lines))
		return refuse(error_r, expected);
	json_array_foreach(lines, place, value)
	{
		const char *text = json_string_value(value);
		size_t size = json_string_length(value);

		if (text == NULL || size == 0 || memchr(text, '\n', size) != NULL ||
		    used + size + 1 >= sizeof(line->history))
			return refuse(error_r, expected);
		if (used > 0)
			line->history[used++] = '\n';
		memcpy(line->history + used, text, size);
		used += size;
	}
	line->history[used] = '\0';
	line->record.history = line->history;
	return 0;
}

int account_line_read(const char *text, size_t size, struct account_line *line_r,
		      const char **error_r)
{
	json_error_t error;

	memset(&line_r->record, 0, sizeof(line_r->record));
	line_r->bytes_used = 0;
	line_r->root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(line_r->root))
		return refuse(error_r, line_r->root == NULL ? "expected JSON" : no_line);
	if (read_account(line_r->root, &line_r->record, error_r) < 0)
		return -1;
	if (json_object_size(line_r->root) != 4)
		return refuse(error_r, no_line);
	if (!json_is_integer(json_object_get(line_r->root, "v")) ||
	    json_integer_value(json_object_get(line_r->root, "v")) != VERSION)
		return refuse(error_r, "v: expected 1");
	if (read_fields(line_r, error_r) < 0 || read_history(line_r, error_r) < 0)
		return -1;
	return account_record_check(&line_r->record, error_r);
}

void account_line_clear(struct account_line *line)
{
	json_decref(line->root);
	line->root = NULL;
}

/* -1 if it isn't text. */
static int put_field(json_t *fields, const struct account_record_field *field)
{
	char text[BASE64URL_LENGTH(ACCOUNT_RECORD_BYTES_MAX) + 1];

	if (!account_record_is_bytes(field->name))
		return json_object_set_new(fields, field->name,
					   json_stringn(field->value, field->size));
	if (!account_record_has_size(field->name, field->size))
		return -1;
	base64url_encode((const unsigned char *)field->value, field->size, text);
	return json_object_set_new(fields, field->name, json_string(text));
}

static int put_history(json_t *history, const char *text)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		if (size > 0 && json_array_append_new(history, json_stringn(text, size)) < 0)
			return -1;
		text += size + (text[size] == '\n' ? 1 : 0);
	}
	return 0;
}

char *account_line_write(const struct account_record *record, const char **error_r)
{
	json_t *fields = json_object(), *history = json_array(), *root;
	bool text = put_history(history, record->history) == 0;
	char *line;

	for (unsigned int i = 0; i < record->fields_count && text; i++)
		text = put_field(fields, &record->fields[i]) == 0;
	root = json_pack("{s:i,s:s,s:o,s:o}", "v", VERSION, "account", record->account.text,
			 "fields", fields, "history", history);
	if (root == NULL)
		abort();
	line = text ? json_dumps(root, JSON_COMPACT) : NULL;
	if (line == NULL)
		*error_r = "A value of this account in Redis is not text.";
	json_decref(root);
	return line;
}
