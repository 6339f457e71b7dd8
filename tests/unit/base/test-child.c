/* Running another program: real ones. */

#include "base/child.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "base/monotonic.h"
#include "tests/unit/rows.h"

/* Long enough for a slow machine; the tests of the deadline have their own. */
#define DEADLINE 30000

/* What a shell's script did, with its outputs together. */
static struct child_result run_script(const char *script, unsigned int deadline, size_t output_max)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct child child = {
		.path = "/bin/sh", .argv = argv, .deadline = deadline, .output_max = output_max
	};
	struct child_result result;

	child_run(&child, &result);
	return result;
}

static void assert_result(struct child_result *result, enum child_end end, int number,
			  const char *output, const char *errors)
{
	assert_int_equal(result->end, end);
	assert_int_equal(result->number, number);
	assert_string_equal(result->output.bytes, output);
	assert_int_equal(result->output.size, strlen(output));
	assert_string_equal(result->errors.bytes, errors);
	assert_int_equal(result->errors.size, strlen(errors));
	child_free(result);
}

struct row {
	const char *name;
	struct child child;
	const char *argv[4];
	enum child_end end;
	int number;
	const char *output;
	const char *errors;
};

#define SHELL(script) .argv = { "sh", "-c", script }, .child.path = "/bin/sh"

static const char *const environment[] = { "A=b", NULL };

static const struct row rows[] = {
	{ "done", SHELL("echo a; echo b >&2; echo c"), .output = "a\nb\nc\n", .errors = "" },
	{ "kept apart", SHELL("echo a; echo b >&2; echo c"), .child.errors_max = 16,
	  .output = "a\nc\n", .errors = "b\n" },
	{ "failed", SHELL("echo why; exit 3"), .number = 3, .output = "why\n", .errors = "" },
	{ "ended by a signal", SHELL("kill -9 $$"), .end = CHILD_SIGNALLED, .number = SIGKILL,
	  .output = "", .errors = "" },
	{ "no such program", .argv = { "no" }, .child.path = "/no/such/program",
	  .end = CHILD_MISSING, .number = ENOENT, .output = "", .errors = "" },
	{ "no path", .argv = { "no" }, .end = CHILD_MISSING, .number = ENOENT, .output = "",
	  .errors = "" },
	{ "not to be run", .argv = { "no" }, .child.path = "/etc/passwd", .end = CHILD_NOT_STARTED,
	  .number = EACCES, .output = "", .errors = "" },
	{ "more output than is kept", SHELL("echo 0123456789abcdef0; exit 5"), .number = 5,
	  .output = "0123456789abcdef", .errors = "" },
	{ "more errors than are kept", SHELL("echo 0123456789 >&2; echo a"), .child.errors_max = 4,
	  .child.whole_output = true, .output = "a\n", .errors = "0123" },
	{ "too much output", SHELL("echo 0123456789abcdef0; exec sleep 60"),
	  .child.whole_output = true, .end = CHILD_TOO_MUCH, .output = "0123456789abcdef",
	  .errors = "" },
	{ "all the output that there may be", SHELL("printf 0123456789abcdef"),
	  .child.whole_output = true, .output = "0123456789abcdef", .errors = "" },
	{ "reads the input", .argv = { "cat" }, .child = { .path = "/bin/cat", .input = "in\nput" },
	  .output = "in\nput", .errors = "" },
	{ "an empty input", .argv = { "cat" }, .child = { .path = "/bin/cat", .input = "" },
	  .output = "", .errors = "" },
	{ "no input", SHELL("readlink /proc/self/fd/0"), .output = "/dev/null\n", .errors = "" },
	{ "its own environment", SHELL("echo $A$HOME"), .child.environment = environment,
	  .output = "b\n", .errors = "" },
	{ "our environment", SHELL("test -n \"$POSTERN_TEST\" && echo $POSTERN_TEST"),
	  .output = "ours\n", .errors = "" },
};

static void ends(void **state)
{
	const struct row *row = *state;
	struct child child = row->child;
	struct child_result result;

	child.argv = row->argv;
	child.deadline = DEADLINE;
	child.output_max = 16;
	child_run(&child, &result);
	assert_result(&result, row->end, row->number, row->output, row->errors);
}

struct word_row {
	const char *name;
	enum child_end end;
	int number;
	const char *words;
};

