#ifndef POSTERN_PRINTABLE_H
#define POSTERN_PRINTABLE_H

/*
 * Makes text that somebody else wrote one line of printable ASCII, in place: a '?' replaces each
 * other byte, and for those in but, which names what would end the field that the text goes into:
 * "" for none, "\"\\" within quotes, " \"\\" for a word of a log line.
 */
void make_printable(char *text, const char *but);

#endif
