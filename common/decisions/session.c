/* Whether sessions from outside still hold. */

#include "decisions/session.h"

#include <assert.h>
#include <string.h>

#include "store/reply.h"

static bool same_account(const struct session *a, const struct session *b)
{
	return strcmp(a->account.text, b->account.text) == 0;
}

unsigned int session_together(const struct session *sessions, unsigned int count)
{
	unsigned int together = 1, accounts = 1;

	while (together < count && together < SESSION_ASK_MAX &&
	       sessions[together].account.partition == sessions[0].account.partition) {
		if (!same_account(&sessions[together], &sessions[together - 1]) &&
		    ++accounts > SESSION_ACCOUNTS_MAX)
			break;
		together++;
	}
	return together;
}

void session_ask(const struct session *sessions, unsigned int count,
		 const struct settings *settings, struct command *command_r)
{
	struct account_name accounts[SESSION_ACCOUNTS_MAX];
	unsigned int numbers[SESSION_ASK_MAX], accounts_count = 1;

	assert(count > 0 && count <= SESSION_ASK_MAX);
	accounts[0] = sessions[0].account;
	numbers[0] = 1;
	for (unsigned int i = 1; i < count; i++) {
		if (!same_account(&sessions[i], &sessions[i - 1])) {
			assert(accounts_count < SESSION_ACCOUNTS_MAX);
			accounts[accounts_count++] = sessions[i].account;
		}
		numbers[i] = accounts_count;
	}
	command_begin_accounts(command_r, SCRIPT_SESSION, accounts, accounts_count, NULL);
	command_borrow(command_r, settings->tier_rows.login, strlen(settings->tier_rows.login));
	for (unsigned int i = 0; i < count; i++) {
		command_number(command_r, numbers[i]);
		command_string(command_r, protocol_word(sessions[i].protocol));
		command_string(command_r, sessions[i].password);
	}
}

/* A letter for each session; "" if Redis can't tell. */
static const char *read_letters(const struct redisReply *reply)
{
	return strcmp(reply_string(reply, 0), "done") == 0 ? reply_string(reply, 1) : "";
}

int session_read(const struct redisReply *reply, unsigned int count, const char **error_r)
{
	if (count > 0 && strlen(read_letters(reply)) == count)
		return 0;
	*error_r = reply_unavailable_text(reply);
	return -1;
}

enum session_verdict session_verdict(const struct redisReply *reply, unsigned int place)
{
	const char *letters = read_letters(reply);

	if (place >= strlen(letters))
		return SESSION_UNAVAILABLE;
	switch (letters[place]) {
	case 'h':
		return SESSION_HOLDS;
	case 'o':
		return SESSION_OVER;
	}
	return SESSION_UNAVAILABLE;
}
