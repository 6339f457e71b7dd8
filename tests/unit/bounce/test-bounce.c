/* Bounces: which are genuine (B2), and what failed (B3). */

#include "milter/bounce/bounce.h"

#include <stdio.h>

#include <glib.h>

#include "tests/unit/bounce-samples.h"

/* Where the original's header with its trace may stand. */
struct genuine_row {
	const char *name;
	const char *text;
	bool genuine;
};

#define PART(type) REPORT_HEADER "--x\nContent-Type: " type "\n\n"

static const struct genuine_row genuine_rows[] = {
	{ "message/rfc822", PART("message/rfc822") QUOTED "\n--x--\n", true },
	{ "text/rfc822-headers", PART("text/rfc822-headers") QUOTED_HEADER "\n--x--\n", true },
	{ "message/rfc822-headers", PART("message/rfc822-headers") QUOTED_HEADER "\n--x--\n",
	  true },
	{ "message/global", PART("message/global") QUOTED "\n--x--\n", true },
	{ "message/global-headers", PART("message/global-headers") QUOTED_HEADER "\n--x--\n",
	  true },
	{ "no final boundary", PART("message/rfc822") QUOTED, true },
	{ "another boundary than is declared", REPORT_HEADER "--y\n\n" QUOTED "\n--y--\n", true },
	{ "in the same part as the delivery status",
	  REPORT_HEADER STATUS_PART STATUS_FAILED
	  "--y\n\nReceived: by mx\nSubject: x\nPostern-Trace: $T\n",
	  true },
	{ "cut behind the trace", PART("message/rfc822") "Received: by mx\nPostern-Trace: $T",
	  true },
	{ "inline", EXIM QUOTED, true },
	{ "inline, indented", EXIM "  Received: by mx\n  Postern-Trace: $T\n", true },
	{ "inline, quoted", EXIM "> Received: by mx\n> Postern-Trace: $T\n", true },
	{ "inline, quoted twice", EXIM "> > Received: by mx\n>> Postern-Trace: $T\n", true },
	{ "inline, folded", EXIM "Received: by mx\nPostern-Trace:\n $T\n", true },
	{ "inline, quoted and folded", EXIM "> Postern-Trace:\n>  $T\n", true },
	{ "in capitals", EXIM "POSTERN-TRACE: $T\n", true },
	{ "space before the colon", EXIM "Postern-Trace : $T\n", true },
	{ "no space behind the colon", EXIM "Postern-Trace:$T\n", true },
	{ "the header alone", EXIM "Postern-Trace: $T\n", true },
	{ "CRLF", "Subject: x\r\n\r\nReceived: by mx\r\nPostern-Trace: $T\r\n", true },
	{ "CR alone", "Subject: x\n\nfailed\r\rReceived: by mx\rPostern-Trace: $T\rFrom: a\r",
	  true },
	{ "in HTML",
	  "Content-Type: text/html\n\n<html><body><p>Original headers:</p><pre>\n"
	  "Received: by mx&#10;&gt; x</pre><p>Postern-Trace: $T</p>",
	  true },
	{ "in HTML, with a hard space",
	  "Content-Type: text/html\n\n<b>Postern-Trace:</b>&nbsp;$T<br>", true },
	{ "in HTML, a lone ampersand between CR and LF",
	  "Content-Type: text/html\n\nfailed\r&\nPostern-Trace: $T\n", true },
	{ "empty line too many", PART("message/rfc822") "\n" QUOTED "\n--x--\n", true },
	{ "empty line missing", REPORT_HEADER "--x\n" QUOTED_HEADER "\n--x--\n", true },
	{ "a bounce sent on",
	  "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nsee below\n"
	  "--o\nContent-Type: message/rfc822\n\n" REPORT(STATUS_FAILED) "\n--o--\n",
	  true },

	{ "behind other marks", EXIM "| Received: by mx\n| Postern-Trace: $T\n", true },

	{ "no trace", PART("message/rfc822") "Received: by mx\nSubject: x\n\ntext\n--x--\n",
	  false },
	{ "empty", "", false },
	{ "headers alone", "Subject: x\n", false },
	{ "in the message's own header", "Postern-Trace: $T\nSubject: x\n\nfailed\n", false },
	{ "in the original's body",
	  PART("message/rfc822") "Received: by mx\nSubject: x\n\nPostern-Trace: $T\n\n--x--\n",
	  false },
	{ "in the original's body, inline",
	  EXIM "Received: by mx\nSubject: x\n\nPostern-Trace: $T\n", false },
	{ "in the original's body, by a sender who calls himself a mail system",
	  PART("message/rfc822") "From: mailer-daemon <me@x>\nSubject: x\n\nReceived: by x\n"
				 "Postern-Trace: $T\n\n--x--\n",
	  false },
	{ "in a message that the original has in it",
	  PART("message/rfc822") "Received: by mx\nContent-Type: multipart/mixed; boundary=o\n\n"
				 "--o\nContent-Type: message/rfc822\n\n" QUOTED
				 "\n--o--\n\n--x--\n",
	  false },
	{ "another header", EXIM "X-Postern-Trace: $T\n", false },
	{ "in a sentence", EXIM "It had Postern-Trace: $T\n", false },
	{ "longer by a character", EXIM "Postern-Trace: $TA\n", false },
	{ "with something before", EXIM "Postern-Trace: A$T\n", false },
	{ "cut", EXIM "Postern-Trace: Bzz\n", false },
};

