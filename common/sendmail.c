/* Runs sendmail(1). */

#include "sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "monotonic.h"

/* The child's exit status when there is nothing to run, as a shell has it. */
#define EXIT_NO_PROGRAM 127

/* How often the child is looked at while something that it started keeps its output open. */
#define LOOK_MSECS 20

struct run {
	pid_t pid;
	int input;	  /* our end of its standard input, or -1 */
	int output;	  /* of its standard output and error, or -1 */
	const char *rest; /* of the message */
	int64_t deadline;
	char *said; /* the first line of its output */
	size_t said_used;
	bool said_all;
	int status; /* of waitpid() */
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the child, between fork and exec: nothing but what a signal handler may do, because other
   threads may hold any lock. */
static void become(const char *path, char *const argv[], pid_t parent, int input, int output)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* A program that is left over might send the message after somebody else did. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EX_OSERR);
	/* A group of its own, to be killed with whatever it started. */
	setpgid(0, 0);
	/* What is ignored stays ignored over exec, and what is blocked stays blocked. */
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(EX_OSERR);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	execv(path, argv);
	_exit(EXIT_NO_PROGRAM);
}

/* Standard input is a socket: writing to one that was closed need not raise SIGPIPE. Descriptors 0
   to 2 may be free in a daemon: dup2() onto itself would leave FD_CLOEXEC. */
static int above_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

/* 0, or -1 with errno. The first of each pair is ours. */
static int make_ends(int input[2], int output[2])
{
	input[0] = input[1] = output[0] = output[1] = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) < 0 ||
	    pipe2(output, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		input[i] = above_standard(input[i]);
		output[i] = above_standard(output[i]);
		if (input[i] < 0 || output[i] < 0)
			return -1;
	}
	fcntl(input[0], F_SETFL, O_NONBLOCK);
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* Starts the child. 0, or -1 with errno. */
static int start(struct run *run, const char *path, const char *recipient)
{
	/* execv() takes them as char *, and changes none. */
	char *argv[] = { (char *)(uintptr_t)path,
			 (char *)(uintptr_t) "-i",
			 (char *)(uintptr_t) "-f",
			 (char *)(uintptr_t) "",
			 (char *)(uintptr_t) "--",
			 (char *)(uintptr_t)recipient,
			 NULL };
	int input[2], output[2], result = make_ends(input, output);
	int number;
	pid_t parent = getpid();

	if (result == 0) {
		run->pid = fork();
		if (run->pid == 0)
			become(path, argv, parent, input[1], output[1]);
		/* Here as well, so that the group is there before anybody kills it. */
		if (run->pid > 0)
			setpgid(run->pid, run->pid);
		else
			result = -1;
	}
	number = errno;
	run->input = input[0];
	run->output = output[0];
	close_end(&input[1]);
	close_end(&output[1]);
	errno = number;
	return result;
}

static void write_input(struct run *run)
{
	size_t size = strlen(run->rest);
	ssize_t sent = send(run->input, run->rest, size, MSG_NOSIGNAL);

	if (sent >= 0)
		run->rest += sent;
	else if (errno == EAGAIN || errno == EINTR)
		return;
	/* All is said, or it doesn't want to hear: its exit status says what that means. */
	if (sent < 0 || *run->rest == '\0')
		close_end(&run->input);
}

/* Keeps the first line that isn't empty, as far as there is room: printable ASCII. */
static void note(struct run *run, const char *text, size_t size)
{
	for (size_t i = 0; i < size && !run->said_all; i++) {
		if (text[i] == '\n') {
			run->said_all = run->said_used > 0;
			continue;
		}
		if (run->said_used + 1 < SENDMAIL_TEXT_SIZE)
			run->said[run->said_used++] =
				text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
		run->said[run->said_used] = '\0';
	}
}

static void read_output(struct run *run)
{
	char text[512];
	ssize_t got = read(run->output, text, sizeof(text));

	if (got > 0)
		note(run, text, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		close_end(&run->output);
}

/* One round of talking and looking. 1 when the child has ended, 0 when it hasn't, -1 if somebody
   else took its status. */
static int turn(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = run->input, .events = POLLOUT },
		{ .fd = run->output, .events = POLLIN },
	};
	pid_t ended;

	if (poll(fds, 2, LOOK_MSECS) > 0) {
		if (fds[0].revents != 0)
			write_input(run);
		if (fds[1].revents != 0)
			read_output(run);
	}
	ended = waitpid(run->pid, &run->status, WNOHANG);
	if (ended == run->pid)
		return 1;
	return ended < 0 && errno != EINTR ? -1 : 0;
}

/* Until the child has ended or been killed. 1, 0 when it was killed for the deadline, or -1. */
static int await(struct run *run)
{
	int result;

	while ((result = turn(run)) == 0) {
		if (monotonic_msecs() < run->deadline)
			continue;
		kill(-run->pid, SIGKILL);
		while (waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR)
			;
		return 0;
	}
	/* What it said last. Something that it started may go on for ever. */
	for (int i = 0; i < 8 && run->output >= 0; i++) {
		struct pollfd fd = { .fd = run->output, .events = POLLIN };

		if (poll(&fd, 1, 0) <= 0)
			break;
		read_output(run);
	}
	return result;
}

/* Only what is about this one message is final: an owner has to be told (D5), and what is wrong
   with the mail system or its configuration will be put right. */
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

static enum sendmail_result conclude(const struct run *run, const char *path, int result,
				     char text_r[SENDMAIL_TEXT_SIZE])
{
	int status = run->status;

	if (result == 0)
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s took too long and was killed: %.60s",
			 path, run->said);
	else if (result < 0)
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "how %.80s ended is not known", path);
	else if (WIFSIGNALED(status))
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s was ended by signal %d", path,
			 WTERMSIG(status));
	else if (WEXITSTATUS(status) == EXIT_NO_PROGRAM)
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s can't be run", path);
	else if (WEXITSTATUS(status) == EX_OK)
		return SENDMAIL_SENT;
	else
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "exit status %d: %.170s", WEXITSTATUS(status),
			 run->said);
	return result > 0 && WIFEXITED(status) ? judge(WEXITSTATUS(status)) : SENDMAIL_LATER;
}

enum sendmail_result sendmail_run(const char *path, const char *recipient, const char *message,
				  unsigned int timeout, char text_r[SENDMAIL_TEXT_SIZE])
{
	char said[SENDMAIL_TEXT_SIZE] = "";
	struct run run = {
		.rest = message,
		.deadline = monotonic_msecs() + timeout,
		.said = said,
	};
	enum sendmail_result result = SENDMAIL_LATER;

	text_r[0] = '\0';
	if (start(&run, path, recipient) == 0)
		result = conclude(&run, path, await(&run), text_r);
	else
		snprintf(text_r, SENDMAIL_TEXT_SIZE, "%.80s can't be started: %s", path,
			 strerror(errno));
	close_end(&run.input);
	close_end(&run.output);
	return result;
}
