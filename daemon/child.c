/* Runs another program. */

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monotonic.h"

#define NOT_RUN                                                                                    \
	127 /* the exit status when there is no such program; what it was is in the pipe           \
	     */

enum { OUTPUT, REPORT, PIPES };

/* A program while it runs. */
struct run {
	const struct child *child;
	struct child_result *result;
	int pipes[PIPES][2]; /* -1 when closed; REPORT tells us the error of exec */
	pid_t pid;
	int pidfd;
	int64_t deadline;
};

static void fail(struct child_result *result, enum child_end end, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct child_result *result, enum child_end end, const char *format, ...)
{
	va_list args;

	result->end = end;
	va_start(args, format);
	vsnprintf(result->error, sizeof(result->error), format, args);
	va_end(args);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the new process: nothing but async-signal-safe calls, as other threads may hold locks. */
static void become(const struct run *run, pid_t parent)
{
	sigset_t none;
	int error, input = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NOT_RUN);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(input, 0) < 0 || dup2(run->pipes[OUTPUT][1], 1) < 0 ||
	    dup2(run->pipes[OUTPUT][1], 2) < 0 || dup2(run->pipes[REPORT][1], 3) < 0)
		_exit(NOT_RUN);
	close_range(4, ~0U, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	execvp(run->child->argv[0], run->child->argv);
	error = errno;
	if (write(3, &error, sizeof(error)) < 0)
		_exit(NOT_RUN - 1);
	_exit(NOT_RUN);
}

/* 0, or -1 with the result set. */
static int start(struct run *run)
{
	pid_t self = getpid();

	for (int i = 0; i < PIPES; i++)
		run->pipes[i][0] = run->pipes[i][1] = -1;
	for (int i = 0; i < PIPES; i++) {
		/* Never one of the numbers that the new process gives to its own ends. */
		if (pipe2(run->pipes[i], O_CLOEXEC) < 0) {
			fail(run->result, CHILD_FAILED, "pipe: %s", strerror(errno));
			return -1;
		}
		for (int j = 0; j < 2; j++) {
			int low = run->pipes[i][j];

			if (low > 3)
				continue;
			run->pipes[i][j] = fcntl(low, F_DUPFD_CLOEXEC, 4);
			close(low);
		}
	}
	run->pid = fork();
	if (run->pid == 0)
		become(run, self);
	if (run->pid < 0) {
		fail(run->result, CHILD_FAILED, "fork: %s", strerror(errno));
		return -1;
	}
	run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	close_end(&run->pipes[OUTPUT][1]);
	close_end(&run->pipes[REPORT][1]);
	fcntl(run->pipes[OUTPUT][0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* Reads what there is. */
static void read_output(struct run *run)
{
	struct child_result *result = run->result;
	char piece[4096];
	ssize_t size;

	while ((size = read(run->pipes[OUTPUT][0], piece, sizeof(piece))) > 0) {
		size_t left = run->child->output_max - result->output_size;
		size_t kept = (size_t)size < left ? (size_t)size : left;
		char *longer = realloc(result->output, result->output_size + kept + 1);

		if (longer == NULL)
			abort();
		memcpy(longer + result->output_size, piece, kept);
		result->output = longer;
		result->output_size += kept;
		longer[result->output_size] = '\0';
	}
	if (size == 0 || (errno != EAGAIN && errno != EINTR))
		close_end(&run->pipes[OUTPUT][0]);
}

/* True when the program has ended, false at the deadline. */
static bool attend(struct run *run)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->pipes[OUTPUT][0], .events = POLLIN },
		};
		int64_t left = run->deadline - monotonic_msecs();

		if (left <= 0)
			return false;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents != 0)
			read_output(run);
		if (fds[0].revents != 0)
			return true;
	}
}

/* Its last line, as a reason. */
static void quote_output(struct child_result *result)
{
	size_t used = strlen(result->error), size = result->output_size, start;

	while (size > 0 && strchr("\r\n ", result->output[size - 1]) != NULL)
		size--;
	for (start = size; start > 0 && result->output[start - 1] != '\n'; start--)
		;
	if (size > start)
		snprintf(result->error + used, sizeof(result->error) - used, ": %.*s",
			 (int)(size - start), result->output + start);
	for (char *p = result->error; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~' || *p == '"')
			*p = '?';
	}
}

static void finish(struct run *run, bool ended)
{
	const char *name = run->child->argv[0];
	int status = 0, error = 0;

	if (!ended)
		kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (run->pipes[OUTPUT][0] >= 0)
		read_output(run);
	if (read(run->pipes[REPORT][0], &error, sizeof(error)) == sizeof(error))
		fail(run->result, error == ENOENT ? CHILD_MISSING : CHILD_FAILED, "%s: %s", name,
		     strerror(error));
	else if (!ended)
		fail(run->result, CHILD_FAILED, "%s: not done within %u ms", name,
		     run->child->deadline);
	else if (WIFSIGNALED(status))
		fail(run->result, CHILD_FAILED, "%s: killed by signal %d", name, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		fail(run->result, CHILD_FAILED, "%s: exit status %d", name, WEXITSTATUS(status));
	if (run->result->end != CHILD_DONE)
		quote_output(run->result);
}

void child_run(const struct child *child, struct child_result *result_r)
{
	struct run run = {
		.child = child,
		.result = result_r,
		.pidfd = -1,
		.deadline = monotonic_msecs() + child->deadline,
	};

	*result_r = (struct child_result){ .end = CHILD_DONE, .output = strdup("") };
	if (result_r->output == NULL)
		abort();
	if (start(&run) == 0)
		finish(&run, attend(&run));
	for (int i = 0; i < PIPES; i++) {
		close_end(&run.pipes[i][0]);
		close_end(&run.pipes[i][1]);
	}
	close_end(&run.pidfd);
}
