/* Running sendmail: shell scripts stand in for it. */

#include "notices/sendmail.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "base/monotonic.h"
#include "tests/unit/rows.h"

#define MESSAGE "Subject: x\n\n.\nyes\n"

/* Long enough for a slow machine; the tests of the deadline have their own. */
#define TIMEOUT 30000

struct row {
	const char *name;
	const char *script;
	enum sendmail_result result;
	const char *text; /* "%s" is the path */
};

static const struct row rows[] = {
	{ "sent", "cat >/dev/null", SENDMAIL_SENT, "" },
	{ "sent, with a warning", "cat >/dev/null; echo warning >&2", SENDMAIL_SENT, "" },
	{ "sent, unread", "exec true", SENDMAIL_SENT, "" },
	{ "later", "echo 'postdrop: queue file write error' >&2; exit 75", SENDMAIL_LATER,
	  "exit status 75: postdrop: queue file write error" },
	{ "later: no permission", "exit 77", SENDMAIL_LATER, "exit status 77: " },
	{ "later: not configured", "exit 78", SENDMAIL_LATER, "exit status 78: " },
	{ "later: doesn't find something itself", "exit 127", SENDMAIL_LATER, "exit status 127: " },
	{ "no quotes", "echo 'no \"here\" \\'; exit 75", SENDMAIL_LATER,
	  "exit status 75: no ?here? ?" },
	{ "later: fatal", "exit 1", SENDMAIL_LATER, "exit status 1: " },
	{ "failed: bad message", "echo bad; exit 65", SENDMAIL_FAILED, "exit status 65: bad" },
	{ "failed: no such user", "exit 67", SENDMAIL_FAILED, "exit status 67: " },
	{ "failed: no such host", "exit 68", SENDMAIL_FAILED, "exit status 68: " },
	{ "crashed", "kill -SEGV $$", SENDMAIL_LATER, "%s was ended by signal 11" },
	{ "first line that isn't empty", "printf '\\n\\none\\ntwo\\n' >&2; exit 75", SENDMAIL_LATER,
	  "exit status 75: one" },
	{ "hostile output", "printf 'a\\033[2J\\344\\tb\\r\\n' >&2; exit 75", SENDMAIL_LATER,
	  "exit status 75: a?[2J??b?" },
	{ "a part of a line", "printf abc >&2; exit 75", SENDMAIL_LATER, "exit status 75: abc" },
	{ "arguments", "test $# = 5 && test \"$1$2$3$4\" = -i-fy@h-- && test \"$5\" = \"-x@h\"",
	  SENDMAIL_SENT, "" },
	{ "message", "test \"$(cat)\" = \"$(printf 'Subject: x\\n\\n.\\nyes\\n')\"", SENDMAIL_SENT,
	  "" },
};

static struct files begin(const char *script)
{
	struct files files = files_begin();
	char text[1024];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	files_write(&files, text, strlen(text), 0755);
	return files;
}

static void test_row(void **state)
{
	const struct row *row = *state;
	struct files files = begin(row->script);
	char text[SENDMAIL_TEXT_SIZE] = "untouched", expected[256];
	const char *path = strstr(row->text, "%s");

	if (path != NULL)
		snprintf(expected, sizeof(expected), "%s%s", files.path, path + 2);
	else
		snprintf(expected, sizeof(expected), "%s", row->text);
	assert_int_equal(sendmail_run(files.path, "y@h", "-x@h", MESSAGE, TIMEOUT, text),
			 row->result);
	assert_string_equal(text, expected);
	files_end(&files);
}

static void test_no_program(void **state)
{
	char text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_int_equal(
		sendmail_run("/nonexistent/sendmail", "y@h", "x@h", MESSAGE, TIMEOUT, text),
		SENDMAIL_LATER);
	assert_string_equal(text, "/nonexistent/sendmail can't be run");
}

static void test_no_permission(void **state)
{
	char text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_int_equal(sendmail_run("/etc/passwd", "y@h", "x@h", MESSAGE, TIMEOUT, text),
			 SENDMAIL_LATER);
	assert_string_equal(text, "/etc/passwd can't be started: Permission denied");
}

static void test_long_output(void **state)
{
	struct files files = begin("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 75");
	char text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", MESSAGE, TIMEOUT, text),
			 SENDMAIL_LATER);
	assert_memory_equal(text, "exit status 75: xxxx", 20);
	assert_true(strlen(text) < SENDMAIL_TEXT_SIZE);
	files_end(&files);
}

/* More than the socket holds. */
static void test_long_message(void **state)
{
	struct files files = begin("test $(wc -c) = 3000000");
	char *message = malloc(3000001), text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_non_null(message);
	memset(message, 'x', 3000000);
	message[3000000] = '\0';
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", message, TIMEOUT, text),
			 SENDMAIL_SENT);
	free(message);
	files_end(&files);
}

