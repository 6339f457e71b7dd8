/* The notices' words, and loading all their templates. */

#include "notices/notice.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "account/account.h"
#include "base/text.h"
#include "notices/notice-private.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define SUFFIX ".txt"

static const char *const words[NOTICE_EVENTS] = {
	[NOTICE_OWNER] = "owner",
	[NOTICE_ADMIN] = "admin",
	[NOTICE_SEND_LIMIT] = "send-limit",
	[NOTICE_COMPROMISED] = "compromised",
	[NOTICE_PASSIVE] = "passive",
	[NOTICE_UNUSED] = "unused",
	[NOTICE_CONNECTION_LIMIT] = "connection-limit",
	[NOTICE_BREAK_IN] = "break-in",
	[NOTICE_ENABLED] = "enabled",
	[NOTICE_PASSWORD_ADDED] = "password-added",
	[NOTICE_UNUSED_WARNING] = "unused-warning",
	[NOTICE_BREAK_IN_ATTEMPT] = "break-in-attempt",
};

const char *notice_event_word(enum notice_event event)
{
	return words[event];
}

static int find_word(const char *word, size_t size, enum notice_event *event_r)
{
	for (int i = 0; i < NOTICE_EVENTS; i++) {
		if (strlen(words[i]) == size && memcmp(words[i], word, size) == 0) {
			*event_r = (enum notice_event)i;
			return 0;
		}
	}
	return -1;
}

int notice_event_parse(const char *word, enum notice_event *event_r)
{
	return find_word(word, strlen(word), event_r);
}

int notice_event_of_reason(enum disable_reason reason, enum notice_event *event_r)
{
	switch (reason) {
	case REASON_NEVER_ENABLED:
		return -1;
	case REASON_OWNER:
	case REASON_ADMIN:
	case REASON_SEND_LIMIT:
	case REASON_COMPROMISED:
	case REASON_PASSIVE:
	case REASON_UNUSED:
	case REASON_CONNECTION_LIMIT:
	case REASON_BREAK_IN:
		break;
	}
	return notice_event_parse(reason_word(reason), event_r);
}