static const struct word_row word_rows[] = {
	{ "words: exited", CHILD_EXITED, 3, "exit status 3" },
	{ "words: signalled", CHILD_SIGNALLED, 9, "ended by signal 9" },
	{ "words: late", CHILD_LATE, 9, "took too long" },
	{ "words: too much", CHILD_TOO_MUCH, 9, "printed too much" },
	{ "words: missing", CHILD_MISSING, ENOENT, "not found on this host" },
	{ "words: not started", CHILD_NOT_STARTED, EACCES, "Permission denied" },
	{ "words: lost", CHILD_LOST, 0, "how it ended is unknown" },
};

static void describes(void **state)
{
	const struct word_row *row = *state;
	const struct child_result result = { .end = row->end, .number = row->number };
	char text[CHILD_TEXT_SIZE];

	assert_string_equal(child_describe(&result, text), row->words);
}

/* Nobody knows then whether there is such a program. */
static void cannot_start(void **state)
{
	struct rlimit before, none = { .rlim_cur = 0 };
	struct child_result result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = run_script("true", DEADLINE, 16);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_result(&result, CHILD_NOT_STARTED, EMFILE, "", "");
}

/* More than a pipe holds, all of it, as the program's end shows before what it said last. */
static void much_output(void **state)
{
	struct child_result result =
		run_script("head -c 2000000 /dev/zero | tr '\\0' x; printf end", DEADLINE, 3000000);

	(void)state;
	assert_int_equal(result.end, CHILD_EXITED);
	assert_int_equal(result.output.size, 2000003);
	assert_int_equal(strspn(result.output.bytes, "x"), 2000000);
	assert_string_equal(result.output.bytes + 2000000, "end");
	child_free(&result);
}

/* Nor is anything lost that stands in the pipe when the program has ended: who waits for it is
   stopped until then, so it is not this process, which a shell may watch. */
static void last_output(void **state)
{
	pid_t waiting = fork();
	struct child_result result;
	int status;

	(void)state;
	assert_true(waiting >= 0);
	if (waiting == 0) {
		result = run_script("(sleep 0.5; kill -CONT $PPID) >/dev/null 2>&1 &"
				    "kill -STOP $PPID; exec head -c 60000 /dev/zero",
				    DEADLINE, 100000);
		_exit(result.end == CHILD_EXITED && result.output.size == 60000 ? 0 : 1);
	}
	assert_int_equal(waitpid(waiting, &status, 0), waiting);
	assert_int_equal(status, 0);
}

struct input_row {
	const char *name;
	const char *script;
	int status;
	const char *output;
};

static const struct input_row input_rows[] = {
	{ "big input: read", "wc -c", 0, "3000000\n" },
	{ "big input: read in part", "head -c 5; exit 4", 4, "xxxxx" },
	{ "big input: not wanted", "exec <&-; echo a; exit 4", 4, "a\n" },
	{ "big input: ignored", "exit 4", 4, "" },
};

static struct child_result run_with_big_input(const char *script, unsigned int deadline)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	char *input = malloc(3000001);
	const struct child child = { .path = "/bin/sh",
				     .argv = argv,
				     .input = input,
				     .deadline = deadline,
				     .output_max = 16 };
	struct child_result result;

	assert_non_null(input);
	memset(input, 'x', 3000000);
	input[3000000] = '\0';
	child_run(&child, &result);
	free(input);
	return result;
}

/* One that doesn't read must neither hold us up nor end us with SIGPIPE. */
static void big_input(void **state)
{
	const struct input_row *row = *state;
	struct child_result result = run_with_big_input(row->script, DEADLINE);

	assert_result(&result, CHILD_EXITED, row->status, row->output, "");
}

static void late_input(void **state)
{
	struct child_result result = run_with_big_input("echo a; exec sleep 60", 500);

	(void)state;
	assert_result(&result, CHILD_LATE, 0, "a\n", "");
}

struct late_row {
	const char *name;
	const char *script;
};

static const struct late_row late_rows[] = {
	{ "late: says something and hangs", "echo a; exec sleep 60" },
	{ "late: a child of it hangs", "echo a; sleep 60; exit 0" },
	{ "late: doesn't end for being asked to", "trap '' TERM INT HUP; echo a; sleep 60" },
	{ "late: has closed its outputs", "echo a; exec >&- 2>&-; sleep 60" },
	{ "late: prints for ever", "echo a; exec yes ''" },
};

