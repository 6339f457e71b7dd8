#ifndef POSTERN_NOTICE_NAME_H
#define POSTERN_NOTICE_NAME_H

#include <stdbool.h>

#include "account/account.h"
#include "decisions/outbox.h"
#include "settings/secrets.h"

/*
 * What a notice is called (D5). A notice is about an entry of an outbox; its number is the
 * partition and the entry's id, "17.1764028800000-0", so whoever sends the notice gives it the same
 * names, and a worker can find out whether one that died has sent it.
 *
 * Anybody can guess a number. So its names are sealed: they have a digest of the number and the
 * account, under one of the site's keys. Who has a name, the owner or who has read their mail, can
 * neither make that of another notice nor that of another account.
 */

/* "63." and an id. */
#define NOTICE_NUMBER_SIZE (3 + OUTBOX_ID_SIZE)

struct notice_number {
	unsigned int partition;
	char id[OUTBOX_ID_SIZE];
};

void notice_number_of(const struct outbox_event *event, struct notice_number *number_r);
void notice_number_write(const struct notice_number *number, char text_r[NOTICE_NUMBER_SIZE]);

/* 0, or -1 if the text is not a number. */
int notice_number_parse(const char *text, struct notice_number *number_r);

/* Milliseconds since 1970, by Redis's clock: when the entry came to be. */
int64_t notice_number_time(const struct notice_number *number);

/* The Message-ID, "<postern.NUMBER.DIGEST@DOMAIN>": the domain is the account's, or the reserved
   "invalid" if that is too long. 0, or -1 if OpenSSL fails. Thread-safe. */
#define NOTICE_MESSAGE_ID_SIZE 251
int notice_message_id(const struct secret_key *key, const struct notice_number *number,
		      const struct account_name *account, char id_r[NOTICE_MESSAGE_ID_SIZE]);

/* What is before the @ of the envelope sender, "postern-notice+NUMBER.DIGEST": of at most 64
   bytes as long as Redis's ids are as usual. A bounce of the notice goes to this address. 0,
   or -1 if OpenSSL fails. Thread-safe. */
#define NOTICE_SENDER_SIZE 96
int notice_sender(const struct secret_key *key, const struct notice_number *number,
		  const struct account_name *account, char sender_r[NOTICE_SENDER_SIZE]);

/* True if it is the address, whatever its domain, of a notice to the account that was sent with one
   of the site's keys: its number is then in *number_r. Any text may be handed in. Thread-safe. */
bool notice_sender_is_of(const struct secrets *secrets, const char *address,
			 const struct account_name *account, struct notice_number *number_r);

/* True if the address looks like one of a notice: somebody's, perhaps. */
bool notice_sender_is_like(const char *address);

#endif
