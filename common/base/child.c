/* Runs another program. */

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/monotonic.h"

#define PIECE_SIZE 4096

/* The last one says why there was nothing to run. */
enum stream { INPUT, OUTPUT, ERRORS, REPORT, STREAM_COUNT };

/* A program while it runs. */
struct run {
	const struct child *child;
	struct child_result *result;
	int ours[STREAM_COUNT], its[STREAM_COUNT]; /* the ends; -1 when closed */
	pid_t pid;
	int pidfd;
	int64_t deadline;
	const char *rest; /* of the input */
	bool is_cut;	  /* there was more output than is kept */
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Descriptors 0 to 2 may be free in a daemon: dup2() onto itself would leave FD_CLOEXEC. */
static int above_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

/* 0, or -1 with errno. */
static int open_stream(struct run *run, enum stream stream)
{
	int ends[] = { -1, -1 }, ret;

	/* A socket, as writing to one that was closed need not raise SIGPIPE. */
	if (stream != INPUT)
		ret = pipe2(ends, O_CLOEXEC);
	else if (run->rest != NULL)
		ret = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
	else
		ret = ends[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (ret < 0)
		return -1;
	run->its[stream] = above_standard(ends[1]);
	run->ours[stream] = above_standard(ends[0]);
	if (run->its[stream] < 0 || (ends[0] >= 0 && run->ours[stream] < 0))
		return -1;
	fcntl(run->ours[stream], F_SETFL, O_NONBLOCK);
	return 0;
}

/* In the new process: nothing but async-signal-safe calls, as other threads may hold any lock. */
__attribute__((noreturn)) static void become(const struct run *run, pid_t parent)
{
	const struct child *child = run->child;
	/* execve() changes neither this nor argv; its prototype is older than const. */
	char *const *environment =
		child->environment == NULL ? environ : (char *const *)(uintptr_t)child->environment;
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int error;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	setpgid(0, 0);
	/* What is ignored stays ignored over exec, and what is blocked stays blocked. */
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(run->its[INPUT], STDIN_FILENO) >= 0 &&
	    dup2(run->its[OUTPUT], STDOUT_FILENO) >= 0 &&
	    dup2(run->its[child->errors_max > 0 ? ERRORS : OUTPUT], STDERR_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		execve(child->path, (char *const *)(uintptr_t)child->argv, environment);
	error = errno;
	_exit(write(run->its[REPORT], &error, sizeof(error)) > 0 ? 1 : 2);
}

/* 0, or -1 with errno: ESRCH if it has ended, and somebody else took its status. */
static int start(struct run *run)
{
	pid_t parent = getpid();
	sigset_t all, before;
	int error;

	for (int i = 0; i < STREAM_COUNT; i++) {
		if (open_stream(run, (enum stream)i) < 0)
			return -1;
	}
	/* No handler of ours is to run in the new process. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	run->pid = fork();
	if (run->pid == 0)
		become(run, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (run->pid < 0)
		return -1;
	/* Here as well, so that the group is there before anybody kills it. */
	setpgid(run->pid, run->pid);
	for (int i = 0; i < STREAM_COUNT; i++)
		close_end(&run->its[i]);
	run->pidfd = pidfd_open(run->pid, 0);
	if (run->pidfd >= 0)
		return 0;
	error = errno;
	if (error != ESRCH)
		kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = error;
	return -1;
}

static void write_input(struct run *run)
{
	ssize_t sent = send(run->ours[INPUT], run->rest, strlen(run->rest), MSG_NOSIGNAL);

	if (sent >= 0)
		run->rest += sent;
	else if (errno == EAGAIN || errno == EINTR)
		return;
	/* All input is written, or the child closed stdin: its exit status says what that means. */
	if (sent < 0 || *run->rest == '\0')
		close_end(&run->ours[INPUT]);
}

/* One piece of what there is. */
static void read_stream(struct run *run, enum stream stream)
{
	struct child_text *text = stream == OUTPUT ? &run->result->output : &run->result->errors;
	size_t max = stream == OUTPUT ? run->child->output_max : run->child->errors_max;
	char piece[PIECE_SIZE];
	ssize_t got = read(run->ours[stream], piece, sizeof(piece));
	size_t size = got > 0 ? (size_t)got : 0;

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		close_end(&run->ours[stream]);
	if (size > max - text->size) {
		size = max - text->size;
		run->is_cut |= stream == OUTPUT;
	}
	text->bytes = realloc(text->bytes, text->size + size + 1);
	if (text->bytes == NULL)
		abort();
	memcpy(text->bytes + text->size, piece, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

/* What is in the pipe when the program has ended: what that left behind may keep writing for ever.
 */
static void read_rest(struct run *run, enum stream stream)
{
	int size = 0;

	ioctl(run->ours[stream], FIONREAD, &size);
	for (; size > 0 && run->ours[stream] >= 0; size -= PIECE_SIZE)
		read_stream(run, stream);
}

static bool is_too_much(const struct run *run)
{
	return run->is_cut && run->child->whole_output;
}

/* True when the program has ended, false if it has to be killed. */
static bool attend(struct run *run)
{
	for (;;) {
		int64_t left = run->deadline - monotonic_msecs();
		struct pollfd fds[] = {
			{ .fd = run->ours[INPUT], .events = POLLOUT },
			{ .fd = run->ours[OUTPUT], .events = POLLIN },
			{ .fd = run->ours[ERRORS], .events = POLLIN },
			{ .fd = run->pidfd, .events = POLLIN },
		};

		left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
		poll(fds, sizeof(fds) / sizeof(fds[0]), (int)left);
		if (fds[INPUT].revents != 0)
			write_input(run);
		if (fds[OUTPUT].revents != 0)
			read_stream(run, OUTPUT);
		if (fds[ERRORS].revents != 0)
			read_stream(run, ERRORS);
		if (fds[3].revents != 0)
			return true;
		if (left == 0 || is_too_much(run))
			return false;
	}
}

static void set_end(struct child_result *result, enum child_end end, int number)
{
	result->end = end;
	result->number = number;
}

static void finish(struct run *run, bool has_ended)
{
	struct child_result *result = run->result;
	siginfo_t info = { 0 };
	int taken, error;

	if (!has_ended)
		kill(-run->pid, SIGKILL);
	do {
		taken = waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED);
	} while (taken < 0 && errno == EINTR);
	read_rest(run, OUTPUT);
	read_rest(run, ERRORS);
	if (read(run->ours[REPORT], &error, sizeof(error)) == sizeof(error))
		set_end(result, error == ENOENT ? CHILD_MISSING : CHILD_NOT_STARTED, error);
	else if (is_too_much(run))
		set_end(result, CHILD_TOO_MUCH, 0);
	else if (!has_ended)
		set_end(result, CHILD_LATE, 0);
	else if (taken < 0)
		set_end(result, CHILD_LOST, 0);
	else
		set_end(result, info.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_SIGNALLED,
			info.si_status);
}

void child_run(const struct child *child, struct child_result *result_r)
{
	struct run run = {
		.child = child,
		.result = result_r,
		.ours = { -1, -1, -1, -1 },
		.its = { -1, -1, -1, -1 },
		.pidfd = -1,
		.deadline = monotonic_msecs() + child->deadline,
		.rest = child->input,
	};

	*result_r = (struct child_result){
		.output.bytes = text_copy(""),
		.errors.bytes = text_copy(""),
	};
	if (child->path == NULL)
		set_end(result_r, CHILD_MISSING, ENOENT);
	else if (start(&run) == 0)
		finish(&run, attend(&run));
	else if (errno == ESRCH)
		set_end(result_r, CHILD_LOST, 0);
	else
		set_end(result_r, CHILD_NOT_STARTED, errno);
	for (int i = 0; i < STREAM_COUNT; i++) {
		close_end(&run.ours[i]);
		close_end(&run.its[i]);
	}
	close_end(&run.pidfd);
}

void child_free(struct child_result *result)
{
	free(result->output.bytes);
	free(result->errors.bytes);
	*result = (struct child_result){ 0 };
}

const char *child_describe(const struct child_result *result, char text_r[CHILD_TEXT_SIZE])
{
	const char *text = "";

	switch (result->end) {
	case CHILD_EXITED:
		snprintf(text_r, CHILD_TEXT_SIZE, "exit status %d", result->number);
		return text_r;
	case CHILD_SIGNALLED:
		snprintf(text_r, CHILD_TEXT_SIZE, "ended by signal %d", result->number);
		return text_r;
	case CHILD_LATE:
		text = "took too long";
		break;
	case CHILD_TOO_MUCH:
		text = "printed too much";
		break;
	case CHILD_MISSING:
		text = "not found on this host";
		break;
	case CHILD_NOT_STARTED:
		text = strerror(result->number);
		break;
	case CHILD_LOST:
		text = "how it ended is unknown";
		break;
	}
	snprintf(text_r, CHILD_TEXT_SIZE, "%s", text);
	return text_r;
}

char *child_find(const char *name, const char *directories)
{
	char *found = NULL;

	while (*directories != '\0') {
		size_t size = strcspn(directories, ":");
		char *path = text_format("%.*s/%s", (int)size, directories, name);

		if (access(path, X_OK) == 0) {
			free(found);
			return path;
		}
		if (found == NULL && errno != ENOENT && errno != ENOTDIR)
			found = path;
		else
			free(path);
		directories += size + (directories[size] == ':');
	}
	return found;
}