static void late(void **state)
{
	const struct late_row *row = *state;
	int64_t start = monotonic_msecs();
	struct child_result result = run_script(row->script, 500, 2);

	assert_in_range(monotonic_msecs() - start, 500, 15000);
	assert_result(&result, CHILD_LATE, 0, "a\n", "");
}

/* What it leaves behind with its outputs open doesn't hold us up, and lives on. */
static void left_behind(void **state)
{
	int64_t start = monotonic_msecs();
	struct child_result result = run_script("sleep 5 & echo $!", DEADLINE, 16);
	pid_t left = atoi(result.output.bytes);

	(void)state;
	assert_in_range(monotonic_msecs() - start, 0, 4500);
	assert_int_equal(result.end, CHILD_EXITED);
	assert_true(left > 0);
	assert_int_equal(kill(left, SIGKILL), 0);
	child_free(&result);
}

/* Nor if it prints for ever. */
static void left_printing(void **state)
{
	int64_t start = monotonic_msecs();
	struct child_result result = run_script("yes & sleep 0.2", DEADLINE, 16);

	(void)state;
	assert_in_range(monotonic_msecs() - start, 0, 15000);
	assert_int_equal(result.end, CHILD_EXITED);
	child_free(&result);
}

/* Everything in its group is killed, in a pipe's sight. */
static void kills_all(void **state)
{
	struct pollfd fd;
	int pipe_ends[2];
	char script[128], text[2];
	struct child_result result;

	(void)state;
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	snprintf(script, sizeof(script), "exec 9>/proc/%d/fd/%d; sleep 60 & echo x >&9; wait",
		 getpid(), pipe_ends[1]);
	result = run_script(script, 1000, 16);
	assert_int_equal(result.end, CHILD_LATE);
	child_free(&result);
	close(pipe_ends[1]);
	fd = (struct pollfd){ .fd = pipe_ends[0], .events = POLLIN };
	assert_int_equal(read(pipe_ends[0], text, 2), 2);
	assert_int_equal(poll(&fd, 1, 10000), 1);
	assert_int_equal(read(pipe_ends[0], text, 2), 0);
	close(pipe_ends[0]);
}

static void group(void **state)
{
	struct child_result result =
		run_script("set -- $(cat /proc/$$/stat); echo $1 $5", DEADLINE, 64);
	char *end;
	long pid = strtol(result.output.bytes, &end, 10);

	(void)state;
	assert_int_equal(result.end, CHILD_EXITED);
	assert_int_equal(strtol(end, NULL, 10), pid);
	child_free(&result);
}

static void ignore(int number)
{
	(void)number;
}

/* What it runs has nothing ignored, blocked or caught. The shell itself blocks signals while it
   waits; what it runs gets what it got. Signals 32 and 33 are glibc's own. */
