#include "base/new-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

char *new_file_error(const char *path)
{
	return text_format("%s: %s", path, strerror(errno));
}

int new_file_begin(struct new_file *file_r, const char *path, char **error_r)
{
	char *target = realpath(path, NULL);

	*file_r = (struct new_file){ .path = target != NULL ? target : text_copy(path) };
	file_r->temporary = text_format("%s.XXXXXX", file_r->path);
	file_r->fd = mkostemp(file_r->temporary, O_CLOEXEC);
	if (file_r->fd >= 0)
		return 0;
	*error_r = new_file_error(file_r->temporary);
	free(file_r->temporary);
	file_r->temporary = NULL;
	new_file_end(file_r);
	return -1;
}

int new_file_add(struct new_file *file, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t written = write(file->fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

int new_file_finish(struct new_file *file, uid_t owner, gid_t group, mode_t mode, char **error_r)
{
	/* The mode last: chown(2) takes some of it away, and others may read it only then. */
	if (fchown(file->fd, owner, group) == 0 && fchmod(file->fd, mode) == 0 &&
	    fsync(file->fd) == 0)
		return 0;
	*error_r = new_file_error(file->temporary);
	return -1;
}

/* So that the new name is on the disk as well. */
static int sync_directory(const char *path, char **error_r)
{
	char *copy = text_copy(path), *directory = dirname(copy);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	if (fd < 0 || fsync(fd) < 0) {
		*error_r = new_file_error(directory);
		result = -1;
	}
	if (fd >= 0)
		close(fd);
	free(copy);
	return result;
}

int new_file_place(struct new_file *file, char **error_r)
{
	if (rename(file->temporary, file->path) < 0) {
		*error_r = new_file_error(file->path);
		return -1;
	}
	free(file->temporary);
	file->temporary = NULL;
	return sync_directory(file->path, error_r);
}

void new_file_end(struct new_file *file)
{
	if (file->path == NULL)
		return;
	if (file->temporary != NULL)
		unlink(file->temporary);
	if (file->fd >= 0)
		close(file->fd);
	free(file->temporary);
	free(file->path);
	*file = (struct new_file){ 0 };
}
