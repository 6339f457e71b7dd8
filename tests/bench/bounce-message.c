#include "bounce-message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account/account.h"
#include "milter-packets.h"
#include "settings/secrets.h"
#include "keys/trace.h"

#define BOUNDARY "4FB2C1A0.1759388400/mail.example.test"

/* Room for a queue id; the spaces behind it are no part of it. */
#define QUEUE_ID_SPACE "                                "

#define QUEUE_ID_FIELD "X-Postfix-Queue-ID: "
#define TRACE_FIELD    TRACE_HEADER ": "

static const char report[] =
	"This is a MIME-encapsulated message.\r\n"
	"\r\n"
	"--" BOUNDARY "\r\n"
	"Content-Description: Notification\r\n"
	"Content-Type: text/plain; charset=us-ascii\r\n"
	"\r\n"
	"This is the mail system at host mail.example.test.\r\n"
	"\r\n"
	"I'm sorry to have to inform you that your message could not\r\n"
	"be delivered to one or more recipients. It's attached below.\r\n"
	"\r\n"
	"For further assistance, please send mail to postmaster.\r\n"
	"\r\n"
	"If you do so, please include this problem report. You can\r\n"
	"delete your own text from the attached returned message.\r\n"
	"\r\n"
	"                   The mail system\r\n"
	"\r\n"
	"<anna@remote.test>: host mx.remote.test[203.0.113.25] said: 550 5.1.1\r\n"
	"    <anna@remote.test>: Recipient address rejected: User unknown in virtual\r\n"
	"    mailbox table (in reply to RCPT TO command)\r\n"
	"\r\n"
	"--" BOUNDARY "\r\n"
	"Content-Description: Delivery report\r\n"
	"Content-Type: message/delivery-status\r\n"
	"\r\n"
	"Reporting-MTA: dns; mail.example.test\r\n" QUEUE_ID_FIELD QUEUE_ID_SPACE "\r\n"
	"X-Postfix-Sender: rfc822; someone@example.test\r\n"
	"Arrival-Date: Thu,  2 Oct 2025 10:00:00 +0300 (EEST)\r\n"
	"\r\n"
	"Final-Recipient: rfc822; anna@remote.test\r\n"
	"Original-Recipient: rfc822;anna@remote.test\r\n"
	"Action: failed\r\n"
	"Status: 5.1.1\r\n"
	"Remote-MTA: dns; mx.remote.test\r\n"
	"Diagnostic-Code: smtp; 550 5.1.1 <anna@remote.test>: Recipient address\r\n"
	"    rejected: User unknown in virtual mailbox table\r\n"
	"\r\n"
	"--" BOUNDARY "\r\n"
	"Content-Description: Undelivered Message\r\n"
	"Content-Type: message/rfc822\r\n"
	"\r\n"
	"Return-Path: <someone@example.test>\r\n" TRACE_FIELD
	"..................................................................................."
	"\r\n"
	"Received: from client.example (client.example [198.51.100.7])\r\n"
	"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
	"\tby mail.example.test (Postfix) with ESMTPSA id 4FB2C1A0\r\n"
	"\tfor <anna@remote.test>; Thu,  2 Oct 2025 10:00:00 +0300 (EEST)\r\n"
	"Message-ID: <20251002100000.4FB2C1A0@client.example>\r\n"
	"Date: Thu, 2 Oct 2025 10:00:00 +0300\r\n"
	"From: Someone <someone@example.test>\r\n"
	"To: anna@remote.test\r\n"
	"Subject: The quarterly figures, as promised\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: application/pdf; name=\"figures.pdf\"\r\n"
	"Content-Transfer-Encoding: base64\r\n"
	"\r\n";

static const char original_line[] =
	"JVBERi0xLjcKJeLjz9MKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRv\r\n";

static const char report_end[] = "\r\n--" BOUNDARY "--\r\n";

const char *const bounce_message_headers[BOUNCE_MESSAGE_HEADERS][2] = {
	{ "Date", "Thu,  2 Oct 2025 10:00:03 +0300 (EEST)" },
	{ "From", "MAILER-DAEMON@mail.example.test (Mail Delivery System)" },
	{ "Subject", "Undelivered Mail Returned to Sender" },
	{ "To", "someone@example.test" },
	{ "Auto-Submitted", "auto-replied" },
	{ "MIME-Version", "1.0" },
	{ "Content-Type",
	  "multipart/report; report-type=delivery-status;\n\tboundary=\"" BOUNDARY "\"" },
	{ "Message-Id", "<20251002070003.7D1C2B3A@mail.example.test>" },
};

static struct {
	size_t size;
	const struct secrets *secrets;
	const char *default_domain;
} site;

void bounce_message_begin(size_t size, const char *secrets_path, const char *default_domain)
{
	char *error = NULL;

	site.secrets = secrets_load(secrets_path, SECRETS_SITE, &error);
	if (site.secrets == NULL) {
		errno = 0;
		die(error);
	}
	if (size < sizeof(report) + sizeof(report_end)) {
		errno = ERANGE;
		die("BYTES");
	}
	site.size = size;
	site.default_domain = default_domain;
}

void bounce_message_new(struct bounce_message *message)
{
	const size_t text = sizeof(report) - 1, end = sizeof(report_end) - 1;

	message->size = site.size;
	message->bytes = malloc(site.size + 1);
	if (message->bytes == NULL)
		die("memory");
	memcpy(message->bytes, report, text);
	for (size_t i = text; i < site.size - end; i++)
		message->bytes[i] = original_line[(i - text) % (sizeof(original_line) - 1)];
	memcpy(message->bytes + site.size - end, report_end, end + 1);
	message->queue_id = strstr(message->bytes, QUEUE_ID_FIELD) + strlen(QUEUE_ID_FIELD);
	message->trace = strstr(message->bytes, TRACE_FIELD) + strlen(TRACE_FIELD);
}

int bounce_message_trace(struct bounce_message *message, const char *login, const char *queue_id)
{
	struct account_name account;
	char value[TRACE_VALUE_SIZE];
	const char *error;

	if (strlen(queue_id) > strlen(QUEUE_ID_SPACE) ||
	    account_name_parse(login, strlen(login), site.default_domain, &account, &error) < 0 ||
	    trace_seal(site.secrets, &account, site.default_domain, time(NULL), 1, queue_id,
		       value) < 0)
		return -1;
	memset(message->queue_id, ' ', strlen(QUEUE_ID_SPACE));
	memcpy(message->queue_id, queue_id, strlen(queue_id));
	memcpy(message->trace, value, TRACE_VALUE_LENGTH);
	return 0;
}
