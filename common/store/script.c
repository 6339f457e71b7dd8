#include "store/script.h"

struct embedded_script {
	const char *name;
	const char *text;
	const char *digest;
	size_t size;
};

/* Written by embed-scripts, one entry for each value of enum script. */
static const struct embedded_script scripts[SCRIPT_COUNT] = {
#include <store/scripts.inc>
};

const char *script_name(enum script script)
{
	return scripts[script].name;
}

const char *script_text(enum script script, size_t *size_r)
{
	*size_r = scripts[script].size;
	return scripts[script].text;
}

const char *script_digest(enum script script)
{
	return scripts[script].digest;
}

enum script script_lent(unsigned int place)
{
	static const enum script lent[] = { SCRIPT_SEND, SCRIPT_FAILURE, SCRIPT_REFUSED };

	return place < sizeof(lent) / sizeof(lent[0]) ? lent[place] : SCRIPT_COUNT;
}
