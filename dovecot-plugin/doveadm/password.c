/* doveadm postern password add|list|revoke: the app passwords of an account, each alone (A10). */

#include "lib.h"
#include "safe-memset.h"

#include "password.h"
#include "account/protocol.h"
#include "base/quantity.h"

#include <hiredis/hiredis.h>

/* Ten years. What lasts longer may as well last for ever. */
#define EXPIRES_MAX (UINT64_C(3650) * 24 * 3600 * 1000)

bool postern_read_terms(const struct postern_run *run, struct app_password_terms *terms_r,
			const char **error_r)
{
	const char *protocols = postern_option(run, "protocols");
	const char *expires = postern_option(run, "expires");
	const char *label = postern_option(run, "label"), *detail = NULL;

	i_zero(terms_r);
	terms_r->label = label != NULL ? label : "";
	if (app_password_label_check(terms_r->label, error_r) < 0)
		return FALSE;
	if (protocols != NULL && protocol_set_parse(protocols, &terms_r->protocols) < 0) {
		*error_r = "protocols: expected one or more of pop3, imap and smtp";
		return FALSE;
	}
	if (expires != NULL && (quantity_duration(expires, &terms_r->lasts, &detail) < 0 ||
				terms_r->lasts > EXPIRES_MAX)) {
		*error_r = "expires: expected a duration such as 90d, of at most 3650d";
		return FALSE;
	}
	return TRUE;
}

bool postern_generate(struct postern_run *run, const struct account_name *account,
		      char password_r[APP_PASSWORD_SIZE])
{
	if (app_password_generate(password_r) == 0)
		return TRUE;
	postern_fail(run, POSTERN_UNAVAILABLE, account->text,
		     "OpenSSL could not supply random numbers for an app password.");
	return FALSE;
}

bool postern_digest(struct postern_run *run, const struct account_name *account,
		    const char *password, char digest_r[APP_PASSWORD_DIGEST_SIZE])
{
	if (app_password_digest(&run->settings->secrets->keys[0], account, password, digest_r) == 0)
		return TRUE;
	postern_fail(run, POSTERN_UNAVAILABLE, account->text,
		     "OpenSSL could not compute the digest of an app password.");
	return FALSE;
}

/* Asks and reads the answer. FALSE when Redis can't tell: the row has then been printed. */
static bool change(struct postern_run *run, const struct account_name *account,
		   const struct command *command, struct app_password_answer *answer_r)
{
	redisReply *reply;
	const char *error;

	if (postern_ask(run, command, &reply, &error) < 0) {
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, error);
		return FALSE;
	}
	app_password_change_read(reply, answer_r);
	freeReplyObject(reply);
	if (answer_r->verdict == APP_PASSWORD_UNAVAILABLE)
		postern_fail(run, POSTERN_UNAVAILABLE, account->text, answer_r->unavailable);
	return answer_r->verdict != APP_PASSWORD_UNAVAILABLE;
}

/* postern password add */

static const struct postern_column add_columns[] = {
	{ .name = "user" },	{ .name = "status" }, { .name = "number", .number = TRUE },
	{ .name = "password" }, { .name = "text" },   { .name = NULL },
};

static void print_added(struct postern_run *run, const struct account_name *account,
			const struct app_password_answer *answer, const char *password)
{
	const char *number = dec2str(answer->number);
	const char *values[] = { account->text, "added", number, password,
				 "The app password is shown only this once: enter it in the mail "
				 "program." };

	switch (answer->verdict) {
	case APP_PASSWORD_DONE:
		postern_print(run, values);
		postern_log(run, "account=%s password=added number=%s", account->text, number);
		break;
	case APP_PASSWORD_OFF:
		postern_fail(run, POSTERN_DISABLED, account->text,
			     t_strdup_printf("External access is off: %s. Switch it on first; that "
					     "also creates an app password.",
					     reason_text(answer->reason)));
		break;
	case APP_PASSWORD_TOO_MANY:
		postern_fail(run, POSTERN_TOO_MANY, account->text,
			     t_strdup_printf("The account already has %d app passwords: revoke one "
					     "first.",
					     APP_PASSWORDS_WORKING_MAX));
		break;
	case APP_PASSWORD_UNCHANGED:
	case APP_PASSWORD_UNKNOWN:
	case APP_PASSWORD_UNAVAILABLE:
		break;
	}
}

static void add(struct postern_run *run, const struct account_name *account, const void *context)
{
	struct app_password_terms terms = *(const struct app_password_terms *)context;
	char password[APP_PASSWORD_SIZE], digest[APP_PASSWORD_DIGEST_SIZE];
	struct app_password_answer answer;
	struct command command;

	if (postern_generate(run, account, password) &&
	    postern_digest(run, account, password, digest)) {
		terms.digest = digest;
		app_password_add_ask(account, &terms, &run->actor, &command);
		if (change(run, account, &command, &answer))
			print_added(run, account, &answer, password);
	}
	safe_memset(password, 0, sizeof(password));
}

static void cmd_postern_password_add(struct doveadm_cmd_context *cctx)
{
	struct app_password_terms terms;
	struct postern_run run;
	const char *error;

	if (!postern_begin(&run, cctx, add_columns))
		return;
	if (postern_read_terms(&run, &terms, &error))
		postern_each_user(&run, add, &terms);
	else
		postern_refuse(&run, POSTERN_INVALID, error);
	postern_end(&run);
}

