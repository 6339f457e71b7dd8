#include "bounce-explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "bounce/bounce.h"
#include "daemon/log.h"

#define TIME_SIZE sizeof("2026-11-25T03:00:00Z")

static int read_file(const char *name, struct bounce *bounce)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	char piece[65536];
	size_t size;
	int error;

	if (file == NULL)
		return -1;
	while ((size = fread(piece, 1, sizeof(piece), file)) > 0 &&
	       bounce_whole(bounce, piece, size))
		;
	error = ferror(file) ? errno : 0;
	if (file != stdin)
		fclose(file);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void print_genuine(const struct bounce_reading *reading)
{
	const struct trace *trace = &reading->trace;
	char sent[TIME_SIZE] = "";
	time_t seconds = (time_t)trace->sent;
	struct tm parts;

	if (!reading->genuine) {
		printf("genuine: no, as it quotes no header with a trace of this site\n");
		return;
	}
	if (gmtime_r(&seconds, &parts) != NULL)
		strftime(sent, sizeof(sent), "%Y-%m-%dT%H:%M:%SZ", &parts);
	printf("genuine: yes\n");
	printf("account: %s%s\n", trace->account.text,
	       trace->reference[0] != '\0' ? "(one with a long name)" : "");
	printf("message: %s, sent %s to %u%s recipients%s\n", trace->id, sent, trace->recipients,
	       trace->recipients == 255 ? " or more" : "",
	       time(NULL) - seconds >= FAILURE_AGE_MAX ? ", too long ago to count" : "");
}

static void print_failed(const struct bounce_reading *reading)
{
	static const char *const forms[] = { [BOUNCE_NOTHING] = "nothing that could be counted",
					     [BOUNCE_STATUS] = "a delivery status (RFC 3464)",
					     [BOUNCE_FEEDBACK] = "an abuse report (RFC 5965)",
					     [BOUNCE_WORDS] = "words" };
	char address[LOG_WORD_SIZE], status[LOG_WORD_SIZE];

	printf("says: %s\n", forms[reading->form]);
	for (unsigned int i = 0; i < reading->failed_count; i++) {
		const struct failed_recipient *failed = &reading->failed[i];

		log_word(failed->address[0] != '\0' ? failed->address : NULL, address);
		log_word(failed->status[0] != '\0' ? failed->status : NULL, status);
		printf("failed: %s status %s weight %d\n", address, status, failed->spam ? 2 : 1);
	}
}

int bounce_explain(const char *file, const struct settings *settings)
{
	struct bounce *bounce;
	struct bounce_reading reading;

	bounce_start();
	bounce = bounce_new(false);
	if (bounce == NULL || read_file(file, bounce) < 0) {
		log_line(LOG_ERR, "%s: %s", file, strerror(errno));
		bounce_free(&bounce);
		return EX_NOINPUT;
	}
	bounce_read(bounce, settings->secrets, settings->default_domain, &reading);
	bounce_free(&bounce);
	print_genuine(&reading);
	print_failed(&reading);
	return EX_OK;
}
