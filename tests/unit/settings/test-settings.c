/* The settings file: what it may say, and when it can't be read. */

#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "tests/unit/rows.h"
#include "tests/unit/settings-text.h"

struct good_row {
	const char *name;
	const char *text;
	const char *expected; /* a line of describe() */
};

static const struct good_row good_rows[] = {
	{ "no default domain", HELP, "default_domain=(null)" },
	{ "empty default domain", HELP "default_domain =\n", "default_domain=(null)" },
	{ "domain in upper case", HELP "default_domain = Mail.EXAMPLE.org\n",
	  "default_domain=mail.example.org" },
	{ "no space around =", HELP "default_domain=example.org\n", "default_domain=example.org" },
	{ "colon for =", HELP "default_domain: example.org\n", "default_domain=example.org" },
	{ "CRLF", "[postern]\r\nhelp_url = http://h/\r\n\r\n[redis]\r\ndatabase = 3\r\n",
	  "database=3" },
	{ "no line break at the end", HELP "[redis]\ndatabase = 3", "database=3" },
	{ "byte order mark", "\xef\xbb\xbf" HELP, "help_url=https://h.example/" },
	{ "comment before all", "# x\n; y\n\n" HELP, "help_url=https://h.example/" },
	{ "comment in another language", "# \xc4\x81\xc4\x8d\n" HELP,
	  "help_url=https://h.example/" },
	{ "comment behind a value", HELP "[redis]\ndatabase = 3 ; why\n", "database=3" },
	{ "comment behind a section", HELP "[redis] ; where\ndatabase = 3\n", "database=3" },
	{ "no comment without a space", "[postern]\nhelp_url = http://h/a;b#c\n",
	  "help_url=http://h/a;b#c" },
	{ "percent in help_url", "[postern]\nhelp_url = http://h/%41?x=[y]\n",
	  "help_url=http://h/%41?x=[y]" },
	{ "section in two parts", HELP "[redis]\ndatabase = 3\n[postern]\n[redis]\nuser = x\n",
	  "redis.user=x" },
	{ "no networks", HELP "internal_networks =\n", "internal_networks=0" },
	{ "networks with spaces", HELP "internal_networks = 10.0.0.0/8 ::1\t127.0.0.1\n",
	  "internal_networks=3" },
	{ "networks with commas", HELP "internal_networks = 10.0.0.0/8,::1 , 127.0.0.1,\n",
	  "internal_networks=3" },
	{ "networks in several lines",
	  HELP "internal_networks = 10.0.0.0/8,\n  ::1\n\n\t# webmail\n\t127.0.0.1 ; here ::2\n",
	  "internal_networks=3" },
	{ "networks from the second line on", HELP "proxies =\n 10.0.0.1\n", "proxies=1" },
	{ "secrets elsewhere", HELP "secrets = /srv/a b/secrets\n", "secrets=/srv/a b/secrets" },
	{ "Redis by socket", HELP "[redis]\naddress = unix:/run/redis.sock\n",
	  "redis=/run/redis.sock (null) 0" },
	{ "Redis by IPv4", HELP "[redis]\naddress = 192.0.2.1:1\n", "redis=(null) 192.0.2.1 1" },
	{ "Redis by IPv6", HELP "[redis]\naddress = [2001:db8::1]:65535\n",
	  "redis=(null) 2001:db8::1 65535" },
	{ "empty Redis user", HELP "[redis]\nuser =\n", "redis.user=(null)" },
	{ "largest database", HELP "[redis]\ndatabase = 9999\n", "database=9999" },
	{ "milliseconds", HELP "[redis]\ntimeout = 500ms\n", "timeout=500" },
	{ "shortest timeout", HELP "[redis]\ntimeout = 10ms\n", "timeout=10" },
	{ "longest timeout", HELP "[redis]\ntimeout = 1m\n", "timeout=60000" },
	{ "milter's Redis user", HELP "[milter]\nredis_user = m\n", "milter.redis_user=m" },
	{ "milter's empty Redis user", HELP "[milter]\nredis_user =\n",
	  "milter.redis_user=(null)" },
	{ "milter stays who it is", HELP "[milter]\nuser =\n", "milter.user=(null)" },
	{ "feedback address", HELP "[milter]\nfeedback_address = FBL@Example.org\n",
	  "feedback=fbl@example.org" },
	{ "accept while Redis is unavailable", HELP "[milter]\nredis_unavailable = accept\n",
	  "redis_unavailable=1" },
	{ "from", HELP "[notices]\nfrom = Help+1@Example.ORG\n", "from=help+1@example.org" },
	{ "empty from", HELP "[notices]\nfrom =\n", "from=(null)" },
	{ "reply_to", HELP "[notices]\nreply_to = s@h\n", "reply_to=s@h" },
	{ "language of three letters", HELP "[notices]\ndefault_language = ltg\n", "language=ltg" },
	{ "own notices", HELP "[notices]\nown = /srv/n\n", "own=/srv/n" },
	{ "mail server", HELP "[notices]\nmail_server = pop.example.org\n",
	  "mail_server=pop.example.org" },
	{ "warning", HELP "[notices]\nunused_warning = 14d\n", "unused_warning=1209600" },
	{ "sendmail", HELP "[worker]\nsendmail = /usr/lib/sendmail\n",
	  "sendmail=/usr/lib/sendmail" },
	{ "free comes first", HELP "[tier a]\n[tier paid]\n[tier free]\n", "0.name=free" },
	{ "paid comes second", HELP "[tier a]\n[tier paid]\n[tier free]\n", "1.name=paid" },
	{ "the site's own come then", HELP "[tier a]\n[tier paid]\n[tier free]\n", "2.name=a" },
	{ "longest name of a tier", HELP "[tier 0123456789abcd-e]\n", "2.name=0123456789abcd-e" },
	{ "own tier's protocols", HELP "[tier a]\n", "2.protocols=PS" },
	{ "own tier's limits are free's by default",
	  HELP "[tier free]\nmessages_per_hour = 3\n[tier a]\n", "2.messages=5 15" },
	{ "tiers don't mix", HELP "[tier a]\ncount = recipients\n[tier b]\n", "3.count=0" },
	{ "tier in two parts",
	  HELP "[tier a]\ncount = recipients\n[tier b]\n[tier a]\nprotocols = imap\n",
	  "2.protocols=I" },
	{ "protocols in lines", HELP "[tier free]\nprotocols = pop3,\n  imap\n", "0.protocols=PI" },
	{ "protocols replace the default", HELP "[tier paid]\nprotocols = smtp\n",
	  "1.protocols=S" },
	{ "seconds", HELP "[tier free]\npop3_interval = 90s\n", "0.pop3=90 15" },
	{ "minutes", HELP "[tier free]\npop3_interval = 2m\n", "0.pop3=120 15" },
	{ "hours", HELP "[tier free]\npop3_interval = 24h\n", "0.pop3=86400 15" },
	{ "days", HELP "[tier free]\nupgrade_hold = 60d\n", "0.hold=5184000" },
	{ "own tier's logins", HELP "[tier a]\n", "2.logins=120 1000" },
	{ "most logins", HELP "[tier a]\nlogins_per_hour = 50000\nlogins_per_day = unlimited\n",
	  "2.logins=50000 0" },
	{ "no break-in", HELP "[tier a]\nwrong_passwords = unlimited\n", "2.wrong=0 10 86400 0" },
	{ "break-in from one network",
	  HELP "[tier a]\nwrong_passwords = 200\nwrong_password_networks = 1\n",
	  "2.wrong=200 1 86400 0" },
	{ "shut out for a month, and told", HELP "[tier a]\nshut_out = 30d\non_break_in = tell\n",
	  "2.wrong=10 10 2592000 1" },
	{ "shut out for a minute", HELP "[tier a]\nshut_out = 60s\non_break_in = disable\n",
	  "2.wrong=10 10 60 0" },
	{ "failed recipients don't count", HELP "[tier a]\nfailed_recipients = unlimited\n",
	  "2.failed=0 3600" },
	{ "most failed recipients",
	  HELP "[tier a]\nfailed_recipients = 1000\nfailed_recipients_window = 7d\n",
	  "2.failed=1000 604800" },
	{ "one failed recipient, in a minute",
	  HELP "[tier paid]\nfailed_recipients = 1\nfailed_recipients_window = 1m\n",
	  "1.failed=1 60" },
	{ "never unused", HELP "[tier paid]\nunused_after = 0\n", "1.unused=0" },
	{ "whole seconds in ms", HELP "[tier free]\npop3_interval = 30000ms\n", "0.pop3=30 15" },
	{ "0 with a unit", HELP "[tier free]\npop3_interval = 0s\n", "0.pop3=0 15" },
	{ "grace longer than the interval", HELP "[tier free]\npop3_interval = 10s\n",
	  "0.pop3=10 15" },
	{ "no grace", HELP "[tier free]\npop3_interval = 1s\npop3_grace = 0\n", "0.pop3=1 0" },
	{ "smallest limits", HELP "[tier free]\nmessages_per_minute = 1\nmessages_per_hour = 1\n",
	  "0.messages=1 1" },
	{ "largest limits",
	  HELP "[tier free]\nmessages_per_minute = 10000\nmessages_per_hour = 10000\n",
	  "0.messages=10000 10000" },
	{ "unlimited", HELP "[tier free]\nmessages_per_minute = unlimited\n", "0.messages=0 15" },
	{ "recipients", HELP "[tier paid]\nrecipients_per_message = 50\n", "1.recipients=50" },
	{ "own tier's recipients", HELP "[tier a]\n", "2.recipients=100" },
	{ "own tier after another default",
	  HELP "[tier free]\nrecipients_per_message = 7\n[tier a]\n", "2.recipients=100" },
	{ "recipients unlimited", HELP "[tier free]\nrecipients_per_message = unlimited\n",
	  "0.recipients=0" },
};