static void is_genuine(void **state)
{
	const struct genuine_row *row = *state;
	struct bounce_reading reading;

	read_text(row->text, &reading);
	assert_int_equal(reading.genuine, row->genuine);
	if (row->genuine) {
		assert_string_equal(reading.trace.account.text, "andrejs@example.org");
		assert_true(trace_is_of_queue(&reading.trace, BOUNCE_QUEUE_ID));
	}
}

/* Words that others had written into a report: by recipients' names and servers' replies. */
struct injected_row {
	const char *name;
	const char *text;
	bool is_own, genuine;
};

#define OTHER "$O" /* a trace of another account */
#define INJECTED                                                                                   \
	REPORT_HEADER REPORT_TEXT "<\"aaa\n    Postern-Trace: " OTHER "\n    z\"@x>: 550\n\n"
#define REPLY                                                                                      \
	"Final-Recipient: rfc822; a@x\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 " \
	"\n"                                                                                       \
	"    Received: y\n    Postern-Trace: " OTHER "\n\n"

static const struct injected_row injected_rows[] = {
	{ "before the original", INJECTED QUOTED_PART, false, true },
	{ "before the original, ours", INJECTED QUOTED_PART, true, true },
	{ "in a reply", REPORT_HEADER STATUS_PART REPLY QUOTED_PART, true, true },
	{ "in a reply, no original", REPORT_HEADER STATUS_PART REPLY, false, false },
	{ "before an original without a trace, ours",
	  INJECTED "--x\nContent-Type: message/rfc822\n\nReceived: by x\n\n--x--\n", true, false },
	{ "before no original, ours", INJECTED "--x--\n", true, false },
};

static void is_not_fooled(void **state)
{
	const struct injected_row *row = *state;
	struct secrets secrets = sample_secrets();
	struct account_name other = sample_account("other@example.org");
	struct bounce *bounce = bounce_new(row->is_own);
	struct bounce_reading reading;
	char token[TRACE_VALUE_SIZE];
	size_t size;
	char *bytes = with_token(row->text, &size), *at = strstr(bytes, OTHER);

	assert_int_equal(trace_seal(&secrets, &other, "example.org", 1760000000, 3, "1", token), 0);
	bounce_whole(bounce, bytes, (size_t)(at - bytes));
	bounce_whole(bounce, token, TRACE_VALUE_LENGTH);
	bounce_whole(bounce, at + 2, strlen(at + 2));
	bounce_read(bounce, &secrets, "example.org", &reading);
	bounce_free(&bounce);
	assert_int_equal(reading.genuine, row->genuine);
	if (row->genuine)
		assert_string_equal(reading.trace.account.text, "andrejs@example.org");
	free(bytes);
}

/* A report about many recipients, each with a line: all of them are read. */
static void reads_on_behind_replies(void **state)
{
	struct secrets secrets = sample_secrets();
	struct bounce *bounce = bounce_new(true);
	struct bounce_reading reading;
	size_t size;
	char *end = with_token(QUOTED_PART, &size);

	(void)state;
	bounce_whole(bounce, REPORT_HEADER STATUS_PART, strlen(REPORT_HEADER STATUS_PART));
	for (int i = 0; i < 20; i++)
		bounce_whole(bounce, REPLY, strlen(REPLY));
	bounce_whole(bounce, end, size);
	bounce_read(bounce, &secrets, "example.org", &reading);
	bounce_free(&bounce);
	assert_true(reading.genuine);
	assert_int_equal(reading.failed_count, 20);
	free(end);
}

