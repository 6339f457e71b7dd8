/* doveadm postern check: Redis. */

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "decisions/access.h"
#include "decisions/failure.h"
#include "store/handshake.h"
#include "base/monotonic.h"
#include "store/reply.h"
#include "store/store.h"

#define VERSION_MIN                                                                                \
	7 /* of Redis's or, what Valkey calls itself to its clients, "redis_version"               \
	   */
#define FULL_PERCENT 80

/* Reading */

/* Any name will do: it need not have an account. */
static void parse_name(struct account_name *account_r)
{
	static const char name[] = "postern-check@invalid.invalid";
	const char *error;

	if (account_name_parse(name, strlen(name), NULL, account_r, &error) < 0)
		abort();
}

static void read_scripts(struct check_redis *redis, struct store *store)
{
	struct account_name account;
	struct command command;
	redisReply *reply = NULL;
	const char *error;

	parse_name(&account);
	access_status_ask(&account, &command);
	if (store_call(store, &command, 0, &reply, &error) <= 0)
		check_say(redis->scripts_error, CHECK_WRONG, "%s", error);
	freeReplyObject(reply);
}

static void read_stamps(struct check_redis *redis, struct store *store)
{
	for (unsigned int i = 0; i < ACCOUNT_PARTITIONS; i++) {
		struct command command;
		redisReply *reply;
		const char *error;
		char key[32];

		snprintf(key, sizeof(key), "postern:{%u}:mark", i);
		command_begin_plain(&command, "GET");
		command_string(&command, key);
		if (store_call(store, &command, 0, &reply, &error) <= 0) {
			check_say(redis->stamps_error, CHECK_WRONG, "%s", error);
			return;
		}
		if (reply->type == REDIS_REPLY_STRING) {
			if (strcmp(reply->str, SCRIPT_FORMAT) == 0)
				redis->stamped++;
			else
				redis->foreign++;
		}
		freeReplyObject(reply);
	}
}

/* The first question, whose answer also says that Redis is there. */
static void read_info(struct check_redis *redis, struct store *store)
{
	int64_t begun = monotonic_msecs();
	struct command command;
	redisReply *reply;
	const char *error;
	int ret;

	command_begin_plain(&command, "INFO");
	ret = store_call(store, &command, 0, &reply, &error);
	redis->milliseconds = (int)(monotonic_msecs() - begun);
	redis->answered = ret < 0 ? -1 : 1;
	if (ret < 0) {
		check_say(redis->error, CHECK_WRONG, "%s", error);
	} else if (ret == 0) {
		check_say(redis->info_error, CHECK_UNKNOWN, "%s", error);
	} else if (reply->type != REDIS_REPLY_STRING) {
		check_say(redis->info_error, CHECK_UNKNOWN, "Redis at %s: INFO is not understood",
			  redis->peer);
	} else {
		check_text_read(&redis->info, strdup(reply->str), ':');
	}
	freeReplyObject(reply);
}

/* The milter's settings. NULL if its secrets can't be read, which is said elsewhere, or if they
   lack its user's password. */
static struct settings *load_milter(const struct check_site *site, struct check_redis *redis)
{
	char *mistake = NULL;
	struct secrets *secrets =
		secrets_load(site->settings->secrets_file, SECRETS_MILTER, &mistake);
	struct settings *settings = NULL;

	if (secrets != NULL) {
		settings = settings_load(site->settings_file, SECRETS_MILTER, &mistake);
		redis->milter = settings == NULL ? -1 : 0;
	}
	if (redis->milter < 0)
		check_say(redis->milter_error, CHECK_WRONG, "%s", mistake);
	secrets_free(&secrets);
	free(mistake);
	return settings;
}

/* As the milter asks: it gives Redis no script. */
static void read_milter(const struct check_site *site, struct check_redis *redis,
			struct store *lender)
{
	struct settings *settings = load_milter(site, redis);
	struct account_name account;
	struct command command;
	redisReply *reply = NULL;
	const char *error;
	struct store *store;

	if (settings == NULL)
		return;
	if (store_lend_scripts(lender, &error) < 0) {
		check_say(redis->milter_error, CHECK_UNKNOWN, "%s", error);
		settings_free(&settings);
		return;
	}
	store = store_create(&settings->redis, settings->secrets);
	parse_name(&account);
	failure_list_ask(&account, settings, &command);
	redis->milter = store_call(store, &command, 0, &reply, &error) > 0 ? 1 : -1;
	if (redis->milter < 0)
		check_say(redis->milter_error, CHECK_WRONG, "%s", error);
	freeReplyObject(reply);
	store_free(&store);
	settings_free(&settings);
}

