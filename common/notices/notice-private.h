#ifndef POSTERN_NOTICE_PRIVATE_H
#define POSTERN_NOTICE_PRIVATE_H

#include "notices/notice.h"
#include "notices/notice-template.h"

/* What loading and rendering of notices share. */

/* The language of last resort. */
#define NOTICE_FALLBACK "en"

/* Where templates were found, the first look-up last. */
enum notice_place {
	NOTICE_SHIPPED,
	NOTICE_OWN,
	NOTICE_OWN_OF_DOMAIN,
};

/* One language's directory. */
struct notice_set {
	enum notice_place place;
	char *domain; /* "" but for NOTICE_OWN_OF_DOMAIN */
	char language[NOTICE_LANGUAGE_SIZE];
	char *path;
	struct notice_template *templates[NOTICE_EVENTS]; /* NULL where it has no file */
};

struct notices {
	const struct settings *settings;
	struct notice_set *sets; /* sorted */
	size_t count;
};

/* The template of that very language for an account in the domain: the domain's own, the site's
   own, or the shipped one. NULL if there is none. */
const struct notice_template *notices_find(const struct notices *notices, const char *domain,
					   const char *language, enum notice_event event);

#endif
