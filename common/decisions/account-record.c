/* Checks an account that comes from outside, field by field. */

#include "decisions/account-record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decisions/access.h"
#include "keys/app-password.h"
#include "account/protocol.h"
#include "account/reason.h"
#include "settings/settings.h"
#include "base/utf8.h"

/* Milliseconds until the year 33658, exact in Lua's numbers. */
#define TIME_DIGITS   15
#define NUMBER_DIGITS 9

/* Of a history: seconds, and no more than the others. */
#define TIME_HEX_DIGITS 10

#define ADDRESS_MAX 63
#define ATTEMPT_MAX 128

#define APP "app:" /* begins the names of app passwords */

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* Each of these takes what it knows from the beginning of *text. False if it isn't there. */

static bool take_number(const char **text, size_t digits_max, uint64_t *number_r)
{
	size_t digits = strspn(*text, DIGITS);

	if (digits == 0 || digits > digits_max || (digits > 1 && **text == '0'))
		return false;
	*number_r = strtoull(*text, NULL, 10);
	*text += digits;
	return true;
}

static bool take_time(const char **text, uint64_t *time_r)
{
	return take_number(text, TIME_DIGITS, time_r);
}

static bool take_sign(const char **text, char sign)
{
	return *(*text)++ == sign;
}

/* Printable ASCII without spaces; may be empty. */
static bool take_word(const char **text, size_t max)
{
	size_t size = 0;

	while ((*text)[size] > ' ' && (*text)[size] <= '~')
		size++;
	*text += size;
	return size <= max;
}

static bool take_address(const char **text)
{
	size_t size = strspn(*text, DIGITS "abcdefghijklmnopqrstuvwxyzABCDEF:.%");

	*text += size;
	return size <= ADDRESS_MAX;
}

static bool take_protocol(const char **text)
{
	static const char *const words[] = { "pop3", "imap", "smtp" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(*text, words[i], strlen(words[i])) == 0) {
			*text += strlen(words[i]);
			return true;
		}
	}
	return false;
}

static bool is_access(const char *text)
{
	return strcmp(text, "enabled") == 0 || strcmp(text, "disabled") == 0;
}

static bool is_reason(const char *text)
{
	enum disable_reason reason;

	return reason_parse(text, &reason) == 0 && reason != REASON_NEVER_ENABLED;
}

static bool is_time(const char *text)
{
	uint64_t time;

	return take_time(&text, &time) && time > 0 && *text == '\0';
}

static bool is_tier(const char *text)
{
	size_t size = strspn(text, LOWER DIGITS "-");

	return size > 0 && size <= SETTINGS_TIER_MAX && text[size] == '\0';
}

static bool is_passive(const char *text)
{
	return strcmp(text, "passive") == 0;
}

static bool is_exempt(const char *text)
{
	return strcmp(text, "exempt") == 0;
}

static bool is_blocked(const char *text)
{
	return strcmp(text, "blocked") == 0;
}

static bool is_language(const char *text)
{
	return *text != '\0' && access_is_language(text);
}

static bool is_number(const char *text)
{
	uint64_t number;

	return take_number(&text, NUMBER_DIGITS, &number) && number > 0 && *text == '\0';
}

/* An app password's value. */
struct password {
	uint64_t number, created, ended, expires;
};

static bool take_scope(const char **text)
{
	char words[PROTOCOL_SET_SIZE], canonical[PROTOCOL_SET_SIZE];
	size_t size = strcspn(*text, " ");
	unsigned int set;

	if (size == 0 || size >= sizeof(words))
		return false;
	memcpy(words, *text, size);
	words[size] = '\0';
	*text += size;
	if (strcmp(words, "*") == 0)
		return true;
	if (protocol_set_parse(words, &set) < 0)
		return false;
	protocol_set_write(set, canonical);
	return strcmp(words, canonical) == 0;
}

static bool read_password(const char *text, struct password *password_r)
{
	return take_number(&text, NUMBER_DIGITS, &password_r->number) && password_r->number > 0 &&
	       take_sign(&text, ' ') && take_time(&text, &password_r->created) &&
	       take_sign(&text, ' ') && take_time(&text, &password_r->ended) &&
	       take_sign(&text, ' ') && take_time(&text, &password_r->expires) &&
	       take_sign(&text, ' ') && take_scope(&text) && *text == '\0';
}

static bool is_password(const char *text)
{
	struct password password;

	return read_password(text, &password);
}

