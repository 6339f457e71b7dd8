#ifndef POSTERN_TESTS_FILES_H
#define POSTERN_TESTS_FILES_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rows.h"

/* Files of a test, in a directory of its own. */

struct files {
	char directory[64];
	char path[128]; /* of the file that files_write() makes */
};

static inline struct files files_begin(void)
{
	struct files files = { .directory = "/tmp/postern-test-XXXXXX" };

	assert_non_null(mkdtemp(files.directory));
	snprintf(files.path, sizeof(files.path), "%s/file", files.directory);
	return files;
}

static inline void files_write(const struct files *files, const char *text, size_t size,
			       unsigned int mode)
{
	int fd = open(files->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* The whole file, terminated, for free(). */
static inline char *files_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	if (file == NULL)
		fail_msg("%s can't be opened", path);
	assert_true(getdelim(&text, &room, '\0', file) >= 0);
	fclose(file);
	return text;
}

/* A file of the source tree, which `make check` names in $srcdir. */
static inline char *files_read_source(const char *name)
{
	const char *source = getenv("srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", source == NULL ? "." : source, name);
	return files_read(path);
}

static inline void files_end(const struct files *files)
{
	unlink(files->path);
	assert_int_equal(rmdir(files->directory), 0);
}

/* Checks that the error is "PATH:" or "PATH: " and what is expected behind it, and frees it. */
static inline void assert_file_error(char *error, const char *path, const char *expected)
{
	char text[1024];

	assert_non_null(error);
	assert_null(strchr(error, '\n'));
	snprintf(text, sizeof(text), "%s:%s", path, expected);
	assert_string_equal(error, text);
	free(error);
}

#endif
