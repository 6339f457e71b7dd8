/* What a message says as a bounce. */

#include "bounce.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

#include "lines.h"
#include "quote.h"
#include "text.h"
#include "words.h"
#include "base/header-field.h"

/* Parts that are looked at, and how deep they may be nested. */
#define PARTS_MAX 200
#define DEPTH_MAX 20

/* What a part without parts is. */
enum leaf {
	LEAF_TEXT,
	LEAF_STATUS,
	LEAF_FEEDBACK,
	LEAF_RECEIPT,  /* RFC 8098: it was read, or deleted, so it arrived */
	LEAF_RETURNED, /* the original, or its header */
};

/* What the parts are read for. */
enum pass {
	PASS_PARTS, /* what each says as the part that it is */
	PASS_TEXT,  /* a trace in any text: see look_into_text() */
};

struct reading {
	struct bounce_reading *result;
	enum pass pass;
	unsigned int parts; /* in this pass */
	struct bounce_quote quote;
	struct bounce_report report; /* the first one there is */
	bool has_text;		     /* a text has been read */
	GByteArray *words;	     /* lines of it, each with its NUL */
	unsigned int words_count;    /* of these lines */
	bool is_receipt;
};

/* Keeps what a text says in words, until it is known that nothing else says it: to look for what
   they mean takes longer than to read the rest. False if no more are kept. */
static bool keep_words(struct reading *reading, const char *line, size_t size)
{
	if (reading->words_count == BOUNCE_TEXT_LINES)
		return false;
	reading->words_count++;
	g_byte_array_append(reading->words, (const guint8 *)line, (guint)size + 1);
	return true;
}

static void read_words(const struct reading *reading, struct bounce_text *text_r)
{
	const char *line = (const char *)reading->words->data;

	bounce_text_begin(text_r);
	for (unsigned int i = 0; i < reading->words_count; i++) {
		bounce_text_line(text_r, line);
		line += strlen(line) + 1;
	}
}

static bool take_word_line(void *_reading, const char *line, size_t size)
{
	struct reading *reading = _reading;

	bounce_quote_line(&reading->quote, line);
	return !bounce_quote_in_original(&reading->quote) && keep_words(reading, line, size);
}

static bool take_quote_line(void *_reading, const char *line, size_t size)
{
	struct reading *reading = _reading;

	(void)size;
	return bounce_quote_line(&reading->quote, line);
}

/* A line that continues another is left out: it may be part of a server's reply, in which anybody
   can have anything written. */
static bool take_quote_field(void *_reading, const char *line, size_t size)
{
	return header_field_continues(line, size) || take_quote_line(_reading, line, size);
}

/* With a wrong boundary, the original follows in the same part. A line that continues another is
   not a field of it, as above. */
static bool take_report_line(void *_reading, const char *line, size_t size)
{
	struct reading *reading = _reading;

	if (!header_field_continues(line, size))
		bounce_quote_line(&reading->quote, line);
	return !bounce_quote_in_original(&reading->quote) &&
	       bounce_report_line(&reading->report, line, size);
}

static void read_report(struct reading *reading, GMimePart *part, enum bounce_report_kind kind)
{
	if (reading->report.kind != BOUNCE_REPORT_NONE)
		return;
	bounce_report_begin(&reading->report, kind, reading->result->failed);
	bounce_lines_of_part(part, take_report_line, reading);
	bounce_report_end(&reading->report);
}

/* The original's header in a part of its own. */
static void read_returned(struct reading *reading, GMimePart *part)
{
	bounce_quote_text(&reading->quote, BOUNCE_QUOTE_TRACE);
	bounce_lines_of_part(part, take_quote_line, reading);
}

/* The first text says in words what failed. */
static void read_text(struct reading *reading, GMimePart *part)
{
	if (!reading->has_text)
		bounce_lines_of_part(part, take_word_line, reading);
	reading->has_text = true;
}

/* What is around the parts, or is all there is when the boundary is wrong. */
static void read_around(struct reading *reading, const char *text)
{
	if (text == NULL)
		return;
	switch (reading->pass) {
	case PASS_PARTS:
		bounce_quote_text(&reading->quote, BOUNCE_QUOTE_BEGINNING);
		if (!reading->has_text)
			bounce_lines_of_text(text, take_word_line, reading);
		break;
	case PASS_TEXT:
		bounce_quote_text(&reading->quote, BOUNCE_QUOTE_TRACE);
		bounce_lines_of_text(text, take_quote_line, reading);
		break;
	}
}

static enum leaf leaf_of(GMimePart *part)
{
	static const struct {
		const char *type, *subtype;
		enum leaf leaf;
	} known[] = {
		{ "message", "delivery-status", LEAF_STATUS },
		{ "message", "global-delivery-status", LEAF_STATUS },
		{ "message", "feedback-report", LEAF_FEEDBACK },
		{ "message", "disposition-notification", LEAF_RECEIPT },
		{ "message", "global-disposition-notification", LEAF_RECEIPT },
		{ "message", "*", LEAF_RETURNED },
		{ "text", "rfc822-headers", LEAF_RETURNED },
	};
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (g_mime_content_type_is_type(type, known[i].type, known[i].subtype))
			return known[i].leaf;
	}
	return LEAF_TEXT;
}

