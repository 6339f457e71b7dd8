/* SHA-256, and bytes as text. */

#include "base/digest.h"

#include <pthread.h>

#include <openssl/evp.h>

/* Fetching an algorithm costs more than using it. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int digest_make(const void *bytes, size_t size, unsigned char digest_r[DIGEST_SIZE])
{
	pthread_once(&once, fetch);
	if (sha256 == NULL)
		return -1;
	return EVP_Digest(bytes, size, digest_r, NULL, sha256, NULL) == 1 ? 0 : -1;
}

int digest_make_keyed(const unsigned char *key, size_t key_size, const void *bytes, size_t size,
		      unsigned char digest_r[DIGEST_SIZE])
{
	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_size, bytes, size, digest_r,
			 DIGEST_SIZE, NULL) != NULL
		       ? 0
		       : -1;
}

void digest_hex(const unsigned char *bytes, size_t size, char *text_r)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*text_r++ = digits[bytes[i] >> 4];
		*text_r++ = digits[bytes[i] & 0x0f];
	}
	*text_r = '\0';
}
