#ifndef POSTERN_PROTOCOL_H
#define POSTERN_PROTOCOL_H

/* The protocols that external access opens. The values are bits, so that a tier can hold a set. */
enum protocol {
	PROTOCOL_POP3 = 1 << 0,
	PROTOCOL_IMAP = 1 << 1,
	PROTOCOL_SMTP = 1 << 2,
};

/* "pop3", "imap" or "smtp": the word in settings, commands, logs and Redis. */
const char *protocol_word(enum protocol protocol);

/* The way people write it: "POP3", "IMAP" or "SMTP". */
const char *protocol_name(enum protocol protocol);

#define PROTOCOL_ALL	  (PROTOCOL_POP3 | PROTOCOL_IMAP | PROTOCOL_SMTP)
#define PROTOCOL_SET_SIZE sizeof("pop3,imap,smtp")

/* The set's words, with commas between them. */
void protocol_set_write(unsigned int protocols, char text_r[PROTOCOL_SET_SIZE]);

/* Reads words with commas or spaces between them. 0, or -1 if one is no protocol, or there is none.
 */
int protocol_set_parse(const char *text, unsigned int *protocols_r);

/* 0 when word is one of the above, -1 if not. Dovecot's "submission" is SMTP too. */
int protocol_parse(const char *word, enum protocol *protocol_r);

#endif
