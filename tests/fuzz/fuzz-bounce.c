/* Messages that may be bounces (B2, B3), as a file has them. "$T" stands for a trace of ours. */

#include "fuzz.h"

#include "milter/bounce/bounce.h"

#define DOMAIN	 "example.org"
#define ACCOUNT	 "andrejs@example.org"
#define SENT	 1760000000
#define QUEUE_ID "4dHw8L1Qq0z3Kb"

/* Traces in one message. */
#define TRACES_MAX 4

static const struct secrets *site_secrets(void)
{
	static struct secrets secrets = { .keys_count = 1 };

	secrets.keys[0].id = 7;
	memset(secrets.keys[0].trace, 0x72, SECRETS_KEY_SIZE);
	return &secrets;
}

static const struct account_name *sender(void)
{
	static struct account_name account;
	const char *error;

	if (account.text[0] == '\0')
		MUST(account_name_parse(ACCOUNT, strlen(ACCOUNT), NULL, &account, &error) == 0);
	return &account;
}

/* libFuzzer calls it once. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bounce_start();
	return 0;
}

struct text {
	char *bytes;
	size_t size;
};

static void add(struct text *text, const void *bytes, size_t size)
{
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
}

/* The message with the traces in it, for free(). */
static struct text write_message(const uint8_t *data, size_t size)
{
	static char token[TRACE_VALUE_SIZE];
	struct text text = { malloc(size + TRACES_MAX * TRACE_VALUE_LENGTH + 1), 0 };

	MUST(text.bytes != NULL);
	if (token[0] == '\0')
		MUST(trace_seal(site_secrets(), sender(), DOMAIN, SENT, 3, QUEUE_ID, token) == 0);
	for (unsigned int i = 0; i < TRACES_MAX && size > 0; i++) {
		const uint8_t *at = memmem(data, size, "$T", 2);

		if (at == NULL)
			break;
		add(&text, data, (size_t)(at - data));
		add(&text, token, TRACE_VALUE_LENGTH);
		size -= (size_t)(at + 2 - data);
		data = at + 2;
	}
	if (size > 0)
		add(&text, data, size);
	text.bytes[text.size] = '\0';
	return text;
}

/* As an MTA hands it in: header by header, and the body in pieces. */
static struct bounce *hand_in(const struct text *text)
{
	struct bounce *bounce = bounce_new(true);
	const char *at = text->bytes, *end = at + text->size;
	size_t piece = 1 + text->size % 97;

	MUST(bounce != NULL);
	while (at < end && *at != '\n') {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((newline != NULL ? newline : end) - at);
		char *line = strndup(at, size), *colon = strchr(line, ':');

		if (colon != NULL) {
			*colon = '\0';
			bounce_header(bounce, line, colon + 1);
		}
		free(line);
		at += size + (newline != NULL);
	}
	for (; at < end; at += piece)
		bounce_body(bounce, at, (size_t)(end - at) < piece ? (size_t)(end - at) : piece);
	return bounce;
}

static void check_recipient(const struct failed_recipient *failed)
{
	MUST(strnlen(failed->address, sizeof(failed->address)) < sizeof(failed->address));
	MUST(strnlen(failed->status, sizeof(failed->status)) < sizeof(failed->status));
	MUST(failed->status[strspn(failed->status, "0123456789.")] == '\0');
	MUST(failed->status[0] == '\0' || strchr("245", failed->status[0]) != NULL);
	MUST(strpbrk(failed->address, "\r\n") == NULL);
}

/* What is counted of it. */
static void check_question(const struct bounce_reading *reading)
{
	static char rows[] = "\nfree 10 604800000\npaid 10 604800000";
	struct settings settings = { .tier_rows.failure = rows };
	struct failure_report report = {
		.account = &reading->trace.account,
		.trace = &reading->trace,
		.source = FAILURE_REMOTE,
		.client = "192.0.2.7",
		.failed = reading->failed,
		.failed_count = reading->failed_count,
	};
	struct command command;
	char *resp = NULL;

	MUST(failure_ask(&report, &settings, &command) == 0);
	MUST(command_format(&command, &resp) > 0);
	free(resp);
}

static void check_reading(const struct bounce_reading *reading)
{
	MUST((int)reading->form >= 0 && reading->form <= BOUNCE_WORDS);
	MUST((reading->form == BOUNCE_NOTHING) == (reading->failed_count == 0));
	MUST(reading->failed_count <= FAILURES_MAX);
	MUST(reading->received > 0 || !reading->was_received_from);
	MUST(strnlen(reading->queue_id, sizeof(reading->queue_id)) < sizeof(reading->queue_id));
	for (unsigned int i = 0; i < reading->failed_count; i++)
		check_recipient(&reading->failed[i]);
	/* Words of somebody whom we didn't write to count for nothing. */
	MUST(reading->genuine || reading->form != BOUNCE_WORDS);
	if (!reading->genuine)
		return;
	/* There is one trace that opens. */
	MUST(strcmp(reading->trace.account.text, ACCOUNT) == 0 && reading->trace.sent == SENT);
	if (reading->failed_count > 0)
		check_question(reading);
}

static void read_bounce(struct bounce *bounce)
{
	static struct bounce_reading reading;

	bounce_read(bounce, site_secrets(), DOMAIN, &reading);
	bounce_free(&bounce);
	MUST(bounce == NULL);
	check_reading(&reading);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = write_message(data, size);
	struct bounce *bounce = bounce_new(false);

	MUST(bounce != NULL);
	bounce_whole(bounce, text.bytes, text.size);
	read_bounce(bounce);
	read_bounce(hand_in(&text));
	free(text.bytes);
	return 0;
}
