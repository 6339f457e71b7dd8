/* `doveadm postern check`: reading what programs print, running them, and judging. */

#include "dovecot-plugin/check/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dovecot-plugin/check/program.h"
#include "tests/unit/rows.h"

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
	{ "no log, no status of it", "aof_enabled:0", "redis-writes", CHECK_OK, "succeeded" },
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

#define MACROS "milter_mail_macros = i {auth_type} {auth_authen}\n"
/* What the samples have. A line behind it wins. */
#define ASKED                                                                                      \
	"postern_milter = {unix:p,default_action=tempfail}\n"                                      \
	"smtpd_milters = {unix:p,default_action=accept}\n"                                         \
	"non_smtpd_milters = {unix:p,default_action=accept}\n"                                     \
	"internal_mail_filter_classes = bounce\n" MACROS
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
	  "", "postfix-milter-action", CHECK_OK, "without limits" },
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
	{ "its milters taken away", ASKED, "submission/inet/receive_override_options = no_milters",
	  "postfix-milter-options", CHECK_WRONG, "submission/inet has no_milters" },
	{ "port 25's taken away", ASKED, "smtp/inet/receive_override_options = no_milters",
	  "postfix-milter-options", CHECK_OK, "" },
	{ "a filter before the milter", MACROS "smtpd_proxy_filter = x",
	  "smtp/inet/smtpd_proxy_filter =", "postfix-milter-options", CHECK_WRONG,
	  "submission/inet has an smtpd_proxy_filter" },
	{ "a filter elsewhere", MACROS "smtpd_proxy_filter = x",
	  "submission/inet/smtpd_proxy_filter =", "postfix-milter-options", CHECK_OK, "" },
	{ "no login told", "milter_mail_macros = i {auth_type}", "", "postfix-milter-options",
	  CHECK_WRONG, "add {auth_authen}" },
	{ "some clients exempt", MACROS "smtpd_milter_maps = cidr:x", "", "postfix-milter-options",
	  CHECK_WARNING, "submission/inet looks up" },
	{ "no exempt clients here", MACROS "smtpd_milter_maps = cidr:x",
	  "submission/inet/smtpd_milter_maps =", "postfix-milter-options", CHECK_OK, "" },
};