static void read_leaf(struct reading *reading, GMimePart *part)
{
	bounce_quote_text(&reading->quote, BOUNCE_QUOTE_BEGINNING);
	switch (leaf_of(part)) {
	case LEAF_STATUS:
		read_report(reading, part, BOUNCE_REPORT_STATUS);
		break;
	case LEAF_FEEDBACK:
		read_report(reading, part, BOUNCE_REPORT_FEEDBACK);
		break;
	case LEAF_RECEIPT:
		reading->is_receipt = true;
		break;
	case LEAF_RETURNED:
		read_returned(reading, part);
		break;
	case LEAF_TEXT:
		read_text(reading, part);
		break;
	}
}

static void search_leaf(struct reading *reading, GMimePart *part)
{
	const enum leaf leaf = leaf_of(part);
	bool is_report = leaf == LEAF_STATUS || leaf == LEAF_FEEDBACK;

	bounce_quote_text(&reading->quote, BOUNCE_QUOTE_TRACE);
	bounce_lines_of_part(part, is_report ? take_quote_field : take_quote_line, reading);
}

static void read_simple_part(struct reading *reading, GMimePart *part)
{
	switch (reading->pass) {
	case PASS_PARTS:
		read_leaf(reading, part);
		break;
	case PASS_TEXT:
		search_leaf(reading, part);
		break;
	}
}

static void read_part(struct reading *reading, GMimeObject *part, unsigned int depth);

static void read_headers(struct reading *reading, GMimeObject *object)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);
	int count = g_mime_header_list_get_count(headers);

	for (int i = 0; i < count && !reading->quote.found; i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);

		bounce_quote_header(&reading->quote, g_mime_header_get_name(header),
				    g_mime_header_get_raw_value(header));
	}
}

/* The original, or a report that somebody sent on. The original's own body is not looked at, as it
   can quote anything. */
static void read_message(struct reading *reading, GMimeMessage *message, unsigned int depth)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
	GMimeObject *body = g_mime_message_get_mime_part(message);
	bool is_report =
		body != NULL && g_mime_content_type_is_type(g_mime_object_get_content_type(body),
							    "multipart", "report");

	read_headers(reading, GMIME_OBJECT(message));
	if (!reading->quote.found && is_report && reading->report.kind == BOUNCE_REPORT_NONE) {
		read_part(reading, body, depth);
		return;
	}
	/* With one empty line too many, the header is in the body. */
	if (g_mime_header_list_get_count(headers) == 0 && GMIME_IS_PART(body))
		read_returned(reading, GMIME_PART(body));
}

static void read_multipart(struct reading *reading, GMimeMultipart *multipart, unsigned int depth)
{
	int count = g_mime_multipart_get_count(multipart);

	read_around(reading, g_mime_multipart_get_prologue(multipart));
	for (int i = 0; i < count; i++)
		read_part(reading, g_mime_multipart_get_part(multipart, i), depth);
	read_around(reading, g_mime_multipart_get_epilogue(multipart));
}

static void read_part(struct reading *reading, GMimeObject *part, unsigned int depth)
{
	if (part == NULL || depth == DEPTH_MAX || reading->parts++ >= PARTS_MAX)
		return;
	if (depth > 0)
		read_headers(reading, part); /* where the empty line is missing */
	if (GMIME_IS_MULTIPART(part)) {
		read_multipart(reading, GMIME_MULTIPART(part), depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(part)) {
		GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));

		if (message != NULL)
			read_message(reading, message, depth + 1);
	} else if (GMIME_IS_PART(part)) {
		read_simple_part(reading, GMIME_PART(part));
	}
}

static void add_failed(struct reading *reading, const struct bounce_text *text, const char *address)
{
	struct failed_recipient *failed = &reading->result->failed[reading->result->failed_count++];

	memset(failed, 0, sizeof(*failed));
	strcpy(failed->address, address);
	strcpy(failed->status, text->status);
	failed->spam = text->spam || bounce_is_policy(text->status);
}

/* The first address that is not the sender's own; "" if there is none. */
static const char *other_address(const struct bounce_text *text, const char *account)
{
	for (unsigned int i = 0; i < text->addresses_count; i++) {
		if (strcmp(text->addresses[i], account) != 0)
			return text->addresses[i];
	}
	return "";
}

/* The failure that words mention: one, and whose is often guesswork. Exim and Gmail say in a
   header whose failed. */
static void judge_words(struct reading *reading, GMimeMessage *message)
{
	const char *subject = g_mime_message_get_subject(message);
	const char *recipients =
		g_mime_object_get_header(GMIME_OBJECT(message), "X-Failed-Recipients");
	struct bounce_text text, named;
	bool spam;

	read_words(reading, &text);
	spam = text.spam;
	if (subject != NULL)
		bounce_text_line(&text, subject);
	text.spam = spam; /* the subject may be the original's */
	if (!bounce_text_says_failed(&text))
		return;
	reading->result->form = BOUNCE_WORDS;
	bounce_text_begin(&named);
	if (recipients != NULL)
		bounce_text_addresses(&named, recipients);
	for (unsigned int i = 0; i < named.addresses_count; i++)
		add_failed(reading, &text, named.addresses[i]);
	if (named.addresses_count == 0)
		add_failed(reading, &text,
			   other_address(&text, reading->result->trace.account.text));
}

