/* The secrets file: reading it, and deriving the keys. */

#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "ini-file.h"
#include "secrets-file.h"

/* One for each purpose of a key. Other labels would be other keys: every app password and every
   trace header would be void. */
#define LABEL_PASSWORD "postern app password"
#define LABEL_TRACE    "postern trace header"
#define LABEL_NOTICE   "postern notice"
#define LABEL_REFUSAL  "postern notice refusal"

enum section {
	SECTION_NONE,
	SECTION_REDIS,
	SECTION_DOVEADM,
	SECTION_KEYS,
};

struct loading {
	struct secrets *secrets;
	struct secrets_layout *layout;
	enum section section;
};

static int derive(const unsigned char key[SECRETS_KEY_SIZE], const char *label,
		  unsigned char subkey_r[SECRETS_KEY_SIZE])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SHA256" }, 6),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key,
					SECRETS_KEY_SIZE),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label,
					strlen(label)),
		OSSL_PARAM_END,
	};
	int ok = ctx != NULL && EVP_KDF_derive(ctx, subkey_r, SECRETS_KEY_SIZE, params) == 1;

	EVP_KDF_CTX_free(ctx); /* wipes the key that it holds */
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse_key(const char *hex, unsigned char key_r[SECRETS_KEY_SIZE])
{
	if (strlen(hex) != (size_t)2 * SECRETS_KEY_SIZE)
		return -1;
	for (size_t i = 0; i < SECRETS_KEY_SIZE; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		key_r[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

/* 1 to SECRETS_KEY_ID_MAX without leading zeros, so that no id has two names. 0 if it isn't. */
static unsigned int parse_id(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long id;

	if (digits == 0 || digits > 3 || text[digits] != '\0' || *text == '0')
		return 0;
	id = strtoul(text, NULL, 10);
	return id <= SECRETS_KEY_ID_MAX ? (unsigned int)id : 0;
}

static int take_key(struct secrets *secrets, struct ini_file *file, const char *key,
		    const char *value)
{
	unsigned char bytes[SECRETS_KEY_SIZE];
	struct secret_key *keys = secrets->keys, *slot;
	unsigned int id = parse_id(key), at = 0;
	int result;

	/* What stands before '=' is not quoted: it may be a secret in the wrong place. */
	if (id == 0)
		return ini_file_mistake(file, "expected a key's id from 1 to %d before '='",
					SECRETS_KEY_ID_MAX);
	while (at < secrets->keys_count && keys[at].id > id)
		at++;
	if (at < secrets->keys_count && keys[at].id == id)
		return ini_file_mistake(file, "%u: expected only once", id);
	if (secrets->keys_count == SECRETS_KEYS_MAX)
		return ini_file_mistake(file, "%u: expected at most %d keys: remove the oldest", id,
					SECRETS_KEYS_MAX);
	if (parse_key(value, bytes) < 0) {
		OPENSSL_cleanse(bytes, sizeof(bytes));
		return ini_file_mistake(file, "%u: expected %d hexadecimal digits", id,
					2 * SECRETS_KEY_SIZE);
	}
	slot = memmove(&keys[at + 1], &keys[at], (secrets->keys_count - at) * sizeof(*keys));
	slot--;
	secrets->keys_count++;
	slot->id = id;
	result = derive(bytes, LABEL_PASSWORD, slot->password) < 0 ||
				 derive(bytes, LABEL_TRACE, slot->trace) < 0 ||
				 derive(bytes, LABEL_NOTICE, slot->notice) < 0 ||
				 derive(bytes, LABEL_REFUSAL, slot->refusal) < 0
			 ? ini_file_mistake(file, "%u: OpenSSL can't derive keys from it", id)
			 : 0;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return result;
}

/* The one entry that a section has: its key must be name. */
static int take_word(struct ini_file *file, const char *name, const char *key, const char *value,
		     char **word)
{
	size_t size = strlen(value);

	if (strcmp(key, name) != 0)
		return ini_file_mistake(file, "expected %s before '='", name);
	if (*word != NULL)
		return ini_file_mistake(file, "%s: expected only once", name);
	if (size == 0)
		return ini_file_mistake(file, "%s: expected it behind '='", name);
	*word = OPENSSL_secure_malloc(size + 1);
	if (*word == NULL)
		return ini_file_mistake(file, "%s: no memory for it", name);
	memcpy(*word, value, size + 1);
	return 0;
}

static int take_section(void *context, struct ini_file *file, const char *section)
{
	struct loading *loading = context;

	if (strcmp(section, "redis") == 0)
		loading->section = SECTION_REDIS;
	else if (strcmp(section, "doveadm") == 0)
		loading->section = SECTION_DOVEADM;
	else if (strcmp(section, "keys") == 0)
		loading->section = SECTION_KEYS;
	else
		return ini_file_mistake(file, "expected [redis], [doveadm] or [keys]");
	if (loading->section == SECTION_KEYS)
		loading->layout->keys_line = ini_file_line(file);
	return 0;
}

static int take_entry(void *context, struct ini_file *file, const char *key, const char *value,
		      bool continued)
{
	struct loading *loading = context;

	if (continued)
		return ini_file_mistake(file, "expected no space at the start of the line");
	if (loading->section == SECTION_REDIS)
		return take_word(file, "password", key, value, &loading->secrets->redis_password);
	if (loading->section == SECTION_DOVEADM)
		return take_word(file, "api_key", key, value, &loading->secrets->doveadm_api_key);
	loading->layout->keys_line = ini_file_line(file);
	return take_key(loading->secrets, file, key, value);
}

struct secrets *secrets_parse(const struct ini_text *text, const char *path,
			      struct secrets_layout *layout_r, char **error_r)
{
	static const struct ini_rules rules = {
		.section = take_section,
		.entry = take_entry,
		.comments_have_own_lines = true,
	};
	struct loading loading = { .layout = layout_r };

	*layout_r = (struct secrets_layout){ 0 };
	loading.secrets = OPENSSL_secure_zalloc(sizeof(*loading.secrets));
	if (loading.secrets == NULL) {
		*error_r = ini_format("%s: no memory for the keys", path);
		return NULL;
	}
	if (ini_text_parse(text, path, &rules, &loading, error_r) < 0)
		secrets_free(&loading.secrets);
	return loading.secrets;
}

struct secrets *secrets_load(const char *path, char **error_r)
{
	struct secrets_layout layout;
	struct secrets *secrets;
	struct ini_text text;

	if (ini_text_read(path, SECRETS_FILE_MAX, true, &text, error_r) < 0)
		return NULL;
	secrets = secrets_parse(&text, path, &layout, error_r);
	ini_text_free(&text);
	if (secrets != NULL && secrets->keys_count == 0) {
		*error_r = ini_format("%s: expected at least one key in [keys]: "
				      "\"doveadm postern key add\" makes one",
				      path);
		secrets_free(&secrets);
	}
	return secrets;
}

static void free_word(char *word)
{
	if (word != NULL)
		OPENSSL_secure_clear_free(word, strlen(word));
}

void secrets_free(struct secrets **_secrets)
{
	struct secrets *secrets = *_secrets;

	*_secrets = NULL;
	if (secrets == NULL)
		return;
	free_word(secrets->redis_password);
	free_word(secrets->doveadm_api_key);
	OPENSSL_secure_clear_free(secrets, sizeof(*secrets));
}
