/* A secrets file's text, read as each reader's. */

#include "fuzz.h"

#include "settings/secrets-file.h"

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

static void check_key(const struct secret_key *key, enum secrets_reader reader)
{
	static const unsigned char nothing[SECRETS_KEY_SIZE];

	MUST(key->id >= 1 && key->id <= SECRETS_KEY_ID_MAX);
	MUST(key->purposes == secrets_purposes(reader));
	for (unsigned int i = 0; i < SECRETS_PURPOSES; i++) {
		/* What the reader has no use for isn't there. */
		if ((key->purposes & 1U << i) == 0)
			MUST(memcmp(secrets_subkey(key, i), nothing, SECRETS_KEY_SIZE) == 0);
		/* Derived, and not the same key for two purposes. */
		if (reader == SECRETS_SITE && i > 0)
			MUST(memcmp(secrets_subkey(key, i), secrets_subkey(key, i - 1),
				    SECRETS_KEY_SIZE) != 0);
	}
}

static void check_secrets(const struct secrets *secrets, enum secrets_reader reader)
{
	MUST(secrets->keys_count <= SECRETS_KEYS_MAX);
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		check_key(&secrets->keys[i], reader);
		MUST(i == 0 || secrets->keys[i].id < secrets->keys[i - 1].id);
	}
	MUST(secrets_agree(secrets, secrets));
	check_word(secrets->redis_password);
	check_word(secrets->doveadm_password);
	MUST(reader == SECRETS_WORKER || secrets->doveadm_password == NULL);
}

static void parse(const struct ini_text *text, enum secrets_reader reader)
{
	struct secrets_layout layout;
	struct secrets *secrets;
	char *error = NULL;

	secrets = secrets_parse(text, PATH, reader, &layout, &error);
	if (secrets == NULL) {
		check_error(error);
	} else {
		MUST(error == NULL);
		MUST(layout.keys_line <= lines_of((const uint8_t *)text->bytes, text->size));
		MUST(reader != SECRETS_SITE || secrets->keys_count == 0 ||
		     layout.keys_line > secrets->keys_count);
		check_secrets(secrets, reader);
	}
	free(error);
	secrets_free(&secrets);
	MUST(secrets == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini_text text = { .bytes = malloc(size), .size = size };

	if (size > 0)
		memcpy(text.bytes, data, size);
	for (enum secrets_reader i = 0; i < SECRETS_READERS; i++)
		parse(&text, i);
	free(text.bytes);
	return 0;
}