static void signals(void **state)
{
	struct child_result result;
	sigset_t most, before, after;

	(void)state;
	sigfillset(&most);
	sigdelset(&most, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &most, &before), 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_true(signal(SIGUSR1, ignore) != SIG_ERR);
	result = run_script("grep -E '^Sig(Blk|Ign):' /proc/self/status | grep -v '[08]0000000$'",
			    DEADLINE, 64);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
	assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	assert_true(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
	assert_result(&result, CHILD_EXITED, 1, "", "");
	/* Ours are as they were. */
	assert_true(sigismember(&after, SIGUSR2));
	assert_false(sigismember(&after, SIGUSR1));
}

/* What we have open, a client's connection or a secret, is none of its business. */
static void descriptors(void **state)
{
	const char *const argv[] = { "ls", "/proc/self/fd", NULL };
	const struct child child = { .path = "/bin/ls",
				     .argv = argv,
				     .input = "x",
				     .deadline = DEADLINE,
				     .output_max = 64,
				     .errors_max = 64 };
	struct child_result result;

	(void)state;
	assert_int_equal(dup2(STDERR_FILENO, 57), 57);
	child_run(&child, &result);
	close(57);
	/* 3 is the directory. */
	assert_result(&result, CHILD_EXITED, 0, "0\n1\n2\n3\n", "");
}

/* Runs it while some of descriptors 0 to 2, a bit for each, are closed. */
static struct child_result run_without(const struct child *child, unsigned int closed)
{
	struct child_result result;
	int saved[3], found[3];

	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		if ((closed & 1U << i) != 0)
			close(i);
	}
	child_run(child, &result);
	for (int i = 0; i < 3; i++) {
		found[i] = fcntl(i, F_GETFD);
		dup2(saved[i], i);
		close(saved[i]);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(found[i] < 0, (closed & 1U << i) != 0);
	return result;
}

/* As in a daemon. */
static void no_standard_descriptors(void **state)
{
	const char *const argv[] = { "sh", "-c", "cat; echo b; echo c >&2", NULL };
	struct child child = { .path = "/bin/sh",
			       .argv = argv,
			       .deadline = DEADLINE,
			       .output_max = 16,
			       .errors_max = 16 };
	struct child_result result;

	(void)state;
	for (unsigned int closed = 0; closed < 8; closed++) {
		child.input = "a\n";
		result = run_without(&child, closed);
		assert_result(&result, CHILD_EXITED, 0, "a\nb\n", "c\n");
		child.input = NULL;
		result = run_without(&child, closed);
		assert_result(&result, CHILD_EXITED, 0, "b\n", "c\n");
	}
}

/* Somebody who ignores SIGCHLD has no statuses. */
static void lost(void **state)
{
	struct child_result result;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	result = run_script("echo a", DEADLINE, 16);
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	assert_int_equal(result.end, CHILD_LOST);
	assert_int_equal(result.number, 0);
	child_free(&result);
}

static void *run_some(void *context)
{
	const char *const argv[] = { "cat", NULL };
	const struct child child = { .path = "/bin/cat",
				     .argv = argv,
				     .input = context,
				     .deadline = DEADLINE,
				     .output_max = 16 };
	struct child_result result;
	intptr_t good = 0;

	for (int i = 0; i < 25; i++) {
		child_run(&child, &result);
		good += result.end == CHILD_EXITED && strcmp(result.output.bytes, context) == 0;
		child_free(&result);
	}
	return (void *)good;
}

static void threads(void **state)
{
	char inputs[][2] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	pthread_t ids[sizeof(inputs) / sizeof(inputs[0])];
	void *good;

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		assert_int_equal(pthread_create(&ids[i], NULL, run_some, inputs[i]), 0);
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		assert_int_equal(pthread_join(ids[i], &good), 0);
		assert_int_equal((intptr_t)good, 25);
	}
}

static unsigned int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void leaves_nothing(void **state)
{
	unsigned int before = count_descriptors();
	struct child_result result;

	(void)state;
	result = run_script("exit 0", DEADLINE, 16);
	child_free(&result);
	result = run_with_big_input("exec sleep 60", 100);
	child_free(&result);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
}

static void assert_found(const char *directories, const char *expected)
{
	char *found = child_find("sh", directories);

	assert_string_equal(found, expected);
	free(found);
}

static void finds(void **state)
{
	struct files files = files_begin();
	char list[256];

	(void)state;
	snprintf(files.path, sizeof(files.path), "%s/sh", files.directory);
	files_write(&files, "", 0, 0600);
	snprintf(list, sizeof(list), "/no/such:/etc/passwd:%s:/bin", files.directory);
	assert_found(list, "/bin/sh");
	assert_int_equal(chmod(files.path, 0700), 0);
	assert_found(list, files.path);
	assert_int_equal(chmod(files.path, 0600), 0);
	*strrchr(list, ':') = '\0';
	assert_found(list, files.path);
	files_end(&files);
	assert_null(child_find("sh", list));
	assert_null(child_find("sh", ""));
}

int main(void)
{
	setenv("POSTERN_TEST", "ours", 1);
	ADD_ROWS(ends, rows);
	ADD_ROWS(describes, word_rows);
	ADD_TEST(cannot_start);
	ADD_TEST(much_output);
	ADD_TEST(last_output);
	ADD_ROWS(big_input, input_rows);
	ADD_ROWS(late, late_rows);
	ADD_TEST(late_input);
	ADD_TEST(left_behind);
	ADD_TEST(left_printing);
	ADD_TEST(kills_all);
	ADD_TEST(group);
	ADD_TEST(signals);
	ADD_TEST(descriptors);
	ADD_TEST(no_standard_descriptors);
	ADD_TEST(lost);
	ADD_TEST(threads);
	ADD_TEST(leaves_nothing);
	ADD_TEST(finds);
	return RUN_TESTS();
}
