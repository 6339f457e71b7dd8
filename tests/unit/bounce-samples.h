#ifndef POSTERN_TESTS_BOUNCE_SAMPLES_H
#define POSTERN_TESTS_BOUNCE_SAMPLES_H

#include <stdlib.h>
#include <string.h>

#include "milter/bounce/bounce.h"
#include "samples.h"

/* Pieces that the bounces of the tests are made of. $T stands for a trace of ours. */

#define BOUNCE_QUEUE_ID "4dHw8L1Qq0z3Kb"

#define QUOTED_HEADER                                                                              \
	"Return-Path: <andrejs@example.org>\n"                                                     \
	"Received: from [192.0.2.7] (unknown [192.0.2.7])\n"                                       \
	"\tby mail.example.org (Postfix) with ESMTPSA id " BOUNCE_QUEUE_ID "\n"                    \
	"\tfor <dead@reject.test>; Wed, 25 Nov 2026 03:00:00 +0000 (UTC)\n"                        \
	"Postern-Trace: $T\n"                                                                      \
	"From: Andrejs <andrejs@example.org>\n"                                                    \
	"Subject: hello\n"

#define QUOTED QUOTED_HEADER "\nthe text\n"

/* What stands before the original that old versions of Exim quote. */
#define EXIM                                                                                       \
	"Subject: Mail delivery failed: returning message to sender\n\n"                           \
	"A message that you sent could not be delivered to one or more of its\n"                   \
	"recipients. This is a permanent error.\n\n  dead@reject.test\n\n"                         \
	"------ This is a copy of the message, including all the headers. ------\n\n"

#define REPORT_HEADER                                                                              \
	"Subject: Undelivered Mail Returned to Sender\n"                                           \
	"MIME-Version: 1.0\n"                                                                      \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=\"x\"\n\n"

#define REPORT_TEXT                                                                                \
	"--x\nContent-Type: text/plain; charset=us-ascii\n\n"                                      \
	"I'm sorry to have to inform you that your message could not\n"                            \
	"be delivered to one or more recipients.\n\n"

#define STATUS_PART "--x\nContent-Type: message/delivery-status\n\n"

#define STATUS_HEADER                                                                              \
	"Reporting-MTA: dns; mail.example.org\n"                                                   \
	"X-Postfix-Queue-ID: " BOUNCE_QUEUE_ID "\n\n"

#define STATUS_FAILED                                                                              \
	"Final-Recipient: rfc822; dead@reject.test\n"                                              \
	"Original-Recipient: rfc822;dead@reject.test\n"                                            \
	"Action: failed\n"                                                                         \
	"Status: 5.1.1\n"                                                                          \
	"Diagnostic-Code: smtp; 550 5.1.1 no such mailbox here\n\n"

#define QUOTED_PART "--x\nContent-Type: message/rfc822\n\n" QUOTED "\n--x--\n"

/* A whole report with the fields of a delivery status. */
#define REPORT(fields) REPORT_HEADER REPORT_TEXT STATUS_PART STATUS_HEADER fields QUOTED_PART

static inline void sample_token(char token_r[TRACE_VALUE_SIZE])
{
	struct secrets secrets = sample_secrets();
	struct account_name account = sample_account("andrejs@example.org");

	assert_int_equal(trace_seal(&secrets, &account, "example.org", 1760000000, 3,
				    BOUNCE_QUEUE_ID, token_r),
			 0);
}

#define TOKENS_MAX 4

/* The text with a trace in each place of $T, for free(). */
static inline char *with_token(const char *text, size_t *size_r)
{
	char token[TRACE_VALUE_SIZE];
	char *result = malloc(strlen(text) + TOKENS_MAX * TRACE_VALUE_SIZE + 1), *end = result;
	const char *at;

	assert_non_null(result);
	sample_token(token);
	for (unsigned int i = 0; (at = strstr(text, "$T")) != NULL; text = at + 2, i++) {
		assert_true(i < TOKENS_MAX);
		end = mempcpy(end, text, (size_t)(at - text));
		end = stpcpy(end, token);
	}
	end = stpcpy(end, text);
	*size_r = (size_t)(end - result);
	return result;
}

static inline void read_bytes(const char *bytes, size_t size, struct bounce_reading *reading_r)
{
	struct secrets secrets = sample_secrets();
	struct bounce *bounce = bounce_new(false);

	bounce_whole(bounce, bytes, size);
	bounce_read(bounce, &secrets, "example.org", reading_r);
	bounce_free(&bounce);
}

static inline void read_text(const char *text, struct bounce_reading *reading_r)
{
	size_t size;
	char *bytes = with_token(text, &size);

	read_bytes(bytes, size, reading_r);
	free(bytes);
}

#endif
