/* Reads what a report says for machines. */

#include "report.h"

#include <string.h>
#include <strings.h>

#include "words.h"
#include "base/header-field.h"

void bounce_report_begin(struct bounce_report *report, enum bounce_report_kind kind,
			 struct failed_recipient *failed)
{
	memset(report, 0, sizeof(*report));
	report->kind = kind;
	report->failed = failed;
}

/* The address of a field "rfc822; someone@example.org", which may be in angle brackets. */
static void take_address(const char *value, char address_r[FAILURE_ADDRESS_SIZE])
{
	const char *type_end = strchr(value, ';');
	size_t size;

	if (type_end != NULL)
		value = type_end + 1;
	value += strspn(value, " \t<");
	/* A quoted local part may have anything in it. */
	size = *value == '"' ? strlen(value) : strcspn(value, "> \t");
	bounce_lower(value, size, address_r, FAILURE_ADDRESS_SIZE - 1);
}

static void take_word(const char *value, char *word_r, size_t word_size)
{
	size_t size = strcspn(value, " \t;(");

	if (size >= word_size)
		size = word_size - 1;
	memcpy(word_r, value, size);
	word_r[size] = '\0';
}

/* "smtp; 550 5.1.1 no such user": the reply of an SMTP server, or the like. */
static void take_diagnostic(struct bounce_group *group, const char *value)
{
	char lower[BOUNCE_FIELD_SIZE + 1], *text;

	bounce_lower(value, strlen(value), lower, BOUNCE_FIELD_SIZE);
	text = strchr(lower, ';') != NULL ? strchr(lower, ';') + 1 : lower;
	text += strspn(text, " \t");
	group->has_diagnostic_5xx = text[0] == '5' && bounce_digits(text, 3) == 3;
	group->spam = bounce_speaks_of_spam(text);
	bounce_find_status(text, group->diagnostic_status);
}

static bool all_zero(const char *status)
{
	return strcmp(status + 1, ".0.0") == 0;
}

/* What is most exact: a class alone says less than the server's own words. */
static const char *choose_status(const struct bounce_group *group)
{
	if (group->status[0] != '\0' &&
	    (!all_zero(group->status) || group->diagnostic_status[0] != '5'))
		return group->status;
	return group->diagnostic_status;
}

/* Permanently failed: RFC 3464 sections 2.3.3 and 2.3.4. Some leave the status away; then the
   server's reply says it. */
static bool is_failure(const struct bounce_group *group)
{
	if (strcasecmp(group->action, "failed") != 0)
		return false;
	if (group->status[0] != '\0')
		return group->status[0] == '5';
	return group->diagnostic_status[0] == '5' ||
	       (group->diagnostic_status[0] == '\0' && group->has_diagnostic_5xx);
}

static void add_failed(struct bounce_report *report)
{
	const struct bounce_group *group = &report->group;
	struct failed_recipient *failed;

	if (report->failed_count == FAILURES_MAX)
		return;
	failed = &report->failed[report->failed_count++];
	memset(failed, 0, sizeof(*failed));
	/* The original one is whom the message was sent to; the other is where that one led to. */
	strcpy(failed->address, group->original_recipient[0] != '\0' ? group->original_recipient
								     : group->final_recipient);
	if (report->kind == BOUNCE_REPORT_FEEDBACK) {
		failed->spam = true;
		return;
	}
	strcpy(failed->status, choose_status(group));
	failed->spam = group->spam || bounce_is_policy(failed->status);
}

static void note_given_up(struct bounce_report *report)
{
	const struct bounce_group *group = &report->group;
	struct bounce_given_up *given_up = &report->given_up;

	if (strcasecmp(group->action, "failed") != 0 || given_up->original_recipient[0] != '\0' ||
	    given_up->final_recipient[0] != '\0')
		return;
	strcpy(given_up->original_recipient, group->original_recipient);
	strcpy(given_up->final_recipient, group->final_recipient);
	strcpy(given_up->status, choose_status(group));
}

