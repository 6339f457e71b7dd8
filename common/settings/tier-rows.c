/* The tiers as the scripts read them. */

#include "settings/tier-rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "account/protocol.h"
#include "settings/settings.h"

typedef void write_row_t(FILE *out, const struct tier *tier);

uint64_t tier_least_interval(const struct tier *tier)
{
	uint64_t interval = tier->pop3_interval * UINT64_C(1000);
	uint64_t grace = tier->pop3_grace * UINT64_C(1000);

	return interval - (grace < interval / 2 ? grace : interval / 2);
}

static void write_login_row(FILE *out, const struct tier *tier)
{
	char protocols[PROTOCOL_SET_SIZE];

	protocol_set_write(tier->protocols, protocols);
	fprintf(out, "%s %" PRIu64 " %u %u %u %u %" PRIu64 " %s", protocols,
		tier_least_interval(tier), tier->logins_per_hour, tier->logins_per_day,
		tier->wrong_passwords, tier->wrong_password_networks,
		tier->shut_out * UINT64_C(1000),
		tier->on_break_in == ON_BREAK_IN_TELL ? "tell" : "disable");
}

static void write_send_row(FILE *out, const struct tier *tier)
{
	fprintf(out, "%s %u %u %u %d",
		tier->count == SEND_COUNT_RECIPIENTS ? "recipients" : "messages",
		tier->messages_per_minute, tier->messages_per_hour, tier->recipients_per_message,
		(tier->protocols & PROTOCOL_SMTP) != 0);
}

static void write_unused_row(FILE *out, const struct tier *tier)
{
	fprintf(out, "%d %" PRIu64, (tier->protocols & PROTOCOL_IMAP) != 0,
		tier->unused_after * UINT64_C(1000));
}

static void write_failure_row(FILE *out, const struct tier *tier)
{
	fprintf(out, "%u %" PRIu64, tier->failed_recipients,
		tier->failed_recipients_window * UINT64_C(1000));
}

static char *write_rows(const struct tier *tiers, unsigned int count, write_row_t *write_row)
{
	char *rows = NULL;
	size_t size;
	FILE *out = open_memstream(&rows, &size);

	if (out == NULL)
		abort();
	for (unsigned int i = 0; i < count; i++) {
		fprintf(out, "\n%s ", tiers[i].name);
		write_row(out, &tiers[i]);
	}
	if (fclose(out) != 0)
		abort();
	return rows;
}

void tier_rows_write(const struct tier *tiers, unsigned int count, struct tier_rows *rows_r)
{
	rows_r->login = write_rows(tiers, count, write_login_row);
	rows_r->send = write_rows(tiers, count, write_send_row);
	rows_r->unused = write_rows(tiers, count, write_unused_row);
	rows_r->failure = write_rows(tiers, count, write_failure_row);
}

void tier_rows_clear(struct tier_rows *rows)
{
	free(rows->login);
	free(rows->send);
	free(rows->unused);
	free(rows->failure);
	*rows = (struct tier_rows){ 0 };
}
