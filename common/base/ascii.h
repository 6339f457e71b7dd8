#ifndef POSTERN_ASCII_H
#define POSTERN_ASCII_H

/* The byte in lower case if it is a letter of ASCII, whatever the locale. */
static inline char ascii_lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

#endif
