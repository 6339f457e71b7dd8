/* Runs a program of the system and reads what it prints. */

#include "check-program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ini-file.h"
#include "monotonic.h"

#define COMPLAINT_MAX 4096
#define FAILED_EXEC   127

enum stream {
	STREAM_OUTPUT,
	STREAM_COMPLAINT, /* standard error: what it says of a failure */
	STREAM_COUNT,
};

struct program {
	const char *name;
	pid_t pid;
	int64_t deadline; /* milliseconds of the monotonic clock */
	int fds[STREAM_COUNT];
	char *text[STREAM_COUNT]; /* terminated */
	size_t used[STREAM_COUNT];
};

static const size_t stream_max[STREAM_COUNT] = { CHECK_PROGRAM_OUTPUT_MAX, COMPLAINT_MAX };

/* The path of the program, for free(); NULL if there is none. */
static char *find_program(const char *name)
{
	static const char *const directories[] = { "/usr/sbin", "/usr/bin",	   "/sbin",
						   "/bin",	"/usr/local/sbin", "/usr/local/bin",
						   NULL };

	for (unsigned int i = 0; directories[i] != NULL; i++) {
		char *path = ini_format("%s/%s", directories[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

bool check_program_exists(const char *name)
{
	char *path = find_program(name);

	free(path);
	return path != NULL;
}

/* In the child: only what is safe behind fork(2). */
__attribute__((noreturn)) static void become(const char *path, const char *const argv[],
					     const int ends[STREAM_COUNT])
{
	static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
						   NULL };
	sigset_t none;

	/* Its children end with it. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(ends[STREAM_OUTPUT], STDOUT_FILENO);
	dup2(ends[STREAM_COMPLAINT], STDERR_FILENO);
	/* A client's connection or a secret may be open in Dovecot's process. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	/* It takes both as they are; its prototype is older than const. */
	execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
	_exit(FAILED_EXEC);
}

static int start(struct program *program, const char *path, const char *const argv[])
{
	int pipes[STREAM_COUNT][2] = { { -1, -1 }, { -1, -1 } };

	program->pid = -1;
	if (pipe2(pipes[STREAM_OUTPUT], O_CLOEXEC) == 0 &&
	    pipe2(pipes[STREAM_COMPLAINT], O_CLOEXEC) == 0)
		program->pid = fork();
	if (program->pid == 0) {
		const int ends[] = { pipes[STREAM_OUTPUT][1], pipes[STREAM_COMPLAINT][1] };

		become(path, argv, ends);
	}
	/* Whoever comes first: neither must be without it. */
	if (program->pid > 0)
		setpgid(program->pid, program->pid);
	for (int i = 0; i < STREAM_COUNT; i++) {
		program->fds[i] = pipes[i][0];
		if (pipes[i][1] >= 0)
			close(pipes[i][1]);
	}
	return program->pid < 0 ? -1 : 0;
}

static int milliseconds_left(const struct program *program)
{
	int64_t left = program->deadline - monotonic_msecs();

	return left > 0 ? (int)left : 0;
}

/* Reads what is there. -1 when it is more than there may be. */
static int read_some(struct program *program, enum stream stream)
{
	char bytes[4096];
	ssize_t got = read(program->fds[stream], bytes, sizeof(bytes));
	size_t size = got > 0 ? (size_t)got : 0, room = stream_max[stream] - program->used[stream];

	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0) {
		close(program->fds[stream]);
		program->fds[stream] = -1;
		return 0;
	}
	/* The beginning of what it complains about is enough. */
	if (size > room && stream == STREAM_OUTPUT)
		return -1;
	size = size > room ? room : size;
	program->text[stream] = realloc(program->text[stream], program->used[stream] + size + 1);
	if (program->text[stream] == NULL)
		abort();
	memcpy(program->text[stream] + program->used[stream], bytes, size);
	program->used[stream] += size;
	program->text[stream][program->used[stream]] = '\0';
	return 0;
}

/* Reads until both streams have ended. NULL, or what is wrong. */
static const char *read_all(struct program *program)
{
	while (program->fds[STREAM_OUTPUT] >= 0 || program->fds[STREAM_COMPLAINT] >= 0) {
		struct pollfd ready[STREAM_COUNT];
		int left = milliseconds_left(program);

		for (int i = 0; i < STREAM_COUNT; i++)
			ready[i] = (struct pollfd){ .fd = program->fds[i], .events = POLLIN };
		if (left == 0)
			return "took too long";
		if (poll(ready, STREAM_COUNT, left) <= 0)
			continue;
		for (int i = 0; i < STREAM_COUNT; i++) {
			if (ready[i].revents != 0 && read_some(program, (enum stream)i) < 0)
				return "printed too much";
		}
	}
	return NULL;
}

/* Waits for the end until the deadline; then there is one. */
static int await_end(const struct program *program, bool is_wanted)
{
	int status = 0;

	while (waitpid(program->pid, &status, is_wanted ? 0 : WNOHANG) == 0) {
		is_wanted = milliseconds_left(program) == 0;
		if (is_wanted)
			kill(-program->pid, SIGKILL);
		else
			poll(NULL, 0, 2);
	}
	return status;
}

/* Its own first line, without its name before it: "doveconf: Fatal: ...". */
static char *complaint(const struct program *program, int status)
{
	const char *text = program->text[STREAM_COMPLAINT];
	size_t name = strlen(program->name);

	if (text == NULL || *text == '\0') {
		if (WIFEXITED(status))
			return ini_format("%s: exit status %d", program->name, WEXITSTATUS(status));
		return ini_format("%s: ended by signal %d", program->name, WTERMSIG(status));
	}
	if (strncmp(text, program->name, name) == 0 && strncmp(text + name, ": ", 2) == 0)
		text += name + 2;
	return ini_format("%s: %.*s", program->name, (int)strcspn(text, "\n"), text);
}

static int finish(struct program *program, char **output_r, char **error_r)
{
	const char *wrong = read_all(program);
	int status;

	if (wrong != NULL)
		kill(-program->pid, SIGKILL);
	status = await_end(program, wrong != NULL);
	if (wrong != NULL) {
		*error_r = ini_format("%s: %s", program->name, wrong);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		*error_r = complaint(program, status);
	} else {
		*output_r = program->text[STREAM_OUTPUT];
		program->text[STREAM_OUTPUT] = NULL;
		if (*output_r == NULL)
			*output_r = ini_copy("");
	}
	return *error_r == NULL ? 0 : -1;
}

int check_program_run(const char *const argv[], char **output_r, char **error_r)
{
	struct program program = { .name = argv[0],
				   .deadline = monotonic_msecs() + CHECK_PROGRAM_SECONDS * 1000 };
	char *path = find_program(argv[0]);
	int ret = -1;

	*output_r = *error_r = NULL;
	if (path == NULL) {
		*error_r = ini_format("%s: not found on this host", argv[0]);
		return -1;
	}
	if (start(&program, path, argv) < 0)
		*error_r = ini_format("%s: %s", argv[0], strerror(errno));
	else
		ret = finish(&program, output_r, error_r);
	for (int i = 0; i < STREAM_COUNT; i++) {
		if (program.fds[i] >= 0)
			close(program.fds[i]);
		free(program.text[i]);
	}
	free(path);
	return ret;
}
