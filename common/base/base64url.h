#ifndef POSTERN_BASE64URL_H
#define POSTERN_BASE64URL_H

#include <stddef.h>

/* base64url without padding (RFC 4648 section 5), by OpenSSL's base64. */

#define BASE64URL_LENGTH(size) (((size)*4 + 2) / 3)

/* The most bytes that either function takes. */
#define BASE64URL_BYTES_MAX 96

/* Writes BASE64URL_LENGTH(size) characters and a terminator. */
void base64url_encode(const unsigned char *bytes, size_t size, char *text_r);

/* The number of bytes that text's length characters encode, written to bytes_r, which has room
   for room of them. -1 if text is anything but base64url of at most that many bytes. Each sequence
   of bytes has only one text. */
int base64url_decode(const char *text, size_t length, unsigned char *bytes_r, size_t room);

#endif
