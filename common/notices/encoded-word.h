#ifndef POSTERN_ENCODED_WORD_H
#define POSTERN_ENCODED_WORD_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes the value of an unstructured header field such as Subject. ASCII stays as it is; other
 * text, and what would be taken for an encoded word, becomes encoded words (RFC 2047, encoding B)
 * in folded lines of at most 76 bytes, none of which begins or ends within a character. The text
 * has to be UTF-8 without control characters. column is the length of what is already in the first
 * line, in bytes, at most 40. No line end is written after the value.
 */
void encoded_word_write(const char *text, size_t column, FILE *out);

#endif
