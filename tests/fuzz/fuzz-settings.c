/* The settings file, read from a file in memory. */

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "account/protocol.h"
#include "settings/settings-table.h"
#include "settings/settings-value.h"

/* Each input takes the place of the one before. */
static const char *write_file(const uint8_t *data, size_t size)
{
	static char path[sizeof("/proc/self/fd/") + 11];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("settings", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	MUST(ftruncate(fd, (off_t)size) == 0);
	MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static void check_number(const struct setting *setting, uint64_t number)
{
	uint64_t least = setting->min, unit = setting->parse == setting_parse_seconds ? 1000 : 1;

	if (setting->parse == setting_parse_limit)
		least = SETTINGS_UNLIMITED;
	MUST(number * unit >= least && number * unit <= setting->max);
}

/* Tabs can stand in paths only. NULL is the empty value of an optional one. */
static void check_text(const struct setting *setting, const char *text)
{
	if (text == NULL) {
		MUST(setting->parse != setting_parse_path && setting->parse != setting_parse_url);
		MUST(setting->parse != setting_parse_name);
		return;
	}
	MUST(*text != '\0' && fuzz_is_line(text));
	MUST(setting->parse == setting_parse_path || fuzz_is_printable(text));
	MUST(setting->max == 0 || strlen(text) <= setting->max);
}

/* What the table promises of a field. */
static void check_field(const struct setting *setting, const void *field)
{
	if (setting->parse == setting_parse_number || setting->parse == setting_parse_limit ||
	    setting->parse == setting_parse_milliseconds || setting->parse == setting_parse_seconds)
		check_number(setting, *(const unsigned int *)field);
	if (setting->parse == setting_parse_path || setting->parse == setting_parse_url ||
	    setting->parse == setting_parse_name || setting->parse == setting_parse_optional_name ||
	    setting->parse == setting_parse_domain || setting->parse == setting_parse_address ||
	    setting->parse == setting_parse_language)
		check_text(setting, *(const char *const *)field);
}

static void check_fields(const struct settings *settings)
{
	for (size_t i = 0; i < settings_table_count; i++) {
		const struct setting *setting = &settings_table[i];

		if (strcmp(setting->section, SETTINGS_SECTION_TIER) != 0) {
			check_field(setting, (const char *)settings + setting->offset);
			continue;
		}
		for (unsigned int tier = 0; tier < settings->tiers_count; tier++)
			check_field(setting,
				    (const char *)&settings->tiers[tier] + setting->offset);
	}
}

/* A line for each tier. */
static void check_rows(const char *rows, unsigned int count)
{
	for (; count > 0; count--) {
		MUST(*rows == '\n');
		rows += 1 + strcspn(rows + 1, "\n");
	}
	MUST(*rows == '\0');
}

static void check_tiers(const struct settings *settings)
{
	MUST(settings->tiers_count >= 2 && settings->tiers_count <= SETTINGS_TIERS_MAX);
	for (unsigned int i = 0; i < settings->tiers_count; i++) {
		const struct tier *tier = &settings->tiers[i];

		MUST(settings_tier(settings, tier->name) == tier);
		MUST(tier->protocols != 0 && (tier->protocols & ~(unsigned int)PROTOCOL_ALL) == 0);
		MUST(tier_least_interval(tier) <= tier->pop3_interval * UINT64_C(1000));
		MUST(tier->wrong_passwords <= SETTINGS_WRONG_MAX);
		MUST(tier->wrong_password_networks >= 1 && tier->wrong_password_networks <= 20);
		MUST(tier->shut_out >= 60 && tier->shut_out <= 30 * 86400);
	}
	check_rows(settings->tier_rows.login, settings->tiers_count);
	check_rows(settings->tier_rows.send, settings->tiers_count);
	check_rows(settings->tier_rows.unused, settings->tiers_count);
}

static void check_networks(const struct network_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		MUST(list->networks[i].prefix <= 128);
		MUST(network_list_covers(list, &list->networks[i]));
	}
	MUST(!network_list_has(list, ""));
	network_list_has(list, "192.0.2.77");
	network_list_has(list, "2001:db8::77");
}

static void check_settings(const struct settings *settings)
{
	const struct redis_settings *redis = &settings->redis;

	MUST(settings->secrets == NULL);
	MUST(settings->help_url != NULL && strchr(settings->help_url, ' ') == NULL);
	MUST((redis->socket == NULL) != (redis->host == NULL));
	MUST(redis->socket != NULL || (redis->port >= 1 && redis->port <= 65535));
	check_fields(settings);
	check_tiers(settings);
	check_networks(&settings->internal_networks);
	check_networks(&settings->proxies);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = write_file(data, size);
	char *error = NULL;
	struct settings *settings = settings_load_without_secrets(path, &error);

	if (settings != NULL) {
		MUST(error == NULL);
		check_settings(settings);
	} else {
		MUST(fuzz_is_line(error) && strncmp(error, path, strlen(path)) == 0);
	}
	free(error);
	settings_free(&settings);
	return 0;
}
