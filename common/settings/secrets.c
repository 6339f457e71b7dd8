/* Secrets files: reading them, and deriving the keys. */

#include "settings/secrets.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "settings/ini-file.h"
#include "settings/secrets-file.h"
#include "base/text.h"

#define ALL_PURPOSES ((1U << SECRETS_PURPOSES) - 1)

/* The labels are part of the keys. With others every app password and every trace header would be
   void. */
static const struct purpose {
	const char *label;
	const char *section; /* in the daemons' files */
	size_t offset;
} purpose_table[] = {
	[SECRETS_PASSWORD] = { "postern app password", NULL,
			       offsetof(struct secret_key, password) },
	[SECRETS_TRACE] = { "postern trace header", "trace-keys",
			    offsetof(struct secret_key, trace) },
	[SECRETS_NOTICE] = { "postern notice", "notice-keys", offsetof(struct secret_key, notice) },
	[SECRETS_REFUSAL] = { "postern notice refusal", "refusal-keys",
			      offsetof(struct secret_key, refusal) },
};

static const struct reader {
	const char *suffix;
	unsigned int purposes; /* set: what its file has subkeys for */
	const char *expected;
	const char *maker; /* what makes the file, or a key in it */
} reader_table[] = {
	[SECRETS_SITE] = { "", ALL_PURPOSES, "[redis] or [keys]", "doveadm postern key add" },
	[SECRETS_MILTER] = { ".milter", 1U << SECRETS_TRACE | 1U << SECRETS_REFUSAL,
			     "[redis], [trace-keys] or [refusal-keys]",
			     "doveadm postern key files" },
	[SECRETS_WORKER] = { ".worker", 1U << SECRETS_NOTICE | 1U << SECRETS_REFUSAL,
			     "[redis], [doveadm], [notice-keys] or [refusal-keys]",
			     "doveadm postern key files" },
};

enum section {
	SECTION_NONE,
	SECTION_REDIS,
	SECTION_DOVEADM,
	SECTION_KEYS,	 /* of the site */
	SECTION_SUBKEYS, /* of the purpose */
};

struct loading {
	struct secrets *secrets;
	struct secrets_layout *layout;
	enum secrets_reader reader;
	enum section section;
	enum secrets_purpose purpose;
	char *api_key; /* of older versions' files: nobody uses it any more */
};

char *secrets_path(const char *path, enum secrets_reader reader)
{
	return text_format("%s%s", path, reader_table[reader].suffix);
}

const char *secrets_section(enum secrets_purpose purpose)
{
	return purpose_table[purpose].section;
}

unsigned int secrets_purposes(enum secrets_reader reader)
{
	return reader_table[reader].purposes;
}

const unsigned char *secrets_subkey(const struct secret_key *key, enum secrets_purpose purpose)
{
	return (const unsigned char *)key + purpose_table[purpose].offset;
}

static unsigned char *subkey(struct secret_key *key, enum secrets_purpose purpose)
{
	return (unsigned char *)key + purpose_table[purpose].offset;
}

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

/* The key of that id, made if there is none. NULL after a mistake. */
static struct secret_key *find_key(struct secrets *secrets, struct ini_file *file, unsigned int id)
{
	struct secret_key *keys = secrets->keys, *slot;
	unsigned int at = 0;

	while (at < secrets->keys_count && keys[at].id > id)
		at++;
	if (at < secrets->keys_count && keys[at].id == id)
		return &keys[at];
	if (secrets->keys_count == SECRETS_KEYS_MAX) {
		ini_file_mistake(file, "%u: expected at most %d keys: remove the oldest", id,
				 SECRETS_KEYS_MAX);
		return NULL;
	}
	slot = memmove(&keys[at + 1], &keys[at], (secrets->keys_count - at) * sizeof(*keys));
	slot--;
	secrets->keys_count++;
	memset(slot, 0, sizeof(*slot));
	slot->id = id;
	return slot;
}

static int derive_subkeys(struct secret_key *key, const unsigned char bytes[SECRETS_KEY_SIZE])
{
	for (unsigned int i = 0; i < SECRETS_PURPOSES; i++) {
		if (derive(bytes, purpose_table[i].label, subkey(key, i)) < 0)
			return -1;
	}
	key->purposes = ALL_PURPOSES;
	return 0;
}

