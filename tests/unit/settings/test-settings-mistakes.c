/* Mistakes in the settings file: each is told with its line and with what was expected. */

#include "settings/settings.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/files.h"
#include "tests/unit/rows.h"
#include "tests/unit/settings-text.h"

#define URL                                                                                        \
	"expected an address that begins with https:// or http://, of at most 180 "                \
	"printable ASCII characters without spaces"
#define DOMAIN	 "3: default_domain: expected a domain such as example.org"
#define NETWORKS "expected networks such as 192.0.2.0/24, 2001:db8::/32 or 127.0.0.1 "
#define ADDRESS	 "4: address: expected unix:/PATH, IP:PORT or [IPV6]:PORT"
#define NO_NAME	 " (not a host name: looking one up would block)"
#define SECTIONS "expected [postern], [redis], [milter], [notices], [worker] or [tier NAME]"
#define TIER	 "expected a tier name of 1 to 16 lower case letters, digits and hyphens"
#define LIMIT	 "expected a number from 1 to 10000, or unlimited"
#define MAILBOX	 "expected an address such as postmaster@example.org, or nothing"
#define LANGUAGE "expected two or three lower case letters, such as et"
#define UNITS	 " (a number and one of the units ms, s, m, h, d)"
struct bad_row {
	const char *name;
	const char *text;
	const char *error; /* behind "PATH:" */
};

