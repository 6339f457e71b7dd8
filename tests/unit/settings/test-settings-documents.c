/* The sample and the man page tell of every setting, and tell the truth. */

#include "settings/settings-table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/files.h"
#include "tests/unit/rows.h"
#include "tests/unit/settings-text.h"

/* The sample says what holds without it, but for the one setting that has no default. */
static void test_sample(void **state)
{
	static const char url[] = "https://webmail.example.org/external-access";
	char *sample = files_read_source("packaging/examples/postern.conf");
	char *description = load_and_describe(sample), minimal[128], *defaults;

	(void)state;
	snprintf(minimal, sizeof(minimal), "[postern]\nhelp_url = %s\n", url);
	defaults = load_and_describe(minimal);
	assert_string_equal(description, defaults);
	free(defaults);
	free(description);
	free(sample);
}

/* Puts the end of what stands behind start in text, up to the end mark, there; NULL if it isn't. */
static char *cut(char *text, const char *start, const char *end)
{
	char *at = strstr(text, start), *stop;

	if (at == NULL)
		return NULL;
	stop = strstr(at + strlen(start), end);
	if (stop != NULL)
		*stop = '\0';
	return at;
}

/* Both tell of every setting, in its section, and of its defaults. */
static void test_sample_has_setting(void **state)
{
	const struct setting *setting = *state;
	bool is_tier = strcmp(setting->section, SETTINGS_SECTION_TIER) == 0;
	char *sample = files_read_source("packaging/examples/postern.conf");
	char section[64], line[64], other[64], *at;

	snprintf(section, sizeof(section), "\n[%s%s]\n", setting->section, is_tier ? " free" : "");
	snprintf(line, sizeof(line), "\n%s =", setting->key);
	snprintf(other, sizeof(other), "\n#%s =", setting->key);
	at = cut(sample, section, "\n[");
	assert_non_null(at);
	if (strstr(at, line) == NULL && strstr(at, other) == NULL)
		fail_msg("the sample lacks %s in%s", setting->key, section);
	free(sample);
}

static void assert_man_default(const char *entry, const struct setting *setting, const char *value)
{
	char line[128];

	if (value == NULL)
		return;
	/* This build may be for another place than the one where Debian has it. */
	if (strcmp(value, DATADIR "/postern/notices") == 0)
		value = "/usr/share/postern/notices";
	snprintf(line, sizeof(line), "\n.Li %s", value);
	if (strstr(entry, line) == NULL)
		fail_msg("the man page lacks the default %s of %s", value, setting->key);
}

static void test_man_page_has_setting(void **state)
{
	const struct setting *setting = *state;
	bool is_tier = strcmp(setting->section, SETTINGS_SECTION_TIER) == 0;
	char *page = files_read_source("doc/man/postern.conf.5");
	char section[64], item[64], *at;

	snprintf(section, sizeof(section), "\n.Ss [%s%s]\n", setting->section,
		 is_tier ? " NAME" : "");
	snprintf(item, sizeof(item), "\n.It Ic %s\n", setting->key);
	at = cut(page, section, "\n.S");
	assert_non_null(at);
	at = cut(at, item, "\n.It");
	if (at == NULL)
		fail_msg("the man page lacks %s in%s", setting->key, section);
	assert_man_default(at, setting, setting->default_value);
	assert_man_default(at, setting, setting->paid);
	free(page);
}

/* The man page's own example is one. */
static void test_man_page_example(void **state)
{
	char *page = files_read_source("doc/man/postern.conf.5");
	char *example = cut(page, "\n[postern]\n", "\n.Ed\n"), *description;

	(void)state;
	assert_non_null(example);
	description = load_and_describe(example);
	assert_has_line(description, "internal_networks=3");
	assert_has_line(description, "2.messages=0 2000");
	free(description);
	free(page);
}

static char *setting_names[2 * SETTINGS_TABLE_MAX];

static void add_settings_tests(void)
{
	for (size_t i = 0; i < settings_table_count; i++) {
		const struct setting *setting = &settings_table[i];
		char **names = &setting_names[2 * i];

		if (asprintf(&names[0], "sample: [%s] %s", setting->section, setting->key) < 0 ||
		    asprintf(&names[1], "man page: [%s] %s", setting->section, setting->key) < 0)
			abort();
		add_test(names[0], test_sample_has_setting, setting);
		add_test(names[1], test_man_page_has_setting, setting);
	}
}

int main(void)
{
	int failed;

	ADD_TEST(test_sample);
	ADD_TEST(test_man_page_example);
	add_settings_tests();
	failed = RUN_TESTS();
	for (size_t i = 0; i < 2 * settings_table_count; i++)
		free(setting_names[i]);
	return failed;
}