/* What the group said, now that it is whole. */
static void conclude_group(struct bounce_report *report)
{
	const struct bounce_group *group = &report->group;

	if (report->kind == BOUNCE_REPORT_STATUS)
		note_given_up(report);
	if (report->kind == BOUNCE_REPORT_STATUS ? is_failure(group) : group->complaint)
		add_failed(report);
	memset(&report->group, 0, sizeof(report->group));
}

/* The same field again is another recipient's, though no empty line came between. */
static void take_recipient(struct bounce_report *report, const char *value,
			   char address_r[FAILURE_ADDRESS_SIZE])
{
	if (address_r[0] != '\0')
		conclude_group(report);
	take_address(value, address_r);
}

static void take_status_field(struct bounce_report *report, const char *name, const char *value)
{
	struct bounce_group *group = &report->group;

	if (strcasecmp(name, "Action") == 0) {
		take_word(value, group->action, sizeof(group->action));
		report->has_action = true;
	} else if (strcasecmp(name, "Status") == 0) {
		bounce_find_status(value, group->status);
	} else if (strcasecmp(name, "Final-Recipient") == 0) {
		take_recipient(report, value, group->final_recipient);
	} else if (strcasecmp(name, "Original-Recipient") == 0) {
		take_recipient(report, value, group->original_recipient);
	} else if (strcasecmp(name, "Diagnostic-Code") == 0) {
		take_diagnostic(group, value);
		report->has_diagnostic = true;
	} else if (strcasecmp(name, "X-Postfix-Queue-ID") == 0) {
		take_word(value, report->queue_id, sizeof(report->queue_id));
	}
}

/* The types of section 3.5, and of RFC 5965's registry, that say that the message was bad. Others
   say that it was not, or that something else was wrong. */
static void take_feedback_field(struct bounce_report *report, const char *name, const char *value)
{
	struct bounce_group *group = &report->group;
	char type[16];

	if (strcasecmp(name, "Feedback-Type") == 0) {
		take_word(value, type, sizeof(type));
		group->complaint = strcasecmp(type, "abuse") == 0 ||
				   strcasecmp(type, "fraud") == 0 || strcasecmp(type, "virus") == 0;
	} else if (strcasecmp(name, "Original-Rcpt-To") == 0 &&
		   group->original_recipient[0] == '\0') {
		take_address(value, group->original_recipient);
	}
}

static void end_field(struct bounce_report *report)
{
	struct header_field field;
	const bool is_field = header_field_parse(report->field, report->field_size, &field);
	const char *value;

	report->field[report->field_size] = '\0';
	report->field_size = 0;
	if (!is_field)
		return;
	report->field[field.name_size] = '\0';
	value = report->field + field.value;
	value += strspn(value, " \t");
	if (report->kind == BOUNCE_REPORT_STATUS)
		take_status_field(report, report->field, value);
	else
		take_feedback_field(report, report->field, value);
}

static void end_group(struct bounce_report *report)
{
	end_field(report);
	conclude_group(report);
}

static void add_to_field(struct bounce_report *report, const char *text, size_t size)
{
	if (size > BOUNCE_FIELD_SIZE - report->field_size)
		size = BOUNCE_FIELD_SIZE - report->field_size;
	memcpy(report->field + report->field_size, text, size);
	report->field_size += size;
}

bool bounce_report_line(void *_report, const char *line, size_t size)
{
	struct bounce_report *report = _report;

	if (strspn(line, " \t") == size) {
		/* Empty lines inside what has only one group mean nothing. */
		if (report->kind == BOUNCE_REPORT_STATUS)
			end_group(report);
		return true;
	}
	if (!header_field_continues(line, size))
		end_field(report);
	add_to_field(report, line, size);
	return report->failed_count < FAILURES_MAX;
}

void bounce_report_end(struct bounce_report *report)
{
	end_group(report);
}
