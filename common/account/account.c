/* Account names (rule A6). */

#include "account/account.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

/* RFC 5321 section 4.5.3.1.1, and RFC 1035 section 2.3.4. */
#define LOCAL_PART_MAX 64
#define LABEL_MAX      63

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Of RFC 5322's atext what mailboxes are named with, and what no path, pattern, shell or log takes
   for anything else. */
static bool is_local_part(const char *text, size_t size)
{
	if (size == 0 || size > LOCAL_PART_MAX || text[0] == '.' || text[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!is_alphanumeric(text[i]) && memchr("._-+=&'~", text[i], 8) == NULL)
			return false;
		if (text[i] == '.' && text[i + 1] == '.')
			return false;
	}
	return true;
}

/* Letters, digits and hyphens in labels, RFC 1123 section 2.1. How long it may be overall follows
   from the name that it is part of. */
static bool is_domain(const char *text)
{
	size_t label = 0;

	for (const char *p = text;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > LABEL_MAX || p[-1] == '-')
				return false;
			if (*p == '\0')
				return true;
			label = 0;
		} else if (is_alphanumeric(*p) || (*p == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
	}
}

/* 32-bit FNV-1a. Part of the stored format: a change would lose every account. */
static unsigned int partition_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++) {
		hash ^= (unsigned char)*name;
		hash *= 16777619u;
	}
	return hash % ACCOUNT_PARTITIONS;
}

static int append(struct account_name *name, size_t *length, const char *text, size_t size)
{
	if (size > ACCOUNT_NAME_MAX - *length)
		return -1;
	for (size_t i = 0; i < size; i++)
		name->text[(*length)++] = ascii_lower(text[i]);
	name->text[*length] = '\0';
	return 0;
}

/* The input without surrounding spaces, and the default domain where it names none. */
static int complete(struct account_name *name, const char *input, size_t size,
		    const char *default_domain)
{
	size_t length = 0;

	while (size > 0 && is_space(input[0])) {
		input++;
		size--;
	}
	while (size > 0 && is_space(input[size - 1]))
		size--;
	if (size == 0 || memchr(input, '\0', size) != NULL ||
	    append(name, &length, input, size) < 0)
		return -1;
	if (memchr(input, '@', size) != NULL || default_domain == NULL || *default_domain == '\0')
		return 0;
	if (append(name, &length, "@", 1) < 0)
		return -1;
	return append(name, &length, default_domain, strlen(default_domain));
}

int account_name_parse(const char *input, size_t size, const char *default_domain,
		       struct account_name *name_r, const char **error_r)
{
	const char *at;

	name_r->text[0] = '\0';
	if (complete(name_r, input, size, default_domain) < 0) {
		*error_r = "the account name is empty, too long, or contains a NUL byte";
		return -1;
	}
	at = strchr(name_r->text, '@');
	if (at == NULL || !is_local_part(name_r->text, (size_t)(at - name_r->text)) ||
	    !is_domain(at + 1)) {
		*error_r = "the account name is not an address of the form name@domain, "
			   "of letters, digits and ._-+=&'~";
		return -1;
	}
	name_r->partition = partition_of(name_r->text);
	return 0;
}

int account_domain_parse(const char *input, char domain_r[ACCOUNT_DOMAIN_MAX + 1])
{
	size_t size = strlen(input);

	if (size > ACCOUNT_DOMAIN_MAX)
		return -1;
	for (size_t i = 0; i <= size; i++)
		domain_r[i] = ascii_lower(input[i]);
	return is_domain(domain_r) ? 0 : -1;
}