/* Port 25 and no smtpd: bounces, and what they are filtered by. */
static const struct postfix_row bounce_rows[] = {
	{ "shown", ASKED, "", "postfix-bounces", CHECK_OK, "shows its own bounces" },
	{ "shown among others",
	  "postern_milter = unix:p\nnon_smtpd_milters = inet:h:1 {unix:p}\n"
	  "internal_mail_filter_classes = notify, bounce",
	  "", "postfix-bounces", CHECK_OK, "" },
	{ "shown to nobody", "internal_mail_filter_classes = bounce", "", "postfix-bounces",
	  CHECK_WRONG, "set non_smtpd_milters = $postern_bounce_milter" },
	{ "shown to another",
	  "postern_milter = unix:p\nnon_smtpd_milters = unix:pp\n"
	  "internal_mail_filter_classes = bounce",
	  "", "postfix-bounces", CHECK_WRONG, "set non_smtpd_milters" },
	{ "other mail shown", ASKED "internal_mail_filter_classes = notify", "", "postfix-bounces",
	  CHECK_WRONG, "set internal_mail_filter_classes = bounce" },
	{ "a cleanup of bounces' own that is shown to nobody", ASKED,
	  "bounce/unix/cleanup_service_name = local\nlocal/unix/non_smtpd_milters = unix:x",
	  "postfix-bounces", CHECK_WRONG, "set non_smtpd_milters" },
	{ "a cleanup of bounces' own", ASKED "non_smtpd_milters =",
	  "bounce/unix/cleanup_service_name = local\n"
	  "local/unix/non_smtpd_milters = {unix:p,default_action=accept}",
	  "postfix-bounces", CHECK_OK, "" },
	{ "a cleanup of bounces' own that isn't there", ASKED,
	  "bounce/unix/cleanup_service_name = localx", "postfix-bounces", CHECK_WRONG,
	  "hands its own bounces to localx/unix, which doesn't exist" },
	{ "classes of the bounces' own", ASKED "internal_mail_filter_classes =",
	  "bounce/unix/internal_mail_filter_classes = bounce", "postfix-bounces", CHECK_OK, "" },
	{ "no tables", ASKED "header_checks =\nbody_checks =\nmilter_header_checks = pcre:x", "",
	  "postfix-bounces-checks", CHECK_OK, "No header_checks" },
	{ "tables", ASKED "header_checks = pcre:x", "", "postfix-bounces-checks", CHECK_WARNING,
	  "header_checks acts on" },
	{ "tables for attachments", ASKED "mime_header_checks = pcre:x", "",
	  "postfix-bounces-checks", CHECK_WARNING, "mime_header_checks acts on" },
	{ "tables for what is quoted", ASKED, "cleanup/unix/nested_header_checks = pcre:x",
	  "postfix-bounces-checks", CHECK_WARNING, "nested_header_checks acts on" },
	{ "tables for bodies", ASKED "body_checks = pcre:x", "local/unix/body_checks =",
	  "postfix-bounces-checks", CHECK_WARNING, "body_checks acts on" },
	{ "tables taken away from bounces", ASKED "header_checks = pcre:x\nbody_checks = pcre:x",
	  "bounce/unix/cleanup_service_name = local\nlocal/unix/header_checks =\n"
	  "local/unix/body_checks =",
	  "postfix-bounces-checks", CHECK_OK, "" },
	{ "tables that bounces aren't shown",
	  ASKED "internal_mail_filter_classes = notify\nheader_checks = pcre:x", "",
	  "postfix-bounces-checks", CHECK_OK, "Nothing inspects" },
	{ "cleanup's own milters", ASKED, "cleanup/unix/non_smtpd_milters =", "postfix-bounces",
	  CHECK_WRONG, "set non_smtpd_milters" },
	{ "brought to port 25", ASKED, "", "postfix-bounces-port-25", CHECK_OK, "1." },
	{ "port 25 asks nobody", ASKED "smtpd_milters =", "", "postfix-bounces-port-25",
	  CHECK_WRONG, "smtp/inet doesn't ask" },
	{ "port 25's own milters", ASKED, "smtp/inet/smtpd_milters = inet:h:1",
	  "postfix-bounces-port-25", CHECK_WRONG, "add $postern_bounce_milter" },
	{ "port 25 without milters", ASKED, "smtp/inet/receive_override_options = no_milters",
	  "postfix-bounces-port-25", CHECK_WRONG, "smtp/inet has no_milters" },
	{ "port 25 before a proxy", ASKED,
	  "smtp/inet/smtpd_proxy_filter = 24\n10025/inet/smtpd_milters =",
	  "postfix-bounces-port-25", CHECK_WRONG, "smtp/inet hands mail to smtpd_proxy_filter" },
	{ "port 25 before a proxy without milters behind", ASKED,
	  "smtp/inet/smtpd_proxy_filter = 24\n10025/inet/receive_override_options = no_milters",
	  "postfix-bounces-port-25", CHECK_WRONG, "smtp/inet hands mail to smtpd_proxy_filter" },
	{ "port 25 before a proxy behind which is a proxy", ASKED "smtpd_proxy_filter = 24", "",
	  "postfix-bounces-port-25", CHECK_WRONG, "smtp/inet hands mail to smtpd_proxy_filter" },
	{ "a login behind a proxy", ASKED,
	  "smtp/inet/smtpd_proxy_filter = 24\n10025/inet/smtpd_sasl_auth_enable = yes",
	  "postfix-bounces-port-25", CHECK_WRONG, "smtp/inet hands mail to smtpd_proxy_filter" },
	{ "asked behind a proxy", ASKED "smtpd_proxy_filter = 24",
	  "smtp/inet/smtpd_milters =\n10025/inet/smtpd_proxy_filter =", "postfix-bounces-port-25",
	  CHECK_OK, "1." },
	{ "AUTH at port 25, which is said elsewhere", ASKED,
	  "smtp/inet/smtpd_sasl_auth_enable = yes\nsmtp/inet/smtpd_milters =",
	  "postfix-bounces-port-25", CHECK_OK, "0." },
	{ "nothing waits", ASKED, "", "postfix-bounces-action", CHECK_OK, "isn't held up" },
	{ "nobody is asked", "smtpd_milters =", "", "postfix-bounces-action", CHECK_OK, "" },
	{ "bounces wait", ASKED "non_smtpd_milters = {unix:p,default_action=tempfail}", "",
	  "postfix-bounces-action", CHECK_WRONG, "non_smtpd_milters has default_action=tempfail" },
	{ "port 25 waits", ASKED, "smtp/inet/smtpd_milters = {unix:p,default_action=tempfail}",
	  "postfix-bounces-action", CHECK_WRONG, "smtp/inet has default_action=tempfail" },
	{ "port 25 waits by main.cf", ASKED "milter_default_action = reject",
	  "smtp/inet/smtpd_milters = unix:p", "postfix-bounces-action", CHECK_WRONG,
	  "smtp/inet has default_action=reject" },
	{ "port 25 accepts by main.cf", ASKED "milter_default_action = accept",
	  "smtp/inet/smtpd_milters = unix:p", "postfix-bounces-action", CHECK_OK, "" },
	{ "another's wait is not ours", ASKED,
	  "smtp/inet/smtpd_milters = inet:h:1 {unix:p,default_action=accept}",
	  "postfix-bounces-action", CHECK_OK, "" },
	{ "another port waits, as main.cf has it",
	  ASKED "smtpd_milters = {unix:p,default_action=tempfail}", "smtp/inet/smtpd_milters =",
	  "postfix-bounces-action", CHECK_WRONG, "10025/inet has default_action=tempfail" },
	{ "a login waits, as main.cf has it",
	  ASKED "smtpd_milters = {unix:p,default_action=tempfail}",
	  "smtp/inet/smtpd_milters =\n10025/inet/smtpd_milters =", "postfix-bounces-action",
	  CHECK_OK, "" },
	{ "a submission service that has lost its AUTH", ASKED,
	  "10025/inet/smtpd_milters = {unix:p,default_action=tempfail}", "postfix-bounces-action",
	  CHECK_OK, "" },
	{ "no filter", ASKED, "10025/inet/content_filter =", "postfix-filter", CHECK_OK,
	  "no content filter" },
	{ "asked again", ASKED "content_filter = amavis:[::1]:10024", "10025/inet/content_filter =",
	  "postfix-filter", CHECK_WARNING, "10025/inet takes mail back" },
	{ "not asked again", ASKED "content_filter = f:",
	  "10025/inet/content_filter =\n10025/inet/smtpd_milters =", "postfix-filter", CHECK_OK,
	  "isn't asked again" },
	{ "no milters behind the filter", ASKED "content_filter = f:",
	  "10025/inet/content_filter =\n10025/inet/receive_override_options = no_milters",
	  "postfix-filter", CHECK_OK, "" },
	{ "a port of its own before the filter", ASKED "content_filter = f:",
	  "10025/inet/content_filter = g:", "postfix-filter", CHECK_OK, "" },
	{ "a login without the filter", ASKED "content_filter = f:",
	  "submission/inet/content_filter =", "postfix-filter", CHECK_OK, "" },
	{ "port 25 without the filter", ASKED,
	  "submission/inet/content_filter = f:\n"
	  "smtp/inet/content_filter =",
	  "postfix-filter", CHECK_OK, "" },
};

