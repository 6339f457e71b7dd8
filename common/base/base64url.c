/* base64url (RFC 4648 section 5): OpenSSL's base64 with the other two characters, not padded. */

#include "base/base64url.h"

#include <assert.h>
#include <string.h>

#include <openssl/evp.h>

#define TEXT_MAX (BASE64URL_BYTES_MAX / 3 * 4)

void base64url_encode(const unsigned char *bytes, size_t size, char *text_r)
{
	unsigned char padded[TEXT_MAX + 1];
	size_t length = BASE64URL_LENGTH(size);

	assert(size <= BASE64URL_BYTES_MAX);
	EVP_EncodeBlock(padded, bytes, (int)size);
	for (size_t i = 0; i < length; i++)
		text_r[i] = (char)(padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : padded[i]);
	text_r[length] = '\0';
}

int base64url_decode(const char *text, size_t length, unsigned char *bytes_r, size_t room)
{
	unsigned char padded[TEXT_MAX], bytes[BASE64URL_BYTES_MAX] = { 0 };
	char canonical[TEXT_MAX + 1];
	size_t size, padded_length = (length + 3) / 4 * 4;

	if (length > TEXT_MAX || length % 4 == 1)
		return -1;
	size = length * 3 / 4;
	if (size > room)
		return -1;
	for (size_t i = 0; i < padded_length; i++) {
		char c = i < length ? text[i] : '=';

		padded[i] = (unsigned char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	if (EVP_DecodeBlock(bytes, padded, (int)padded_length) < 0)
		return -1;
	/* OpenSSL skips spaces around the text, and ignores bits after the last byte. */
	base64url_encode(bytes, size, canonical);
	if (memcmp(canonical, text, length) != 0)
		return -1;
	memcpy(bytes_r, bytes, size);
	return (int)size;
}
