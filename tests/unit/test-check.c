/* `doveadm postern check`: reading what programs print, running them, and judging. */

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check-program.h"
#include "rows.h"

static char *copy(const char *text)
{
	char *bytes = strdup(text);

	assert_non_null(bytes);
	return bytes;
}

/* Reading */

static void lines(void **state)
{
	struct check_text text;

	(void)state;
	check_text_read(&text,
			copy("# Server\r\nredis_version:7.0.15\r\n\r\nuptime: 5\r\nrole:a:b\r\n"
			     "empty:\r\nrole:last"),
			':');
	assert_string_equal(check_text_value(&text, CHECK_TOP, "redis_version"), "7.0.15");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "uptime"), "5");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "empty"), "");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "role"), "last");
	assert_null(check_text_value(&text, CHECK_TOP, "redis"));
	assert_null(check_text_value(&text, 1, "role"));
	check_text_free(&text);
	check_text_free(&text);
	assert_null(check_text_value(&text, CHECK_TOP, "role"));
}

static void blocks(void **state)
{
	struct check_text text;
	size_t passdb, service, listener;

	(void)state;
	check_text_read_blocks(&text, copy("# 2.3: /etc/dovecot.conf\n"
					   "chars = \"a\\'b\\\\\\\"~ \"\n"
					   "key = # hidden, use -P to show it\n"
					   "brace = {\n"
					   "passdb {\n  args = a = b\n  driver = one\n}\n"
					   "}\n"
					   "service \"doveadm\" {\n"
					   "  inet_listener http {\n    port = 80\n  }\n"
					   "  user = \n}\n"
					   "passdb {\n  driver = two\n}\n"
					   "last = \""));
	assert_string_equal(check_text_value(&text, CHECK_TOP, "chars"), "a'b\\\"~ ");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "key"),
			    "# hidden, use -P to show it");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "brace"), "{");
	assert_string_equal(check_text_value(&text, CHECK_TOP, "last"), "\"");
	passdb = check_text_next(&text, CHECK_TOP, "passdb", CHECK_TOP);
	assert_string_equal(check_text_value(&text, passdb, "args"), "a = b");
	passdb = check_text_next(&text, CHECK_TOP, "passdb", passdb);
	assert_string_equal(check_text_value(&text, passdb, "driver"), "two");
	assert_int_equal(check_text_next(&text, CHECK_TOP, "passdb", passdb), CHECK_TOP);
	service = check_text_next(&text, CHECK_TOP, "service", CHECK_TOP);
	assert_string_equal(text.blocks[service].name, "doveadm");
	assert_string_equal(check_text_value(&text, service, "user"), "");
	listener = check_text_next(&text, service, "inet_listener", CHECK_TOP);
	assert_string_equal(text.blocks[listener].name, "http");
	assert_string_equal(check_text_value(&text, listener, "port"), "80");
	check_text_free(&text);
}

struct list_row {
	const char *name, *list, *word;
	bool expected;
};

static const struct list_row list_rows[] = {
	{ "the only word", "dsn", "dsn", true },
	{ "last, in upper case", "silent-discard, DSN", "dsn", true },
	{ "first", "dsn\tstarttls", "dsn", true },
	{ "part of a word", "dsns xdsn", "dsn", false },
	{ "empty list", "", "dsn", false },
	{ "separators only", " , ", "dsn", false },
};

static void list_has(void **state)
{
	const struct list_row *row = *state;

	assert_int_equal(check_list_has(row->list, row->word), row->expected);
}

static void says_one_line(void **state)
{
	char text[CHECK_TEXT_SIZE], large[2 * CHECK_TEXT_SIZE];

	(void)state;
	assert_int_equal(check_say(text, CHECK_WRONG, "a\nb\x1b%s", "\xc3\xa9"), CHECK_WRONG);
	assert_string_equal(text, "a?b???");
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	check_say(text, CHECK_OK, "%s", large);
	assert_int_equal(strlen(text), CHECK_TEXT_SIZE - 1);
}

/* Running */

struct program_row {
	const char *name;
	const char *argv[4];
	const char *output, *error; /* NULL: it mustn't */
};

static const struct program_row program_rows[] = {
	{ "prints", { "echo", "a b" }, "a b\n", NULL },
	{ "prints nothing", { "true" }, "", NULL },
	{ "reads nothing", { "cat" }, "", NULL },
	{ "fails", { "false" }, NULL, "false: exit status 1" },
	{ "complains",
	  { "sh", "-c", "echo 'sh: Fatal: x' >&2; echo y >&2; exit 3" },
	  NULL,
	  "sh: Fatal: x" },
	{ "complains and succeeds", { "sh", "-c", "echo x >&2; echo y" }, "y\n", NULL },
	{ "complains without end",
	  { "sh", "-c", "head -c 200000 /dev/zero >&2; echo y" },
	  "y\n",
	  NULL },
	{ "is killed", { "sh", "-c", "kill -9 $$" }, NULL, "sh: ended by signal 9" },
	{ "is not there", { "no-such-program" }, NULL, "no-such-program: not found on this host" },
	{ "is no name", { "../bin/no-such" }, NULL, "../bin/no-such: not found on this host" },
	{ "has its own environment",
	  { "sh", "-c", "echo $HOME$PATH$LANG" },
	  "/usr/sbin:/usr/bin:/sbin:/binC\n",
	  NULL },
	{ "has no descriptor of ours", { "sh", "-c", "ls /proc/self/fd | wc -l" }, "4\n", NULL },
	{ "prints too much",
	  { "head", "-c", "2000000", "/dev/zero" },
	  NULL,
	  "head: printed too much" },
};