static const struct postfix_row sender_rows[] = {
	{ "anybody", "smtpd_sender_restrictions =", "", "postfix-sender", CHECK_WARNING,
	  "submission/inet accepts Postfix's own double_bounce_sender" },
	{ "port 25's restrictions are taken away",
	  "smtpd_sender_restrictions = check_sender_access inline:{{<>=550}}",
	  "submission/inet/smtpd_sender_restrictions =", "postfix-sender", CHECK_WARNING,
	  "submission/inet accepts" },
	{ "anybody but the empty one", "smtpd_sender_restrictions =",
	  "submission/inet/smtpd_sender_restrictions = check_sender_access inline:{{<>=550}}",
	  "postfix-sender", CHECK_OK, "reject_sender_login_mismatch" },
	{ "the login's own",
	  "smtpd_recipient_restrictions = check_sender_access inline:{{<>=550}}, "
	  "reject_authenticated_sender_login_mismatch",
	  "", "postfix-sender", CHECK_OK, "has to be its own" },
	{ "only without a login",
	  "smtpd_relay_restrictions = reject_unauthenticated_sender_login_mismatch "
	  "check_policy_service unix:p",
	  "", "postfix-sender", CHECK_OK, "submission/inet accepts any" },
	{ "only what is another's",
	  "smtpd_sender_restrictions = check_sender_access x, reject_known_sender_login_mismatch",
	  "", "postfix-sender", CHECK_OK, "submission/inet accepts any" },
	{ "the site's own class", "smtpd_restriction_classes = senders", "", "postfix-sender",
	  CHECK_OK, "" },
	{ "sendmail's mail is read as a bounce", ASKED, "", "postfix-pickup", CHECK_WARNING,
	  "as pickup/unix leads to postern-milter" },
	{ "sendmail's mail has a cleanup of its own", ASKED,
	  "pickup/unix/cleanup_service_name = local\nlocal/unix/non_smtpd_milters =",
	  "postfix-pickup", CHECK_OK, "can't pass for a bounce" },
	{ "which asks other milters", ASKED,
	  "pickup/unix/cleanup_service_name = local\nlocal/unix/non_smtpd_milters = inet:h:1",
	  "postfix-pickup", CHECK_OK, "" },
	{ "which asks ours too", ASKED, "pickup/unix/cleanup_service_name = local",
	  "postfix-pickup", CHECK_WARNING, "pickup/unix leads" },
	{ "which isn't there", ASKED, "pickup/unix/cleanup_service_name = localx", "postfix-pickup",
	  CHECK_WRONG, "hands mail to localx/unix, which doesn't exist" },
	{ "pickup without milters", ASKED, "pickup/unix/receive_override_options = no_milters",
	  "postfix-pickup", CHECK_OK, "" },
	{ "only bounces are read", ASKED "non_smtpd_milters =",
	  "bounce/unix/cleanup_service_name = local\nlocal/unix/non_smtpd_milters = unix:p",
	  "postfix-pickup", CHECK_OK, "" },
	{ "any user", "authorized_submit_users = static:anyone", "", "postfix-sendmail", CHECK_OK,
	  "To restrict this" },
	{ "named users", "authorized_submit_users = root, vmail", "", "postfix-sendmail", CHECK_OK,
	  "Only those" },
	{ "users of a table", "authorized_submit_users = !www-data, static:all", "",
	  "postfix-sendmail", CHECK_OK, "Only those" },
};