static void test_good(void **state)
{
	const struct good_row *row = *state;
	char *description = load_and_describe(row->text);

	assert_has_line(description, row->expected);
	free(description);
}

static void test_defaults(void **state)
{
	char *description = load_and_describe(HELP);

	(void)state;
	assert_string_equal(
		description,
		"default_domain=(null)\nhelp_url=https://h.example/\n"
		"internal_networks=0\nproxies=0\nsecrets=/etc/postern/secrets\n"
		"redis=(null) 127.0.0.1 6379\nredis.user=(null)\ndatabase=0\n"
		"timeout=1000\nsocket=/var/spool/postfix/postern/milter.sock\n"
		"socket_group=postfix\nmilter.user=postern-milter\n"
		"milter.redis_user=(null)\nredis_unavailable=0\n"
		"feedback=(null)\n"
		"from=(null)\nreply_to=(null)\nlanguage=en\n"
		"shipped=" DATADIR "/postern/notices\nown=/etc/postern/notices\n"
		"mail_server=(null)\nunused_warning=0\n"
		"sendmail=/usr/sbin/sendmail\n"
		"worker=postern-worker /usr/sbin/sendmail http://127.0.0.8:818/doveadm/v1\n"
		"worker.lease=30000\nsweep=60 100\n"
		"0.name=free\n0.protocols=PS\n0.pop3=300 15\n0.messages=5 15\n"
		"0.recipients=100\n0.count=0\n0.hold=0\n"
		"0.logins=120 1000\n0.wrong=10 10 86400 0\n0.failed=10 3600\n0.unused=5184000\n"
		"1.name=paid\n1.protocols=PIS\n1.pop3=0 15\n1.messages=0 0\n"
		"1.recipients=0\n1.count=0\n1.hold=0\n"
		"1.logins=600 5000\n1.wrong=10 10 86400 0\n1.failed=10 3600\n1.unused=5184000\n");
	free(description);
}

