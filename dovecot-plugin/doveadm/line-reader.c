/* Reads a file line by line. */

#include "line-reader.h"

int line_reader_next(struct line_reader *reader)
{
	int c = getc_unlocked(reader->file);

	reader->size = 0;
	reader->too_long = false;
	if (c == EOF)
		return ferror(reader->file) ? -1 : 0;
	reader->number++;
	for (; c != EOF && c != '\n'; c = getc_unlocked(reader->file)) {
		if (reader->size < sizeof(reader->text))
			reader->text[reader->size++] = (char)c;
		else
			reader->too_long = true;
	}
	return ferror(reader->file) ? -1 : 1;
}