static void judges_postfix(void **state)
{
	static const char services[] = "smtp/inet/command = smtpd\n"
				       "pickup/unix/command = pickup\n"
				       "cleanup/unix/command = cleanup\n"
				       "local/unix/command = cleanup\n"
				       "10025/inet/command = smtpd\n"
				       "smtpdx/unix/command = smtpdx -o a=b\n"
				       "submission/inet/command = smtpd -o smtpd_x=y\n";
	const struct postfix_row *row = *state;
	struct check_site site = { .settings = NULL };
	char main_cf[500], overrides[500];

	snprintf(main_cf, sizeof(main_cf), "cleanup_service_name = cleanup\n%s", row->main_cf);
	snprintf(overrides, sizeof(overrides), "submission/inet/smtpd_sasl_auth_enable = yes\n%s",
		 row->overrides);
	check_text_read(&site.postfix.main, copy(main_cf), '=');
	check_text_read(&site.postfix.services, copy(services), '=');
	check_text_read(&site.postfix.overrides, copy(overrides), '=');
	assert_says(&site, &check_postfix_topic, row->check, row->status, row->text);
	check_site_free(&site);
}

/* Its own options aren't known then. */
static void judges_pickup_twice(void **state)
{
	struct check_site site = { .settings = NULL };

	(void)state;
	check_text_read(&site.postfix.services,
			copy("pickup/unix/command = pickup -o cleanup_service_name=local\n"
			     "local/unix/command = cleanup\npickup/unix/command = pickup"),
			'=');
	check_text_read(&site.postfix.overrides, copy("pickup/unix/cleanup_service_name = local"),
			'=');
	assert_says(&site, &check_postfix_topic, "postfix-pickup", CHECK_WARNING,
		    "pickup/unix is in master.cf twice");
	check_site_free(&site);
}

