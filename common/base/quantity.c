/* Numbers and durations as settings and commands write them. */

#include "base/quantity.h"

#include <stddef.h>
#include <string.h>

int quantity_number(const char *text, uint64_t max, uint64_t *number_r, const char **rest_r)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number = 0;

	/* 18 digits can't overflow. */
	if (digits == 0 || digits > 18)
		return -1;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	*number_r = number;
	*rest_r = text + digits;
	return number <= max ? 0 : -1;
}

int quantity_duration(const char *text, uint64_t *milliseconds_r, const char **detail_r)
{
	static const struct {
		const char *unit;
		unsigned int milliseconds;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	uint64_t number;
	const char *rest;

	/* More wouldn't fit into 64 bits as days. */
	if (quantity_number(text, UINT64_C(100000000000), &number, &rest) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].unit) == 0) {
			*milliseconds_r = number * units[i].milliseconds;
			return 0;
		}
	}
	*milliseconds_r = 0;
	/* "15" could mean anything. */
	if (*rest == '\0' && number == 0)
		return 0;
	*detail_r = "a number and one of the units ms, s, m, h, d";
	return -1;
}