static bool is_label(const char *text)
{
	const char *error;

	return *text != '\0' && app_password_label_check(text, &error) == 0;
}

static bool is_use(const char *text)
{
	uint64_t time;

	return take_time(&text, &time) && take_sign(&text, ' ') && take_protocol(&text) &&
	       take_sign(&text, ' ') && take_address(&text) && *text == '\0';
}

static bool is_protocol(const char *text)
{
	return take_protocol(&text) && *text == '\0';
}

static bool is_seen(const char *text)
{
	uint64_t time, number;

	return take_time(&text, &time) && take_sign(&text, ' ') && take_address(&text) &&
	       take_sign(&text, ' ') && take_word(&text, ATTEMPT_MAX) && take_sign(&text, ' ') &&
	       take_number(&text, NUMBER_DIGITS, &number) && *text == '\0';
}

/* "count time" */
static bool is_break_ins(const char *text)
{
	uint64_t count, time;

	return take_number(&text, NUMBER_DIGITS, &count) && count > 0 && take_sign(&text, ' ') &&
	       take_time(&text, &time) && time > 0 && *text == '\0';
}

typedef bool check_t(const char *text);

/* Every field that an account can have. */
static const struct form {
	const char *name; /* with a colon at the end it is how the name begins */
	check_t *rest;	  /* checks the rest of the name */
	check_t *value;	  /* NULL for bytes */
	const char *expected;
} forms[] = {
	{ "access", NULL, is_access, "access: expected enabled or disabled" },
	{ "reason", NULL, is_reason, "reason: expected the reason why access was switched off" },
	{ "since", NULL, is_time, "since: expected milliseconds since 1970" },
	{ "tier", NULL, is_tier, "tier: expected the name of a tier" },
	{ "held_tier", NULL, is_tier, "held_tier: expected the name of a tier" },
	{ "held_until", NULL, is_time, "held_until: expected milliseconds since 1970" },
	{ "activity", NULL, is_passive, "activity: expected passive, or nothing" },
	{ "tls", NULL, is_exempt, "tls: expected exempt, or nothing" },
	{ "sending", NULL, is_blocked, "sending: expected blocked, or nothing" },
	{ "language", NULL, is_language, "language: expected a language tag such as en or et_EE" },
	{ "numbers", NULL, is_number,
	  "numbers: expected how many app passwords there have ever been" },
	{ APP, app_password_is_digest, is_password,
	  "app:DIGEST: expected 'NUMBER CREATED ENDED EXPIRES PROTOCOLS'" },
	{ "label:", is_number, is_label,
	  "label:NUMBER: expected at most 48 bytes of UTF-8 without control characters" },
	{ "used:", is_number, is_use, "used:NUMBER: expected 'TIME PROTOCOL ADDRESS'" },
	{ "seen:", is_protocol, is_seen, "seen:PROTOCOL: expected 'TIME ADDRESS ATTEMPT NUMBER'" },
	{ "logins", NULL, NULL, "logins: expected 44, 52 or 60 bytes in base64url" },
	{ "nets", NULL, NULL, "nets: expected 8 to 64 bytes, 8 each, in base64url" },
	{ "break_ins", NULL, is_break_ins, "break_ins: expected 'COUNT TIME'" },
	{ "revoked", NULL, is_time, "revoked: expected milliseconds since 1970" },
	{ "changed", NULL, is_time, "changed: expected milliseconds since 1970" },
	{ "warned", NULL, is_time, "warned: expected milliseconds since 1970" },
};

static const char no_such_field[] = "fields: expected only fields that accounts have";

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t size = strlen(forms[i].name);

		if (forms[i].rest == NULL ? strcmp(name, forms[i].name) == 0
					  : strncmp(name, forms[i].name, size) == 0)
			return &forms[i];
	}
	return NULL;
}

bool account_record_is_bytes(const char *field)
{
	const struct form *form = find_form(field);

	return form != NULL && form->value == NULL;
}

bool account_record_has_size(const char *field, size_t size)
{
	size_t counts = strcmp(field, "logins") == 0 ? ACCOUNT_RECORD_COUNTS_SIZE : 0;

	return size >= counts && size > 0 && size <= ACCOUNT_RECORD_BYTES_MAX &&
	       (size - counts) % ACCOUNT_RECORD_NETWORK_SIZE == 0;
}

const char *account_record_expected(const char *field)
{
	const struct form *form = find_form(field);

	return form != NULL ? form->expected : no_such_field;
}