static const struct bad_row bad_rows[] = {
	{ "bad: empty file", "",
	  " help_url: expected in [postern]: an address that begins with "
	  "https:// or http://, of at most 180 printable ASCII characters "
	  "without spaces" },
	{ "bad: unknown section", HELP "[reddis]\naddress = x\n", "3: [reddis]: " SECTIONS },
	{ "bad: unknown section without a key", HELP "[reddis]\n", "3: [reddis]: " SECTIONS },
	{ "bad: section in upper case", HELP "[Redis]\n", "3: [Redis]: " SECTIONS },
	{ "bad: section with spaces", HELP "[ redis ]\n", "3: [ redis ]: " SECTIONS },
	{ "bad: empty section", HELP "[]\n", "3: []: " SECTIONS },
	{ "bad: long section", HELP "[" X150 "]\n", "3: [" X150 "]: " SECTIONS },
	{ "bad: tier without a name", HELP "[tier]\n", "3: [tier]: " SECTIONS },
	{ "bad: tier with an empty name", HELP "[tier ]\n", "3: [tier ]: " TIER },
	{ "bad: tier in upper case", HELP "[tier Gold]\n", "3: [tier Gold]: " TIER },
	{ "bad: tier with two spaces", HELP "[tier  gold]\n", "3: [tier  gold]: " TIER },
	{ "bad: name of a tier too long", HELP "[tier 0123456789abcdefg]\n",
	  "3: [tier 0123456789abcdefg]: " TIER },
	{ "bad: too many tiers",
	  HELP "[tier a]\n[tier b]\n[tier c]\n[tier d]\n[tier e]\n[tier f]\n[tier g]\n[tier h]\n"
	       "[tier i]\n[tier j]\n[tier k]\n[tier l]\n[tier m]\n[tier n]\n[tier o]\n",
	  "17: [tier o]: expected at most 16 tiers, free and paid among them" },
	{ "bad: section not closed", HELP "[redis\n",
	  "3: expected [SECTION] and nothing after it" },
	{ "bad: something behind a section", HELP "[redis] x\n",
	  "3: expected [SECTION] and nothing after it" },
	{ "bad: indented section", HELP "  [redis]\n", "3: expected '[' at the start of the line" },
	{ "bad: key before a section", "help_url = http://h/\n",
	  "1: expected a [SECTION] before the first key" },
	{ "bad: indented key", "[postern]\n  help_url = http://h/\n",
	  "2: expected the key at the start of the line" },
	{ "bad: no =", HELP "default_domain example.org\n", "3: expected KEY = VALUE" },
	{ "bad: no = comes before a later mistake", HELP "nonsense\n[nonsense]\n",
	  "3: expected KEY = VALUE" },
	{ "bad: no key", HELP "= x\n", "3: expected a key before '='" },
	{ "bad: unknown key", HELP "[redis]\nadress = x\n",
	  "4: adress: expected one of address, user, database, timeout" },
	{ "bad: unknown key of a tier", HELP "[tier paid]\npop3_intervall = 5m\n",
	  "4: pop3_intervall: expected one of protocols, pop3_interval, pop3_grace, "
	  "messages_per_minute, messages_per_hour, recipients_per_message, count, upgrade_hold, "
	  "logins_per_hour, logins_per_day, wrong_passwords, wrong_password_networks, "
	  "shut_out, on_break_in, failed_recipients, failed_recipients_window, unused_after" },
	{ "bad: key of another section", HELP "timeout = 1s\n",
	  "3: timeout: expected one of default_domain, help_url, internal_networks, proxies, "
	  "secrets" },
	{ "bad: key in upper case", HELP "[redis]\nUser = x\n",
	  "4: User: expected one of address, user, database, timeout" },
	{ "bad: the password is not here", HELP "[redis]\npassword = hunter2\n",
	  "4: password: expected one of address, user, database, timeout" },
	{ "bad: key twice", HELP "help_url = http://h/\n",
	  "3: help_url: expected only once, but it is also in line 2" },
	{ "bad: list twice", HELP "proxies = ::1\nproxies = ::2\n",
	  "4: proxies: expected only once, but it is also in line 3" },
	{ "bad: key twice in a section in two parts",
	  HELP "[tier a]\ncount = messages\n[tier b]\n[tier a]\ncount = messages\n",
	  "7: count: expected only once, but it is also in line 4" },
	{ "bad: value goes on", HELP "[redis]\nuser = x\n  y\n",
	  "5: user: expected one line: this one continues it, as it begins with a space" },
	{ "bad: indented key behind a value", HELP "[redis]\nuser = x\n  database = 1\n",
	  "5: user: expected one line: this one continues it, as it begins with a space" },
	{ "bad: indented key behind a list", HELP "proxies = ::1\n  secrets = /x\n",
	  "4: proxies: " NETWORKS "(not an IP address or network)" },
	{ "bad: 8-bit value", HELP "default_domain = p\xc4\x81rbaude.lv\n",
	  "3: expected printable ASCII, but byte 19 is 0xc4" },
	{ "bad: 8-bit comment behind a value", HELP "proxies = ::1 ; \xc4\x81\n",
	  "3: expected printable ASCII, but byte 17 is 0xc4" },
	{ "bad: control character", HELP "default_domain = a\033b\n",
	  "3: expected printable ASCII, but byte 19 is 0x1b" },
	{ "bad: control character in a comment", "# \033[2J\n" HELP,
	  "1: expected printable ASCII, but byte 3 is 0x1b" },
	{ "bad: CR within a line", HELP "default_domain = a\rb\n",
	  "3: expected printable ASCII, but byte 19 is 0x0d" },
	{ "bad: DEL", HELP "default_domain = a\x7f\n",
	  "3: expected printable ASCII, but byte 19 is 0x7f" },
	{ "bad: byte order mark in the second line", "\n\xef\xbb\xbf" HELP,
	  "2: expected printable ASCII, but byte 1 is 0xef" },
	{ "bad: UTF-16", "\xff\xfe[", "1: expected printable ASCII, but byte 1 is 0xff" },
	{ "bad: line of 198 bytes",
	  HELP "#" X150 "1234567890123456789012345678901234567890"
	       "1234567\n",
	  "3: expected a line of at most 197 bytes" },

	{ "bad: domain with an at sign", HELP "default_domain = @example.org\n", DOMAIN },
	{ "bad: domain with a space", HELP "default_domain = a b\n", DOMAIN },
	{ "bad: domain with a dot at the end", HELP "default_domain = example.org.\n", DOMAIN },
	{ "bad: domain with an underscore", HELP "default_domain = a_b.org\n", DOMAIN },
	{ "bad: label too long", HELP "default_domain = " X50 X50 ".org\n", DOMAIN },
	{ "bad: help_url empty", "[postern]\nhelp_url =\n", "2: help_url: " URL },
	{ "bad: help_url without a scheme", "[postern]\nhelp_url = h.example\n",
	  "2: help_url: " URL },
	{ "bad: help_url of another scheme", "[postern]\nhelp_url = ftp://h/\n",
	  "2: help_url: " URL },
	{ "bad: help_url with nothing behind the scheme", "[postern]\nhelp_url = https://\n",
	  "2: help_url: " URL },
	{ "bad: help_url with a space", "[postern]\nhelp_url = http://h/ x\n",
	  "2: help_url: " URL },
	{ "bad: help_url with a tab", "[postern]\nhelp_url = http://h/\tx\n", "2: help_url: " URL },
	{ "bad: help_url of 181 bytes", "[postern]\nhelp_url = " X180 "x\n", "2: help_url: " URL },
	{ "bad: network", HELP "internal_networks = 10.0.0.0/33\n",
	  "3: internal_networks: " NETWORKS "(the prefix is not a number from 0 to 32)" },
	{ "bad: network with host bits", HELP "internal_networks = ::1 10.1.0.0/8\n",
	  "3: internal_networks: " NETWORKS "(bits are set beyond the prefix)" },
	{ "bad: host name for a network", HELP "proxies = 127.0.0.1,\n  localhost\n",
	  "4: proxies: " NETWORKS "(not an IP address or network)" },
	{ "bad: secrets relative", HELP "secrets = secrets\n",
	  "3: secrets: expected an absolute path" },
	{ "bad: secrets empty", HELP "secrets =\n", "3: secrets: expected an absolute path" },

	{ "bad: Redis address empty", HELP "[redis]\naddress =\n", ADDRESS },
	{ "bad: Redis host name", HELP "[redis]\naddress = localhost:6379\n", ADDRESS NO_NAME },
	{ "bad: Redis host name in brackets", HELP "[redis]\naddress = [localhost]:6379\n",
	  ADDRESS NO_NAME },
	{ "bad: Redis without a port", HELP "[redis]\naddress = 127.0.0.1\n", ADDRESS },
	{ "bad: Redis with an empty port", HELP "[redis]\naddress = 127.0.0.1:\n", ADDRESS },
	{ "bad: Redis at port 0", HELP "[redis]\naddress = 127.0.0.1:0\n", ADDRESS },
	{ "bad: Redis at port 65536", HELP "[redis]\naddress = 127.0.0.1:65536\n", ADDRESS },
	{ "bad: Redis with something behind the port", HELP "[redis]\naddress = 127.0.0.1:6379/0\n",
	  ADDRESS },
	{ "bad: Redis IPv6 without brackets", HELP "[redis]\naddress = ::1:6379\n", ADDRESS },
	{ "bad: Redis bracket not closed", HELP "[redis]\naddress = [::1:6379\n", ADDRESS },
	{ "bad: Redis only brackets", HELP "[redis]\naddress = []:6379\n", ADDRESS },
	{ "bad: Redis host very long", HELP "[redis]\naddress = " X150 ":1\n", ADDRESS },
	{ "bad: Redis socket relative", HELP "[redis]\naddress = unix:redis.sock\n",
	  ADDRESS " (the path must be absolute, and of at most 107 bytes)" },
	{ "bad: Redis socket too long", HELP "[redis]\naddress = unix:/" X150 "\n",
	  ADDRESS " (the path must be absolute, and of at most 107 bytes)" },
	{ "bad: Redis URL", HELP "[redis]\naddress = redis://127.0.0.1\n", ADDRESS },
	{ "bad: Redis user with a space", HELP "[redis]\nuser = a b\n",
	  "4: user: expected a name of at most 64 letters, digits, '.', '_' and '-', or nothing" },
	{ "bad: database negative", HELP "[redis]\ndatabase = -1\n",
	  "4: database: expected a number from 0 to 9999" },
	{ "bad: database empty", HELP "[redis]\ndatabase =\n",
	  "4: database: expected a number from 0 to 9999" },
	{ "bad: database too large", HELP "[redis]\ndatabase = 10000\n",
	  "4: database: expected a number from 0 to 9999" },
	{ "bad: timeout of 0", HELP "[redis]\ntimeout = 0\n",
	  "4: timeout: expected a duration from 10ms to 60s" },
	{ "bad: timeout too short", HELP "[redis]\ntimeout = 9ms\n",
	  "4: timeout: expected a duration from 10ms to 60s" },
	{ "bad: timeout too long", HELP "[redis]\ntimeout = 60001ms\n",
	  "4: timeout: expected a duration from 10ms to 60s" },
	{ "bad: timeout without a unit", HELP "[redis]\ntimeout = 1\n",
	  "4: timeout: expected a duration from 10ms to 60s" UNITS },
	{ "bad: timeout of another unit", HELP "[redis]\ntimeout = 1sec\n",
	  "4: timeout: expected a duration from 10ms to 60s" UNITS },
	{ "bad: timeout with a space", HELP "[redis]\ntimeout = 1 s\n",
	  "4: timeout: expected a duration from 10ms to 60s" UNITS },
	{ "bad: timeout with a fraction", HELP "[redis]\ntimeout = 0.5s\n",
	  "4: timeout: expected a duration from 10ms to 60s" UNITS },
	{ "bad: timeout negative", HELP "[redis]\ntimeout = -1s\n",
	  "4: timeout: expected a duration from 10ms to 60s" },
	{ "bad: timeout that overflows", HELP "[redis]\ntimeout = 18446744073709551617s\n",
	  "4: timeout: expected a duration from 10ms to 60s" },
	{ "bad: timeout of a unit alone", HELP "[redis]\ntimeout = s\n",
	  "4: timeout: expected a duration from 10ms to 60s" },

	{ "bad: milter socket relative", HELP "[milter]\nsocket = milter.sock\n",
	  "4: socket: expected an absolute path of at most 107 bytes" },
	{ "bad: milter socket too long", HELP "[milter]\nsocket = /" X150 "\n",
	  "4: socket: expected an absolute path of at most 107 bytes" },
	{ "bad: socket group empty", HELP "[milter]\nsocket_group =\n",
	  "4: socket_group: expected a group name" },
	{ "bad: milter user with a dash in front", HELP "[milter]\nuser = -r\n",
	  "4: user: expected a user name, or nothing" },
	{ "bad: worker sendmail relative", HELP "[worker]\nsendmail = sendmail\n",
	  "4: sendmail: expected an absolute path of at most 1000 bytes" },
	{ "bad: milter Redis user with a space", HELP "[milter]\nredis_user = a b\n",
	  "4: redis_user: expected a name of at most 64 letters, digits, '.', '_' and '-', or "
	  "nothing" },
	{ "bad: worker doveadm_url", HELP "[worker]\ndoveadm_url = 127.0.0.1:8080\n",
	  "4: doveadm_url: expected an address that begins with https:// or http://, of at most "
	  "180 printable ASCII characters without spaces" },
	{ "bad: worker lease too short", HELP "[worker]\nnotice_lease = 999ms\n",
	  "4: notice_lease: expected a duration from 1s to 1h" },
	{ "bad: worker sweep_rate", HELP "[worker]\nsweep_rate = 0\n",
	  "4: sweep_rate: expected a number from 1 to 10000" },
	{ "bad: feedback_address", HELP "[milter]\nfeedback_address = fbl\n",
	  "4: feedback_address: " MAILBOX },
	{ "bad: redis_unavailable", HELP "[milter]\nredis_unavailable = reject\n",
	  "4: redis_unavailable: expected defer or accept" },

	{ "bad: from with a name", HELP "[notices]\nfrom = Mail <m@example.org>\n",
	  "4: from: " MAILBOX },
	{ "bad: from without a domain", HELP "[notices]\nfrom = postmaster\n",
	  "4: from: " MAILBOX },
	{ "bad: two addresses", HELP "[notices]\nreply_to = a@example.org, b@example.org\n",
	  "4: reply_to: " MAILBOX },
	{ "bad: quoted address", HELP "[notices]\nreply_to = \"a b\"@example.org\n",
	  "4: reply_to: " MAILBOX },
	{ "bad: language of a country", HELP "[notices]\ndefault_language = et_EE\n",
	  "4: default_language: " LANGUAGE },
	{ "bad: language in upper case", HELP "[notices]\ndefault_language = ET\n",
	  "4: default_language: " LANGUAGE },
	{ "bad: language that is a path", HELP "[notices]\ndefault_language = ../\n",
	  "4: default_language: " LANGUAGE },
	{ "bad: language empty", HELP "[notices]\ndefault_language =\n",
	  "4: default_language: " LANGUAGE },
	{ "bad: own relative", HELP "[notices]\nown = notices\n",
	  "4: own: expected an absolute path of at most 1000 bytes" },
	{ "bad: mail server with a port", HELP "[notices]\nmail_server = mail.example.org:993\n",
	  "4: mail_server: expected a host name such as mail.example.org, or nothing" },
	{ "bad: warning too long", HELP "[notices]\nunused_warning = 366d\n",
	  "4: unused_warning: expected a duration in whole seconds from 0 to 365d" },
	{ "bad: sendmail with options", HELP "[worker]\nsendmail = sendmail -i\n",
	  "4: sendmail: expected an absolute path of at most 1000 bytes" },

	{ "bad: no protocol", HELP "[tier a]\nprotocols =\n",
	  "4: protocols: expected one or more of pop3, imap and smtp" },
	{ "bad: unknown protocol", HELP "[tier a]\nprotocols = pop3 pop3s\n",
	  "4: protocols: expected one or more of pop3, imap and smtp" },
	{ "bad: interval of a part of a second", HELP "[tier a]\npop3_interval = 20500ms\n",
	  "4: pop3_interval: expected a duration in whole seconds from 0 to 1d" },
	{ "bad: interval too long", HELP "[tier a]\npop3_interval = 86401s\n",
	  "4: pop3_interval: expected a duration in whole seconds from 0 to 1d" },
	{ "bad: interval unlimited", HELP "[tier a]\npop3_interval = unlimited\n",
	  "4: pop3_interval: expected a duration in whole seconds from 0 to 1d" },
	{ "bad: grace too long", HELP "[tier a]\npop3_grace = 61m\n",
	  "4: pop3_grace: expected a duration in whole seconds from 0 to 1h" },
	{ "bad: limit of 0", HELP "[tier a]\nmessages_per_minute = 0\n",
	  "4: messages_per_minute: " LIMIT },
	{ "bad: limit too large", HELP "[tier a]\nmessages_per_hour = 10001\n",
	  "4: messages_per_hour: " LIMIT },
	{ "bad: limit empty", HELP "[tier a]\nmessages_per_hour =\n",
	  "4: messages_per_hour: " LIMIT },
	{ "bad: limit with a unit", HELP "[tier a]\nrecipients_per_message = 5m\n",
	  "4: recipients_per_message: " LIMIT },
	{ "bad: limit in hexadecimal", HELP "[tier a]\nmessages_per_hour = 0x10\n",
	  "4: messages_per_hour: " LIMIT },
	{ "bad: Unlimited", HELP "[tier a]\nmessages_per_hour = Unlimited\n",
	  "4: messages_per_hour: " LIMIT },
	{ "bad: count", HELP "[tier a]\ncount = bytes\n",
	  "4: count: expected messages or recipients" },
	{ "bad: too many logins", HELP "[tier a]\nlogins_per_day = 50001\n",
	  "4: logins_per_day: expected a number from 1 to 50000, or unlimited" },
	{ "bad: no wrong password at all", HELP "[tier a]\nwrong_passwords = 0\n",
	  "4: wrong_passwords: expected a number from 1 to 200, or unlimited" },
	{ "bad: too many wrong passwords", HELP "[tier a]\nwrong_passwords = 201\n",
	  "4: wrong_passwords: expected a number from 1 to 200, or unlimited" },
	{ "bad: no failed recipient at all", HELP "[tier a]\nfailed_recipients = 0\n",
	  "4: failed_recipients: expected a number from 1 to 1000, or unlimited" },
	{ "bad: too many failed recipients", HELP "[tier a]\nfailed_recipients = 1001\n",
	  "4: failed_recipients: expected a number from 1 to 1000, or unlimited" },
	{ "bad: short window of failed recipients",
	  HELP "[tier a]\nfailed_recipients_window = 59s\n",
	  "4: failed_recipients_window: expected a duration in whole seconds from 1m to 7d" },
	{ "bad: long window of failed recipients",
	  HELP "[tier a]\nfailed_recipients_window = 169h\n",
	  "4: failed_recipients_window: expected a duration in whole seconds from 1m to 7d" },
	{ "bad: no network", HELP "[tier a]\nwrong_password_networks = 0\n",
	  "4: wrong_password_networks: expected a number from 1 to 20" },
	{ "bad: too many networks", HELP "[tier a]\nwrong_password_networks = 21\n",
	  "4: wrong_password_networks: expected a number from 1 to 20" },
	{ "bad: shut out for a moment", HELP "[tier a]\nshut_out = 59s\n",
	  "4: shut_out: expected a duration in whole seconds from 1m to 30d" },
	{ "bad: shut out for ever", HELP "[tier a]\nshut_out = 31d\n",
	  "4: shut_out: expected a duration in whole seconds from 1m to 30d" },
	{ "bad: neither disabled nor told", HELP "[tier a]\non_break_in = ignore\n",
	  "4: on_break_in: expected disable or tell" },
	{ "bad: months", HELP "[tier a]\nunused_after = 2M\n",
	  "4: unused_after: expected a duration in whole seconds from 0 to 3650d "
	  "(a number and one of the units ms, s, m, h, d)" },
	{ "bad: hold too long", HELP "[tier paid]\nupgrade_hold = 61d\n",
	  "4: upgrade_hold: expected a duration in whole seconds from 0 to 60d" },
};