static int take_bytes(struct loading *loading, struct ini_file *file, struct secret_key *key,
		      const unsigned char bytes[SECRETS_KEY_SIZE])
{
	unsigned int purposes =
		loading->section == SECTION_KEYS ? ALL_PURPOSES : 1U << loading->purpose;

	if ((key->purposes & purposes) != 0)
		return ini_file_mistake(file, "%u: expected only once", key->id);
	if (loading->section == SECTION_KEYS)
		return derive_subkeys(key, bytes) < 0
			       ? ini_file_mistake(file, "%u: OpenSSL can't derive keys from it",
						  key->id)
			       : 0;
	memcpy(subkey(key, loading->purpose), bytes, SECRETS_KEY_SIZE);
	key->purposes |= purposes;
	return 0;
}

static int take_key(struct loading *loading, struct ini_file *file, const char *name,
		    const char *value)
{
	unsigned char bytes[SECRETS_KEY_SIZE];
	unsigned int id = parse_id(name);
	struct secret_key *key;
	int result = -1;

	/* What is before '=' is not quoted: it may be a secret in the wrong place. */
	if (id == 0)
		return ini_file_mistake(file, "expected a key's id from 1 to %d before '='",
					SECRETS_KEY_ID_MAX);
	key = find_key(loading->secrets, file, id);
	if (key == NULL)
		return -1;
	if (parse_key(value, bytes) == 0)
		result = take_bytes(loading, file, key, bytes);
	else
		ini_file_mistake(file, "%u: expected %d hexadecimal digits", id,
				 2 * SECRETS_KEY_SIZE);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return result;
}

static void free_word(char *word)
{
	if (word != NULL)
		OPENSSL_secure_clear_free(word, strlen(word));
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
		return ini_file_mistake(file, "%s: expected it after '='", name);
	*word = OPENSSL_secure_malloc(size + 1);
	if (*word == NULL)
		return ini_file_mistake(file, "%s: out of memory", name);
	memcpy(*word, value, size + 1);
	return 0;
}

/* True if the section holds subkeys, and the reader's file has such. */
static bool is_subkeys(struct loading *loading, const char *section)
{
	if (loading->reader == SECRETS_SITE)
		return false;
	for (unsigned int i = 0; i < SECRETS_PURPOSES; i++) {
		if ((reader_table[loading->reader].purposes & 1U << i) != 0 &&
		    strcmp(section, purpose_table[i].section) == 0) {
			loading->purpose = i;
			return true;
		}
	}
	return false;
}

static int take_section(void *context, struct ini_file *file, const char *section)
{
	struct loading *loading = context;

	if (strcmp(section, "redis") == 0)
		loading->section = SECTION_REDIS;
	else if (strcmp(section, "doveadm") == 0 && loading->reader != SECRETS_MILTER)
		loading->section = SECTION_DOVEADM;
	else if (strcmp(section, "keys") == 0 && loading->reader == SECRETS_SITE)
		loading->section = SECTION_KEYS;
	else if (is_subkeys(loading, section))
		loading->section = SECTION_SUBKEYS;
	else
		return ini_file_mistake(file, "expected %s",
					reader_table[loading->reader].expected);
	if (loading->section == SECTION_KEYS)
		loading->layout->keys_line = ini_file_line(file);
	return 0;
}

static int take_entry(void *context, struct ini_file *file, const char *key, const char *value,
		      bool continued)
{
	struct loading *loading = context;
	struct secrets *secrets = loading->secrets;

	if (continued)
		return ini_file_mistake(file, "expected no space at the start of the line");
	switch (loading->section) {
	case SECTION_REDIS:
		return take_word(file, "password", key, value, &secrets->redis_password);
	case SECTION_DOVEADM:
		if (loading->reader == SECRETS_SITE)
			return take_word(file, "api_key", key, value, &loading->api_key);
		return take_word(file, "password", key, value, &secrets->doveadm_password);
	case SECTION_KEYS:
		loading->layout->keys_line = ini_file_line(file);
		return take_key(loading, file, key, value);
	case SECTION_SUBKEYS:
		return take_key(loading, file, key, value);
	case SECTION_NONE:
		break;
	}
	return ini_file_mistake(file, "expected a [SECTION] before the first key");
}