/* What failed. Of a genuine bounce; others are read as well, but count for nothing. */
struct failed_row {
	const char *name;
	const char *text;
	enum bounce_form form;
	unsigned int count;
	const char *address; /* of the first one */
	const char *status;
	bool spam;
};

#define FIELDS(fields)	      REPORT(fields "\n")
#define TO		      "Final-Recipient: rfc822; dead@reject.test\n"
#define WORDS(subject, words) "Subject: " subject "\n\n" words "\n\n--- The message ---\n\n" QUOTED
#define DEAD		      "dead@reject.test"
#define FEEDBACK(fields)                                                                           \
	"Content-Type: multipart/report; report-type=feedback-report; boundary=x\n\n"              \
	"--x\n\nThis is an abuse report.\n"                                                        \
	"--x\nContent-Type: message/feedback-report\n\n" fields "\n" QUOTED_PART

static const struct failed_row failed_rows[] = {
	{ "Postfix", REPORT(STATUS_FAILED), BOUNCE_STATUS, 1, DEAD, "5.1.1", false },
	{ "two of three",
	  REPORT(STATUS_FAILED "Final-Recipient: rfc822; ok@reject.test\nAction: delivered\n"
			       "Status: 2.0.0\n\n"
			       "Final-Recipient: rfc822; Other@Reject.test\nAction: failed\n"
			       "Status: 5.2.2\n\n"),
	  BOUNCE_STATUS, 2, DEAD, "5.1.1", false },
	{ "no empty line between recipients",
	  FIELDS(TO "Action: failed\nStatus: 5.1.1\n"
		    "Final-Recipient: rfc822; b@reject.test\nAction: failed\nStatus: 5.1.1\n"),
	  BOUNCE_STATUS, 2, DEAD, "5.1.1", false },
	{ "the recipient that the message was sent to",
	  FIELDS("Final-Recipient: rfc822; led@elsewhere.test\n"
		 "Original-Recipient: rfc822;DEAD@reject.test\nAction: failed\nStatus: 5.1.1\n"),
	  BOUNCE_STATUS, 1, DEAD, "5.1.1", false },
	{ "in UTF-8",
	  FIELDS("Final-Recipient: utf-8; \xc5\xbeno@reject.test\nAction: failed\nStatus: 5.1.1\n"),
	  BOUNCE_STATUS, 1, "\xc5\xbeno@reject.test", "5.1.1", false },
	{ "in angle brackets",
	  FIELDS("Final-Recipient: RFC822; <dead@reject.test>\nACTION: Failed\nStatus: 5.1.1\n"),
	  BOUNCE_STATUS, 1, DEAD, "5.1.1", false },
	{ "with comments",
	  FIELDS(TO "Action: failed (no such user)\nStatus: 5.1.1 (bad mailbox)\n"), BOUNCE_STATUS,
	  1, DEAD, "5.1.1", false },
	{ "the server's status is more exact",
	  FIELDS(TO "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 unknown\n"),
	  BOUNCE_STATUS, 1, DEAD, "5.1.1", false },
	{ "no status, but the server's",
	  FIELDS(TO "Action: failed\nDiagnostic-Code: smtp; 550 no\n"), BOUNCE_STATUS, 1, DEAD, "",
	  false },
	{ "no recipient", FIELDS("Action: failed\nStatus: 5.1.1\n"), BOUNCE_STATUS, 1, "", "5.1.1",
	  false },
	{ "spam by status", FIELDS(TO "Action: failed\nStatus: 5.7.1\n"), BOUNCE_STATUS, 1, DEAD,
	  "5.7.1", true },
	{ "spam by words",
	  FIELDS(TO "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 Listed by\n"
		    " Spamhaus\n"),
	  BOUNCE_STATUS, 1, DEAD, "5.0.0", true },
	{ "a word of spam in an address, or in another word",
	  FIELDS(TO
		 "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <spam.trap@x>: "
		 "mx1.antispamcloud.example knows no such user\n"),
	  BOUNCE_STATUS, 1, DEAD, "5.1.1", false },
	{ "full mailbox", FIELDS(TO "Action: failed\nStatus: 5.2.2\n"), BOUNCE_STATUS, 1, DEAD,
	  "5.2.2", false },
	{ "delayed", FIELDS(TO "Action: delayed\nStatus: 4.4.1\n"), BOUNCE_NOTHING, 0, "", "",
	  false },
	{ "delayed, with a status of failures", FIELDS(TO "Action: delayed\nStatus: 5.4.1\n"),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "delivered", FIELDS(TO "Action: delivered\nStatus: 2.0.0\n"), BOUNCE_NOTHING, 0, "", "",
	  false },
	{ "relayed", FIELDS(TO "Action: relayed\nStatus: 2.0.0\n"), BOUNCE_NOTHING, 0, "", "",
	  false },
	{ "expanded", FIELDS(TO "Action: expanded\nStatus: 2.0.0\n"), BOUNCE_NOTHING, 0, "", "",
	  false },
	{ "expired, so failed for now", FIELDS(TO "Action: failed\nStatus: 4.4.7\n"),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "failed for now, says the server",
	  FIELDS(TO "Action: failed\nDiagnostic-Code: smtp; 451 4.7.1 later\n"), BOUNCE_NOTHING, 0,
	  "", "", false },
	{ "no action", FIELDS(TO "Status: 5.1.1\n"), BOUNCE_NOTHING, 0, "", "", false },
	{ "OpenSMTPD, the reply in its words",
	  REPORT_HEADER "--x\n\ndead@reject.test: 550 5.7.1 rejected as spam\n" STATUS_PART
			"Reporting-MTA: dns; mx\n\n" TO
			"Action: failed\nStatus: 5.0.0\n\n" QUOTED_PART,
	  BOUNCE_STATUS, 1, DEAD, "5.7.1", true },

	{ "abuse report",
	  FEEDBACK("Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <Dead@reject.test>\n"),
	  BOUNCE_FEEDBACK, 1, DEAD, "", true },
	{ "abuse report without a recipient", FEEDBACK("Feedback-Type: abuse\nVersion: 1\n"),
	  BOUNCE_FEEDBACK, 1, "", "", true },
	{ "report of a virus", FEEDBACK("Feedback-Type: Virus\n"), BOUNCE_FEEDBACK, 1, "", "",
	  true },
	{ "not spam", FEEDBACK("Feedback-Type: not-spam\n"), BOUNCE_NOTHING, 0, "", "", false },
	{ "authentication failure", FEEDBACK("Feedback-Type: auth-failure\n"), BOUNCE_NOTHING, 0,
	  "", "", false },
	{ "receipt",
	  "Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n"
	  "--x\n\nYour message was deleted: user unknown 550 5.1.1\n"
	  "--x\nContent-Type: message/disposition-notification\n\n"
	  "Final-Recipient: rfc822;dead@reject.test\n"
	  "Disposition: automatic-action/MDN-sent-automatically; deleted\n\n" QUOTED_PART,
	  BOUNCE_NOTHING, 0, "", "", false },

	{ "Exim of old",
	  WORDS("Mail delivery failed", "This is a permanent error. The following address(es) "
					"failed:\n\n  dead@reject.test\n    unrouteable address"),
	  BOUNCE_WORDS, 1, DEAD, "", false },
	{ "Exim, several", "X-Failed-Recipients: dead@reject.test,\n  b@reject.test\n" EXIM QUOTED,
	  BOUNCE_WORDS, 2, DEAD, "", false },
	{ "qmail",
	  WORDS("failure notice", "Hi. This is the qmail-send program.\nThis is a permanent error; "
				  "I've given up.\n\n<dead@reject.test>:\n192.0.2.1 does not like "
				  "recipient.\nRemote host said: 550 5.1.1 unknown"),
	  BOUNCE_WORDS, 1, DEAD, "5.1.1", false },
	{ "words of spam", WORDS("failure", "<dead@reject.test>: 554 5.7.1 blocked using a dnsbl"),
	  BOUNCE_WORDS, 1, DEAD, "5.7.1", true },
	{ "the sender's own address is no failed one",
	  WORDS("failure", "Dear andrejs@example.org,\nuser unknown: dead@reject.test"),
	  BOUNCE_WORDS, 1, DEAD, "", false },
	{ "the subject alone says it", WORDS("User unknown: dead@reject.test", "Sorry."),
	  BOUNCE_WORDS, 1, DEAD, "", false },
	{ "warning",
	  WORDS("Warning: message delayed", "THIS IS A WARNING MESSAGE ONLY.\n"
					    "<dead@reject.test>: 550 5.1.1 unknown"),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "failed for now", WORDS("failure", "<dead@reject.test>: 451 4.3.0 try again"),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "both at once",
	  WORDS("failure", "<a@reject.test>: 451 later\n<b@reject.test>: 550 unknown user"),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "vacation", WORDS("Out of office", "I am on vacation until Monday."), BOUNCE_NOTHING, 0,
	  "", "", false },
	{ "challenge", WORDS("Please confirm your message", "Reply, or your mail is rejected."),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "nothing that anybody could count", WORDS("Hello", "Thank you for your message."),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "a reply behind words", WORDS("failure", "<dead@reject.test>\nhost mx said \"550 no\""),
	  BOUNCE_WORDS, 1, DEAD, "", false },
	{ "a version number", WORDS("Hello", "We run version 5.1.2 of it. See our privacy policy."),
	  BOUNCE_NOTHING, 0, "", "", false },
	{ "a rare reply code", WORDS("failure", "<dead@reject.test>:\nhost mx said 501 5.1.8 no"),
	  BOUNCE_WORDS, 1, DEAD, "5.1.8", false },
	{ "a status of qmail", WORDS("failure notice", "<dead@reject.test>:\nSorry. (#5.1.1)"),
	  BOUNCE_WORDS, 1, DEAD, "5.1.1", false },
	{ "a subject of spam",
	  WORDS("Undeliverable: our new privacy policy", "<dead@reject.test>: user unknown"),
	  BOUNCE_WORDS, 1, DEAD, "", false },
	{ "numbers that are no replies",
	  WORDS("Invoice 550", "We owe you 550 EUR, call 4550 or see 5.5.5.5."), BOUNCE_NOTHING, 0,
	  "", "", false },
	{ "the words of the original are not read",
	  WORDS("Hello", "Thank you.") "user unknown, 550 5.1.1 no\n", BOUNCE_NOTHING, 0, "", "",
	  false },
};

