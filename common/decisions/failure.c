/* Counting genuine failures to deliver what an account sent. */

#include "decisions/failure.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libpsl.h>

#include "base/ascii.h"
#include "base/digest.h"
#include "base/network.h"
#include "store/reply.h"

/* Of the SHA-256 of a recipient's address: enough to distinguish those of one message. */
#define RECIPIENT_BYTES 6

/* Bytes of the registered domain of a recipient that are kept, its last ones. */
#define DOMAIN_MAX 40

/* "RECIPIENT WEIGHT STATUS DOMAIN\n" */
#define ROW_SIZE (2 * RECIPIENT_BYTES + sizeof(" 2 ") + FAILURE_STATUS_SIZE + DOMAIN_MAX + 2)

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

/* In place of a status or a domain that isn't known. */
#define NONE "-"

static const char *const verdict_words[] = {
	[FAILURE_COUNTED] = "counted",
	[FAILURE_COMPROMISED] = "compromised",
	[FAILURE_KNOWN] = "known",
	[FAILURE_OLD] = "old",
	[FAILURE_OFF] = "off",
	[FAILURE_UNLIMITED] = "unlimited",
	[FAILURE_UNAVAILABLE] = "unavailable",
};

static const char *const kinds[] = { COMMAND_ACCESS_KINDS, "failures", NULL };

const char *failure_verdict_word(enum failure_verdict verdict)
{
	return verdict_words[verdict];
}

/* Where domains are registered: everybody can make any number of names below one of his own. */
static psl_ctx_t *suffixes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	suffixes = psl_latest(NULL);
}

static int name_recipient(const char *address, char name_r[2 * RECIPIENT_BYTES + 1])
{
	unsigned char digest[DIGEST_SIZE];
	char folded[FAILURE_ADDRESS_SIZE];
	size_t size = strlen(address);

	for (size_t i = 0; i < size; i++)
		folded[i] = ascii_lower(address[i]);
	if (digest_make(folded, size, digest) < 0)
		return -1;
	digest_hex(digest, RECIPIENT_BYTES, name_r);
	return 0;
}

/* The domain below which the name was registered, the name itself if that isn't known. */
static const char *registered(const char *domain)
{
	const char *found;

	pthread_once(&once, load);
	found = suffixes != NULL ? psl_registrable_domain(suffixes, domain) : NULL;
	return found != NULL ? found : domain;
}

/* What the scripts split at spaces, and support reads: only the characters of a domain name stay.
 */
static void write_domain(const char *address, char domain_r[DOMAIN_MAX + 1])
{
	const char *at = strrchr(address, '@'), *domain;
	char name[FAILURE_ADDRESS_SIZE] = "";
	size_t size;

	for (size_t i = 0; at != NULL && at[i + 1] != '\0'; i++) {
		char sign = ascii_lower(at[i + 1]);

		name[i] = (char)(strchr(LETTERS DIGITS ".", sign) != NULL ? sign : '-');
	}
	domain = name[0] != '-' ? registered(name) : name; /* an address in brackets */
	size = strlen(domain);
	if (size > DOMAIN_MAX)
		domain += size - DOMAIN_MAX;
	strcpy(domain_r, domain);
	if (strpbrk(domain_r, LETTERS DIGITS) == NULL)
		strcpy(domain_r, NONE);
}

static int write_row(const struct failed_recipient *recipient, char row_r[ROW_SIZE])
{
	const char *status = recipient->status;
	char name[2 * RECIPIENT_BYTES + 1], domain[DOMAIN_MAX + 1];

	if (name_recipient(recipient->address, name) < 0)
		return -1;
	write_domain(recipient->address, domain);
	if (*status == '\0' || status[strspn(status, DIGITS ".")] != '\0')
		status = NONE;
	snprintf(row_r, ROW_SIZE, "%s %d %s %s\n", name, recipient->spam ? 2 : 1, status, domain);
	return 0;
}

