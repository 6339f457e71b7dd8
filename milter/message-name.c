#include "message-name.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

static int random_name(char name_r[MESSAGE_NAME_SIZE])
{
	uint64_t random[2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	snprintf(name_r, MESSAGE_NAME_SIZE, "//%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	return 0;
}

int message_name(const char *host, const char *queue_id, char name_r[MESSAGE_NAME_SIZE])
{
	int size;

	if (queue_id == NULL || queue_id[0] == '\0')
		return random_name(name_r);
	size = snprintf(name_r, MESSAGE_NAME_SIZE, "%s/%s", host == NULL ? "" : host, queue_id);
	/* Cut short, it might be the name of another message as well. */
	return size < MESSAGE_NAME_SIZE ? 0 : random_name(name_r);
}
