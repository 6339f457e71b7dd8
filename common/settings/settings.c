/* Reads the settings file, by the table in settings-table.c. */

#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/ini-file.h"
#include "settings/settings-table.h"
#include "base/text.h"

#define SETTINGS_SIZE_MAX (1 << 20)

#define TIER_FREE 0 /* their places in settings->tiers */
#define TIER_PAID 1

struct loading {
	const char *path;
	struct settings *settings;
	const char *section; /* one of the table's */
	unsigned int tier;   /* the place of the current tier, 0 in other sections */
	/* The line that set each: of the settings of a tier, and in place 0 of the others too. */
	unsigned int lines[SETTINGS_TIERS_MAX][SETTINGS_TABLE_MAX];
	const struct setting *current; /* what a continuation continues */
};

static bool is_tier_setting(const struct setting *setting)
{
	return strcmp(setting->section, SETTINGS_SECTION_TIER) == 0;
}

static unsigned int *line_of(struct loading *loading, const struct setting *setting,
			     unsigned int tier)
{
	return &loading->lines[is_tier_setting(setting) ? tier : 0][setting - settings_table];
}

static void *field_of(struct settings *settings, const struct setting *setting, unsigned int tier)
{
	char *base = is_tier_setting(setting) ? (char *)&settings->tiers[tier] : (char *)settings;

	return base + setting->offset;
}

static unsigned int add_tier(struct settings *settings, const char *name)
{
	char *name_r = settings->tiers[settings->tiers_count].name;

	snprintf(name_r, SETTINGS_TIER_MAX + 1, "%s", name);
	return settings->tiers_count++;
}

static int take_tier(struct loading *loading, struct ini_file *file, const char *section)
{
	const char *name = section + strlen(SETTINGS_SECTION_TIER) + 1;
	size_t size = strlen(name);
	const struct tier *tier;

	if (size == 0 || size > SETTINGS_TIER_MAX ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
		return ini_file_mistake(file,
					"[%s]: expected a tier name of 1 to %d lower case "
					"letters, digits and hyphens",
					section, SETTINGS_TIER_MAX);
	loading->section = SETTINGS_SECTION_TIER;
	tier = settings_tier(loading->settings, name);
	if (tier != NULL) {
		loading->tier = (unsigned int)(tier - loading->settings->tiers);
		return 0;
	}
	if (loading->settings->tiers_count == SETTINGS_TIERS_MAX)
		return ini_file_mistake(file,
					"[%s]: expected at most %d tiers, free and paid "
					"among them",
					section, SETTINGS_TIERS_MAX);
	loading->tier = add_tier(loading->settings, name);
	return 0;
}

static int take_section(void *context, struct ini_file *file, const char *section)
{
	struct loading *loading = context;

	loading->current = NULL;
	loading->tier = 0;
	if (strncmp(section, SETTINGS_SECTION_TIER " ", strlen(SETTINGS_SECTION_TIER) + 1) == 0)
		return take_tier(loading, file, section);
	for (size_t i = 0; i < settings_table_count; i++) {
		loading->section = settings_table[i].section;
		if (!is_tier_setting(&settings_table[i]) && strcmp(loading->section, section) == 0)
			return 0;
	}
	return ini_file_mistake(file,
				"[%s]: expected [postern], [redis], [milter], [notices], "
				"[worker] or [tier NAME]",
				section);
}

static const struct setting *find_setting(const char *section, const char *key)
{
	for (size_t i = 0; i < settings_table_count; i++) {
		if (strcmp(settings_table[i].section, section) == 0 &&
		    strcmp(settings_table[i].key, key) == 0)
			return &settings_table[i];
	}
	return NULL;
}

/* An unknown key is most often a mistyped one: the right ones help. */
static int refuse_key(struct ini_file *file, const char *section, const char *key)
{
	char keys[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < settings_table_count && used < sizeof(keys); i++) {
		if (strcmp(settings_table[i].section, section) == 0)
			used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s",
						 used == 0 ? "" : ", ", settings_table[i].key);
	}
	return ini_file_mistake(file, "%s: expected one of %s", key, keys);
}

