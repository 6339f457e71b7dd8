/* Adds a key to the secrets file. */

#include "secrets-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

/* "255 = ", the digits, the line's end and a terminator. */
#define KEY_LINE_SIZE (6 + 2 * SECRETS_KEY_SIZE + 2)

static const char new_file[] = "# Secrets of Postern: postern.conf(5).\n"
			       "# Who reads this file can make app passwords and trace headers.\n";

/* What is being changed. */
struct change {
	const char *path; /* of the file itself, not of a symbolic link to it */
	char *directory;
	int directory_fd; /* locked: one change at a time */
	bool exists;
	struct ini_text text; /* as it was */
	unsigned int id;      /* of the new key */
	struct secrets_layout layout;
};

static char *system_error(const char *path)
{
	return ini_format("%s: %s", path, strerror(errno));
}

static int lock_directory(struct change *change, char **error_r)
{
	char *path = ini_copy(change->path);

	change->directory = ini_copy(dirname(path));
	free(path);
	change->directory_fd = open(change->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (change->directory_fd < 0) {
		*error_r = system_error(change->directory);
		return -1;
	}
	if (flock(change->directory_fd, LOCK_EX | LOCK_NB) < 0) {
		*error_r = errno == EWOULDBLOCK
				   ? ini_format("%s: somebody else is adding a key just now",
						change->path)
				   : system_error(change->directory);
		return -1;
	}
	return 0;
}

/* Finds the new key's id and place. */
static int read_old(struct change *change, char **error_r)
{
	struct secrets *secrets;
	unsigned int count, highest;

	change->id = 1;
	change->exists = access(change->path, F_OK) == 0 || errno != ENOENT;
	if (!change->exists)
		return 0;
	if (ini_text_read(change->path, SECRETS_FILE_MAX, true, &change->text, error_r) < 0)
		return -1;
	secrets = secrets_parse(&change->text, change->path, &change->layout, error_r);
	if (secrets == NULL)
		return -1;
	count = secrets->keys_count;
	highest = count == 0 ? 0 : secrets->keys[0].id;
	secrets_free(&secrets);

	if (count == SECRETS_KEYS_MAX)
		*error_r =
			ini_format("%s: has %d keys, as many as there can be: remove the line of "
				   "the oldest, which ends all app passwords made with it",
				   change->path, SECRETS_KEYS_MAX);
	else if (highest == SECRETS_KEY_ID_MAX)
		*error_r = ini_format("%s: no id is left above %d: remove all keys to begin with 1 "
				      "again, which ends all app passwords",
				      change->path, SECRETS_KEY_ID_MAX);
	change->id = highest + 1;
	return *error_r == NULL ? 0 : -1;
}

static int make_key_line(unsigned int id, char line_r[KEY_LINE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char key[SECRETS_KEY_SIZE];
	int used, result = RAND_priv_bytes(key, sizeof(key)) == 1 ? 0 : -1;

	used = snprintf(line_r, KEY_LINE_SIZE, "%u = ", id);
	for (size_t i = 0; i < sizeof(key); i++) {
		line_r[used++] = digits[key[i] >> 4];
		line_r[used++] = digits[key[i] & 15];
	}
	memcpy(line_r + used, "\n", 2);
	OPENSSL_cleanse(key, sizeof(key));
	return result;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static int write_string(int fd, const char *string)
{
	return write_all(fd, string, strlen(string));
}

/* How many bytes the first lines have. */
static size_t lines_size(const struct ini_text *text, unsigned int lines)
{
	const char *at = text->bytes, *end = text->bytes + text->size;

	for (; lines > 0 && at < end; lines--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at == NULL ? end : at + 1;
	}
	return (size_t)(at - text->bytes);
}

/* The old text with the key's line behind the last one of [keys]. */
static int write_text(const struct change *change, int fd, const char *key_line)
{
	const struct ini_text *text = &change->text;
	size_t before;

	if (!change->exists)
		return write_string(fd, new_file) < 0 || write_string(fd, "\n[keys]\n") < 0 ||
				       write_string(fd, key_line) < 0
			       ? -1
			       : 0;
	before = change->layout.keys_line == 0 ? text->size
					       : lines_size(text, change->layout.keys_line);
	if (write_all(fd, text->bytes, before) < 0)
		return -1;
	if (before > 0 && text->bytes[before - 1] != '\n' && write_string(fd, "\n") < 0)
		return -1;
	if (change->layout.keys_line == 0 && write_string(fd, "\n[keys]\n") < 0)
		return -1;
	if (write_string(fd, key_line) < 0)
		return -1;
	return write_all(fd, text->bytes + before, text->size - before);
}

/* The old file's owner, group and mode; for a new file its directory's group, which may read it. */
static int set_owner(const struct change *change, int fd)
{
	struct stat st;

	if (change->exists) {
		if (stat(change->path, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)
			return -1;
		return fchmod(fd, st.st_mode & (S_IRWXU | S_IRWXG));
	}
	if (fstat(change->directory_fd, &st) < 0 || fchown(fd, (uid_t)-1, st.st_gid) < 0)
		return -1;
	return fchmod(fd, 0640);
}

static int write_new(const struct change *change, int fd)
{
	char key_line[KEY_LINE_SIZE];
	int result = make_key_line(change->id, key_line);

	if (result < 0)
		errno = EIO;
	/* Others may read it once it is whole and the group is the right one. */
	if (result == 0)
		result = write_text(change, fd, key_line);
	OPENSSL_cleanse(key_line, sizeof(key_line));
	if (result < 0 || set_owner(change, fd) < 0)
		return -1;
	return fsync(fd);
}

static int replace_file(const struct change *change, char **error_r)
{
	char *new_path = ini_format("%s.XXXXXX", change->path);
	int result = -1, fd = mkostemp(new_path, O_CLOEXEC);

	if (fd < 0) {
		*error_r = system_error(new_path);
		free(new_path);
		return -1;
	}
	if (write_new(change, fd) == 0 && rename(new_path, change->path) == 0)
		result = 0;
	if (result < 0) {
		*error_r = system_error(new_path);
		unlink(new_path);
	} else if (fsync(change->directory_fd) < 0) {
		*error_r = system_error(change->directory);
		result = -1;
	}
	close(fd);
	free(new_path);
	return result;
}

int secrets_add_key(const char *path, unsigned int *id_r, char **error_r)
{
	char *target = realpath(path, NULL);
	struct change change = { .path = target == NULL ? path : target, .directory_fd = -1 };
	int result = -1;

	*error_r = NULL;
	if (lock_directory(&change, error_r) == 0 && read_old(&change, error_r) == 0)
		result = replace_file(&change, error_r);
	if (result == 0)
		*id_r = change.id;
	if (change.directory_fd >= 0)
		close(change.directory_fd);
	ini_text_free(&change.text);
	free(change.directory);
	free(target);
	return result;
}
