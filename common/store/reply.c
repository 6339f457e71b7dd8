/* Reading what a script answered. */

#include "store/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#define SECOND INT64_C(1000000) /* in microseconds */

static const struct redisReply *element(const struct redisReply *reply, unsigned int place)
{
	return place < reply_count(reply) ? reply->element[place] : NULL;
}

unsigned int reply_count(const struct redisReply *reply)
{
	return reply_is_array(reply) ? (unsigned int)reply->elements : 0;
}

bool reply_is_array(const struct redisReply *reply)
{
	return reply != NULL && reply->type == REDIS_REPLY_ARRAY;
}

bool reply_is_nil(const struct redisReply *reply)
{
	return reply != NULL && reply->type == REDIS_REPLY_NIL;
}

const char *reply_string(const struct redisReply *reply, unsigned int place)
{
	const struct redisReply *found = element(reply, place);

	/* With a NUL in it it isn't the text that it seems to be. */
	return found != NULL && found->type == REDIS_REPLY_STRING &&
			       strlen(found->str) == (size_t)found->len
		       ? found->str
		       : "";
}

const char *reply_word(const struct redisReply *reply, unsigned int place, size_t max)
{
	const char *word = reply_string(reply, place);

	for (const char *p = word; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return "";
	}
	return strlen(word) <= max ? word : "";
}

const char *reply_bytes(const struct redisReply *reply, unsigned int place, size_t *size_r)
{
	const struct redisReply *found = element(reply, place);

	*size_r = 0;
	if (found == NULL || found->type != REDIS_REPLY_STRING)
		return NULL;
	*size_r = (size_t)found->len;
	return found->str;
}

int64_t reply_digits(const char *text)
{
	char *end;
	long long number;

	if (!isdigit((unsigned char)*text))
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0 ? number : 0;
}

int64_t reply_number(const struct redisReply *reply, unsigned int place)
{
	const struct redisReply *found = element(reply, place);

	if (found != NULL && found->type == REDIS_REPLY_INTEGER)
		return found->integer < 0 ? 0 : found->integer;
	return reply_digits(reply_string(reply, place));
}

int64_t reply_time(const struct redisReply *reply)
{
	int64_t seconds = reply_number(reply, 0);
	int64_t microseconds = reply_number(reply, 1);

	return seconds < INT64_MAX / SECOND && microseconds < SECOND
		       ? seconds * SECOND + microseconds
		       : 0;
}

const struct redisReply *reply_array(const struct redisReply *reply, unsigned int place)
{
	const struct redisReply *found = element(reply, place);

	return found != NULL && found->type == REDIS_REPLY_ARRAY ? found : NULL;
}

const char *reply_field(const struct redisReply *reply, const char *name)
{
	for (unsigned int i = 0; i + 1 < reply_count(reply); i += 2) {
		if (strcmp(reply_string(reply, i), name) == 0)
			return reply_string(reply, i + 1);
	}
	return "";
}

int reply_verdict(const struct redisReply *reply, const char *const words[], int last)
{
	const char *word = reply_string(reply, 0);

	for (int i = 0; i < last; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return last;
}

const char *reply_unavailable_text(const struct redisReply *reply)
{
	const char *text = reply_string(reply, 1);

	if (strcmp(text, "no mark") == 0)
		return "Redis holds no Postern data: restore it, or run 'doveadm postern "
		       "init' "
		       "if there never was any";
	if (strcmp(text, "unknown format") == 0)
		return "Redis holds data of another version of Postern";
	return "Redis gave an unexpected answer";
}

/* Whether the error begins with one of the codes. */
static bool is_error_of(const struct redisReply *reply, const char *const codes[])
{
	if (reply == NULL || reply->type != REDIS_REPLY_ERROR)
		return false;
	for (; *codes != NULL; codes++) {
		size_t size = strlen(*codes);

		if (strncmp(reply->str, *codes, size) == 0 &&
		    (reply->str[size] == ' ' || reply->str[size] == '\0'))
			return true;
	}
	return false;
}

bool reply_is_outage(const struct redisReply *reply)
{
	static const char *const codes[] = { "LOADING", "BUSY",	       "OOM",
					     "MISCONF", "CLUSTERDOWN", "NOAUTH",
					     "NOPERM",	"NOREPLICAS",  NULL };

	return is_error_of(reply, codes) || reply_is_demotion(reply);
}

bool reply_is_demotion(const struct redisReply *reply)
{
	static const char *const codes[] = { "READONLY", "MASTERDOWN", NULL };

	return is_error_of(reply, codes);
}