int notice_language(const char *tag, char language_r[NOTICE_LANGUAGE_SIZE])
{
	size_t size = tag != NULL ? strspn(tag, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;

	if (size < 2 || size >= NOTICE_LANGUAGE_SIZE ||
	    (tag[size] != '\0' && tag[size] != '-' && tag[size] != '_' && tag[size] != '.'))
		return -1;
	for (size_t i = 0; i < size; i++)
		language_r[i] = (char)(tag[i] | 0x20);
	language_r[size] = '\0';
	return 0;
}

static int compare(const void *_a, const void *_b)
{
	const struct notice_set *a = _a, *b = _b;
	int result = (int)a->place - (int)b->place;

	if (result == 0)
		result = strcmp(a->domain, b->domain);
	return result != 0 ? result : strcmp(a->language, b->language);
}

static const struct notice_set *find_set(const struct notices *notices, enum notice_place place,
					 char *domain, const char *language)
{
	struct notice_set key = { .place = place, .domain = domain };

	snprintf(key.language, sizeof(key.language), "%s", language);
	if (notices->count == 0)
		return NULL;
	return bsearch(&key, notices->sets, notices->count, sizeof(key), compare);
}

const struct notice_template *notices_find(const struct notices *notices, const char *domain,
					   const char *language, enum notice_event event)
{
	char own_domain[ACCOUNT_NAME_MAX + 1], none[] = "";
	const struct notice_set *sets[3];

	snprintf(own_domain, sizeof(own_domain), "%s", domain);
	sets[0] = find_set(notices, NOTICE_OWN_OF_DOMAIN, own_domain, language);
	sets[1] = find_set(notices, NOTICE_OWN, none, language);
	sets[2] = find_set(notices, NOTICE_SHIPPED, none, language);
	for (int i = 0; i < 3; i++) {
		if (sets[i] != NULL && sets[i]->templates[event] != NULL)
			return sets[i]->templates[event];
	}
	return NULL;
}

/* Loading. Each function gives 0, or -1 after a mistake, with *error_r. */

static int take_template(struct notice_set *set, const char *name, char **error_r)
{
	size_t size = strlen(name);
	enum notice_event event;
	char *path;

	/* An editor's back-ups are left alone, a mistyped name would be: it has to be known. */
	if (*name == '.' || size < strlen(SUFFIX) ||
	    strcmp(name + size - strlen(SUFFIX), SUFFIX) != 0)
		return 0;
	if (find_word(name, size - strlen(SUFFIX), &event) < 0) {
		*error_r = text_format("%s/%s: expected the name of a notice, such as "
				       "compromised.txt",
				       set->path, name);
		return -1;
	}
	path = text_format("%s/%s", set->path, name);
	set->templates[event] = notice_template_load(path, event, error_r);
	free(path);
	return set->templates[event] != NULL ? 0 : -1;
}

typedef int take_entry_t(void *context, const char *name, char **error_r);

/* Hands out what a directory holds, in order, so that the first mistake is always the same. */
static int each_entry(const char *path, take_entry_t *take, void *context, char **error_r)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), result = 0;

	if (count < 0) {
		*error_r = text_format("%s: %s", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = take(context, entries[i]->d_name, error_r);
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int take_file(void *context, const char *name, char **error_r)
{
	return take_template(context, name, error_r);
}

/* Where a search is: the site's directory or one of its domains'. */
struct search {
	struct notices *notices;
	enum notice_place place;
	const char *path, *domain;
};

static int add_set(struct search *search, const char *path, const char *language, char **error_r)
{
	struct notices *notices = search->notices;
	struct notice_set *set;

	notices->sets = reallocarray(notices->sets, notices->count + 1, sizeof(*set));
	if (notices->sets == NULL)
		abort();
	set = &notices->sets[notices->count++];
	*set = (struct notice_set){ .place = search->place };
	set->domain = text_copy(search->domain);
	set->path = text_copy(path);
	snprintf(set->language, sizeof(set->language), "%s", language);
	return each_entry(path, take_file, set, error_r);
}

static bool is_language(const char *name)
{
	size_t size = strspn(name, LOWER);

	return size >= 2 && size < NOTICE_LANGUAGE_SIZE && name[size] == '\0';
}

/* In lower case, as in the names of accounts: no other would ever be found. */
static bool is_domain(const char *name)
{
	char domain[ACCOUNT_DOMAIN_MAX + 1];

	return account_domain_parse(name, domain) == 0 && strcmp(domain, name) == 0;
}

static int take_directory(void *context, const char *name, char **error_r);

static int search_directory(struct search *search, const char *name, const char *path,
			    char **error_r)
{
	struct search below = { search->notices, NOTICE_OWN_OF_DOMAIN, path, name };

	if (is_language(name))
		return add_set(search, path, name, error_r);
	if (search->place == NOTICE_OWN && is_domain(name))
		return each_entry(path, take_directory, &below, error_r);
	*error_r = text_format("%s: expected the name of a language, such as et%s", path,
			       search->place == NOTICE_OWN ? ", or of a domain" : "");
	return -1;
}

/* Files next to the directories aren't ours: a README, say. */
static int take_directory(void *context, const char *name, char **error_r)
{
	struct search *search = context;
	char *path = text_format("%s/%s", search->path, name);
	struct stat st;
	int result = 0;

	if (*name == '.') {
		free(path);
		return 0;
	}
	if (stat(path, &st) < 0) {
		*error_r = text_format("%s: %s", path, strerror(errno));
		result = -1;
	} else if (S_ISDIR(st.st_mode)) {
		result = search_directory(search, name, path, error_r);
	}
	free(path);
	return result;
}

static int check_sets(const struct notices *notices, char **error_r)
{
	for (size_t i = 0; i < notices->count; i++) {
		const struct notice_set *set = &notices->sets[i];

		for (int event = 0; event < NOTICE_EVENTS; event++) {
			if (notices_find(notices, set->domain, set->language,
					 (enum notice_event)event) != NULL)
				continue;
			*error_r = text_format("%s: expected %s.txt in it, or in %s/%s", set->path,
					       words[event], notices->settings->notices.shipped,
					       set->language);
			return -1;
		}
	}
	return 0;
}

/* All events of a language are there if one is. */
static int check_language(const struct notices *notices, const char *language, char **error_r)
{
	if (notices_find(notices, "", language, NOTICE_OWNER) != NULL)
		return 0;
	*error_r = text_format("%s: expected a directory %s in it",
			       notices->settings->notices.shipped, language);
	return -1;
}

static int load(struct notices *notices, char **error_r)
{
	const struct notices_settings *settings = &notices->settings->notices;
	struct search shipped = { notices, NOTICE_SHIPPED, settings->shipped, "" };
	struct search own = { notices, NOTICE_OWN, settings->own, "" };
	struct stat st;

	if (each_entry(shipped.path, take_directory, &shipped, error_r) < 0)
		return -1;
	if ((stat(own.path, &st) == 0 || errno != ENOENT) &&
	    each_entry(own.path, take_directory, &own, error_r) < 0)
		return -1;
	if (notices->count > 0)
		qsort(notices->sets, notices->count, sizeof(*notices->sets), compare);
	if (check_sets(notices, error_r) < 0 ||
	    check_language(notices, settings->default_language, error_r) < 0)
		return -1;
	return check_language(notices, NOTICE_FALLBACK, error_r);
}

struct notices *notices_load(const struct settings *settings, char **error_r)
{
	struct notices *notices = calloc(1, sizeof(*notices));

	if (notices == NULL)
		abort();
	tzset();
	*error_r = NULL;
	notices->settings = settings;
	if (load(notices, error_r) < 0)
		notices_free(&notices);
	return notices;
}

void notices_free(struct notices **_notices)
{
	struct notices *notices = *_notices;

	*_notices = NULL;
	if (notices == NULL)
		return;
	for (size_t i = 0; i < notices->count; i++) {
		struct notice_set *set = &notices->sets[i];

		for (int event = 0; event < NOTICE_EVENTS; event++)
			notice_template_free(&set->templates[event]);
		free(set->domain);
		free(set->path);
	}
	free(notices->sets);
	free(notices);
}
