#ifndef POSTERN_TESTS_REPLY_TEXT_H
#define POSTERN_TESTS_REPLY_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct redisReply;

/*
 * Replies of Redis as they are easily written and altered: RESP without its lengths and counts,
 * which a fuzzer would seldom get right. Each line is an element, by its first byte:
 *
 *   [   an array begins     ]   it ends     ~   nil
 *   :1  an integer          +status         -error
 *   "a string, in which "\n" is a line's end; as is a line that begins with anything else
 *
 * A text that begins with '*' or '$' is RESP itself.
 */

/* The reply that hiredis makes of it, for freeReplyObject(). NULL where hiredis makes none, or
   where it would want memory for an array that the text is too short for. */
struct redisReply *reply_text_read(const uint8_t *text, size_t size);

#endif