static int refuse(const char **error_r, const char *expected)
{
	*error_r = expected;
	return -1;
}

static bool has_form(const struct account_record_field *field, const struct form *form)
{
	if (form->rest != NULL && !form->rest(field->name + strlen(form->name)))
		return false;
	if (form->value == NULL)
		return account_record_has_size(field->name, field->size);
	return strlen(field->value) == field->size && form->value(field->value);
}

static int check_field(const struct account_record_field *field, const char **error_r)
{
	const struct form *form = find_form(field->name);

	if (form == NULL)
		return refuse(error_r, no_such_field);
	return has_form(field, form) ? 0 : refuse(error_r, form->expected);
}

/* The value of a field, "" if it isn't there. */
static const char *value_of(const struct account_record *record, const char *name)
{
	for (unsigned int i = 0; i < record->fields_count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return record->fields[i].value;
	}
	return "";
}

static bool has(const struct account_record *record, const char *name)
{
	for (unsigned int i = 0; i < record->fields_count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The app passwords, each of which is sound, with each other and with access. */
static int check_passwords(const struct account_record *record, const char **error_r)
{
	static const char too_many[] = "app:DIGEST: expected at most 25, of which at most 20 work";
	static const char wrong_number[] =
		"app:DIGEST: expected a number of its own, of at most numbers";
	const char *access = value_of(record, "access"), *numbers = value_of(record, "numbers");
	uint64_t most = strtoull(numbers, NULL, 10);
	uint64_t seen[ACCESS_PASSWORDS_MAX];
	unsigned int count = 0, working = 0;
	struct password password;

	for (unsigned int i = 0; i < record->fields_count; i++) {
		if (strncmp(record->fields[i].name, APP, strlen(APP)) != 0)
			continue;
		if (!read_password(record->fields[i].value, &password) ||
		    count == ACCESS_PASSWORDS_MAX)
			return refuse(error_r, too_many);
		working += password.ended == 0 ? 1 : 0;
		if (working > APP_PASSWORDS_WORKING_MAX)
			return refuse(error_r, too_many);
		for (unsigned int j = 0; j < count; j++) {
			if (seen[j] == password.number)
				return refuse(error_r, wrong_number);
		}
		if (password.number > most)
			return refuse(error_r, wrong_number);
		seen[count++] = password.number;
	}
	/* A3. They would come to life with the next one. */
	if (working > 0 && strcmp(access, "enabled") != 0)
		return refuse(error_r, "app:DIGEST: expected none that works while access is off");
	return 0;
}

/* "TIME\tWHAT\tDETAIL\tBY\tFROM", and for some "\tEVIDENCE" */
static bool is_history_line(const char *line, size_t size)
{
	unsigned int tabs = 0;
	size_t digits = strspn(line, DIGITS "abcdef");

	if (size > ACCOUNT_RECORD_HISTORY_LINE_MAX || digits == 0 || digits > TIME_HEX_DIGITS ||
	    line[digits] != '\t')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\t')
			tabs++;
		else if (line[i] < ' ' || line[i] > '~')
			return false;
	}
	return tabs == 4 || (tabs == 5 && line[size - 1] != '\t');
}

static int check_history(const char *history, const char **error_r)
{
	static const char expected[] =
		"history: expected at most 32 lines of 'TIME WHAT DETAIL BY FROM [EVIDENCE]', "
		"with tabs";

	for (unsigned int lines = 0; *history != '\0'; lines++) {
		size_t size = strcspn(history, "\n");

		if (lines == ACCESS_HISTORY_MAX || !is_history_line(history, size))
			return refuse(error_r, expected);
		history += size;
		if (*history == '\n' && *++history == '\0')
			return refuse(error_r, expected);
	}
	return 0;
}

int account_record_check(const struct account_record *record, const char **error_r)
{
	for (unsigned int i = 0; i < record->fields_count; i++) {
		if (check_field(&record->fields[i], error_r) < 0)
			return -1;
	}
	if (has(record, "access") != has(record, "since"))
		return refuse(error_r, "access: expected together with since");
	if (has(record, "held_tier") != has(record, "held_until"))
		return refuse(error_r, "held_tier: expected together with held_until");
	if (record->fields_count == 0 && *record->history == '\0')
		return refuse(error_r, "fields: expected at least one, or a history");
	if (check_passwords(record, error_r) < 0)
		return -1;
	return check_history(record->history, error_r);
}