/* NULL, or the mistake that no line alone shows: a key lacks a subkey. */
static char *check_keys(const struct secrets *secrets, const char *path, enum secrets_reader reader)
{
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		const struct secret_key *key = &secrets->keys[i];

		for (unsigned int j = 0; j < SECRETS_PURPOSES; j++) {
			if ((reader_table[reader].purposes & ~key->purposes & 1U << j) != 0)
				return text_format("%s: expected key %u in [%s] as well", path,
						   key->id, purpose_table[j].section);
		}
	}
	return NULL;
}

struct secrets *secrets_parse(const struct ini_text *text, const char *path,
			      enum secrets_reader reader, struct secrets_layout *layout_r,
			      char **error_r)
{
	static const struct ini_rules rules = {
		.section = take_section,
		.entry = take_entry,
		.comments_have_own_lines = true,
	};
	struct loading loading = { .layout = layout_r, .reader = reader };

	*error_r = NULL;
	*layout_r = (struct secrets_layout){ 0 };
	loading.secrets = OPENSSL_secure_zalloc(sizeof(*loading.secrets));
	if (loading.secrets == NULL) {
		*error_r = text_format("%s: out of memory", path);
		return NULL;
	}
	if (ini_text_parse(text, path, &rules, &loading, error_r) == 0)
		*error_r = check_keys(loading.secrets, path, reader);
	if (*error_r != NULL)
		secrets_free(&loading.secrets);
	free_word(loading.api_key);
	return loading.secrets;
}

/* A daemon's file is made by a command: says so after an error. */
static char *name_maker(char *error, enum secrets_reader reader)
{
	char *longer;

	if (reader == SECRETS_SITE)
		return error;
	longer = text_format("%s: \"%s\" makes this file, for the user who is to read it", error,
			     reader_table[reader].maker);
	free(error);
	return longer;
}

static struct secrets *load(const char *path, enum secrets_reader reader, char **error_r)
{
	struct secrets_layout layout;
	struct secrets *secrets;
	struct ini_text text;

	if (ini_text_read(path, SECRETS_FILE_MAX, true, &text, error_r) < 0) {
		*error_r = name_maker(*error_r, reader);
		return NULL;
	}
	secrets = secrets_parse(&text, path, reader, &layout, error_r);
	ini_text_free(&text);
	if (secrets != NULL && secrets->keys_count == 0) {
		*error_r = text_format("%s: expected at least one key: \"%s\" makes one", path,
				       reader_table[reader].maker);
		secrets_free(&secrets);
	}
	return secrets;
}

struct secrets *secrets_load(const char *path, enum secrets_reader reader, char **error_r)
{
	char *own = secrets_path(path, reader);
	struct secrets *secrets = load(own, reader, error_r);

	free(own);
	return secrets;
}

bool secrets_agree(const struct secrets *site, const struct secrets *daemon)
{
	if (site->keys_count != daemon->keys_count)
		return false;
	for (unsigned int i = 0; i < site->keys_count; i++) {
		const struct secret_key *a = &site->keys[i], *b = &daemon->keys[i];

		if (a->id != b->id)
			return false;
		for (unsigned int j = 0; j < SECRETS_PURPOSES; j++) {
			if ((a->purposes & b->purposes & 1U << j) != 0 &&
			    CRYPTO_memcmp(secrets_subkey(a, j), secrets_subkey(b, j),
					  SECRETS_KEY_SIZE) != 0)
				return false;
		}
	}
	return true;
}

void secrets_free(struct secrets **_secrets)
{
	struct secrets *secrets = *_secrets;

	*_secrets = NULL;
	if (secrets == NULL)
		return;
	free_word(secrets->redis_password);
	free_word(secrets->doveadm_password);
	OPENSSL_secure_clear_free(secrets, sizeof(*secrets));
}
