/*
 * The trace header's token (B1). The input's first line is the default domain. Behind it stands one
 * of these, and for the last two how the token is altered then: pairs of a place and of bits that
 * change there.
 *
 *   v  a token, as anybody may send it
 *   n  a name that a token is made for, on a line of its own
 *   p  what is sealed: behind the site's own seal there may be what another version put there
 */

#include "fuzz.h"

#include <openssl/evp.h>

#include "base/base64url.h"
#include "keys/trace.h"

/* The token's parts, as in trace.c. */
#define SIV_SIZE    16
#define SEALED_SIZE 45
#define TOKEN_SIZE  (1 + SIV_SIZE + SEALED_SIZE)

/* A message. */
#define SENT	   1764028800
#define RECIPIENTS 3
#define QUEUE_ID   "4XYZ1a2b3c"

static const struct secrets *site_secrets(void)
{
	static struct secrets secrets = { .keys_count = 2 };

	secrets.keys[0].id = 7;
	memset(secrets.keys[0].trace, 0x72, SECRETS_KEY_SIZE);
	secrets.keys[1].id = 3;
	memset(secrets.keys[1].trace, 0x32, SECRETS_KEY_SIZE);
	return &secrets;
}

/* RFC 5297, by OpenSSL. */
static void seal(const struct secret_key *key, const char *domain,
		 const unsigned char plain[SEALED_SIZE], unsigned char token_r[TOKEN_SIZE])
{
	static EVP_CIPHER *aes_siv;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size;

	if (aes_siv == NULL)
		aes_siv = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
	token_r[0] = (unsigned char)key->id;
	MUST(EVP_EncryptInit_ex(context, aes_siv, NULL, key->trace, NULL) == 1);
	MUST(EVP_EncryptUpdate(context, NULL, &size, token_r, 1) == 1);
	if (*domain != '\0')
		MUST(EVP_EncryptUpdate(context, NULL, &size, (const unsigned char *)domain,
				       (int)strlen(domain)) == 1);
	MUST(EVP_EncryptUpdate(context, token_r + 1 + SIV_SIZE, &size, plain, SEALED_SIZE) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIV_SIZE, token_r + 1) == 1);
	EVP_CIPHER_CTX_free(context);
}

static void check_trace(const struct trace *trace)
{
	struct account_name again;
	const char *error, *account = trace->account.text;

	MUST(trace->partition < ACCOUNT_PARTITIONS);
	MUST(trace->sent >= 0 && trace->sent <= UINT32_MAX);
	MUST(trace->recipients <= 255);
	MUST(strspn(trace->id, "0123456789abcdef") == TRACE_ID_SIZE - 1);
	if (*account == '\0') {
		MUST(strlen(trace->reference) == TRACE_REFERENCE_SIZE - 1);
		MUST(strspn(trace->reference, "0123456789abcdef") == TRACE_REFERENCE_SIZE - 1);
		return;
	}
	MUST(trace->reference[0] == '\0');
	MUST(account_name_parse(account, strlen(account), NULL, &again, &error) == 0);
	MUST(strcmp(again.text, account) == 0);
	MUST(again.partition == trace->partition && again.partition == trace->account.partition);
}

static int open_value(const char *value, size_t size, const char *domain)
{
	struct trace trace;
	int result = trace_open(site_secrets(), value, size, domain, &trace);

	MUST(result == 0 || result == 1);
	if (result == 1)
		check_trace(&trace);
	return result;
}

/* True if any bit is another one now. */
static bool alter(unsigned char token[TOKEN_SIZE], const uint8_t *pairs, size_t size)
{
	unsigned char before[TOKEN_SIZE];

	memcpy(before, token, TOKEN_SIZE);
	for (size_t i = 0; i + 1 < size; i += 2)
		token[pairs[i] % TOKEN_SIZE] ^= pairs[i + 1];
	return memcmp(before, token, TOKEN_SIZE) != 0;
}

/* The token, which is for the domain, after the pairs have altered it. */
static void open_altered(unsigned char token[TOKEN_SIZE], const uint8_t *pairs, size_t size,
			 const char *domain)
{
	bool is_altered = alter(token, pairs, size);
	char value[TRACE_VALUE_SIZE], other[1024];

	base64url_encode(token, TOKEN_SIZE, value);
	if (open_value(value, TRACE_VALUE_LENGTH, domain) == 0)
		return;
	/* Nobody else can make one that opens, for another domain it doesn't, and no other text
	   stands for the same bytes. */
	MUST(!is_altered);
	snprintf(other, sizeof(other), "%.1000sx", domain);
	MUST(open_value(value, TRACE_VALUE_LENGTH, other) == 0);
	value[TRACE_VALUE_LENGTH - 1] ^= 1;
	MUST(open_value(value, TRACE_VALUE_LENGTH, domain) == 0);
}

static void seal_plain(const char *domain, const uint8_t *data, size_t size)
{
	const struct secret_key *keys = site_secrets()->keys;
	unsigned char plain[SEALED_SIZE] = { 0 }, token[TOKEN_SIZE];
	size_t used = size < SEALED_SIZE ? size : SEALED_SIZE;

	memcpy(plain, data, used);
	seal(&keys[plain[0] & 1], domain, plain, token);
	open_altered(token, data + used, size - used, domain);
}

/* What was sealed, or its reference. */
static void must_name(const char *value, const struct account_name *name, const char *domain)
{
	char reference[TRACE_REFERENCE_SIZE];
	struct trace trace;

	MUST(trace_reference(name, domain, reference) == 0);
	MUST(trace_open(site_secrets(), value, TRACE_VALUE_LENGTH, domain, &trace) == 1);
	MUST(strcmp(trace.reference, reference) == 0);
	MUST(strcmp(trace.account.text, *reference != '\0' ? "" : name->text) == 0);
	MUST(trace.partition == name->partition);
	MUST(trace.sent == SENT && trace.recipients == RECIPIENTS);
	MUST(trace_is_of_queue(&trace, QUEUE_ID));
}

static void seal_name(const char *domain, const uint8_t *data, size_t size)
{
	char *text = fuzz_take_line(&data, &size), value[TRACE_VALUE_SIZE];
	unsigned char token[TOKEN_SIZE];
	struct account_name name;
	const char *error;

	if (account_name_parse(text, strlen(text), domain, &name, &error) == 0) {
		MUST(trace_seal(site_secrets(), &name, domain, SENT, RECIPIENTS, QUEUE_ID, value) ==
		     0);
		MUST(strlen(value) == TRACE_VALUE_LENGTH);
		must_name(value, &name, domain);
		MUST(base64url_decode(value, TRACE_VALUE_LENGTH, token, TOKEN_SIZE) == TOKEN_SIZE);
		open_altered(token, data, size, domain);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *domain = fuzz_take_line(&data, &size);

	if (size > 0 && data[0] == 'p')
		seal_plain(domain, data + 1, size - 1);
	else if (size > 0 && data[0] == 'n')
		seal_name(domain, data + 1, size - 1);
	else if (size > 0)
		open_value((const char *)data + 1, size - 1, domain);
	free(domain);
	return 0;
}