static int add_rows(const struct failure_report *report, struct command *command)
{
	unsigned int count =
		report->failed_count < FAILURES_MAX ? report->failed_count : FAILURES_MAX;
	char rows[FAILURES_MAX * ROW_SIZE], *end = rows;

	for (unsigned int i = 0; i < count; i++) {
		if (write_row(&report->failed[i], end) < 0)
			return -1;
		end += strlen(end);
	}
	command_bytes(command, rows, (size_t)(end - rows));
	return 0;
}

static void add_site(const struct failure_report *report, struct command *command)
{
	unsigned char tag[NETWORK_TAG_SIZE];
	char text[2 * NETWORK_TAG_SIZE + 1];

	switch (report->source) {
	case FAILURE_OWN_QUEUE:
		command_string(command, "-");
		return;
	case FAILURE_OWN_HOST:
		command_string(command, "@");
		return;
	case FAILURE_REMOTE:
		break;
	}
	network_tag(report->client != NULL ? report->client : "", tag);
	digest_hex(tag, NETWORK_TAG_SIZE, text);
	command_string(command, text);
}

int failure_ask(const struct failure_report *report, const struct settings *settings,
		struct command *command_r)
{
	const struct trace *trace = report->trace;

	command_begin(command_r, SCRIPT_FAILURE, report->account, kinds);
	command_string(command_r, settings->tier_rows.failure);
	command_string(command_r, trace->id);
	command_number(command_r, trace->sent > 0 ? (uint64_t)trace->sent : 0);
	command_number(command_r, trace->recipients);
	add_site(report, command_r);
	return add_rows(report, command_r);
}

void failure_read(const struct redisReply *reply, struct failure_answer *answer_r)
{
	int verdict = reply_verdict(reply, verdict_words, FAILURE_UNAVAILABLE);

	memset(answer_r, 0, sizeof(*answer_r));
	answer_r->verdict = FAILURE_UNAVAILABLE;
	switch ((enum failure_verdict)verdict) {
	case FAILURE_COUNTED:
	case FAILURE_COMPROMISED:
	case FAILURE_KNOWN:
		answer_r->counted = (unsigned int)reply_number(reply, 1);
		answer_r->score = (unsigned int)reply_number(reply, 2);
		answer_r->threshold = (unsigned int)reply_number(reply, 3);
		break;
	case FAILURE_OFF:
		if (reason_parse(reply_string(reply, 1), &answer_r->reason) < 0)
			return;
		break;
	case FAILURE_OLD:
	case FAILURE_UNLIMITED:
	case FAILURE_UNAVAILABLE:
		break;
	}
	answer_r->verdict = (enum failure_verdict)verdict;
}

void failure_list_ask(const struct account_name *account, const struct settings *settings,
		      struct command *command_r)
{
	command_begin(command_r, SCRIPT_FAILURE, account, kinds);
	command_string(command_r, settings->tier_rows.failure);
}

static const char *unless_none(const char *text)
{
	return strcmp(text, NONE) == 0 ? "" : text;
}

static void read_entry(const struct redisReply *row, struct failure_entry *entry_r)
{
	const char *site = reply_string(row, 1);

	entry_r->time = reply_number(row, 0);
	entry_r->source = FAILURE_REMOTE;
	if (*site == '@')
		entry_r->source = FAILURE_OWN_HOST;
	else if (strcmp(site, "-") == 0)
		entry_r->source = FAILURE_OWN_QUEUE;
	entry_r->network = entry_r->source == FAILURE_REMOTE ? site : "";
	entry_r->weight = (unsigned int)reply_number(row, 2);
	entry_r->status = unless_none(reply_string(row, 3));
	entry_r->domain = unless_none(reply_string(row, 4));
}

int failure_list_read(const struct redisReply *reply, struct failure_list *list_r)
{
	const struct redisReply *rows = reply_array(reply, 2);

	memset(list_r, 0, sizeof(*list_r));
	if (strcmp(reply_string(reply, 0), "list") != 0)
		return -1;
	list_r->score = (unsigned int)reply_number(reply, 1);
	for (unsigned int i = 0; i < reply_count(rows) && i < FAILURE_LIST_MAX; i++)
		read_entry(reply_array(rows, i), &list_r->entries[list_r->count++]);
	return 0;
}
