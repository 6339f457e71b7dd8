/* Who asks for a change. */

#include "decisions/actor.h"

#include <stdio.h>
#include <string.h>

#include "base/printable.h"

static void add(struct command *command, const char *name)
{
	char text[ACTOR_MAX + 1];

	snprintf(text, sizeof(text), "%s", name != NULL ? name : "");
	make_printable(text, ";");
	command_bytes(command, text, strlen(text));
}

void actor_add(struct command *command, const struct actor *actor)
{
	add(command, actor->by);
	add(command, actor->from);
}
