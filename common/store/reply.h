#ifndef POSTERN_REPLY_H
#define POSTERN_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

/*
 * Reading what a script answered: an array that begins with a word. Redis's replies are checked
 * for their type at every step; what is not there reads as an empty string or 0.
 */

/* The place in words, 0 to last, of the word that the reply begins with; last for any other, and
   for a reply that is not such an array at all. last is the verdict for "don't know". */
int reply_verdict(const struct redisReply *reply, const char *const words[], int last);

/* The string at a place of the array. Lives as long as the reply. */
const char *reply_string(const struct redisReply *reply, unsigned int place);

/* The same for a word that people are to read: at most max printable signs of ASCII and no space,
   or
   "". */
const char *reply_word(const struct redisReply *reply, unsigned int place, size_t max);

/* The bytes at a place, whatever they are: NULL if there is no string. Lives as long as the reply.
 */
const char *reply_bytes(const struct redisReply *reply, unsigned int place, size_t *size_r);

/* The number at a place, as an integer or in digits; 0 if it is neither or negative. */
int64_t reply_number(const struct redisReply *reply, unsigned int place);

/* The array at a place, NULL if there is none. */
const struct redisReply *reply_array(const struct redisReply *reply, unsigned int place);

/* True for an array, also an empty one, and for the nil that XREAD answers when nothing has come.
 */
bool reply_is_array(const struct redisReply *reply);
bool reply_is_nil(const struct redisReply *reply);

/* The number of elements; 0 for NULL and for what is not an array. */
unsigned int reply_count(const struct redisReply *reply);

/* In an array of names and values, the value after name; "" if it isn't there. */
const char *reply_field(const struct redisReply *reply, const char *name);

/* One static sentence for a reply whose verdict is "unavailable", or that we don't know:
   why, and what to do. */
const char *reply_unavailable_text(const struct redisReply *reply);

/* True for the errors that Redis as a whole gives while it starts, fails over, is full or doesn't
   know us: asked again, or asked elsewhere, it may answer. Other errors are about the one call. */
bool reply_is_outage(const struct redisReply *reply);

/* True for those of them that say that we are connected to the wrong server. */
bool reply_is_demotion(const struct redisReply *reply);

/* The answer to TIME, in microseconds since 1970; 0 if it is none. */
int64_t reply_time(const struct redisReply *reply);

/* The digits of text as a number, 0 for anything else. */
int64_t reply_digits(const char *text);

#endif
