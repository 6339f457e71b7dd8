/* The table of all settings. */

#include "settings/settings-table.h"

#include "settings/settings-value.h"

#define NETWORKS "networks such as 192.0.2.0/24, 2001:db8::/32 or 127.0.0.1"
#define LIMIT	 "a number from 1 to 10000, or unlimited"
#define LOGINS	 "a number from 1 to 50000, or unlimited"
#define SOCKET	 "an absolute path of at most 107 bytes"

#define ADDRESS	  "an address such as postmaster@example.org, or nothing"
#define LONG_PATH "an absolute path of at most 1000 bytes"

#define SECOND UINT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

#define POSTERN(key, field) "postern", key, .offset = offsetof(struct settings, field)
#define REDIS(key, field)   "redis", key, .offset = offsetof(struct settings, redis.field)
#define MILTER(key, field)  "milter", key, .offset = offsetof(struct settings, milter.field)
#define NOTICES(key, field) "notices", key, .offset = offsetof(struct settings, notices.field)
#define WORKER(key, field)  "worker", key, .offset = offsetof(struct settings, worker.field)
#define TIER(key, field)    SETTINGS_SECTION_TIER, key, .offset = offsetof(struct tier, field)

const struct setting settings_table[] = {
	{ POSTERN("default_domain", default_domain), .parse = setting_parse_domain,
	  .expected = "a domain such as example.org" },
	{ POSTERN("help_url", help_url), .parse = setting_parse_url, .max = 180,
	  .expected = "an address that begins with https:// or http://, of at most 180 printable "
		      "ASCII characters without spaces",
	  .is_required = true },
	{ POSTERN("internal_networks", internal_networks), .parse = setting_parse_networks,
	  .expected = NETWORKS, .is_list = true },
	{ POSTERN("proxies", proxies), .parse = setting_parse_networks, .expected = NETWORKS,
	  .is_list = true },
	{ POSTERN("secrets", secrets_file), .parse = setting_parse_path,
	  .default_value = "/etc/postern/secrets", .max = 4095, .expected = "an absolute path" },

	{ REDIS("address", socket), .parse = setting_parse_redis_address,
	  .default_value = "127.0.0.1:6379", .expected = "unix:/PATH, IP:PORT or [IPV6]:PORT" },
	{ REDIS("user", user), .parse = setting_parse_optional_name, .max = 64,
	  .expected = "a name of at most 64 letters, digits, '.', '_' and '-', or nothing" },
	{ REDIS("database", database), .parse = setting_parse_number, .default_value = "0",
	  .max = 9999, .expected = "a number from 0 to 9999" },
	{ REDIS("timeout", timeout), .parse = setting_parse_milliseconds, .default_value = "1s",
	  .min = 10, .max = 60 * SECOND, .expected = "a duration from 10ms to 60s" },

	{ MILTER("socket", socket), .parse = setting_parse_path,
	  .default_value = "/var/spool/postfix/postern/milter.sock", .max = 107,
	  .expected = SOCKET },
	{ MILTER("socket_group", socket_group), .parse = setting_parse_name,
	  .default_value = "postfix", .max = 32, .expected = "a group name" },
	{ MILTER("user", user), .parse = setting_parse_optional_name,
	  .default_value = "postern-milter", .max = 32, .expected = "a user name, or nothing" },
	{ MILTER("redis_user", redis_user), .parse = setting_parse_optional_name, .max = 64,
	  .expected = "a name of at most 64 letters, digits, '.', '_' and '-', or nothing" },
	{ MILTER("feedback_address", feedback_address), .parse = setting_parse_address,
	  .expected = ADDRESS },
	{ MILTER("redis_unavailable", store_failure), .parse = setting_parse_store_failure,
	  .default_value = "defer", .expected = "defer or accept" },

	{ NOTICES("from", from), .parse = setting_parse_address, .expected = ADDRESS },
	{ NOTICES("reply_to", reply_to), .parse = setting_parse_address, .expected = ADDRESS },
	{ NOTICES("default_language", default_language), .parse = setting_parse_language,
	  .default_value = "en", .expected = "two or three lower case letters, such as et" },
	{ NOTICES("shipped", shipped), .parse = setting_parse_path,
	  .default_value = DATADIR "/postern/notices", .max = 1000, .expected = LONG_PATH },
	{ NOTICES("own", own), .parse = setting_parse_path, .default_value = "/etc/postern/notices",
	  .max = 1000, .expected = LONG_PATH },
	{ NOTICES("mail_server", mail_server), .parse = setting_parse_domain,
	  .expected = "a host name such as mail.example.org, or nothing" },
	{ NOTICES("unused_warning", unused_warning), .parse = setting_parse_seconds,
	  .default_value = "0", .max = 365 * DAY,
	  .expected = "a duration in whole seconds from 0 to 365d" },

	{ WORKER("user", user), .parse = setting_parse_optional_name,
	  .default_value = "postern-worker", .max = 32, .expected = "a user name, or nothing" },
	{ WORKER("sendmail", sendmail), .parse = setting_parse_path,
	  .default_value = "/usr/sbin/sendmail", .max = 1000, .expected = LONG_PATH },
	{ WORKER("doveadm_url", doveadm_url), .parse = setting_parse_url,
	  .default_value = "http://127.0.0.8:818/doveadm/v1", .max = 180,
	  .expected = "an address that begins with https:// or http://, of at most 180 printable "
		      "ASCII characters without spaces" },
	{ WORKER("notice_lease", notice_lease), .parse = setting_parse_milliseconds,
	  .default_value = "30s", .min = SECOND, .max = HOUR,
	  .expected = "a duration from 1s to 1h" },
	{ WORKER("sweep_interval", sweep_interval), .parse = setting_parse_seconds,
	  .default_value = "1m", .min = SECOND, .max = DAY,
	  .expected = "a duration in whole seconds from 1s to 1d" },
	{ WORKER("sweep_rate", sweep_rate), .parse = setting_parse_number, .default_value = "100",
	  .min = 1, .max = 10000, .expected = "a number from 1 to 10000" },

	{ TIER("protocols", protocols), .parse = setting_parse_protocols,
	  .default_value = "pop3 smtp", .paid = "pop3 imap smtp",
	  .expected = "one or more of pop3, imap and smtp", .is_list = true },
	{ TIER("pop3_interval", pop3_interval), .parse = setting_parse_seconds,
	  .default_value = "5m", .paid = "0", .max = DAY,
	  .expected = "a duration in whole seconds from 0 to 1d" },
	{ TIER("pop3_grace", pop3_grace), .parse = setting_parse_seconds, .default_value = "15s",
	  .max = HOUR, .expected = "a duration in whole seconds from 0 to 1h" },
	{ TIER("messages_per_minute", messages_per_minute), .parse = setting_parse_limit,
	  .default_value = "5", .paid = "unlimited", .max = SETTINGS_LIMIT_MAX, .expected = LIMIT },
	{ TIER("messages_per_hour", messages_per_hour), .parse = setting_parse_limit,
	  .default_value = "15", .paid = "unlimited", .max = SETTINGS_LIMIT_MAX,
	  .expected = LIMIT },
	{ TIER("recipients_per_message", recipients_per_message), .parse = setting_parse_limit,
	  .default_value = "100", .paid = "unlimited", .max = SETTINGS_LIMIT_MAX,
	  .expected = LIMIT },
	{ TIER("count", count), .parse = setting_parse_count, .default_value = "messages",
	  .expected = "messages or recipients" },
	{ TIER("upgrade_hold", upgrade_hold), .parse = setting_parse_seconds, .default_value = "0",
	  .max = 60 * DAY, .expected = "a duration in whole seconds from 0 to 60d" },
	{ TIER("logins_per_hour", logins_per_hour), .parse = setting_parse_limit,
	  .default_value = "120", .paid = "600", .max = SETTINGS_LOGINS_MAX, .expected = LOGINS },
	{ TIER("logins_per_day", logins_per_day), .parse = setting_parse_limit,
	  .default_value = "1000", .paid = "5000", .max = SETTINGS_LOGINS_MAX, .expected = LOGINS },
	{ TIER("wrong_passwords", wrong_passwords), .parse = setting_parse_limit,
	  .default_value = "10", .max = SETTINGS_WRONG_MAX,
	  .expected = "a number from 1 to 200, or unlimited" },
	{ TIER("wrong_password_networks", wrong_password_networks), .parse = setting_parse_number,
	  .default_value = "10", .min = 1, .max = 20, .expected = "a number from 1 to 20" },
	{ TIER("shut_out", shut_out), .parse = setting_parse_seconds, .default_value = "24h",
	  .min = 60 * SECOND, .max = 30 * DAY,
	  .expected = "a duration in whole seconds from 1m to 30d" },
	{ TIER("on_break_in", on_break_in), .parse = setting_parse_on_break_in,
	  .default_value = "disable", .expected = "disable or tell" },
	{ TIER("failed_recipients", failed_recipients), .parse = setting_parse_limit,
	  .default_value = "10", .max = SETTINGS_FAILED_MAX,
	  .expected = "a number from 1 to 1000, or unlimited" },
	{ TIER("failed_recipients_window", failed_recipients_window),
	  .parse = setting_parse_seconds, .default_value = "1h", .min = 60 * SECOND, .max = 7 * DAY,
	  .expected = "a duration in whole seconds from 1m to 7d" },
	{ TIER("unused_after", unused_after), .parse = setting_parse_seconds,
	  .default_value = "60d", .max = 3650 * DAY,
	  .expected = "a duration in whole seconds from 0 to 3650d" },
};

const size_t settings_table_count = sizeof(settings_table) / sizeof(settings_table[0]);

_Static_assert(sizeof(settings_table) / sizeof(settings_table[0]) <= SETTINGS_TABLE_MAX,
	       "SETTINGS_TABLE_MAX is too small");