static void assert_refused(const char *text, size_t size, const char *expected)
{
	struct files files = files_begin();
	char *error = NULL;

	files_write(&files, text, size, 0644);
	assert_null(settings_load_without_secrets(files.path, &error));
	assert_file_error(error, files.path, expected);
	files_end(&files);
}

static void test_bad(void **state)
{
	const struct bad_row *row = *state;

	assert_refused(row->text, strlen(row->text), row->error);
}

static void test_nul_bytes(void **state)
{
	static const char in_value[] = HELP "default_domain = a\0b\n";
	static const char in_comment[] = "# \0\n" HELP;
	static const char at_end[] = HELP;

	(void)state;
	assert_refused(in_value, sizeof(in_value) - 1,
		       "3: expected printable ASCII, but byte 19 is 0x00");
	assert_refused(in_comment, sizeof(in_comment) - 1,
		       "1: expected printable ASCII, but byte 3 is 0x00");
	assert_refused(at_end, sizeof(at_end), "3: expected printable ASCII, but byte 1 is 0x00");
}

/* Fills a line of size bytes behind the start, and a further line. */
static char *long_line(const char *start, size_t size, const char *next)
{
	char *text = malloc(strlen(HELP) + size + strlen(next) + 2);
	size_t used = strlen(HELP) + strlen(start);

	assert_non_null(text);
	memcpy(text, HELP, strlen(HELP));
	memcpy(text + strlen(HELP), start, strlen(start));
	memset(text + used, 'x', strlen(HELP) + size - used);
	text[strlen(HELP) + size] = '\n';
	strcpy(text + strlen(HELP) + size + 1, next);
	return text;
}