/* Finds what the line sets, and notes it. NULL after a mistake. */
static const struct setting *find_entry(struct loading *loading, struct ini_file *file,
					const char *key, bool continued)
{
	const struct setting *setting = loading->current;
	unsigned int *line;

	if (continued) {
		if (setting->is_list)
			return setting;
		ini_file_mistake(file,
				 "%s: expected one line: this one continues it, as it begins "
				 "with a space",
				 key);
		return NULL;
	}
	setting = find_setting(loading->section, key);
	if (setting == NULL) {
		refuse_key(file, loading->section, key);
		return NULL;
	}
	line = line_of(loading, setting, loading->tier);
	if (*line != 0) {
		ini_file_mistake(file, "%s: expected only once, but it is also in line %u", key,
				 *line);
		return NULL;
	}
	*line = ini_file_line(file);
	loading->current = setting;
	return setting;
}

static int take_entry(void *context, struct ini_file *file, const char *key, const char *value,
		      bool continued)
{
	struct loading *loading = context;
	const struct setting *setting = find_entry(loading, file, key, continued);
	const char *detail = NULL;

	if (setting == NULL)
		return -1;
	if (setting->parse(setting, value, field_of(loading->settings, setting, loading->tier),
			   &detail) == 0)
		return 0;
	if (detail != NULL)
		return ini_file_mistake(file, "%s: expected %s (%s)", key, setting->expected,
					detail);
	return ini_file_mistake(file, "%s: expected %s", key, setting->expected);
}

/* What the file doesn't set gets its default. A default that is wrong is our own mistake. */
static void apply_default(struct loading *loading, const struct setting *setting, unsigned int tier)
{
	const char *value = setting->default_value, *detail;

	if (*line_of(loading, setting, tier) != 0)
		return;
	if (is_tier_setting(setting) && tier == TIER_PAID && setting->paid != NULL)
		value = setting->paid;
	if (value != NULL &&
	    setting->parse(setting, value, field_of(loading->settings, setting, tier), &detail) < 0)
		abort();
}

static void apply_defaults(struct loading *loading)
{
	for (size_t i = 0; i < settings_table_count; i++) {
		const struct setting *setting = &settings_table[i];
		unsigned int tiers = is_tier_setting(setting) ? loading->settings->tiers_count : 1;

		for (unsigned int tier = 0; tier < tiers; tier++)
			apply_default(loading, setting, tier);
	}
}

static bool sets(struct loading *loading, unsigned int tier, const char *key)
{
	return *line_of(loading, find_setting(SETTINGS_SECTION_TIER, key), tier) != 0;
}

/*
 * NULL, or a line about the first tier in which D4 is set as for the rule before it: that counted
 * the wrong passwords of all networks together, 50 by default, and networks with one of them, 3 by
 * default. Who knows the new settings means what is there.
 */
static char *find_doubt(struct loading *loading)
{
	for (unsigned int i = 0; i < loading->settings->tiers_count; i++) {
		const struct tier *tier = &loading->settings->tiers[i];
		bool is_old = tier->wrong_passwords >= 50 || tier->wrong_password_networks <= 3;
		bool is_set = sets(loading, i, "wrong_passwords") ||
			      sets(loading, i, "wrong_password_networks");

		if (tier->wrong_passwords != SETTINGS_UNLIMITED && is_set && is_old &&
		    !sets(loading, i, "shut_out") && !sets(loading, i, "on_break_in"))
			return text_format(
				"%s: [tier %s]: wrong_passwords and wrong_password_networks have "
				"a different meaning than before: %u networks that try %u each "
				"now switch access off. Remove them for the defaults, 10 and 10, "
				"or set on_break_in if this is intended",
				loading->path, tier->name, tier->wrong_password_networks,
				tier->wrong_passwords);
	}
	return NULL;
}

/* NULL, or the mistake that no line alone shows. */
static char *check_whole(struct loading *loading)
{
	for (size_t i = 0; i < settings_table_count; i++) {
		const struct setting *setting = &settings_table[i];

		if (setting->is_required && *line_of(loading, setting, 0) == 0)
			return text_format("%s: %s: expected in [%s]: %s", loading->path,
					   setting->key, setting->section, setting->expected);
	}
	return NULL;
}

