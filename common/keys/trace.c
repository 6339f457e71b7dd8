/* The trace header (rule B1): AES-128-SIV, RFC 5297. */

#include "keys/trace.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/base64url.h"
#include "base/digest.h"

/*
 * What is sealed: the time of sending (4 bytes, big endian), the number of recipients (1), the
 * beginning of the queue id's SHA-256, which also distinguishes messages of one second (3), and
 * the account (37): its name, with the default domain left away as a bare name, padded with NULs;
 * or, for a longer name, a byte that no name has, the partition, and 16 bytes of the name's
 * SHA-256.
 */
#define TIME_SIZE      4
#define QUEUE_AT       (TIME_SIZE + 1)
#define ACCOUNT_AT     (QUEUE_AT + TRACE_QUEUE_SIZE)
#define ACCOUNT_SIZE   37
#define SEALED_SIZE    (ACCOUNT_AT + ACCOUNT_SIZE)
#define SIV_SIZE       16
#define TOKEN_SIZE     (1 + SIV_SIZE + SEALED_SIZE)
#define REFERENCE_MARK 0xff
#define REFERENCE_SIZE 16

_Static_assert(BASE64URL_LENGTH(TOKEN_SIZE) == TRACE_VALUE_LENGTH, "the token's length");
_Static_assert(sizeof(TRACE_HEADER ": ") - 1 + TRACE_VALUE_LENGTH + 2 == 100,
	       "the header's length");

/* Fetching an algorithm costs more than using it. */
static EVP_CIPHER *aes_siv;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void begin(void)
{
	aes_siv = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
}

/* The first size bytes of the text's SHA-256. */
static int digest(const char *text, unsigned char *out, size_t size)
{
	unsigned char whole[DIGEST_SIZE];

	if (digest_make(text, strlen(text), whole) < 0)
		return -1;
	memcpy(out, whole, size);
	return 0;
}

/* The length of the name without the default domain, or the whole name's if it has another. */
static size_t short_length(const struct account_name *account, const char *default_domain)
{
	const char *at = strchr(account->text, '@');

	if (default_domain != NULL && at != NULL && strcmp(at + 1, default_domain) == 0)
		return (size_t)(at - account->text);
	return strlen(account->text);
}

int trace_reference(const struct account_name *account, const char *default_domain,
		    char reference_r[TRACE_REFERENCE_SIZE])
{
	unsigned char reference[REFERENCE_SIZE];

	reference_r[0] = '\0';
	if (short_length(account, default_domain) <= ACCOUNT_SIZE)
		return 0;
	if (digest(account->text, reference, REFERENCE_SIZE) < 0)
		return -1;
	digest_hex(reference, REFERENCE_SIZE, reference_r);
	return 0;
}

static int put_account(const struct account_name *account, const char *default_domain,
		       unsigned char out[ACCOUNT_SIZE])
{
	size_t length = short_length(account, default_domain);

	memset(out, 0, ACCOUNT_SIZE);
	if (length <= ACCOUNT_SIZE) {
		memcpy(out, account->text, length);
		return 0;
	}
	out[0] = REFERENCE_MARK;
	out[1] = (unsigned char)account->partition;
	return digest(account->text, out + 2, REFERENCE_SIZE);
}

static int get_account(const unsigned char in[ACCOUNT_SIZE], const char *default_domain,
		       struct trace *trace_r)
{
	const char *error;

	if (in[0] == REFERENCE_MARK) {
		trace_r->account.text[0] = '\0';
		trace_r->partition = in[1] % ACCOUNT_PARTITIONS;
		digest_hex(in + 2, REFERENCE_SIZE, trace_r->reference);
		return 0;
	}
	trace_r->reference[0] = '\0';
	if (account_name_parse((const char *)in, strnlen((const char *)in, ACCOUNT_SIZE),
			       default_domain, &trace_r->account, &error) < 0)
		return -1;
	trace_r->partition = trace_r->account.partition;
	return 0;
}

static void put_time(unsigned char out[TIME_SIZE], int64_t time)
{
	for (unsigned int i = 0; i < TIME_SIZE; i++)
		out[i] = (unsigned char)((uint64_t)time >> (8 * (TIME_SIZE - 1 - i)));
}

static int64_t get_time(const unsigned char in[TIME_SIZE])
{
	int64_t time = 0;

	for (unsigned int i = 0; i < TIME_SIZE; i++)
		time = time << 8 | in[i];
	return time;
}

