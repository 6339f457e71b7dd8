/* Account names (A6). The input's first line is the default domain, the rest is the name. */

#include "fuzz.h"

#include "account/account.h"

static void must_parse_to(const char *input, size_t size, const char *default_domain,
			  const struct account_name *name)
{
	struct account_name again;
	const char *error;

	MUST(account_name_parse(input, size, default_domain, &again, &error) == 0);
	MUST(strcmp(again.text, name->text) == 0);
	MUST(again.partition == name->partition);
}

/* The part is of words of at most word_max bytes, with single dots between them. */
static void check_words(const char *part, size_t size, size_t word_max)
{
	const char *end = part + size;

	for (;;) {
		const char *dot = memchr(part, '.', (size_t)(end - part));
		size_t word = (size_t)((dot != NULL ? dot : end) - part);

		MUST(word > 0 && word <= word_max);
		if (dot == NULL)
			return;
		part = dot + 1;
	}
}

/* What goes into Redis keys and log lines as it is. RFC 5321 section 4.5.3.1, RFC 1123 section 2.1.
 */
static void check_text(const char *text)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	static const char local[] = "abcdefghijklmnopqrstuvwxyz0123456789._-+=&'~";
	size_t size = strspn(text, local);
	const char *domain = text + size + 1;

	MUST(strlen(text) <= ACCOUNT_NAME_MAX);
	MUST(size <= 64 && text[size] == '@');
	check_words(text, size, 64);
	MUST(domain[strspn(domain, host)] == '\0');
	check_words(domain, strlen(domain), 63);
	MUST(*domain != '-' && strstr(domain, ".-") == NULL && strstr(domain, "-.") == NULL);
	MUST(domain[strlen(domain) - 1] != '-');
}

/* The same name as people may write it, and as a bare one of its domain. */
static void check_spellings(const struct account_name *name)
{
	char shouted[ACCOUNT_NAME_MAX + 5], domain[ACCOUNT_DOMAIN_MAX + 1];
	const char *at = strchr(name->text, '@');
	int size = snprintf(shouted, sizeof(shouted), " \t%s\r\n", name->text);

	for (int i = 0; i < size; i++) {
		if (shouted[i] >= 'a' && shouted[i] <= 'z')
			shouted[i] = (char)(shouted[i] - 'a' + 'A');
	}
	must_parse_to(name->text, strlen(name->text), NULL, name);
	must_parse_to(name->text, strlen(name->text), "example.org", name);
	must_parse_to(shouted, (size_t)size, "", name);
	must_parse_to(name->text, (size_t)(at - name->text), at + 1, name);
	MUST(account_domain_parse(strchr(shouted, '@') + 1, domain) < 0); /* for the CRLF */
	shouted[size - 2] = '\0';
	MUST(account_domain_parse(strchr(shouted, '@') + 1, domain) == 0);
	MUST(strcmp(domain, at + 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *default_domain = fuzz_take_line(&data, &size);
	const char *error = NULL;
	struct account_name name;

	if (account_name_parse((const char *)data, size, default_domain, &name, &error) == 0) {
		MUST(name.partition < ACCOUNT_PARTITIONS);
		check_text(name.text);
		check_spellings(&name);
	} else {
		MUST(fuzz_is_printable(error));
	}
	free(default_domain);
	return 0;
}