static void says_what_failed(void **state)
{
	const struct failed_row *row = *state;
	struct bounce_reading reading;

	read_text(row->text, &reading);
	assert_true(reading.genuine);
	assert_int_equal(reading.failed_count, row->count);
	assert_int_equal(reading.form, row->form);
	if (row->count == 0)
		return;
	assert_string_equal(reading.failed[0].address, row->address);
	assert_string_equal(reading.failed[0].status, row->status);
	assert_int_equal(reading.failed[0].spam, row->spam);
}

/* What a bounce has to say stands at its beginning; its subject counts however long it is. */
static void words_far_down(void **state)
{
	static const char *const subjects[] = { "Hello", "user unknown" };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct bounce_reading reading;
		size_t text_size, size;
		char *text, *bytes;
		FILE *out = open_memstream(&text, &text_size);

		fprintf(out, "Subject: %s\n\n", subjects[i]);
		for (unsigned int line = 0; line < 1000; line++)
			fputs("There is nothing to tell.\n", out);
		fputs("<dead@reject.test>: user unknown\n\n--- The message ---\n\n" QUOTED, out);
		fclose(out);
		bytes = with_token(text, &size);
		read_bytes(bytes, size, &reading);
		assert_true(reading.genuine);
		assert_int_equal(reading.failed_count, i);
		free(bytes);
		free(text);
	}
}

