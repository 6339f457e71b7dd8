#include "listener.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

/* Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096

static struct sockaddr_un listener_address = { .sun_family = AF_UNIX };
static dev_t listener_device;
static ino_t listener_inode;

static int set_error(char **error_r, const char *what)
{
	if (asprintf(error_r, "socket %s: %s", listener_address.sun_path, what) < 0)
		*error_r = NULL;
	return -1;
}

/* 0, or the errno of connecting. */
static int try_connect(void)
{
	int error = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)&listener_address, sizeof(listener_address)) < 0)
		error = errno;
	close(fd);
	return error;
}

static int check_free(char **error_r)
{
	int error = try_connect();

	switch (error) {
	case ENOENT:
	case ECONNREFUSED: /* a leftover: libmilter removes it */
		return 0;
	case 0:
	case EAGAIN: /* a listener that is busy */
		return set_error(error_r, "another process is listening on it");
	default:
		return set_error(error_r, strerror(error));
	}
}

static int find_group(const char *name, gid_t *gid_r, char **error_r)
{
	const struct group *group;

	*gid_r = (gid_t)-1;
	if (name == NULL || name[0] == '\0')
		return 0;
	group = getgrnam(name);
	if (group == NULL)
		return set_error(error_r, "the group in socket_group does not exist");
	*gid_r = group->gr_gid;
	return 0;
}

static int open_socket(void)
{
	char connection[sizeof(listener_address.sun_path) + 8];
	mode_t mask;
	int result;

	snprintf(connection, sizeof(connection), "unix:%s", listener_address.sun_path);
	if (smfi_setconn(connection) != MI_SUCCESS || smfi_setbacklog(BACKLOG) != MI_SUCCESS)
		return -1;
	mask = umask(0117);
	result = smfi_opensocket(true);
	umask(mask);
	return result == MI_SUCCESS ? 0 : -1;
}

static int hand_over(uid_t owner, gid_t group, char **error_r)
{
	struct stat status;

	/* Someone who may write to the directory must not make us give away another file. */
	if (lchown(listener_address.sun_path, owner, group) < 0 ||
	    lstat(listener_address.sun_path, &status) < 0)
		return set_error(error_r, strerror(errno));
	listener_device = status.st_dev;
	listener_inode = status.st_ino;
	return 0;
}

int listener_open(const struct milter_settings *settings, uid_t owner, char **error_r)
{
	gid_t group;

	/* libmilter wants one byte less than the system. */
	if (strlen(settings->socket) >= sizeof(listener_address.sun_path) - 1) {
		if (asprintf(error_r, "socket %s: the path is too long", settings->socket) < 0)
			*error_r = NULL;
		return -1;
	}
	strcpy(listener_address.sun_path, settings->socket);
	if (find_group(settings->socket_group, &group, error_r) < 0 || check_free(error_r) < 0)
		return -1;
	errno = 0;
	if (open_socket() < 0)
		return set_error(error_r, errno != 0 ? strerror(errno) : "can't be opened");
	return hand_over(owner, group, error_r);
}

void listener_wake(void)
{
	/* If it can't be done, libmilter looks up by itself. */
	try_connect();
}

void listener_remove(void)
{
	struct stat status;

	if (lstat(listener_address.sun_path, &status) == 0 && status.st_dev == listener_device &&
	    status.st_ino == listener_inode)
		unlink(listener_address.sun_path);
}