static void test_long_lines(void **state)
{
	static const char *const starts[] = { "#", "x", "[", "default_domain = ", "\t", "=" };

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		char *text = long_line(starts[i], 10000, "[redis]\n");

		assert_refused(text, strlen(text), "3: expected a line of at most 197 bytes");
		free(text);
	}
}

/* Nothing of the longest line gets lost, and nothing of it is taken for the next one. */
static void test_longest_line(void **state)
{
	char *text = long_line("secrets = /", 197, "default_domain = next.example\n");
	char *description = load_and_describe(text), *path;

	(void)state;
	assert_has_line(description, "default_domain=next.example");
	path = strstr(description, "secrets=/");
	assert_non_null(path);
	path += strlen("secrets=/");
	assert_int_equal(strspn(path, "x"), 197 - strlen("secrets = /"));
	free(description);
	free(text);
}

static void test_huge_file(void **state)
{
	size_t size = (1 << 20) + 1;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', size);
	memcpy(text, HELP, strlen(HELP));
	assert_refused(text, size, " expected at most 1048576 bytes");
	free(text);
}

int main(void)
{
	ADD_ROWS(test_bad, bad_rows);
	ADD_TEST(test_nul_bytes);
	ADD_TEST(test_long_lines);
	ADD_TEST(test_longest_line);
	ADD_TEST(test_huge_file);
	return RUN_TESTS();
}
