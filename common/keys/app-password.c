/* App passwords: made at random, kept as keyed digests (rules A2, A3). */

#include "keys/app-password.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/ascii.h"
#include "base/base64url.h"

#define CHARACTERS  16
#define GROUP	    4
#define DIGEST_SIZE 16 /* of the 32 bytes of SHA-256: 128 bits */

/* What was entered is hashed piece by piece, so that its length needs no bound here. */
#define CHUNK 256

/* 32 characters that are not taken for one another, however they are printed. */
static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

int app_password_generate(char password_r[APP_PASSWORD_SIZE])
{
	unsigned char random[CHARACTERS];
	char *out = password_r;

	if (RAND_priv_bytes(random, sizeof(random)) != 1)
		return -1;
	for (unsigned int i = 0; i < CHARACTERS; i++) {
		if (i > 0 && i % GROUP == 0)
			*out++ = '-';
		*out++ = alphabet[random[i] % 32];
	}
	*out = '\0';
	OPENSSL_cleanse(random, sizeof(random));
	return 0;
}

/* Feeds the HMAC what was entered, without dashes and spaces and in lower case. */
static int digest_entered(EVP_MAC_CTX *mac, const char *entered)
{
	unsigned char chunk[CHUNK];
	size_t used = 0;
	int ret = 1;

	for (; *entered != '\0' && ret == 1; entered++) {
		char c = *entered;

		if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n')
			continue;
		chunk[used++] = (unsigned char)ascii_lower(c);
		if (used == sizeof(chunk)) {
			ret = EVP_MAC_update(mac, chunk, used);
			used = 0;
		}
	}
	if (ret == 1)
		ret = EVP_MAC_update(mac, chunk, used);
	OPENSSL_cleanse(chunk, sizeof(chunk));
	return ret == 1 ? 0 : -1;
}

/* Fetching an algorithm costs more than using it. */
static EVP_MAC *hmac;
static pthread_once_t hmac_once = PTHREAD_ONCE_INIT;

static void fetch_hmac(void)
{
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static int compute(const struct secret_key *key, const struct account_name *account,
		   const char *entered, unsigned char *mac_r, size_t size)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac;
	size_t written;
	int ret = -1;

	pthread_once(&hmac_once, fetch_hmac);
	mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
	if (mac != NULL && EVP_MAC_init(mac, key->password, sizeof(key->password), params) == 1 &&
	    EVP_MAC_update(mac, (const unsigned char *)account->text, strlen(account->text) + 1) ==
		    1 &&
	    digest_entered(mac, entered) == 0 && EVP_MAC_final(mac, mac_r, &written, size) == 1)
		ret = 0;
	EVP_MAC_CTX_free(mac);
	return ret;
}

int app_password_digest(const struct secret_key *key, const struct account_name *account,
			const char *entered, char digest_r[APP_PASSWORD_DIGEST_SIZE])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	int prefix;

	if (compute(key, account, entered, mac, sizeof(mac)) < 0)
		return -1;
	prefix = snprintf(digest_r, APP_PASSWORD_DIGEST_SIZE, "%u:", key->id);
	base64url_encode(mac, DIGEST_SIZE, digest_r + prefix);
	return 0;
}

bool app_password_is_digest(const char *text)
{
	static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789-_";
	size_t digits = strspn(text, "0123456789");
	const char *mac = text + digits + 1;

	if (digits == 0 || digits > 3 || (digits > 1 && *text == '0') || text[digits] != ':')
		return false;
	return strtoul(text, NULL, 10) <= UINT8_MAX &&
	       strspn(mac, base64url) == BASE64URL_LENGTH(DIGEST_SIZE) &&
	       mac[BASE64URL_LENGTH(DIGEST_SIZE)] == '\0';
}