/* What is authenticated in addition to the sealed bytes: the key's id, and the domain that a bare
   name belongs to, lest it open as the account of another domain. */
static int authenticate(EVP_CIPHER_CTX *context, unsigned char key_id, const char *default_domain)
{
	int size;

	if (EVP_CipherUpdate(context, NULL, &size, &key_id, 1) != 1)
		return -1;
	if (default_domain == NULL || *default_domain == '\0')
		return 0;
	size = (int)strlen(default_domain);
	return EVP_CipherUpdate(context, NULL, &size, (const unsigned char *)default_domain,
				size) == 1
		       ? 0
		       : -1;
}

int trace_seal(const struct secrets *secrets, const struct account_name *account,
	       const char *default_domain, int64_t sent, unsigned int recipients,
	       const char *queue_id, char value_r[TRACE_VALUE_SIZE])
{
	const struct secret_key *key = &secrets->keys[0];
	unsigned char plain[SEALED_SIZE], token[TOKEN_SIZE];
	EVP_CIPHER_CTX *context;
	int size, ret = -1;

	pthread_once(&once, begin);
	if (digest(queue_id, plain + QUEUE_AT, TRACE_QUEUE_SIZE) < 0)
		return -1;
	put_time(plain, sent);
	plain[TIME_SIZE] = (unsigned char)(recipients > 255 ? 255 : recipients);
	token[0] = (unsigned char)key->id;
	context = EVP_CIPHER_CTX_new();
	if (context != NULL && put_account(account, default_domain, plain + ACCOUNT_AT) == 0 &&
	    EVP_EncryptInit_ex(context, aes_siv, NULL, key->trace, NULL) == 1 &&
	    authenticate(context, token[0], default_domain) == 0 &&
	    EVP_EncryptUpdate(context, token + 1 + SIV_SIZE, &size, plain, SEALED_SIZE) == 1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIV_SIZE, token + 1) == 1) {
		base64url_encode(token, sizeof(token), value_r);
		ret = 0;
	}
	EVP_CIPHER_CTX_free(context);
	return ret;
}

/* 1 if the token was made with this key and nothing in it has been changed. */
static int unseal(const struct secret_key *key, const char *default_domain,
		  unsigned char token[TOKEN_SIZE], unsigned char plain_r[SEALED_SIZE])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size, ret = -1;

	pthread_once(&once, begin);
	if (context != NULL && EVP_DecryptInit_ex(context, aes_siv, NULL, key->trace, NULL) == 1 &&
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SIV_SIZE, token + 1) == 1 &&
	    authenticate(context, token[0], default_domain) == 0)
		ret = EVP_DecryptUpdate(context, plain_r, &size, token + 1 + SIV_SIZE,
					SEALED_SIZE) == 1;
	EVP_CIPHER_CTX_free(context);
	return ret;
}

int trace_open(const struct secrets *secrets, const char *value, size_t size,
	       const char *default_domain, struct trace *trace_r)
{
	unsigned char token[TOKEN_SIZE], plain[SEALED_SIZE];
	int ret = 0;

	if (size != TRACE_VALUE_LENGTH ||
	    base64url_decode(value, size, token, sizeof(token)) != TOKEN_SIZE)
		return 0;
	for (unsigned int i = 0; i < secrets->keys_count && ret == 0; i++) {
		if (secrets->keys[i].id == token[0])
			ret = unseal(&secrets->keys[i], default_domain, token, plain);
	}
	if (ret <= 0)
		return ret;
	trace_r->sent = get_time(plain);
	trace_r->recipients = plain[TIME_SIZE];
	memcpy(trace_r->queue, plain + QUEUE_AT, TRACE_QUEUE_SIZE);
	digest_hex(token + 1, (TRACE_ID_SIZE - 1) / 2, trace_r->id);
	return get_account(plain + ACCOUNT_AT, default_domain, trace_r) == 0 ? 1 : 0;
}

bool trace_is_of_queue(const struct trace *trace, const char *queue_id)
{
	unsigned char queue[TRACE_QUEUE_SIZE];

	return digest(queue_id, queue, TRACE_QUEUE_SIZE) == 0 &&
	       memcmp(queue, trace->queue, TRACE_QUEUE_SIZE) == 0;
}
