#ifndef POSTERN_SECRETS_H
#define POSTERN_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The secrets files. The site's own is read by root alone, for Dovecot's auth process and for
 * doveadm:
 *
 *     [redis]
 *     password = ...
 *     [keys]
 *     1 = 64 hexadecimal digits
 *     2 = 64 hexadecimal digits
 *
 * The key with the highest id is the current one: new app passwords and new trace headers are made
 * with it. The others still open what they made, until the site removes their line. From each key
 * one subkey per purpose is derived (HKDF-SHA256, RFC 5869), so no two purposes share a key.
 *
 * A daemon has a file of its own next to it, made from it by secrets_write(), with the subkeys that
 * this daemon needs and no others: what reads strangers' mail can't make an app password. The file
 * is called as the site's with a suffix:
 *
 *     .milter   [redis], [trace-keys], [refusal-keys]
 *     .worker   [redis], [doveadm] with the password of the worker's listener, [notice-keys],
 *               [refusal-keys]
 */

#define SECRETS_KEYS_MAX   8
#define SECRETS_KEY_ID_MAX 255
#define SECRETS_KEY_SIZE   32

/* Whose file it is. */
enum secrets_reader {
	SECRETS_SITE,
	SECRETS_MILTER,
	SECRETS_WORKER,
};

#define SECRETS_READERS (SECRETS_WORKER + 1)

/* What a key is for. */
enum secrets_purpose {
	SECRETS_PASSWORD, /* the digests of app passwords (A2) */
	SECRETS_TRACE,	  /* trace headers (B1): two AES-128 keys */
	SECRETS_NOTICE,	  /* the Message-IDs of notices (D5), which the worker and doveadm make */
	/* The senders of notices, by which a refusal is known: the worker makes them, the milter
	   checks them. */
	SECRETS_REFUSAL,
};

#define SECRETS_PURPOSES (SECRETS_REFUSAL + 1)

struct secret_key {
	unsigned int id;       /* 1 to SECRETS_KEY_ID_MAX */
	unsigned int purposes; /* set of enum secrets_purpose: the subkeys that are here */
	unsigned char password[SECRETS_KEY_SIZE];
	unsigned char trace[SECRETS_KEY_SIZE];
	unsigned char notice[SECRETS_KEY_SIZE];
	unsigned char refusal[SECRETS_KEY_SIZE];
};

/* Lives in memory that is left out of core dumps, and is wiped when freed. */
struct secrets {
	struct secret_key keys[SECRETS_KEYS_MAX]; /* current one first */
	unsigned int keys_count;		  /* at least 1 */
	char *redis_password;			  /* NULL for none */
	char *doveadm_password;			  /* NULL for none, and for all but the worker */
};

/* The path of a reader's file, for free(). path is the site's. */
char *secrets_path(const char *path, enum secrets_reader reader);

/* Reads the reader's file; path is the site's. NULL if it can't be read or has a mistake: *error_r
   is one line with file and line, never with a value from the file, for the caller to free(). The
   result is the caller's, to be freed with secrets_free(). */
struct secrets *secrets_load(const char *path, enum secrets_reader reader, char **error_r);

void secrets_free(struct secrets **secrets);

/* True if a daemon's secrets have the same keys as the site's, as far as they have subkeys. */
bool secrets_agree(const struct secrets *site, const struct secrets *daemon);

/* The files of a site, and who reads them. */
struct secrets_site {
	const char *path;		      /* of the site's own */
	const char *users[SECRETS_READERS];   /* NULL: root. The site's own is root's */
	bool own_redis_user[SECRETS_READERS]; /* then its password isn't the site's, and is kept */
};

/* What secrets_write() wrote. */
struct secrets_written {
	unsigned int id; /* of the current key */
	/* Nobody but root can read the file: its user doesn't exist on this host. */
	bool user_is_missing[SECRETS_READERS];
	/* A daemon's user could read the site's own file until now. */
	bool was_open;
};

/*
 * Writes the daemons' files, and Dovecot's part of the worker's listener (SECRETS_DOOR_SUFFIX),
 * from the keys of the site's file. With add_key it makes a new random key first, which becomes the
 * current one, and the site's file if there is none (mode 0600).
 *
 * What [redis] and [doveadm] say in a daemon's file stays; where they say nothing, [redis] gets
 * the password of the site's, unless the daemon has a Redis user of its own, and [doveadm] a random
 * one. A daemon's file is root's, and its user's group may read it.
 *
 * Each file is replaced as a whole, by rename(2), when all have been written. 0, or -1 with
 * *error_r for the caller to free().
 */
int secrets_write(const struct secrets_site *site, bool add_key, struct secrets_written *written_r,
		  char **error_r);

#define SECRETS_DOOR_SUFFIX ".doveadm"

#endif
