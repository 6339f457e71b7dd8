/* The kinds of values that settings have. */

#include "settings/settings-value.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "account/account.h"
#include "base/text.h"
#include "account/protocol.h"
#include "base/quantity.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

static void set_text(void *field, const char *text)
{
	char **text_r = field;

	free(*text_r);
	*text_r = text == NULL ? NULL : text_copy(text);
}

int setting_parse_domain(const struct setting *setting, const char *value, void *field,
			 const char **detail_r)
{
	char domain[ACCOUNT_DOMAIN_MAX + 1];

	(void)setting;
	(void)detail_r;
	if (*value == '\0') {
		set_text(field, NULL);
		return 0;
	}
	if (account_domain_parse(value, domain) < 0)
		return -1;
	set_text(field, domain);
	return 0;
}

int setting_parse_address(const struct setting *setting, const char *value, void *field,
			  const char **detail_r)
{
	struct account_name name;
	const char *error;

	(void)setting;
	(void)detail_r;
	if (*value == '\0') {
		set_text(field, NULL);
		return 0;
	}
	/* What can be an account's name needs no quotes in a header (RFC 5322), and ends none. */
	if (account_name_parse(value, strlen(value), NULL, &name, &error) < 0)
		return -1;
	set_text(field, name.text);
	return 0;
}

int setting_parse_language(const struct setting *setting, const char *value, void *field,
			   const char **detail_r)
{
	size_t size = strlen(value);

	(void)setting;
	(void)detail_r;
	if (size < 2 || size > 3 || strspn(value, "abcdefghijklmnopqrstuvwxyz") != size)
		return -1;
	set_text(field, value);
	return 0;
}

int setting_parse_url(const struct setting *setting, const char *value, void *field,
		      const char **detail_r)
{
	size_t scheme = 0;

	(void)detail_r;
	if (strncmp(value, "https://", 8) == 0)
		scheme = 8;
	else if (strncmp(value, "http://", 7) == 0)
		scheme = 7;
	if (scheme == 0 || value[scheme] == '\0' || strlen(value) > setting->max)
		return -1;
	if (strpbrk(value, " \t") != NULL)
		return -1;
	set_text(field, value);
	return 0;
}

int setting_parse_path(const struct setting *setting, const char *value, void *field,
		       const char **detail_r)
{
	(void)detail_r;
	if (*value != '/' || strlen(value) > setting->max)
		return -1;
	set_text(field, value);
	return 0;
}

int setting_parse_name(const struct setting *setting, const char *value, void *field,
		       const char **detail_r)
{
	size_t size = strlen(value);

	(void)detail_r;
	if (size == 0 || size > setting->max || *value == '-' ||
	    strspn(value, LETTERS DIGITS "._-") != size)
		return -1;
	set_text(field, value);
	return 0;
}

int setting_parse_optional_name(const struct setting *setting, const char *value, void *field,
				const char **detail_r)
{
	if (*value != '\0')
		return setting_parse_name(setting, value, field, detail_r);
	set_text(field, NULL);
	return 0;
}

/* The next of the words that *rest begins with, in memory for free(); NULL when there is none.
   Newer versions of libinih end a continuation at " ;" too, older ones leave that to us. */
static char *next_word(const char **rest)
{
	const char *start = *rest + strspn(*rest, " \t,");
	size_t size = strcspn(start, " \t,");
	char *word;

	if (size == 0 || *start == ';')
		return NULL;
	word = strndup(start, size);
	if (word == NULL)
		abort();
	*rest = start + size;
	return word;
}

int setting_parse_networks(const struct setting *setting, const char *value, void *field,
			   const char **detail_r)
{
	char *word;

	(void)setting;
	while ((word = next_word(&value)) != NULL) {
		int result = network_list_add(field, word, detail_r);

		free(word);
		if (result < 0)
			return -1;
	}
	return 0;
}

int setting_parse_protocols(const struct setting *setting, const char *value, void *field,
			    const char **detail_r)
{
	unsigned int *protocols = field;
	enum protocol protocol;
	char *word;

	(void)setting;
	(void)detail_r;
	while ((word = next_word(&value)) != NULL) {
		int result = protocol_parse(word, &protocol);

		free(word);
		if (result < 0)
			return -1;
		*protocols |= protocol;
	}
	return *protocols != 0 ? 0 : -1;
}

int setting_parse_number(const struct setting *setting, const char *value, void *field,
			 const char **detail_r)
{
	uint64_t number;
	const char *rest;

	(void)detail_r;
	if (quantity_number(value, setting->max, &number, &rest) < 0 || *rest != '\0' ||
	    number < setting->min)
		return -1;
	*(unsigned int *)field = (unsigned int)number;
	return 0;
}

