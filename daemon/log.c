#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/printable.h"

static const char *program_name = "postern";
static bool use_syslog = false;

void log_begin(const char *program)
{
	program_name = program;
}

void log_to_syslog(void)
{
	openlog(program_name, LOG_PID | LOG_NDELAY, LOG_MAIL);
	use_syslog = true;
}

static const char *priority_name(int priority)
{
	switch (priority) {
	case LOG_ERR:
		return "error: ";
	case LOG_WARNING:
		return "warning: ";
	default:
		return "";
	}
}

static void write_stderr(int priority, const char *text)
{
	char line[LOG_LINE_MAX + 64];
	int size;

	size = snprintf(line, sizeof(line), "%s: %s%s\n", program_name, priority_name(priority),
			text);
	/* There is nowhere left to report that stderr is gone. */
	if (write(STDERR_FILENO, line, (size_t)size) < 0)
		return;
}

void log_line(int priority, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (use_syslog)
		syslog(priority, "%s", text);
	else
		write_stderr(priority, text);
}

void log_word(const char *text, char word_r[LOG_WORD_SIZE])
{
	snprintf(word_r, LOG_WORD_SIZE, "%s", text == NULL || text[0] == '\0' ? "-" : text);
	make_printable(word_r, " \"\\");
}