/* Notices are sent by sendmail(1). */
static void judges_the_worker(void **state)
{
	struct settings settings = { .worker = { .user = (char[]){ "postern" } } };
	struct check_site site = { .settings = &settings };

	(void)state;
	check_text_read(&site.postfix.main, copy("authorized_submit_users = root postern"), '=');
	assert_says(&site, &check_postfix_topic, "postfix-sendmail", CHECK_OK, "Only those");
	check_text_free(&site.postfix.main);
	check_text_read(&site.postfix.main, copy("authorized_submit_users = root"), '=');
	assert_says(&site, &check_postfix_topic, "postfix-sendmail", CHECK_WARNING,
		    "add its user, postern,");
	check_text_free(&site.postfix.main);
	check_text_read(&site.postfix.main, copy("authorized_submit_users ="), '=');
	assert_says(&site, &check_postfix_topic, "postfix-sendmail", CHECK_WARNING, "postern");
	check_text_free(&site.postfix.main);
	check_text_read(&site.postfix.main, copy("authorized_submit_users = hash:x"), '=');
	assert_says(&site, &check_postfix_topic, "postfix-sendmail", CHECK_OK, "");
	check_text_free(&site.postfix.main);
	settings.worker.user = NULL;
	check_text_read(&site.postfix.main, copy("authorized_submit_users = root"), '=');
	assert_says(&site, &check_postfix_topic, "postfix-sendmail", CHECK_OK, "");
	check_text_free(&site.postfix.main);
}

/* A check looks at nothing that wasn't read. */
static void judges_nothing(void **state)
{
	static const struct check_topic *const topics[] = {
		&check_host_topic,    &check_secrets_topic,
		&check_redis_topic,   &check_redis_info_topic,
		&check_dovecot_topic, &check_api_topic,
		&check_postfix_topic, NULL,
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
	assert_says(&site, &check_secrets_topic, "secrets", CHECK_UNKNOWN, "fix them first");
	assert_says(&site, &check_redis_topic, "redis", CHECK_UNKNOWN, "fix them first");
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
	ADD_ROWS(judges_info, info_rows);
	ADD_ROWS(judges_postfix, postfix_rows);
	ADD_ROWS(judges_postfix, bounce_rows);
	ADD_ROWS(judges_postfix, sender_rows);
	ADD_TEST(judges_pickup_twice);
	ADD_TEST(judges_the_worker);
	ADD_TEST(judges_nothing);
	return RUN_TESTS();
}
