#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_copy(const char *string)
{
	char *copy = strdup(string);

	if (copy == NULL)
		abort();
	return copy;
}

char *text_format_args(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

char *text_format(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format_args(format, args);
	va_end(args);
	return text;
}
