#ifndef POSTERN_DIGEST_H
#define POSTERN_DIGEST_H

#include <stddef.h>

/* SHA-256 (FIPS 180-4), and bytes as text: used to name things.
 * Thread-safe.
 */

#define DIGEST_SIZE 32

/* 0, or -1 if OpenSSL fails. */
int digest_make(const void *bytes, size_t size, unsigned char digest_r[DIGEST_SIZE]);

/* The same under a key: HMAC (RFC 2104). */
int digest_make_keyed(const unsigned char *key, size_t key_size, const void *bytes, size_t size,
		      unsigned char digest_r[DIGEST_SIZE]);

/* Writes the bytes as lower case hexadecimal digits, with a terminator: 2 * size + 1 bytes. */
void digest_hex(const unsigned char *bytes, size_t size, char *text_r);

#endif