static void test_longest_url(void **state)
{
	char *description = load_and_describe("[postern]\nhelp_url = " X180 "\n");

	(void)state;
	assert_has_line(description, "help_url=" X180);
	free(description);
}

static void test_no_file(void **state)
{
	char *error = NULL;

	(void)state;
	assert_null(settings_load("/nonexistent/postern.conf", SECRETS_SITE, &error));
	assert_file_error(error, "/nonexistent/postern.conf", " No such file or directory");
}

static void test_directory(void **state)
{
	char *error = NULL;

	(void)state;
	assert_null(settings_load("/", SECRETS_SITE, &error));
	assert_file_error(error, "/", " Is a directory");
}

/* Nobody writes to the pipe: to wait for that would be for ever. */
static void test_pipe(void **state)
{
	struct files files = files_begin();
	char *error = NULL;

	(void)state;
	assert_int_equal(mkfifo(files.path, 0600), 0);
	assert_null(settings_load(files.path, SECRETS_SITE, &error));
	assert_file_error(error, files.path, " expected a regular file");
	files_end(&files);
}

static void test_no_permission(void **state)
{
	struct files files = files_begin();
	char *error = NULL;
	uid_t user = geteuid();

	(void)state;
	files_write(&files, HELP, strlen(HELP), 0);
	assert_int_equal(chmod(files.directory, 0755), 0);
	/* Nothing is forbidden to root. */
	if (user == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_null(settings_load(files.path, SECRETS_SITE, &error));
	assert_int_equal(seteuid(user), 0);
	assert_file_error(error, files.path, " Permission denied");
	files_end(&files);
}

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Loads settings that name the secrets file next to them, of which the reader's is written. */
static struct settings *load_with_secrets(const char *more, enum secrets_reader reader,
					  const char *secrets, unsigned int mode, char **error_r)
{
	struct files files = files_begin(), other = files;
	struct settings *settings;
	char text[512], site[256], *path;

	snprintf(site, sizeof(site), "%s/secrets", files.directory);
	path = secrets_path(site, reader);
	snprintf(other.path, sizeof(other.path), "%s", path);
	free(path);
	snprintf(text, sizeof(text), HELP "secrets = %s\n%s", site, more);
	files_write(&files, text, strlen(text), 0644);
	if (secrets != NULL)
		files_write(&other, secrets, strlen(secrets), mode);
	settings = settings_load(files.path, reader, error_r);
	unlink(other.path);
	files_end(&files);
	return settings;
}

struct secrets_row {
	const char *name;
	const char *settings; /* behind the help_url and secrets */
	enum secrets_reader reader;
	const char *secrets;
	const char *user; /* that Redis is asked as */
};

#define PASSWORD "[redis]\npassword = x\n"
#define TRACE	 "[trace-keys]\n1 = " KEY "\n[refusal-keys]\n1 = " KEY "\n"

static const struct secrets_row secrets_rows[] = {
	{ "secrets: no user", "", SECRETS_SITE, "[keys]\n1 = " KEY "\n", NULL },
	{ "secrets: a user", "[redis]\nuser = u\n", SECRETS_SITE, PASSWORD "[keys]\n1 = " KEY "\n",
	  "u" },
	{ "secrets: the milter's user is not the site's", "[milter]\nredis_user = m\n",
	  SECRETS_SITE, "[keys]\n1 = " KEY "\n", NULL },
	{ "secrets: the milter's user", "[milter]\nredis_user = m\n[redis]\nuser = u\n",
	  SECRETS_MILTER, PASSWORD TRACE, "m" },
	{ "secrets: the milter has the site's user", "[redis]\nuser = u\n", SECRETS_MILTER,
	  PASSWORD TRACE, "u" },
	{ "secrets: the worker has the site's user",
	  "[milter]\nredis_user = m\n[redis]\nuser = u\n", SECRETS_WORKER,
	  PASSWORD "[notice-keys]\n1 = " KEY "\n[refusal-keys]\n1 = " KEY "\n", "u" },
};

static void test_with_secrets(void **state)
{
	const struct secrets_row *row = *state;
	char *error = NULL;
	struct settings *settings =
		load_with_secrets(row->settings, row->reader, row->secrets, 0640, &error);

	if (settings == NULL)
		fail_msg("%s", error);
	assert_int_equal(settings->secrets->keys_count, 1);
	if (row->user == NULL)
		assert_null(settings->redis.user);
	else
		assert_string_equal(settings->redis.user, row->user);
	settings_free(&settings);
	assert_null(settings);
	settings_free(&settings);
}

static void test_with_bad_secrets(void **state)
{
	static const struct {
		const char *settings;
		enum secrets_reader reader;
		const char *secrets;
		unsigned int mode;
		const char *error;
	} rows[] = {
		{ "", SECRETS_SITE, NULL, 0, "/secrets: No such file or directory" },
		{ "", SECRETS_SITE, "[keys]\n1 = " KEY "\n", 0644,
		  "/secrets: expected a file that others can't open" },
		{ "", SECRETS_SITE, "[keys]\n1 = abc\n", 0640,
		  "/secrets:2: 1: expected 64 hexadecimal digits" },
		{ "[redis]\nuser = u\n", SECRETS_SITE, "[keys]\n1 = " KEY "\n", 0640,
		  ": user: expected a password for u in [redis] of /" },
		{ "[milter]\nredis_user = m\n", SECRETS_MILTER, TRACE, 0640,
		  ": redis_user: expected a password for m in [redis] of /" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *error = NULL;

		assert_null(load_with_secrets(rows[i].settings, rows[i].reader, rows[i].secrets,
					      rows[i].mode, &error));
		assert_non_null(error);
		assert_non_null(strstr(error, rows[i].error));
		free(error);
	}
}

static void test_tier(void **state)
{
	struct settings settings = { .tiers = { { .name = "free" }, { .name = "paid" } },
				     .tiers_count = 2 };

	(void)state;
	assert_ptr_equal(settings_tier(&settings, "free"), &settings.tiers[0]);
	assert_ptr_equal(settings_tier(&settings, "paid"), &settings.tiers[1]);
	assert_null(settings_tier(&settings, "gold"));
	assert_null(settings_tier(&settings, ""));
}

struct doubt_row {
	const char *name;
	const char *tiers;
	const char *doubt; /* a part of it, NULL for none */
};

static const struct doubt_row doubt_rows[] = {
	{ "no doubt: the defaults", "[tier free]\n", NULL },
	{ "doubt: the sample of before",
	  "[tier free]\nwrong_passwords = 50\nwrong_password_networks = 3\n",
	  ": [tier free]: wrong_passwords and wrong_password_networks have a different meaning "
	  "than before: "
	  "3 networks that try 50 each" },
	{ "doubt: dearer than that", "[tier a]\nwrong_passwords = 200\n",
	  "[tier a]: wrong_passwords and wrong_password_networks have a different meaning than "
	  "before: "
	  "10 networks that try 200 each" },
	{ "doubt: one network", "[tier paid]\nwrong_password_networks = 1\n", "[tier paid]" },
	{ "doubt: the second tier",
	  "[tier free]\nwrong_passwords = 49\n[tier paid]\nwrong_password_networks = 3\n",
	  "[tier paid]" },
	{ "no doubt: neither old nor new",
	  "[tier free]\nwrong_passwords = 49\n"
	  "wrong_password_networks = 4\n",
	  NULL },
	{ "no doubt: never",
	  "[tier free]\nwrong_passwords = unlimited\n"
	  "wrong_password_networks = 3\n",
	  NULL },
	{ "no doubt: meant",
	  "[tier free]\nwrong_passwords = 1\nwrong_password_networks = 1\n"
	  "on_break_in = disable\n",
	  NULL },
	{ "no doubt: meant, too", "[tier free]\nwrong_password_networks = 2\nshut_out = 1h\n",
	  NULL },
};

static void has_doubts(void **state)
{
	const struct doubt_row *row = *state;
	struct files files = files_begin();
	struct settings *settings;
	char text[512], *error = NULL;

	snprintf(text, sizeof(text), HELP "%s", row->tiers);
	files_write(&files, text, strlen(text), 0644);
	settings = settings_load_without_secrets(files.path, &error);
	assert_non_null(settings);
	assert_int_equal(settings->doubt != NULL, row->doubt != NULL);
	if (row->doubt != NULL)
		assert_non_null(strstr(settings->doubt, row->doubt));
	settings_free(&settings);
	files_end(&files);
}

int main(void)
{
	ADD_ROWS(has_doubts, doubt_rows);
	ADD_TEST(test_defaults);
	ADD_ROWS(test_good, good_rows);
	ADD_TEST(test_longest_url);
	ADD_TEST(test_no_file);
	ADD_TEST(test_directory);
	ADD_TEST(test_pipe);
	ADD_TEST(test_no_permission);
	ADD_ROWS(test_with_secrets, secrets_rows);
	ADD_TEST(test_with_bad_secrets);
	ADD_TEST(test_tier);
	return RUN_TESTS();
}
