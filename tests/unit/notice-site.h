#ifndef POSTERN_TESTS_NOTICE_SITE_H
#define POSTERN_TESTS_NOTICE_SITE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "notices/notice.h"
#include "rows.h"
#include "samples.h"

/* A site with the shipped notices, and a directory of its own ones, which is empty at first. */

struct notice_site {
	char own[64];
	char shipped[4096];
	struct settings settings;
};

#define NOTICE_HELP_URL "https://webmail.example.org/external-access"

static inline void notice_site_begin(struct notice_site *site)
{
	static char help_url[] = NOTICE_HELP_URL, language[] = "en";
	const char *source = getenv("srcdir");

	memset(site, 0, sizeof(*site));
	strcpy(site->own, "/tmp/postern-test-XXXXXX");
	assert_non_null(mkdtemp(site->own));
	snprintf(site->shipped, sizeof(site->shipped), "%s/packaging/notices",
		 source == NULL ? "." : source);
	site->settings.help_url = help_url;
	site->settings.notices.default_language = language;
	site->settings.notices.shipped = site->shipped;
	site->settings.notices.own = site->own;
}

static inline int notice_site_remove(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void notice_site_end(struct notice_site *site)
{
	assert_int_equal(nftw(site->own, notice_site_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Writes one of the site's own files, such as "et/owner.txt", with the directories above it. */
static inline void notice_site_write(struct notice_site *site, const char *name, const char *text,
				     size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", site->own, name);
	for (char *slash = path + strlen(site->own) + 1; (slash = strchr(slash, '/')) != NULL;
	     slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static inline void notice_site_add(struct notice_site *site, const char *name, const char *text)
{
	notice_site_write(site, name, text, strlen(text));
}

static inline struct notices *notice_site_load(struct notice_site *site)
{
	char *error = NULL;
	struct notices *notices = notices_load(&site->settings, &error);

	if (notices == NULL)
		fail_msg("%s", error);
	assert_null(error);
	return notices;
}

#endif
