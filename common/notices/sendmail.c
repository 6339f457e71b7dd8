/* Runs sendmail(1). */

#include "notices/sendmail.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/child.h"
#include "base/printable.h"

/* Enough for its first line. */
#define OUTPUT_MAX 4096

/* The first line that isn't empty, printable within quotes. */
static const char *first_line(char *text)
{
	text += strspn(text, "\n");
	text[strcspn(text, "\n")] = '\0';
	make_printable(text, "\"\\");
	return text;
}

/* Only what is about this one message is final: an owner has to be told (D5), and what is wrong
   with the mail system or its configuration will be fixed. */
static enum sendmail_result judge(int exit_status)
{
	switch (exit_status) {
	case EX_OK:
		return SENDMAIL_SENT;
	case EX_DATAERR:
	case EX_NOUSER:
	case EX_NOHOST:
		return SENDMAIL_FAILED;
	default:
		return SENDMAIL_LATER;
	}
}

static enum sendmail_result conclude(const struct child_result *result, const char *path,
				     char text_r[SENDMAIL_TEXT_SIZE])
{
	const char *said = first_line(result->output.bytes);

	text_r[0] = '\0';
	switch (result->end) {
	case CHILD_EXITED:
		if (result->number != EX_OK)
			snprintf(text_r, SENDMAIL_TEXT_SIZE, "exit status %d: %.170s",
				 result->number, said);
		return judge(result->number);
	case CHILD_SIGNALLED:
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s was ended by signal %d", path,
			 result->number);
		break;
	case CHILD_LATE:
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s took too long and was killed: %.60s",
			 path, said);
		break;
	case CHILD_MISSING:
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s can't be run", path);
		break;
	case CHILD_NOT_STARTED:
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s can't be started: %s", path,
			 strerror(result->number));
		break;
	case CHILD_TOO_MUCH: /* may print what it likes */
	case CHILD_LOST:
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "how %.80s ended is unknown", path);
		break;
	}
	return SENDMAIL_LATER;
}

enum sendmail_result sendmail_run(const char *path, const char *sender, const char *recipient,
				  const char *message, unsigned int timeout,
				  char text_r[SENDMAIL_TEXT_SIZE])
{
	const char *const argv[] = { path, "-i", "-f", sender, "--", recipient, NULL };
	const struct child child = {
		.path = path,
		.argv = argv,
		.input = message,
		.deadline = timeout,
		.output_max = OUTPUT_MAX,
	};
	struct child_result result;
	enum sendmail_result sent;

	child_run(&child, &result);
	sent = conclude(&result, path, text_r);
	child_free(&result);
	return sent;
}
