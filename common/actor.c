/* Who asks for a change. */

#include "actor.h"

static void add(struct command *command, const char *name)
{
	char text[ACTOR_MAX];
	size_t size = 0;

	for (; name != NULL && name[size] != '\0' && size < sizeof(text); size++) {
		unsigned char c = (unsigned char)name[size];

		text[size] = (char)(c >= ' ' && c <= '~' && c != ';' ? c : '?');
	}
	command_bytes(command, text, size);
}

void actor_add(struct command *command, const struct actor *actor)
{
	add(command, actor->by);
	add(command, actor->from);
}
