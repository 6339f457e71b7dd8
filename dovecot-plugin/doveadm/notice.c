/* doveadm postern notice: shows what an owner would be told, and sends it on request (D5). */

#include "lib.h"
#include "guid.h"
#include "str-sanitize.h"

#include "doveadm-postern.h"
#include "notices/notice.h"
#include "notices/sendmail.h"

#include <stdlib.h>
#include <time.h>

#define SENDMAIL_MSECS 30000

/* For --to that isn't given. */
#define SAMPLE_NAME   "owner"
#define SAMPLE_DOMAIN "example.org"

/* For a warning where the settings have none. */
#define SAMPLE_WARNING (14 * 24 * 3600)

static const struct postern_column columns[] = {
	{ .name = "user" }, { .name = "status" },
	{ .name = "text" }, { .name = "message", .untitled = TRUE },
	{ .name = NULL },
};

/* What the call asks for. */
struct request {
	struct account_name account;
	enum notice_event event;
	const char *language; /* NULL: the default one */
	bool send;
};

static const char *event_words(void)
{
	const char *words = notice_event_word(0);

	for (int i = 1; i < NOTICE_EVENTS; i++)
		words = t_strconcat(words, ", ", notice_event_word((enum notice_event)i), NULL);
	return words;
}

static bool read_account(struct postern_run *run, struct request *request_r)
{
	const char *domain = run->settings->default_domain;
	const char *to = postern_option(run, "to"), *error;
	const char *name = to != NULL ? to : SAMPLE_NAME;

	if (to == NULL && request_r->send) {
		postern_refuse(run, POSTERN_INVALID, "to: expected an account to send to");
		return FALSE;
	}
	if (to == NULL && domain == NULL)
		domain = SAMPLE_DOMAIN;
	if (account_name_parse(name, strlen(name), domain, &request_r->account, &error) == 0)
		return TRUE;
	postern_fail(run, POSTERN_INVALID_USER, str_sanitize(name, POSTERN_USER_SHOWN_MAX), error);
	return FALSE;
}

static bool read_request(struct postern_run *run, struct request *request_r)
{
	const char *event = postern_option(run, "event");
	char language[NOTICE_LANGUAGE_SIZE];

	i_zero(request_r);
	request_r->send = postern_flag(run, "send");
	request_r->language = postern_option(run, "language");
	if (event == NULL || notice_event_parse(event, &request_r->event) < 0) {
		postern_refuse(run, POSTERN_INVALID,
			       t_strconcat("event: expected one of ", event_words(), NULL));
		return FALSE;
	}
	if (request_r->language != NULL && notice_language(request_r->language, language) < 0) {
		postern_refuse(run, POSTERN_INVALID,
			       "language: expected a language tag such as et or et_EE");
		return FALSE;
	}
	return read_account(run, request_r);
}

/* A message of made-up facts, for free(). */
static char *render(const struct postern_run *run, const struct notices *notices,
		    const struct request *request)
{
	unsigned int warning = run->settings->notices.unused_warning;
	int64_t now = (int64_t)time(NULL) * 1000;
	guid_128_t id;
	struct notice_facts facts = {
		.account = &request->account,
		.language = request->language,
		.time = now,
		.until = now + 1000 * (int64_t)(warning != 0 ? warning : SAMPLE_WARNING),
		.sent = now,
		.by = "webmail",
		.from = "192.0.2.7",
		.label = "Thunderbird",
		.number = 1,
	};
	const char *error;
	char *message;

	guid_128_generate(id);
	facts.message_id = t_strdup_printf("<notice.%s%s>", guid_128_to_string(id),
					   strchr(request->account.text, '@'));
	message = notice_render(notices, request->event, &facts, &error);
	if (message == NULL)
		i_panic("notice_render(): %s", error);
	return message;
}

static void print_message(const struct postern_run *run, const struct request *request,
			  const char *status, const char *text, const char *message)
{
	const char *values[] = { request->account.text, status, text, message };

	postern_print(run, values);
}

static void send_message(struct postern_run *run, const struct request *request,
			 const char *message)
{
	const char *path = run->settings->worker.sendmail, *user = request->account.text;
	char text[SENDMAIL_TEXT_SIZE];

	switch (sendmail_run(path, "", user, message, SENDMAIL_MSECS, text)) {
	case SENDMAIL_SENT:
		print_message(run, request, "sent", "The mail system has accepted this notice.",
			      message);
		postern_log(run, "account=%s notice=%s", user, notice_event_word(request->event));
		break;
	case SENDMAIL_LATER:
		postern_fail(run, POSTERN_UNAVAILABLE, user, t_strconcat("sendmail: ", text, NULL));
		break;
	case SENDMAIL_FAILED:
		postern_fail(run, POSTERN_NOT_SENT, user, t_strconcat("sendmail: ", text, NULL));
		break;
	}
}

static void show(struct postern_run *run, const struct request *request)
{
	struct notices *notices;
	char *error, *message;

	notices = notices_load(run->settings, &error);
	if (notices == NULL) {
		postern_refuse(run, POSTERN_UNCONFIGURED, t_strconcat("notices: ", error, NULL));
		free(error);
		return;
	}
	message = render(run, notices, request);
	if (request->send)
		send_message(run, request, message);
	else
		print_message(run, request, "ok",
			      "This is the notice, filled in with sample values.", message);
	free(message);
	notices_free(&notices);
}

static void cmd_postern_notice(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	struct request request;

	if (!postern_begin_without_secrets(&run, cctx, columns))
		return;
	if (read_request(&run, &request))
		show(&run, &request);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_OPTION("language"),
	POSTERN_OPTION("to"),
	POSTERN_FLAG("send"),
	{ .name = "event", .type = CMD_PARAM_STR, .flags = CMD_PARAM_FLAG_POSITIONAL },
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_notice_command = {
	.name = "postern notice",
	.cmd = cmd_postern_notice,
	.usage = "[--language <tag>] [--to <user>] [--send] <event>",
	.parameters = parameters,
};