static void runs(void **state)
{
	const struct program_row *row = *state;
	const char *const argv[] = { row->argv[0], row->argv[1], row->argv[2], row->argv[3], NULL };
	int fd = dup(STDOUT_FILENO); /* without O_CLOEXEC */
	char *output, *error;
	int ret = check_program_run(argv, &output, &error);

	close(fd);
	assert_int_equal(ret, row->error == NULL ? 0 : -1);
	if (row->error != NULL) {
		assert_null(output);
		assert_string_equal(error, row->error);
	} else {
		assert_null(error);
		assert_string_equal(output, row->output);
	}
	free(output);
	free(error);
}

/* A child of it has the pipe as well, and would hold it open. */
static void takes_too_long(void **state)
{
	const char *const argv[] = { "sh", "-c", "trap '' TERM; sleep 4711 & sleep 4711", NULL };
	time_t begun = time(NULL);
	char *output, *error;

	(void)state;
	assert_int_equal(check_program_run(argv, &output, &error), -1);
	assert_string_equal(error, "sh: took too long");
	assert_in_range(time(NULL) - begun, CHECK_PROGRAM_SECONDS - 1, CHECK_PROGRAM_SECONDS + 5);
	free(error);
}

static void exists(void **state)
{
	(void)state;
	assert_true(check_program_exists("sh"));
	assert_false(check_program_exists("no-such-program"));
}

/* Judging */

static const struct check *find_check(const struct check_topic *topic, const char *name)
{
	const struct check *check = topic->checks;

	while (check->name != NULL && strcmp(check->name, name) != 0)
		check++;
	assert_non_null(check->name);
	return check;
}

static void assert_says(const struct check_site *site, const struct check_topic *topic,
			const char *name, enum check_status status, const char *expected)
{
	char text[CHECK_TEXT_SIZE] = "";

	assert_int_equal(find_check(topic, name)->run(site, text), status);
	if (strstr(text, expected) == NULL)
		fail_msg("'%s' does not say '%s'", text, expected);
}

struct info_row {
	const char *name;
	const char *info, *check;
	enum check_status status;
	const char *text;
};

static const struct info_row info_rows[] = {
	{ "Redis 7", "redis_version:7.0.15", "redis-version", CHECK_OK, "Redis 7.0.15." },
	{ "Redis 10", "redis_version:10.1", "redis-version", CHECK_OK, "Redis 10.1." },
	{ "Redis 6", "redis_version:6.2.14", "redis-version", CHECK_WRONG, "install version 7" },
	{ "Valkey", "redis_version:7.2.4\r\nvalkey_version:8.0.1", "redis-version", CHECK_OK,
	  "Valkey 8.0.1." },
	{ "no version", "role:master", "redis-version", CHECK_UNKNOWN, "redis_version" },
	{ "no role", "", "redis-role", CHECK_UNKNOWN, "role" },
	{ "replica", "role:slave", "redis-role", CHECK_WRONG, "is a slave" },
	{ "79 %", "used_memory:79\r\nmaxmemory:100", "redis-memory", CHECK_OK, "79 %" },
	{ "80 %", "used_memory:80\r\nmaxmemory:100", "redis-memory", CHECK_WARNING, "80 %" },
	{ "100 %", "used_memory:100\r\nmaxmemory:100", "redis-memory", CHECK_WRONG, "is full" },
	{ "no limit", "used_memory:5000000\r\nmaxmemory:0", "redis-memory", CHECK_OK, "5 MB" },
	{ "no log, no status of it", "aof_enabled:0", "redis-writes", CHECK_OK, "went well" },
	{ "log not written", "aof_last_write_status:err", "redis-writes", CHECK_WRONG,
	  "aof_last_write_status:err" },
	{ "hostile", "role:x\x1b[31m", "redis-role", CHECK_WRONG, "is a x?[31m," },
};

static void judges_info(void **state)
{
	const struct info_row *row = *state;
	struct check_site site = { .redis = { .answered = 1 } };

	check_text_read(&site.redis.info, copy(row->info), ':');
	assert_says(&site, &check_redis_info_topic, row->check, row->status, row->text);
	check_site_free(&site);
}

