/* The names of notices. */

#include "decisions/notice-name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/ascii.h"
#include "base/digest.h"

#define SENDER_PREFIX "postern-notice+"

/* Of the 32 bytes of SHA-256, and as text. */
#define MESSAGE_ID_BYTES 16
#define SENDER_BYTES	 12
#define HEX_SIZE	 (2 * MESSAGE_ID_BYTES + 1)

void notice_number_of(const struct outbox_event *event, struct notice_number *number_r)
{
	number_r->partition = event->partition;
	memcpy(number_r->id, event->id, sizeof(number_r->id));
}

void notice_number_write(const struct notice_number *number, char text_r[NOTICE_NUMBER_SIZE])
{
	snprintf(text_r, NOTICE_NUMBER_SIZE, "%u.%s", number->partition % ACCOUNT_PARTITIONS,
		 number->id);
}

/* Two numbers without leading zeros, with a hyphen between them: so that no entry has two ids. */
static bool is_id(const char *text)
{
	size_t first = strspn(text, "0123456789"), second;

	if (first == 0 || text[first] != '-' || (text[0] == '0' && first > 1))
		return false;
	second = strspn(text + first + 1, "0123456789");
	return second > 0 && text[first + 1 + second] == '\0' &&
	       (text[first + 1] != '0' || second == 1) && strlen(text) < OUTBOX_ID_SIZE;
}

int notice_number_parse(const char *text, struct notice_number *number_r)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 2 || text[digits] != '.' || (text[0] == '0' && digits > 1) ||
	    !is_id(text + digits + 1))
		return -1;
	number_r->partition = (unsigned int)strtoul(text, NULL, 10);
	if (number_r->partition >= ACCOUNT_PARTITIONS)
		return -1;
	strcpy(number_r->id, text + digits + 1);
	return 0;
}

int64_t notice_number_time(const struct notice_number *number)
{
	return strtoll(number->id, NULL, 10);
}

/* This many bytes of the digest as text. */
static int seal(const unsigned char key[SECRETS_KEY_SIZE], const struct notice_number *number,
		const struct account_name *account, size_t bytes, char text_r[HEX_SIZE])
{
	char text[NOTICE_NUMBER_SIZE + 1 + ACCOUNT_NAME_MAX];
	unsigned char digest[DIGEST_SIZE];

	notice_number_write(number, text);
	strcat(text, " ");
	strcat(text, account->text);
	if (digest_make_keyed(key, SECRETS_KEY_SIZE, text, strlen(text), digest) < 0)
		return -1;
	digest_hex(digest, bytes, text_r);
	return 0;
}

int notice_message_id(const struct secret_key *key, const struct notice_number *number,
		      const struct account_name *account, char id_r[NOTICE_MESSAGE_ID_SIZE])
{
	static const char format[] = "<postern.%s.%s@%s>";
	char text[NOTICE_NUMBER_SIZE], digest[HEX_SIZE];
	int size;

	if (seal(key->notice, number, account, MESSAGE_ID_BYTES, digest) < 0)
		return -1;
	notice_number_write(number, text);
	size = snprintf(id_r, NOTICE_MESSAGE_ID_SIZE, format, text, digest,
			strchr(account->text, '@') + 1);
	if (size >= NOTICE_MESSAGE_ID_SIZE)
		snprintf(id_r, NOTICE_MESSAGE_ID_SIZE, format, text, digest, "invalid");
	return 0;
}

int notice_sender(const struct secret_key *key, const struct notice_number *number,
		  const struct account_name *account, char sender_r[NOTICE_SENDER_SIZE])
{
	char text[NOTICE_NUMBER_SIZE], digest[HEX_SIZE];

	if (seal(key->refusal, number, account, SENDER_BYTES, digest) < 0)
		return -1;
	notice_number_write(number, text);
	snprintf(sender_r, NOTICE_SENDER_SIZE, SENDER_PREFIX "%s.%s", text, digest);
	return 0;
}

bool notice_sender_is_like(const char *address)
{
	return strncasecmp(address, SENDER_PREFIX, strlen(SENDER_PREFIX)) == 0;
}

/* Takes the address apart: what is between prefix and digest, and the digest. */
static bool take_apart(const char *address, char number_r[NOTICE_NUMBER_SIZE],
		       char digest_r[2 * SENDER_BYTES + 1])
{
	const char *rest = address + strlen(SENDER_PREFIX);
	size_t size = strcspn(rest, "@"), number = size - 2 * SENDER_BYTES - 1;

	if (size < 2 * SENDER_BYTES + 1 || number >= NOTICE_NUMBER_SIZE || rest[number] != '.')
		return false;
	memcpy(number_r, rest, number);
	number_r[number] = '\0';
	for (size_t i = 0; i < 2 * SENDER_BYTES; i++)
		digest_r[i] = ascii_lower(rest[number + 1 + i]);
	digest_r[2 * SENDER_BYTES] = '\0';
	return true;
}

bool notice_sender_is_of(const struct secrets *secrets, const char *address,
			 const struct account_name *account, struct notice_number *number_r)
{
	char number[NOTICE_NUMBER_SIZE], digest[2 * SENDER_BYTES + 1], expected[HEX_SIZE];

	if (!notice_sender_is_like(address) || !take_apart(address, number, digest) ||
	    notice_number_parse(number, number_r) < 0 || number_r->partition != account->partition)
		return false;
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		if (seal(secrets->keys[i].refusal, number_r, account, SENDER_BYTES, expected) ==
			    0 &&
		    CRYPTO_memcmp(expected, digest, sizeof(digest)) == 0)
			return true;
	}
	return false;
}
