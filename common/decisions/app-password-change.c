/* Adding and revoking single app passwords (A10). */

#include "decisions/app-password-change.h"

#include <string.h>

#include "account/protocol.h"
#include "store/reply.h"
#include "base/utf8.h"

int app_password_label_check(const char *text, const char **error_r)
{
	*error_r = NULL;
	if (strlen(text) > APP_PASSWORD_LABEL_MAX)
		*error_r = "label: expected at most 48 bytes";
	else if (!utf8_is_text(text, strlen(text)))
		*error_r = "label: expected UTF-8 without control characters";
	return *error_r == NULL ? 0 : -1;
}

void app_password_terms_add(struct command *command, const struct app_password_terms *terms)
{
	char protocols[PROTOCOL_SET_SIZE] = "*";

	if (terms->protocols != 0)
		protocol_set_write(terms->protocols, protocols);
	command_string(command, terms->digest);
	command_string(command, protocols);
	command_number(command, terms->lasts);
	command_string(command, terms->label);
}

void app_password_add_ask(const struct account_name *account,
			  const struct app_password_terms *terms, const struct actor *actor,
			  struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "*expiries", NULL };

	command_begin(command_r, SCRIPT_PASSWORD_ADD, account, kinds);
	actor_add(command_r, actor);
	command_number(command_r, APP_PASSWORDS_WORKING_MAX);
	app_password_terms_add(command_r, terms);
}

void app_password_revoke_ask(const struct account_name *account, unsigned int number,
			     const struct actor *actor, struct command *command_r)
{
	static const char *const kinds[] = { COMMAND_ACCESS_KINDS, NULL };

	command_begin(command_r, SCRIPT_PASSWORD_REVOKE, account, kinds);
	actor_add(command_r, actor);
	command_number(command_r, number);
}

void app_password_change_read(const struct redisReply *reply, struct app_password_answer *answer_r)
{
	static const char *const words[] = { "done", "unchanged", "unknown", "off", "too-many" };
	int verdict = reply_verdict(reply, words, APP_PASSWORD_UNAVAILABLE);

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = (enum app_password_verdict)verdict;
	answer_r->number = (unsigned int)reply_number(reply, 4);
	if (answer_r->verdict == APP_PASSWORD_OFF &&
	    reason_parse(reply_string(reply, 2), &answer_r->reason) < 0)
		answer_r->verdict = APP_PASSWORD_UNAVAILABLE;
	if (answer_r->verdict == APP_PASSWORD_UNAVAILABLE)
		answer_r->unavailable = reply_unavailable_text(reply);
}
