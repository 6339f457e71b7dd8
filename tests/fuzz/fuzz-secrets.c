/* The secrets file's text. */

#include "fuzz.h"

#include "secrets-file.h"

/* The dictionary puts it into values, and into where values may stand by mistake. No error text has
   it from elsewhere. */
#define SECRET_WORD "hunter2"

#define PATH "/etc/postern/secrets"

static void check_error(const char *error)
{
	MUST(fuzz_is_printable(error));
	MUST(strncmp(error, PATH ":", strlen(PATH ":")) == 0);
	MUST(strstr(error, SECRET_WORD) == NULL);
}

static void check_word(const char *word)
{
	MUST(word == NULL || (*word != '\0' && strlen(word) < 256 && fuzz_is_line(word)));
}

static unsigned int lines_of(const uint8_t *data, size_t size)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' ? 1 : 0;
	return lines;
}

static void check_secrets(const struct secrets *secrets)
{
	static const unsigned char nothing[SECRETS_KEY_SIZE];

	MUST(secrets->keys_count <= SECRETS_KEYS_MAX);
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		const struct secret_key *key = &secrets->keys[i];

		MUST(key->id >= 1 && key->id <= SECRETS_KEY_ID_MAX);
		MUST(i == 0 || key->id < key[-1].id);
		/* Derived, and not the same key for two purposes. */
		MUST(memcmp(key->password, nothing, SECRETS_KEY_SIZE) != 0);
		MUST(memcmp(key->password, key->trace, SECRETS_KEY_SIZE) != 0);
	}
	check_word(secrets->redis_password);
	check_word(secrets->doveadm_api_key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini_text text = { .bytes = malloc(size), .size = size };
	struct secrets_layout layout;
	struct secrets *secrets;
	char *error = NULL;

	if (size > 0)
		memcpy(text.bytes, data, size);
	secrets = secrets_parse(&text, PATH, &layout, &error);
	if (secrets == NULL) {
		check_error(error);
	} else {
		MUST(error == NULL);
		MUST(layout.keys_line <= lines_of(data, size));
		MUST(secrets->keys_count == 0 || layout.keys_line > secrets->keys_count);
		check_secrets(secrets);
	}
	free(error);
	free(text.bytes);
	secrets_free(&secrets);
	MUST(secrets == NULL);
	return 0;
}
