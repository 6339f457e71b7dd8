/* Makes text printable. */

#include "base/printable.h"

#include <string.h>

void make_printable(char *text, const char *but)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~' || strchr(but, *text) != NULL)
			*text = '?';
	}
}
