#ifndef POSTERN_SCRIPT_H
#define POSTERN_SCRIPT_H

#include <stddef.h>

/*
 * The Lua scripts that run inside Redis, one for each decision: common/decisions/NAME.lua, each
 * preceded by common/decisions/prelude.lua, embedded at build time. They alone hold the rules.
 */

enum script {
	SCRIPT_INIT,
	SCRIPT_LOGIN,
	SCRIPT_SEND,
	SCRIPT_FAILURE,
	SCRIPT_ON,
	SCRIPT_OFF,
	SCRIPT_SET,
	SCRIPT_STATUS,
	SCRIPT_PASSWORD_ADD,
	SCRIPT_PASSWORD_REVOKE,
	SCRIPT_PASSWORD_CHANGED,
	SCRIPT_ERASE,
	SCRIPT_DUE,
	SCRIPT_UNUSED,
	SCRIPT_EXPIRE,
	SCRIPT_CLAIM,
	SCRIPT_DONE,
	SCRIPT_RENEW,
	SCRIPT_ENDED,
	SCRIPT_UNSEEN,
	SCRIPT_REFUSED,
	SCRIPT_AGAIN,
	SCRIPT_HEARTBEAT,
	SCRIPT_BACKLOG,
	SCRIPT_LIST,
	SCRIPT_EXPORT,
	SCRIPT_IMPORT,
	SCRIPT_SESSION,
};

#define SCRIPT_COUNT (SCRIPT_SESSION + 1)

/* The number of the stored format: what the format stamp must be. Every script gets it. */
#define SCRIPT_FORMAT "1"

/* SHA-1 of a script's text in 40 hexadecimal digits, as EVALSHA wants it. */
#define SCRIPT_DIGEST_SIZE 41

const char *script_name(enum script script);

/* The whole text, as SCRIPT LOAD wants it. */
const char *script_text(enum script script, size_t *size_r);

const char *script_digest(enum script script);

/*
 * The milter runs scripts and loads none: what reads strangers' mail must not have Redis run what
 * it likes. So the others lend it those that it runs: they load them together with the first script
 * that Redis doesn't have, and the worker and Dovecot's auth from time to time as well.
 * One of these scripts by its place, from 0; SCRIPT_COUNT after the last one.
 */
enum script script_lent(unsigned int place);

#endif