/* OpenSMTPD has the server's reply in its words only: they are about that recipient if there is
 * one. */
static void complete_status(struct reading *reading)
{
	struct failed_recipient *failed = &reading->result->failed[0];
	struct bounce_text text;

	if (reading->report.kind != BOUNCE_REPORT_STATUS || reading->report.failed_count != 1 ||
	    reading->report.has_diagnostic)
		return;
	read_words(reading, &text);
	if (text.status[0] != '\0' &&
	    (failed->status[0] == '\0' || strcmp(failed->status, "5.0.0") == 0))
		strcpy(failed->status, text.status);
	failed->spam = failed->spam || text.spam || bounce_is_policy(failed->status);
}

/* Through whose hands it came. */
static void read_received(GMimeMessage *message, struct bounce_reading *result)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
	int count = g_mime_header_list_get_count(headers);

	for (int i = 0; i < count; i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
		const char *value = g_mime_header_get_raw_value(header);

		if (strcasecmp(g_mime_header_get_name(header), "Received") != 0)
			continue;
		value += strspn(value, " \t\r\n");
		if (result->received++ == 0)
			result->was_received_from = strncasecmp(value, "from", 4) == 0;
	}
}

/* True if the report says all there is to say, so that words count for nothing. */
static bool judge_report(struct reading *reading)
{
	static const enum bounce_form forms[] = { [BOUNCE_REPORT_NONE] = BOUNCE_NOTHING,
						  [BOUNCE_REPORT_STATUS] = BOUNCE_STATUS,
						  [BOUNCE_REPORT_FEEDBACK] = BOUNCE_FEEDBACK };
	struct bounce_reading *result = reading->result;
	const struct bounce_report *report = &reading->report;

	memcpy(result->queue_id, report->queue_id, sizeof(result->queue_id));
	result->given_up = report->given_up;
	result->failed_count = report->failed_count;
	if (report->failed_count > 0)
		result->form = forms[report->kind];
	complete_status(reading);
	return report->kind == BOUNCE_REPORT_FEEDBACK || report->has_action;
}

static void judge_reading(struct reading *reading, GMimeMessage *message)
{
	struct bounce_reading *result = reading->result;

	result->genuine = reading->quote.found;
	result->trace = reading->quote.trace;
	read_received(message, result);
	if (!judge_report(reading) && result->genuine && !reading->is_receipt)
		judge_words(reading, message);
}

/* The original's header after everything that is kept. */
static void look_behind(struct reading *reading, const char *traces)
{
	bounce_quote_text(&reading->quote, BOUNCE_QUOTE_TRACE);
	bounce_lines_of_text(traces, take_quote_line, reading);
}

/* The original may be quoted in the text. It is looked for there last, as in a report's text others
   can have anything written: recipients by their names, servers by their replies. */
static void look_into_text(struct reading *reading, GMimeMessage *message)
{
	reading->pass = PASS_TEXT;
	reading->parts = 0;
	read_part(reading, g_mime_message_get_mime_part(message), 0);
}

/* What our own hosts bring is Postfix's, which returns the original in a part of its own. */
static void read_all(struct reading *reading, GMimeMessage *message, const struct bounce *bounce)
{
	read_part(reading, g_mime_message_get_mime_part(message), 0);
	if (!reading->quote.found)
		look_behind(reading, bounce_late_traces(bounce));
	if (!reading->quote.found && !bounce_is_own(bounce))
		look_into_text(reading, message);
}

/* Postfix's report on one message was so long that it wasn't even begun to be read: whatever it
   says, it isn't that all is well. */
static void add_unknown(struct bounce_reading *result)
{
	result->form = BOUNCE_STATUS;
	result->failed_count = 1;
	memset(&result->failed[0], 0, sizeof(result->failed[0]));
}

void bounce_read(struct bounce *bounce, const struct secrets *secrets, const char *default_domain,
		 struct bounce_reading *reading_r)
{
	GMimeMessage *message = bounce_parse(bounce);
	struct reading reading = { .result = reading_r };

	memset(reading_r, 0, sizeof(*reading_r));
	reading_r->was_cut = bounce_was_cut(bounce);
	if (message == NULL)
		return;
	bounce_quote_begin(&reading.quote, secrets, default_domain);
	reading.words = g_byte_array_new();
	read_all(&reading, message, bounce);
	judge_reading(&reading, message);
	if (reading_r->genuine && reading_r->was_cut && reading.report.kind == BOUNCE_REPORT_NONE &&
	    bounce_is_own(bounce))
		add_unknown(reading_r);
	g_byte_array_free(reading.words, TRUE);
	g_object_unref(message);
}