struct encoding_row {
	const char *name;
	const char *type;
	bool base64;
};

static const struct encoding_row encoding_rows[] = {
	{ "base64", "text/plain", true },
	{ "quoted-printable", "text/rfc822-headers", false },
	{ "message in base64", "message/rfc822", true },
	{ "message in quoted-printable", "message/rfc822", false },
};

static void write_encoded(FILE *out, const char *text, size_t size, bool base64)
{
	gchar *coded = g_base64_encode((const guchar *)text, size);

	for (size_t i = 0; base64 && coded[i] != '\0'; i++)
		fprintf(out, i % 76 == 75 ? "%c\n" : "%c", coded[i]);
	for (size_t i = 0; !base64 && i < size; i++)
		fprintf(out, i % 20 == 19 ? "=%02X=\n" : "=%02X", (unsigned char)text[i]);
	g_free(coded);
}

static void decodes(void **state)
{
	const struct encoding_row *row = *state;
	size_t plain_size, size;
	char *plain = with_token(QUOTED, &plain_size), *text;
	FILE *out = open_memstream(&text, &size);
	struct bounce_reading reading;

	fprintf(out, REPORT_HEADER "--x\nContent-Type: %s\nContent-Transfer-Encoding: %s\n\n",
		row->type, row->base64 ? "base64" : "quoted-printable");
	write_encoded(out, plain, plain_size, row->base64);
	fprintf(out, "\n--x--\n");
	fclose(out);
	read_bytes(text, size, &reading);
	assert_true(reading.genuine);
	free(plain);
	free(text);
}