static const struct doveadm_cmd_param add_parameters[] = {
	POSTERN_USERS,		POSTERN_OPTION("by"), POSTERN_OPTION("from"),
	POSTERN_PASSWORD_TERMS, { .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_password_add_command = {
	.name = "postern password add",
	.cmd = cmd_postern_password_add,
	.usage = "[--label <text>] [--protocols <list>] [--expires <duration>] [--by <who>] "
		 "[--from <address>] <user> [<user> ...]",
	.parameters = add_parameters,
};

/* postern password list */

enum {
	USER,
	STATUS,
	NUMBER,
	STATE,
	LABEL,
	PROTOCOLS,
	CREATED,
	ENDED,
	EXPIRES,
	USED,
	USED_PROTOCOL,
	USED_ADDRESS,
	TEXT,
	LIST_COLUMNS
};

static const struct postern_column list_columns[] = {
	[USER] = { .name = "user" },
	[STATUS] = { .name = "status" },
	[NUMBER] = { .name = "number", .number = TRUE },
	[STATE] = { .name = "state" },
	[LABEL] = { .name = "label" },
	[PROTOCOLS] = { .name = "protocols" },
	[CREATED] = { .name = "created" },
	[ENDED] = { .name = "ended" },
	[EXPIRES] = { .name = "expires" },
	[USED] = { .name = "last_use" },
	[USED_PROTOCOL] = { .name = "last_use_protocol" },
	[USED_ADDRESS] = { .name = "last_use_address" },
	[TEXT] = { .name = "text" },
	[LIST_COLUMNS] = { .name = NULL },
};

static void print_password(const struct postern_run *run, const struct account_name *account,
			   const struct access_password *password, int64_t now)
{
	bool expired = password->expires != 0 && password->expires <= now;
	const char *values[LIST_COLUMNS] = {
		[USER] = account->text,
		[STATUS] = "ok",
		[NUMBER] = dec2str(password->number),
		[STATE] = password->ended != 0 ? "ended"
			  : expired	       ? "expired"
					       : "working",
		[LABEL] = password->label,
		[PROTOCOLS] = strcmp(password->protocols, "*") == 0 ? "" : password->protocols,
		[CREATED] = postern_time(password->created),
		[ENDED] = postern_time(password->ended),
		[EXPIRES] = postern_time(password->expires),
		[USED] = postern_time(password->used),
		[USED_PROTOCOL] = password->used_protocol,
		[USED_ADDRESS] = password->used_address,
	};

	postern_print(run, values);
}

static void list(struct postern_run *run, const struct account_name *account,
		 const void *context ATTR_UNUSED)
{
	struct access_status status;
	redisReply *reply;

	if (!postern_ask_status(run, account, &reply, &status))
		return;
	for (unsigned int i = 0; i < status.passwords_count; i++)
		print_password(run, account, &status.passwords[i], status.now);
	freeReplyObject(reply);
}

static void cmd_postern_password_list(struct doveadm_cmd_context *cctx)
{
	postern_run_users(cctx, list_columns, list);
}

static const struct doveadm_cmd_param list_parameters[] = {
	POSTERN_USERS,
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_password_list_command = {
	.name = "postern password list",
	.cmd = cmd_postern_password_list,
	.usage = "<user> [<user> ...]",
	.parameters = list_parameters,
};

/* postern password revoke */

static const struct postern_column revoke_columns[] = {
	{ .name = "user" }, { .name = "status" }, { .name = "number", .number = TRUE },
	{ .name = "text" }, { .name = NULL },
};

static void print_revoked(struct postern_run *run, const struct account_name *account,
			  const struct app_password_answer *answer)
{
	const char *values[] = { account->text, NULL, dec2str(answer->number), NULL };

	switch (answer->verdict) {
	case APP_PASSWORD_DONE:
		values[1] = "revoked";
		values[3] = "The app password has ended; the others still work.";
		postern_log(run, "account=%s password=revoked number=%s", account->text, values[2]);
		break;
	case APP_PASSWORD_UNCHANGED:
		values[1] = "already-ended";
		values[3] = "The app password had already ended.";
		break;
	case APP_PASSWORD_UNKNOWN:
		postern_fail(
			run, POSTERN_UNKNOWN_PASSWORD, account->text,
			"The account has no app password with that number: see \"doveadm postern "
			"password list\".");
		return;
	case APP_PASSWORD_OFF:
	case APP_PASSWORD_TOO_MANY:
	case APP_PASSWORD_UNAVAILABLE:
		return;
	}
	postern_print(run, values);
}

static void revoke(struct postern_run *run, const struct account_name *account, const void *context)
{
	const unsigned int *number = context;
	struct app_password_answer answer;
	struct command command;

	app_password_revoke_ask(account, *number, &run->actor, &command);
	if (change(run, account, &command, &answer))
		print_revoked(run, account, &answer);
}

static void cmd_postern_password_revoke(struct doveadm_cmd_context *cctx)
{
	const char *word;
	unsigned int number;
	struct postern_run run;

	if (!postern_begin(&run, cctx, revoke_columns))
		return;
	word = postern_option(&run, "number");
	if (word == NULL || str_to_uint(word, &number) < 0)
		postern_refuse(&run, POSTERN_INVALID,
			       "number: expected the number of an app password, as shown by "
			       "\"doveadm postern password list\"");
	else
		postern_each_user(&run, revoke, &number);
	postern_end(&run);
}

static const struct doveadm_cmd_param revoke_parameters[] = {
	POSTERN_USERS,	  POSTERN_OPTION("by"), POSTERN_OPTION("from"), POSTERN_OPTION("number"),
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_password_revoke_command = {
	.name = "postern password revoke",
	.cmd = cmd_postern_password_revoke,
	.usage = "--number <number> [--by <who>] [--from <address>] <user>",
	.parameters = revoke_parameters,
};