void check_read_redis(struct check_site *site)
{
	struct check_redis *redis = &site->redis;
	struct store *store;

	if (site->settings == NULL || site->settings->secrets == NULL)
		return;
	handshake_peer(&site->settings->redis, redis->peer, sizeof(redis->peer));
	store = store_create(&site->settings->redis, site->settings->secrets);
	read_info(redis, store);
	if (redis->answered > 0) {
		read_scripts(redis, store);
		read_milter(site, redis, store);
		read_stamps(redis, store);
	}
	store_free(&store);
}

/* Judging */

static enum check_status check_reach(const struct check_site *site, char *text_r)
{
	const struct check_redis *redis = &site->redis;

	if (redis->answered == 0)
		return check_say(
			text_r, CHECK_UNKNOWN,
			"Without settings and secrets Redis can't be asked: fix them first.");
	/* Then it refuses even a PING. */
	if (redis->answered < 0 && strstr(redis->error, "MISCONF") != NULL)
		return check_say(text_r, CHECK_WRONG, "%s; check its log and its disk",
				 redis->error);
	if (redis->answered < 0)
		return check_say(text_r, CHECK_WRONG,
				 "%s; start it, or fix [redis] in %s and the password in %s",
				 redis->error, site->settings_file, site->settings->secrets_file);
	return check_say(text_r, CHECK_OK, "Redis at %s answered after %d ms.", redis->peer,
			 redis->milliseconds);
}

static enum check_status check_scripts(const struct check_site *site, char *text_r)
{
	if (*site->redis.scripts_error == '\0')
		return check_say(text_r, CHECK_OK, "Scripts can be run.");
	return check_say(
		text_r, CHECK_WRONG,
		"%s; give the Redis user the permissions that it has in the sample redis.conf",
		site->redis.scripts_error);
}

static enum check_status check_milter(const struct check_site *site, char *text_r)
{
	if (site->redis.milter == 0 && *site->redis.milter_error != '\0')
		return check_say(text_r, CHECK_UNKNOWN, "%s", site->redis.milter_error);
	if (site->redis.milter == 0)
		return check_say(text_r, site->postfix.is_absent ? CHECK_OK : CHECK_UNKNOWN,
				 "Without its secrets the milter's user can't be tried.");
	if (site->redis.milter < 0)
		return check_say(text_r, CHECK_WRONG,
				 "%s; give the milter's user of Redis what the sample redis.conf "
				 "gives it, and its password to %s.milter",
				 site->redis.milter_error, site->settings->secrets_file);
	if (site->settings->milter.redis_user == NULL && site->settings->redis.user != NULL)
		return check_say(text_r, CHECK_WARNING,
				 "postern-milter, which reads strangers' mail, logs in to Redis as "
				 "Dovecot does: give it a user of its own, redis_user in [milter]");
	return check_say(text_r, CHECK_OK, "postern-milter may run its scripts.");
}

static enum check_status check_stamps(const struct check_site *site, char *text_r)
{
	const struct check_redis *redis = &site->redis;

	if (*redis->stamps_error != '\0')
		return check_say(text_r, CHECK_WRONG, "%s", redis->stamps_error);
	if (redis->foreign > 0)
		return check_say(text_r, CHECK_WRONG,
				 "%u of %u partitions hold data of another version of Postern: "
				 "install that version, or use another database",
				 redis->foreign, ACCOUNT_PARTITIONS);
	if (redis->stamped == 0)
		return check_say(text_r, CHECK_WRONG,
				 "Redis holds no Postern data: restore it, or run 'doveadm "
				 "postern init' if there never was any");
	if (redis->stamped < ACCOUNT_PARTITIONS)
		return check_say(
			text_r, CHECK_WRONG,
			"%u of %u partitions have no format stamp, so data may have been lost: "
			"restore "
			"it, or run 'doveadm postern init' again if it was only interrupted",
			ACCOUNT_PARTITIONS - redis->stamped, ACCOUNT_PARTITIONS);
	return check_say(text_r, CHECK_OK, "All %u partitions are marked.", ACCOUNT_PARTITIONS);
}

static const char *info(const struct check_site *site, const char *name)
{
	const char *value = check_text_value(&site->redis.info, CHECK_TOP, name);

	return value != NULL ? value : "";
}

/* For what INFO of this Redis leaves out. */
static enum check_status not_told(char *text_r, const char *name)
{
	return check_say(text_r, CHECK_UNKNOWN, "INFO of this Redis doesn't show %s.", name);
}

static enum check_status check_version(const struct check_site *site, char *text_r)
{
	const char *version = info(site, "redis_version"), *valkey = info(site, "valkey_version");

	if (*version == '\0')
		return not_told(text_r, "redis_version");
	if (strtol(version, NULL, 10) < VERSION_MIN)
		return check_say(text_r, CHECK_WRONG,
				 "Redis is version %s: install version %d or later, or Valkey",
				 version, VERSION_MIN);
	if (*valkey != '\0')
		return check_say(text_r, CHECK_OK, "Valkey %s.", valkey);
	return check_say(text_r, CHECK_OK, "Redis %s.", version);
}

