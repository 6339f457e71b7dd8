/* The call of a script: as it goes over the wire, and what doesn't fit. */

#include "store/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/samples.h"

static void begins_with_its_keys(void **state)
{
	static const char *const kinds[] = { "history", "*traced", NULL };
	struct account_name account = sample_account("andrejs@example.org");
	struct command command;

	(void)state;
	command_begin(&command, SCRIPT_SEND, &account, kinds);
	command_string(&command, "mail");
	assert_false(command.overflow);
	assert_int_equal(command.keys_count, 4);
	assert_string_equal(sample_arg(&command, 0), "EVALSHA");
	assert_string_equal(sample_arg(&command, 1), script_digest(SCRIPT_SEND));
	assert_string_equal(sample_arg(&command, 2), "4");
	assert_string_equal(sample_arg(&command, 3), "postern:{14}:mark");
	assert_string_equal(sample_arg(&command, 4), "postern:{14}:account:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 5), "postern:{14}:history:andrejs@example.org");
	assert_string_equal(sample_arg(&command, 6), "postern:{14}:traced");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	assert_string_equal(sample_argv(&command, 2), "mail");
}

static void begins_with_a_partition(void **state)
{
	struct command command;

	(void)state;
	command_begin_partition(&command, SCRIPT_INIT, 63, NULL);
	assert_string_equal(sample_arg(&command, 2), "1");
	assert_string_equal(sample_arg(&command, 3), "postern:{63}:mark");
	assert_string_equal(sample_argv(&command, 1), SCRIPT_FORMAT);
	assert_int_equal(command.args_count, 5);
}

static void plain_command(void **state)
{
	static const char wire[] = "*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$4\r\n5000\r\n"
				   "$7\r\nSTREAMS\r\n$18\r\npostern:{3}:outbox\r\n$1\r\n$\r\n";
	struct command command;
	char *resp;
	int size;

	(void)state;
	/* Nothing of a script that was there before is left. */
	command_begin_partition(&command, SCRIPT_INIT, 3, NULL);
	assert_string_equal(command_name(&command), "init");
	command_begin_plain(&command, "XREAD");
	command_string(&command, "BLOCK");
	command_number(&command, 5000);
	command_string(&command, "STREAMS");
	command_string(&command, "postern:{3}:outbox");
	command_string(&command, "$");
	assert_string_equal(command_name(&command), "XREAD");
	assert_int_equal(command.keys_count, 0);
	size = command_format(&command, &resp);
	assert_int_equal(size, sizeof(wire) - 1);
	assert_memory_equal(resp, wire, sizeof(wire) - 1);
	free(resp);
	/* A script is one again afterwards. */
	command_begin_partition(&command, SCRIPT_INIT, 3, NULL);
	assert_string_equal(command_name(&command), "init");
}

static void goes_over_the_wire(void **state)
{
	static const char end[] =
		"$17\r\npostern:{63}:mark\r\n$1\r\n1\r\n$5\r\na\0\r\nb\r\n$0\r\n\r\n"
		"$20\r\n18446744073709551615\r\n";
	struct command command;
	char *resp;
	int size;

	(void)state;
	command_begin_partition(&command, SCRIPT_INIT, 63, NULL);
	command_bytes(&command, "a\0\r\nb", 5);
	command_string(&command, "");
	command_number(&command, UINT64_MAX);
	size = command_format(&command, &resp);
	assert_int_equal(size, sizeof("*8\r\n$7\r\nEVALSHA\r\n$40\r\n\r\n$1\r\n1\r\n") - 1 + 40 +
				       sizeof(end) - 1);
	assert_memory_equal(resp, "*8\r\n$7\r\nEVALSHA\r\n$40\r\n", 22);
	assert_memory_equal(resp + size - (sizeof(end) - 1), end, sizeof(end) - 1);
	free(resp);
}

static void assert_does_not_fit(const struct command *command)
{
	char *resp = NULL;

	assert_true(command->overflow);
	assert_int_equal(command_format(command, &resp), -1);
	assert_null(resp);
}

static void too_many_arguments(void **state)
{
	struct command command;
	char *resp;

	(void)state;
	command_begin_partition(&command, SCRIPT_INIT, 0, NULL);
	while (command.args_count < COMMAND_ARGS_MAX)
		command_number(&command, 1);
	assert_true(command_format(&command, &resp) > 0);
	free(resp);
	command_number(&command, 1);
	assert_int_equal(command.args_count, COMMAND_ARGS_MAX);
	assert_does_not_fit(&command);
}

struct size_row {
	const char *name;
	size_t size;
	bool fits;
};

static const struct size_row size_rows[] = {
	{ "0 bytes", 0, true },
	{ "255 bytes", 255, true },
	{ "8,174 bytes beside the mark and the format", 8174, true },
	{ "8,175 bytes", 8175, false },
	{ "10,000 bytes", 10000, false },
};

static void holds(void **state)
{
	const struct size_row *row = *state;
	static char bytes[10000];
	struct command command;
	char *resp;

	memset(bytes, '\0', sizeof(bytes));
	command_begin_partition(&command, SCRIPT_INIT, 63, NULL);
	command_bytes(&command, bytes, row->size);
	if (!row->fits) {
		/* Nor does it when something smaller comes behind. */
		command_bytes(&command, bytes, 1);
		assert_does_not_fit(&command);
		return;
	}
	assert_false(command.overflow);
	assert_true(command_format(&command, &resp) > (int)row->size);
	free(resp);
}

static void can_be_begun_again(void **state)
{
	static char bytes[10000];
	struct command command;
	char *resp;

	(void)state;
	command_begin_partition(&command, SCRIPT_INIT, 63, NULL);
	command_bytes(&command, bytes, sizeof(bytes));
	command_begin_partition(&command, SCRIPT_INIT, 63, NULL);
	assert_true(command_format(&command, &resp) > 0);
	free(resp);
}

/* SHA-1 as Redis computes it is checked in test-store; here, that no two scripts are mixed up. */
static void scripts(void **state)
{
	static const char *const names[SCRIPT_COUNT] = {
		[SCRIPT_INIT] = "init",
		[SCRIPT_LOGIN] = "login",
		[SCRIPT_SEND] = "send",
		[SCRIPT_FAILURE] = "failure",
		[SCRIPT_ON] = "on",
		[SCRIPT_OFF] = "off",
		[SCRIPT_SET] = "set",
		[SCRIPT_STATUS] = "status",
		[SCRIPT_PASSWORD_ADD] = "password_add",
		[SCRIPT_PASSWORD_REVOKE] = "password_revoke",
		[SCRIPT_PASSWORD_CHANGED] = "password_changed",
		[SCRIPT_ERASE] = "erase",
		[SCRIPT_DUE] = "due",
		[SCRIPT_EXPIRE] = "expire",
		[SCRIPT_UNUSED] = "unused",
		[SCRIPT_CLAIM] = "claim",
		[SCRIPT_DONE] = "done",
		[SCRIPT_RENEW] = "renew",
		[SCRIPT_ENDED] = "ended",
		[SCRIPT_UNSEEN] = "unseen",
		[SCRIPT_REFUSED] = "refused",
		[SCRIPT_AGAIN] = "again",
		[SCRIPT_HEARTBEAT] = "heartbeat",
		[SCRIPT_BACKLOG] = "backlog",
		[SCRIPT_LIST] = "list",
		[SCRIPT_EXPORT] = "export",
		[SCRIPT_IMPORT] = "import",
		[SCRIPT_SESSION] = "session",
	};

	(void)state;
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		size_t size;
		const char *text = script_text((enum script)i, &size);

		assert_string_equal(script_name((enum script)i), names[i]);
		assert_int_equal(strspn(script_digest((enum script)i), "0123456789abcdef"), 40);
		assert_int_equal(strlen(script_digest((enum script)i)), SCRIPT_DIGEST_SIZE - 1);
		assert_int_equal(strlen(text), size);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(script_digest((enum script)i),
						script_digest((enum script)j));
	}
}

int main(void)
{
	ADD_TEST(begins_with_its_keys);
	ADD_TEST(begins_with_a_partition);
	ADD_TEST(plain_command);
	ADD_TEST(goes_over_the_wire);
	ADD_TEST(too_many_arguments);
	ADD_ROWS(holds, size_rows);
	ADD_TEST(can_be_begun_again);
	ADD_TEST(scripts);
	return RUN_TESTS();
}