/* One that doesn't read must not end us with SIGPIPE. */
static void test_unread_message(void **state)
{
	struct files files = begin("exec <&-; exit 65");
	char *message = malloc(3000001), text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_non_null(message);
	memset(message, 'x', 3000000);
	message[3000000] = '\0';
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", message, TIMEOUT, text),
			 SENDMAIL_FAILED);
	free(message);
	files_end(&files);
}

struct slow_row {
	const char *name;
	const char *script;
};

static const struct slow_row slow_rows[] = {
	{ "slow: says something and hangs", "echo wait >&2; exec sleep 60" },
	{ "slow: a child of it hangs", "echo wait >&2; sleep 60; exit 0" },
	{ "slow: doesn't end for being asked to", "trap '' TERM; echo wait >&2; sleep 60" },
};

static void test_slow(void **state)
{
	const struct slow_row *row = *state;
	struct files files = begin(row->script);
	char text[SENDMAIL_TEXT_SIZE], expected[256];
	int64_t start = monotonic_msecs();

	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", MESSAGE, 1000, text),
			 SENDMAIL_LATER);
	assert_in_range(monotonic_msecs() - start, 1000, 15000);
	snprintf(expected, sizeof(expected), "%s took too long and was killed: wait", files.path);
	assert_string_equal(text, expected);
	files_end(&files);
}

/* What it leaves behind with its output open doesn't hold us up. */
static void test_left_behind(void **state)
{
	struct files files = begin("sleep 5 & exit 0");
	char text[SENDMAIL_TEXT_SIZE];
	int64_t start = monotonic_msecs();

	(void)state;
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", MESSAGE, TIMEOUT, text),
			 SENDMAIL_SENT);
	assert_in_range(monotonic_msecs() - start, 0, 4500);
	files_end(&files);
}

/* A daemon's signals are blocked, and SIGPIPE ignored; sendmail gets what it expects. */
static void test_signals(void **state)
{
	/* The shell itself blocks signals while it waits; what it runs gets what it got. Signals 32
	   and 33 are glibc's own. */
	struct files files =
		begin("grep -E '^Sig(Blk|Ign):' /proc/self/status | grep -v '[08]0000000$' "
		      "&& exit 65; exit 0");
	char text[SENDMAIL_TEXT_SIZE];
	sigset_t all, before;

	(void)state;
	sigfillset(&all);
	assert_int_equal(sigprocmask(SIG_BLOCK, &all, &before), 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	if (sendmail_run(files.path, "y@h", "x@h", MESSAGE, TIMEOUT, text) != SENDMAIL_SENT)
		fail_msg("%s", text);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	files_end(&files);
}

/* What we have open, a client's connection or the secrets file, is none of its business. */
static void test_descriptors(void **state)
{
	struct files files = begin("test ! -e /proc/$$/fd/57 || exit 65");
	char text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_int_equal(dup2(STDERR_FILENO, 57), 57);
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", MESSAGE, TIMEOUT, text),
			 SENDMAIL_SENT);
	close(57);
	files_end(&files);
}

/* A script that writes two bytes to a pipe, which it then holds open: descriptors are closed for
   sendmail, so it opens the pipe by our name for it. */
static struct files begin_holding(int ends_r[2], const char *then)
{
	char script[256];

	assert_int_equal(pipe2(ends_r, O_CLOEXEC), 0);
	snprintf(script, sizeof(script), "exec 9>/proc/%d/fd/%d; echo x >&9; %s", getpid(),
		 ends_r[1], then);
	return begin(script);
}

/* Nobody holds the pipe open any more. */
static void assert_released(int ends[2])
{
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };
	char text[2];

	close(ends[1]);
	assert_int_equal(read(ends[0], text, 2), 2);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(read(ends[0], text, 2), 0);
	close(ends[0]);
}

static void test_kills_all(void **state)
{
	int ends[2];
	struct files files = begin_holding(ends, "sleep 60 & wait");
	char text[SENDMAIL_TEXT_SIZE];

	(void)state;
	assert_int_equal(sendmail_run(files.path, "y@h", "x@h", MESSAGE, 1000, text),
			 SENDMAIL_LATER);
	assert_released(ends);
	files_end(&files);
}

/* When we are killed, so is sendmail. */
static void test_dies_with_us(void **state)
{
	int ends[2];
	struct files files = begin_holding(ends, "exec sleep 60");
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };
	char text[SENDMAIL_TEXT_SIZE];
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		sendmail_run(files.path, "y@h", "x@h", MESSAGE, TIMEOUT, text);
		_exit(0);
	}
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_released(ends);
	files_end(&files);
}

int main(void)
{
	ADD_ROWS(test_row, rows);
	ADD_TEST(test_no_program);
	ADD_TEST(test_no_permission);
	ADD_TEST(test_long_output);
	ADD_TEST(test_long_message);
	ADD_TEST(test_unread_message);
	ADD_ROWS(test_slow, slow_rows);
	ADD_TEST(test_left_behind);
	ADD_TEST(test_signals);
	ADD_TEST(test_descriptors);
	ADD_TEST(test_kills_all);
	ADD_TEST(test_dies_with_us);
	return RUN_TESTS();
}