static enum check_status check_role(const struct check_site *site, char *text_r)
{
	const char *role = info(site, "role");

	if (*role == '\0')
		return not_told(text_r, "role");
	if (strcmp(role, "master") != 0)
		return check_say(text_r, CHECK_WRONG,
				 "Redis at %s is a %s, where nothing can be written: point "
				 "address in [redis] at the master",
				 site->redis.peer, role);
	return check_say(text_r, CHECK_OK, "It is the master.");
}

static enum check_status check_eviction(const struct check_site *site, char *text_r)
{
	const char *policy = info(site, "maxmemory_policy");

	if (*policy == '\0')
		return not_told(text_r, "maxmemory_policy");
	if (strcmp(policy, "noeviction") != 0)
		return check_say(text_r, CHECK_WRONG,
				 "maxmemory-policy is %s, which drops app passwords when the "
				 "memory is full: set it to noeviction",
				 policy);
	return check_say(text_r, CHECK_OK, "maxmemory-policy is noeviction.");
}

static enum check_status check_memory(const struct check_site *site, char *text_r)
{
	int64_t used = reply_digits(info(site, "used_memory"));
	int64_t limit = reply_digits(info(site, "maxmemory"));
	double percent;

	if (used == 0)
		return not_told(text_r, "used_memory");
	if (limit == 0)
		return check_say(text_r, CHECK_OK, "%lld MB, without a limit.",
				 (long long)used / 1000000);
	percent = 100.0 * (double)used / (double)limit;
	if (percent >= 100)
		return check_say(
			text_r, CHECK_WRONG,
			"The memory is full, so logins and messages fail: raise maxmemory");
	if (percent >= FULL_PERCENT)
		return check_say(text_r, CHECK_WARNING,
				 "%.0f %% of maxmemory is used, and when it is full, logins and "
				 "messages fail: raise it",
				 percent);
	return check_say(text_r, CHECK_OK, "%.0f %% of maxmemory is used.", percent);
}

static enum check_status check_log(const struct check_site *site, char *text_r)
{
	const char *enabled = info(site, "aof_enabled");

	if (*enabled == '\0')
		return not_told(text_r, "aof_enabled");
	if (strcmp(enabled, "1") != 0)
		return check_say(
			text_r, CHECK_WARNING,
			"appendonly is off: after a crash, what changed since the last snapshot "
			"is lost; set it to yes as described in doc/operations.md");
	return check_say(text_r, CHECK_OK, "Changes go to the append-only file.");
}

static enum check_status check_writes(const struct check_site *site, char *text_r)
{
	static const char *const names[] = { "aof_last_write_status", "aof_last_bgrewrite_status",
					     "rdb_last_bgsave_status" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = info(site, names[i]);

		/* The status of the log is shown only while there is one. */
		if (*value != '\0' && strcmp(value, "ok") != 0)
			return check_say(text_r, CHECK_WRONG,
					 "Redis can't write to its disk (%s:%s): check its "
					 "log and the free disk space",
					 names[i], value);
	}
	return check_say(text_r, CHECK_OK, "The last writes to disk succeeded.");
}

static const char *redis_unknown(const struct check_site *site)
{
	return site->redis.answered > 0 ? NULL : "Redis doesn't answer: see 'redis'.";
}

static const char *info_unknown(const struct check_site *site)
{
	static _Thread_local char text[CHECK_TEXT_SIZE];
	const char *unknown = redis_unknown(site);

	if (unknown != NULL || *site->redis.info_error == '\0')
		return unknown;
	check_say(text, CHECK_UNKNOWN, "%s; allow it: add +info to the line of that user",
		  site->redis.info_error);
	return text;
}

static const struct check checks[] = {
	{ .name = "redis", .run = check_reach, .always = true },
	{ .name = "redis-scripts", .run = check_scripts },
	{ .name = "redis-milter", .run = check_milter },
	{ .name = "redis-marks", .run = check_stamps },
	{ .name = NULL },
};

static const struct check info_checks[] = {
	{ .name = "redis-version", .run = check_version },
	{ .name = "redis-role", .run = check_role },
	{ .name = "redis-eviction", .run = check_eviction },
	{ .name = "redis-memory", .run = check_memory },
	{ .name = "redis-log", .run = check_log },
	{ .name = "redis-writes", .run = check_writes },
	{ .name = NULL },
};

const struct check_topic check_redis_topic = { .checks = checks, .unknown = redis_unknown };
const struct check_topic check_redis_info_topic = { .checks = info_checks,
						    .unknown = info_unknown };