struct postfix_row {
	const char *name;
	const char *main_cf, *overrides, *check;
	enum check_status status;
	const char *text;
};

#define TEMPFAIL "postern_milter = { unix:p, default_action=tempfail }\n"

static const struct postfix_row postfix_rows[] = {
	{ "no milters", "smtpd_milters =", "", "postfix-milter", CHECK_WRONG, "submission/inet" },
	{ "neither is named", "smtpd_milters = unix:x", "", "postfix-milter", CHECK_WRONG, "" },
	{ "in main.cf", TEMPFAIL "smtpd_milters = { unix:p, default_action=tempfail }", "",
	  "postfix-milter", CHECK_OK, "1." },
	{ "the last of three",
	  "postern_milter = unix:p\nsmtpd_milters = inet:h:1,{ inet:h:2, command_timeout=1s } "
	  "unix:p",
	  "", "postfix-milter", CHECK_OK, "1." },
	{ "its own name for it", "smtpd_milters =",
	  "submission/inet/postern_milter = { unix:q }\nsubmission/inet/smtpd_milters = {unix:q}",
	  "postfix-milter", CHECK_OK, "1." },
	{ "braces that don't end", "postern_milter = { unix:p\nsmtpd_milters = { unix:p", "",
	  "postfix-milter", CHECK_OK, "1." },
	{ "another milter's action",
	  "postern_milter = unix:p\nsmtpd_milters = { unix:a, default_action=accept }, unix:p\n"
	  "milter_default_action = tempfail",
	  "", "postfix-milter-action", CHECK_OK, "unlimited" },
	{ "spaces at its action",
	  "postern_milter = unix:p\nsmtpd_milters = {unix:p , default_action = accept}", "",
	  "postfix-milter-action", CHECK_WRONG, "default_action=accept" },
	{ "the action of main.cf",
	  "postern_milter = unix:p\nsmtpd_milters = unix:p\nmilter_default_action = accept", "",
	  "postfix-milter-action", CHECK_WRONG, "default_action=accept" },
	{ "rejects", "postern_milter = unix:p\nsmtpd_milters = {unix:p,default_action=reject}", "",
	  "postfix-milter-action", CHECK_OK, "" },
	{ "own value before main.cf's", "smtpd_discard_ehlo_keywords = dsn",
	  "submission/inet/smtpd_discard_ehlo_keywords =", "postfix-dsn", CHECK_WRONG, "DSN" },
	{ "AUTH everywhere", "smtpd_sasl_auth_enable = yes", "", "postfix-port-25", CHECK_WRONG,
	  "smtp/inet offers AUTH" },
};

static void judges_postfix(void **state)
{
	static const char services[] = "smtp/inet/command = smtpd\n"
				       "pickup/unix/command = pickup\n"
				       "smtpdx/unix/command = smtpdx -o a=b\n"
				       "submission/inet/command = smtpd -o smtpd_x=y\n";
	const struct postfix_row *row = *state;
	struct check_site site = { .settings = NULL };
	char overrides[500];

	snprintf(overrides, sizeof(overrides), "submission/inet/smtpd_sasl_auth_enable = yes\n%s",
		 row->overrides);
	check_text_read(&site.postfix.main, copy(row->main_cf), '=');
	check_text_read(&site.postfix.services, copy(services), '=');
	check_text_read(&site.postfix.overrides, copy(overrides), '=');
	assert_says(&site, &check_postfix_topic, row->check, row->status, row->text);
	check_site_free(&site);
}

/* A check looks at nothing that wasn't read. */
static void judges_nothing(void **state)
{
	static const struct check_topic *const topics[] = {
		&check_host_topic,
		&check_redis_topic,
		&check_redis_info_topic,
		&check_dovecot_topic,
		&check_api_topic,
		&check_postfix_topic,
		NULL,
	};
	struct check_site site = { .settings_file = "/nowhere/postern.conf" };

	(void)state;
	check_read_settings(&site);
	check_read_redis(&site);
	for (size_t i = 0; topics[i] != NULL; i++) {
		for (const struct check *check = topics[i]->checks; check->name != NULL; check++) {
			char text[CHECK_TEXT_SIZE] = "";

			check->run(&site, text);
			assert_string_not_equal(text, "");
		}
	}
	assert_says(&site, &check_host_topic, "settings", CHECK_WRONG, "No such file");
	assert_says(&site, &check_redis_topic, "redis", CHECK_UNKNOWN, "mend them first");
	check_site_free(&site);
}

int main(void)
{
	ADD_TEST(lines);
	ADD_TEST(blocks);
	ADD_ROWS(list_has, list_rows);
	ADD_TEST(says_one_line);
	ADD_ROWS(runs, program_rows);
	ADD_TEST(takes_too_long);
	ADD_TEST(exists);
	ADD_ROWS(judges_info, info_rows);
	ADD_ROWS(judges_postfix, postfix_rows);
	ADD_TEST(judges_nothing);
	return RUN_TESTS();
}
