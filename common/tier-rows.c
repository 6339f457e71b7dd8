/* The tiers as the scripts read them. */

#include "tier-rows.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol.h"
#include "settings.h"

uint64_t tier_least_interval(const struct tier *tier)
{
	uint64_t interval = tier->pop3_interval * UINT64_C(1000);
	uint64_t grace = tier->pop3_grace * UINT64_C(1000);

	return interval - (grace < interval / 2 ? grace : interval / 2);
}

static void write_protocols(FILE *out, unsigned int protocols)
{
	static const enum protocol all[] = { PROTOCOL_POP3, PROTOCOL_IMAP, PROTOCOL_SMTP };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((protocols & all[i]) != 0)
			fprintf(out, "%s,", protocol_word(all[i]));
	}
}

static void write_row(FILE *out, const struct tier *tier)
{
	fprintf(out, "\n%s ", tier->name);
	write_protocols(out, tier->protocols);
	fprintf(out, " %" PRIu64 " %s %u %u %u", tier_least_interval(tier),
		tier->count == SEND_COUNT_RECIPIENTS ? "recipients" : "messages",
		tier->messages_per_minute, tier->messages_per_hour, tier->recipients_per_message);
}

char *tier_rows(const struct tier *tiers, unsigned int count)
{
	char *rows = NULL;
	size_t size;
	FILE *out = open_memstream(&rows, &size);

	if (out == NULL)
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		write_row(out, &tiers[i]);
	return fclose(out) == 0 ? rows : NULL;
}
