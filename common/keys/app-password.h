#ifndef POSTERN_APP_PASSWORD_H
#define POSTERN_APP_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "account/account.h"
#include "settings/secrets.h"

/*
 * App passwords (A2): 16 characters of an alphabet of 32, so 80 random bits, shown in groups of
 * four. Case, spaces and dashes don't matter when one is entered. Because they are random, a keyed
 * digest of account and password needs no salt and no slow hash: the digest is the name under which
 * the store looks the password up, whatever number of them an account has.
 */

/* "abcd-efgh-ijkl-mnop" and its terminator. */
#define APP_PASSWORD_SIZE 20

/* "255:" and 22 characters of base64url (128 bits), and the terminator. */
#define APP_PASSWORD_DIGEST_SIZE 27

/* 0, or -1 if there is no randomness to be had. The caller wipes *password_r. */
int app_password_generate(char password_r[APP_PASSWORD_SIZE]);

/* The digest under key of what was entered for the account. Any bytes up to the terminator may
   have been entered. Takes time that depends on the input's length only. Thread-safe.
   0, or -1 if OpenSSL fails. */
int app_password_digest(const struct secret_key *key, const struct account_name *account,
			const char *entered, char digest_r[APP_PASSWORD_DIGEST_SIZE]);

/* True for text that app_password_digest() may have written. */
bool app_password_is_digest(const char *text);

#endif