/* A line may end anywhere in the trace, as where long lines are broken. */
static void broken_anywhere(void **state)
{
	char token[TRACE_VALUE_SIZE], text[1000];
	struct bounce_reading reading;

	(void)state;
	sample_token(token);
	for (int at = 0; at <= TRACE_VALUE_LENGTH; at++) {
		snprintf(text, sizeof(text), EXIM "> Postern-Trace: %.*s\n>  %s\n> From: x\n", at,
			 token, token + at);
		read_bytes(text, strlen(text), &reading);
		assert_true(reading.genuine);
	}
}

/* Cut anywhere, it is read or not, but never wrongly. */
static void cut_anywhere(void **state)
{
	struct bounce_reading reading;
	size_t size;
	char *bytes = with_token(REPORT(STATUS_FAILED), &size);

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		read_bytes(bytes, cut, &reading);
		assert_true(reading.failed_count <= 1);
		if (reading.genuine)
			assert_string_equal(reading.trace.account.text, "andrejs@example.org");
	}
	assert_true(reading.genuine);
	free(bytes);
}

/* Who made it: judged by the milter from these. */
static void tells_its_way(void **state)
{
	struct bounce_reading reading;

	(void)state;
	read_text(REPORT(STATUS_FAILED), &reading);
	assert_int_equal(reading.received, 0);
	assert_string_equal(reading.queue_id, BOUNCE_QUEUE_ID);
	read_text("Received: by relay (Postfix)\n\tid 4X; now\n" REPORT(STATUS_FAILED), &reading);
	assert_int_equal(reading.received, 1);
	assert_false(reading.was_received_from);
	read_text("Received:\n from a by b\nReceived: by c\n" REPORT(STATUS_FAILED), &reading);
	assert_int_equal(reading.received, 2);
	assert_true(reading.was_received_from);
}

/* Whom the reporter has given up, by which a notice that came back is known. */
struct given_up_row {
	const char *name;
	const char *text;
	const char *original, *final, *status;
};

static const struct given_up_row given_up_rows[] = {
	{ "failed", REPORT(STATUS_FAILED), DEAD, DEAD, "5.1.1" },
	{ "full for as long as it was in the queue",
	  FIELDS("Final-Recipient: rfc822; b@h.test\nOriginal-Recipient: rfc822;A@h.test\n"
		 "Action: failed\nStatus: 4.2.2\n"),
	  "a@h.test", "b@h.test", "4.2.2" },
	{ "the first of two",
	  FIELDS("Final-Recipient: rfc822; a@h.test\nAction: failed\nStatus: 5.2.2\n\n"
		 "Final-Recipient: rfc822; b@h.test\nAction: failed\nStatus: 5.1.1\n"),
	  "", "a@h.test", "5.2.2" },
	{ "behind one that is late",
	  FIELDS("Final-Recipient: rfc822; a@h.test\nAction: delayed\nStatus: 4.2.2\n\n"
		 "Final-Recipient: rfc822; b@h.test\nAction: failed\nStatus: 5.1.1\n"),
	  "", "b@h.test", "5.1.1" },
	{ "late", FIELDS("Final-Recipient: rfc822; a@h.test\nAction: delayed\nStatus: 4.2.2\n"), "",
	  "", "" },
	{ "delivered",
	  FIELDS("Final-Recipient: rfc822; a@h.test\nAction: delivered\nStatus: 2.0.0\n"), "", "",
	  "" },
	{ "in words", EXIM "a@h.test\n  mailbox is full\n", "", "", "" },
};

static void given_up(void **state)
{
	const struct given_up_row *row = *state;
	struct bounce_reading reading;

	read_text(row->text, &reading);
	assert_string_equal(reading.given_up.original_recipient, row->original);
	assert_string_equal(reading.given_up.final_recipient, row->final);
	assert_string_equal(reading.given_up.status, row->status);
}

int main(void)
{
	bounce_start();
	ADD_ROWS(is_genuine, genuine_rows);
	ADD_ROWS(says_what_failed, failed_rows);
	ADD_ROWS(decodes, encoding_rows);
	ADD_TEST(words_far_down);
	ADD_ROWS(is_not_fooled, injected_rows);
	ADD_TEST(reads_on_behind_replies);
	ADD_TEST(broken_anywhere);
	ADD_TEST(cut_anywhere);
	ADD_TEST(tells_its_way);
	ADD_ROWS(given_up, given_up_rows);
	return RUN_TESTS();
}
