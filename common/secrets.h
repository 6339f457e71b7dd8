#ifndef POSTERN_SECRETS_H
#define POSTERN_SECRETS_H

#include <stddef.h>

/*
 * The secrets file: the site's keys by id, Redis's password and the key of Dovecot's doveadm API.
 *
 *     [redis]
 *     password = ...
 *     [doveadm]
 *     api_key = ...
 *     [keys]
 *     1 = 64 hexadecimal digits
 *     2 = 64 hexadecimal digits
 *
 * The key with the highest id is the current one: new app passwords and new trace headers are made
 * with it. The others still open what they made, until the site removes their line. From each key
 * one subkey per purpose is derived (HKDF-SHA256, RFC 5869), so no two purposes share a key.
 */

#define SECRETS_KEYS_MAX   8
#define SECRETS_KEY_ID_MAX 255
#define SECRETS_KEY_SIZE   32

struct secret_key {
	unsigned int id;			  /* 1 to SECRETS_KEY_ID_MAX */
	unsigned char password[SECRETS_KEY_SIZE]; /* for the digests of app passwords (A2) */
	unsigned char trace[SECRETS_KEY_SIZE];	  /* for trace headers (B1): two AES-128 keys */
	/* For the Message-IDs of notices (D5), which postern-worker and doveadm make. */
	unsigned char notice[SECRETS_KEY_SIZE];
	/* For the senders of notices, by which a refusal is known: postern-worker makes them,
	   postern-milter checks them. */
	unsigned char refusal[SECRETS_KEY_SIZE];
};

/* Lives in memory that is left out of core dumps, and is wiped when freed. */
struct secrets {
	struct secret_key keys[SECRETS_KEYS_MAX]; /* current one first */
	unsigned int keys_count;		  /* at least 1 */
	char *redis_password;			  /* NULL for none */
	char *doveadm_api_key;			  /* NULL for none */
};

/* Reads the file. NULL if it can't be read or has a mistake: *error_r is one line with file and
   line, never with a value from the file, for the caller to free(). The result is the caller's,
   to be freed with secrets_free(). */
struct secrets *secrets_load(const char *path, char **error_r);

void secrets_free(struct secrets **secrets);

/*
 * Adds a new random key to the file and makes it current; makes the file (mode 0640, of the group
 * of its directory) if there is none. The file is replaced as a whole, by rename(2). 0 with the
 * new key's id in *id_r, or -1 with *error_r for the caller to free().
 */
int secrets_add_key(const char *path, unsigned int *id_r, char **error_r);

#endif
