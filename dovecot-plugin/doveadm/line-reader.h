#ifndef LINE_READER_H
#define LINE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "account-line.h"

/* Reads a file of any length line by line, and never holds more than one. Knows no Dovecot. */

struct line_reader {
	FILE *file;
	uint64_t number;	     /* of the line, from 1 */
	char text[ACCOUNT_LINE_MAX]; /* its beginning, without what ends it: no terminator */
	size_t size;
	bool too_long; /* there is more of it than text holds; it is passed over */
};

/* 1 with the next line, 0 after the last one, -1 when reading failed: errno says why. The last
   line needs no end. */
int line_reader_next(struct line_reader *reader);

#endif