static int load(struct loading *loading, char **error_r)
{
	static const struct ini_rules rules = { .section = take_section, .entry = take_entry };
	struct ini_text text;
	int result;

	if (ini_text_read(loading->path, SETTINGS_SIZE_MAX, false, &text, error_r) < 0)
		return -1;
	result = ini_text_parse(&text, loading->path, &rules, loading, error_r);
	ini_text_free(&text);
	if (result < 0)
		return -1;
	apply_defaults(loading);
	tier_rows_write(loading->settings->tiers, loading->settings->tiers_count,
			&loading->settings->tier_rows);
	loading->settings->doubt = find_doubt(loading);
	*error_r = check_whole(loading);
	return *error_r == NULL ? 0 : -1;
}

struct settings *settings_load_without_secrets(const char *path, char **error_r)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	struct loading loading = { .path = path, .settings = settings };

	if (settings == NULL)
		abort();
	add_tier(settings, "free");
	add_tier(settings, "paid");
	if (load(&loading, error_r) < 0)
		settings_free(&settings);
	return settings;
}

/* The milter may have a user of its own. */
static void choose_redis_user(struct settings *settings, enum secrets_reader reader)
{
	if (reader != SECRETS_MILTER || settings->milter.redis_user == NULL)
		return;
	free(settings->redis.user);
	settings->redis.user = text_copy(settings->milter.redis_user);
}

/* Without a password nobody would be named to Redis, and its default user might have one. */
static int check_redis_user(const struct settings *settings, const char *path,
			    enum secrets_reader reader, char **error_r)
{
	char *file;

	if (settings->redis.user == NULL || settings->secrets->redis_password != NULL)
		return 0;
	file = secrets_path(settings->secrets_file, reader);
	*error_r = text_format("%s: %s: expected a password for %s in [redis] of %s", path,
			       reader == SECRETS_MILTER && settings->milter.redis_user != NULL
				       ? "redis_user"
				       : "user",
			       settings->redis.user, file);
	free(file);
	return -1;
}

struct settings *settings_load(const char *path, enum secrets_reader reader, char **error_r)
{
	struct settings *settings = settings_load_without_secrets(path, error_r);

	if (settings == NULL)
		return NULL;
	choose_redis_user(settings, reader);
	/* Only a user of its own can't load scripts. */
	settings->redis.borrows_scripts =
		reader == SECRETS_MILTER && settings->milter.redis_user != NULL;
	settings->secrets = secrets_load(settings->secrets_file, reader, error_r);
	if (settings->secrets == NULL || check_redis_user(settings, path, reader, error_r) < 0)
		settings_free(&settings);
	return settings;
}

struct secrets_site settings_secrets(const struct settings *settings)
{
	return (struct secrets_site){
		.path = settings->secrets_file,
		.users = { [SECRETS_MILTER] = settings->milter.user,
			   [SECRETS_WORKER] = settings->worker.user },
		.own_redis_user = { [SECRETS_MILTER] = settings->milter.redis_user != NULL },
	};
}

void settings_free(struct settings **_settings)
{
	struct settings *settings = *_settings;

	*_settings = NULL;
	if (settings == NULL)
		return;
	secrets_free(&settings->secrets);
	network_list_clear(&settings->internal_networks);
	network_list_clear(&settings->proxies);
	free(settings->default_domain);
	free(settings->help_url);
	free(settings->secrets_file);
	free(settings->redis.socket);
	free(settings->redis.host);
	free(settings->redis.user);
	free(settings->milter.socket);
	free(settings->milter.socket_group);
	free(settings->milter.user);
	free(settings->milter.redis_user);
	free(settings->milter.feedback_address);
	free(settings->notices.from);
	free(settings->notices.reply_to);
	free(settings->notices.default_language);
	free(settings->notices.shipped);
	free(settings->notices.own);
	free(settings->notices.mail_server);
	free(settings->worker.user);
	free(settings->worker.sendmail);
	free(settings->worker.doveadm_url);
	free(settings->doubt);
	tier_rows_clear(&settings->tier_rows);
	free(settings);
}

const struct tier *settings_tier(const struct settings *settings, const char *name)
{
	for (unsigned int i = 0; i < settings->tiers_count; i++) {
		if (strcmp(settings->tiers[i].name, name) == 0)
			return &settings->tiers[i];
	}
	return NULL;
}
