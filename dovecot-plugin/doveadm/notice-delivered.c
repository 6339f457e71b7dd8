/* doveadm postern notice delivered: whether a notice is in its owner's mailbox (D5). postern-worker
   asks it before it sends one that may have been sent before. It answers yes or no: whoever may
   call it can't read anybody's mail with it. */

#include "lib.h"
#include "array.h"
#include "str-sanitize.h"

#include "doveadm-postern.h"
#include "message-lookup.h"
#include "decisions/notice-name.h"

/* The clocks of Redis and of this host may differ, and mailboxes are searched by the day. */
#define SLACK 86400

#define NUMBER_SHOWN_MAX 64

static const struct postern_column columns[] = {
	{ .name = "user" }, { .name = "number" }, { .name = "status" },
	{ .name = "text" }, { .name = NULL },
};

static void print(const struct postern_run *run, const char *user, const char *number,
		  const char *status, const char *text)
{
	const char *values[] = { user, number, status, text };

	postern_print(run, values);
}

/* The Message-IDs that the notice may have, one for each key of the site; NULL if OpenSSL fails. */
static const char *const *find_message_ids(const struct secrets *secrets,
					   const struct notice_number *number,
					   const struct account_name *account)
{
	ARRAY_TYPE(const_string) ids;

	t_array_init(&ids, SECRETS_KEYS_MAX + 1);
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		char id[NOTICE_MESSAGE_ID_SIZE];
		const char *copy;

		if (notice_message_id(&secrets->keys[i], number, account, id) < 0)
			return NULL;
		copy = t_strdup(id);
		array_push_back(&ids, &copy);
	}
	array_append_zero(&ids);
	return array_front(&ids);
}

static void look(struct postern_run *run, const struct account_name *account,
		 const struct notice_number *number)
{
	const char *const *ids = find_message_ids(run->settings->secrets, number, account);
	time_t born = (time_t)(notice_number_time(number) / 1000);
	const char *user = account->text, *error = "OpenSSL failed";
	char text[NOTICE_NUMBER_SIZE];

	notice_number_write(number, text);
	switch (ids == NULL ? MESSAGE_UNKNOWN
			    : message_lookup(run->cctx, user, ids, born - SLACK, &error)) {
	case MESSAGE_FOUND:
		print(run, user, text, "yes", "The notice is in the mailbox.");
		break;
	case MESSAGE_NOT_FOUND:
		print(run, user, text, "no", "The notice is not in the mailbox.");
		break;
	case MESSAGE_NO_USER:
		postern_fail(run, POSTERN_UNKNOWN_USER, user, "Dovecot has no such user.");
		break;
	case MESSAGE_UNKNOWN:
		postern_fail(run, POSTERN_UNAVAILABLE, user, error);
		break;
	}
}

/* False if what the call asks for makes no sense: that has then been said. */
static bool read_request(struct postern_run *run, struct account_name *account_r,
			 struct notice_number *number_r)
{
	const char *name = postern_option(run, "account"), *number = postern_option(run, "number");
	const char *error;

	if (name == NULL || number == NULL) {
		postern_refuse(run, POSTERN_INVALID, "expected an account and a notice's number");
		return FALSE;
	}
	if (account_name_parse(name, strlen(name), run->settings->default_domain, account_r,
			       &error) < 0) {
		postern_fail(run, POSTERN_INVALID_USER, str_sanitize(name, POSTERN_USER_SHOWN_MAX),
			     error);
		return FALSE;
	}
	if (notice_number_parse(number, number_r) < 0 ||
	    number_r->partition != account_r->partition) {
		postern_fail(run, POSTERN_INVALID, account_r->text,
			     t_strconcat("not the number of a notice to this account: ",
					 str_sanitize(number, NUMBER_SHOWN_MAX), NULL));
		return FALSE;
	}
	return TRUE;
}

static void cmd_postern_notice_delivered(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	struct account_name account;
	struct notice_number number;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (read_request(&run, &account, &number))
		look(&run, &account, &number);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	{ .name = "account", .type = CMD_PARAM_STR, .flags = CMD_PARAM_FLAG_POSITIONAL },
	{ .name = "number", .type = CMD_PARAM_STR, .flags = CMD_PARAM_FLAG_POSITIONAL },
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_notice_delivered_command = {
	.name = "postern notice delivered",
	.cmd = cmd_postern_notice_delivered,
	.usage = "<account> <number>",
	.parameters = parameters,
};