int setting_parse_limit(const struct setting *setting, const char *value, void *field,
			const char **detail_r)
{
	uint64_t number;
	const char *rest;

	(void)detail_r;
	if (strcmp(value, "unlimited") == 0) {
		*(unsigned int *)field = SETTINGS_UNLIMITED;
		return 0;
	}
	if (quantity_number(value, setting->max, &number, &rest) < 0 || *rest != '\0' ||
	    number == 0)
		return -1;
	*(unsigned int *)field = (unsigned int)number;
	return 0;
}

/* A duration within the setting's bounds. */
static int read_duration(const struct setting *setting, const char *value, uint64_t *duration_r,
			 const char **detail_r)
{
	if (quantity_duration(value, duration_r, detail_r) < 0)
		return -1;
	return *duration_r >= setting->min && *duration_r <= setting->max ? 0 : -1;
}

int setting_parse_milliseconds(const struct setting *setting, const char *value, void *field,
			       const char **detail_r)
{
	uint64_t duration;

	if (read_duration(setting, value, &duration, detail_r) < 0)
		return -1;
	*(unsigned int *)field = (unsigned int)duration;
	return 0;
}

int setting_parse_seconds(const struct setting *setting, const char *value, void *field,
			  const char **detail_r)
{
	uint64_t duration;

	if (read_duration(setting, value, &duration, detail_r) < 0 || duration % 1000 != 0)
		return -1;
	*(unsigned int *)field = (unsigned int)(duration / 1000);
	return 0;
}

/* The place among words of the one that value is, or -1. */
static int word_index(const char *value, const char *const words[], int count)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(value, words[i]) == 0)
			return i;
	}
	return -1;
}

int setting_parse_store_failure(const struct setting *setting, const char *value, void *field,
				const char **detail_r)
{
	static const char *const words[] = {
		[STORE_FAILURE_DEFER] = "defer",
		[STORE_FAILURE_ACCEPT] = "accept",
	};
	int index = word_index(value, words, 2);

	(void)setting;
	(void)detail_r;
	if (index < 0)
		return -1;
	*(enum store_failure *)field = (enum store_failure)index;
	return 0;
}

int setting_parse_count(const struct setting *setting, const char *value, void *field,
			const char **detail_r)
{
	static const char *const words[] = {
		[SEND_COUNT_MESSAGES] = "messages",
		[SEND_COUNT_RECIPIENTS] = "recipients",
	};
	int index = word_index(value, words, 2);

	(void)setting;
	(void)detail_r;
	if (index < 0)
		return -1;
	*(enum send_count *)field = (enum send_count)index;
	return 0;
}

int setting_parse_on_break_in(const struct setting *setting, const char *value, void *field,
			      const char **detail_r)
{
	static const char *const words[] = {
		[ON_BREAK_IN_DISABLE] = "disable",
		[ON_BREAK_IN_TELL] = "tell",
	};
	int index = word_index(value, words, 2);

	(void)setting;
	(void)detail_r;
	if (index < 0)
		return -1;
	*(enum on_break_in *)field = (enum on_break_in)index;
	return 0;
}

static int read_redis_socket(const char *path, struct redis_settings *redis, const char **detail_r)
{
	struct sockaddr_un address;

	if (*path != '/' || strlen(path) >= sizeof(address.sun_path)) {
		*detail_r = "the path must be absolute, and of at most 107 bytes";
		return -1;
	}
	set_text(&redis->socket, path);
	return 0;
}

/* Splits "host:port" or "[host]:port". 0, or -1. */
static int split_address(const char *value, char host_r[INET6_ADDRSTRLEN], uint64_t *port_r)
{
	bool is_bracketed = *value == '[';
	const char *start = value + is_bracketed;
	size_t size = strcspn(start, is_bracketed ? "]" : ":");
	const char *port = start + size + is_bracketed, *rest;

	if (size == 0 || size >= INET6_ADDRSTRLEN || start[size] == '\0' || *port != ':')
		return -1;
	memcpy(host_r, start, size);
	host_r[size] = '\0';
	if (quantity_number(port + 1, 65535, port_r, &rest) < 0 || *rest != '\0' || *port_r == 0)
		return -1;
	return 0;
}

int setting_parse_redis_address(const struct setting *setting, const char *value, void *field,
				const char **detail_r)
{
	struct redis_settings *redis = field;
	char host[INET6_ADDRSTRLEN];
	unsigned char address[16];
	uint64_t port;

	_Static_assert(offsetof(struct redis_settings, socket) == 0,
		       "the table names the first of the fields that are filled here");
	(void)setting;
	if (strncmp(value, "unix:", 5) == 0)
		return read_redis_socket(value + 5, redis, detail_r);
	if (split_address(value, host, &port) < 0)
		return -1;
	if (inet_pton(*value == '[' ? AF_INET6 : AF_INET, host, address) != 1) {
		*detail_r = "not a host name: looking one up would block";
		return -1;
	}
	set_text(&redis->host, host);
	redis->port = (unsigned int)port;
	return 0;
}
