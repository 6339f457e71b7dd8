#ifndef POSTERN_TEXT_H
#define POSTERN_TEXT_H

#include <stdarg.h>

/* A copy of a string, or a formatted one, for free(). They abort when memory runs out, as there is
   nothing sensible left to say then. */
char *text_copy(const char *string);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_format_args(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#endif
