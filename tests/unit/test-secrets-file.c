/* Adding keys to the secrets file. */

#include "secrets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "rows.h"

#define KEY_0 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_1 "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFFf0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static unsigned int add_key(const char *path)
{
	unsigned int id = 0;
	char *error = NULL;

	if (secrets_add_key(path, &id, &error) < 0)
		fail_msg("%s", error);
	assert_null(error);
	return id;
}

static void assert_add_refused(const char *path, const char *expected)
{
	unsigned int id = 77;
	char *error = NULL;

	assert_int_equal(secrets_add_key(path, &id, &error), -1);
	assert_file_error(error, path, expected);
	assert_int_equal(id, 77);
}

/* The file and nothing else is in the directory. */
static void assert_alone(const struct files *files)
{
	DIR *directory = opendir(files->directory);
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	assert_int_equal(count, 3); /* with "." and ".." */
}

static void test_add_makes_file(void **state)
{
	struct files files = files_begin();
	struct secrets *secrets;
	struct stat st;
	char *error = NULL;
	gid_t group = geteuid() == 0 ? 8 : getegid();

	(void)state;
	assert_int_equal(chown(files.directory, (uid_t)-1, group), 0);
	assert_int_equal(add_key(files.path), 1);
	assert_int_equal(stat(files.path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_gid, group);
	secrets = secrets_load(files.path, &error);
	assert_null(error);
	assert_int_equal(secrets->keys_count, 1);
	assert_int_equal(secrets->keys[0].id, 1);
	secrets_free(&secrets);
	assert_alone(&files);
	files_end(&files);
}

static void test_add_again(void **state)
{
	struct files files = files_begin();
	struct secrets *secrets;
	char *error = NULL;

	(void)state;
	for (unsigned int id = 1; id <= 8; id++)
		assert_int_equal(add_key(files.path), id);
	secrets = secrets_load(files.path, &error);
	assert_null(error);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(secrets->keys[i].id, 8 - i);
		for (unsigned int j = 0; j < i; j++)
			assert_memory_not_equal(secrets->keys[i].password,
						secrets->keys[j].password, SECRETS_KEY_SIZE);
	}
	secrets_free(&secrets);
	assert_add_refused(files.path, " has 8 keys, as many as there can be: remove the line of "
				       "the oldest, which ends all app passwords made with it");
	assert_alone(&files);
	files_end(&files);
}

struct add_row {
	const char *name;
	const char *text;
	unsigned int id;
	const char *before, *behind; /* what stands around the new key's line */
};

static const struct add_row key_rows[] = {
	{ "add: to an empty file", "", 1, "\n[keys]\n", "" },
	{ "add: first key", "# mine\n[redis]\npassword = x\n", 1,
	  "# mine\n[redis]\npassword = x\n\n[keys]\n", "" },
	{ "add: first key, no line break at the end", "[redis]\npassword = x", 1,
	  "[redis]\npassword = x\n\n[keys]\n", "" },
	{ "add: to an empty [keys]", "[keys]\n# none\n[redis]\npassword = x\n", 1, "[keys]\n",
	  "# none\n[redis]\npassword = x\n" },
	{ "add: behind the last key", "[keys]\n3 = " KEY_0 "\n# two\n\n2 = " KEY_1 "\n\n[redis]\n",
	  4, "[keys]\n3 = " KEY_0 "\n# two\n\n2 = " KEY_1 "\n", "\n[redis]\n" },
	{ "add: no line break at the end", "[keys]\n1 = " KEY_0, 2, "[keys]\n1 = " KEY_0 "\n", "" },
	{ "add: highest id", "[keys]\n254 = " KEY_0 "\n", 255, "[keys]\n254 = " KEY_0 "\n", "" },
};

static void test_add(void **state)
{
	const struct add_row *row = *state;
	struct files files = files_begin();
	char *text, *at, expected[16];

	files_write(&files, row->text, strlen(row->text), 0600);
	assert_int_equal(add_key(files.path), row->id);
	text = files_read(files.path);
	assert_memory_equal(text, row->before, strlen(row->before));
	at = text + strlen(row->before);
	snprintf(expected, sizeof(expected), "%u = ", row->id);
	assert_memory_equal(at, expected, strlen(expected));
	at += strlen(expected);
	assert_int_equal(strspn(at, "0123456789abcdef"), 2 * SECRETS_KEY_SIZE);
	at += 2 * SECRETS_KEY_SIZE;
	assert_int_equal(*at, '\n');
	assert_string_equal(at + 1, row->behind);
	free(text);
	files_end(&files);
}

struct add_bad_row {
	const char *name;
	const char *text;
	unsigned int mode;
	const char *error;
};

static const struct add_bad_row add_bad_rows[] = {
	{ "add: no id left", "[keys]\n255 = " KEY_0 "\n", 0640,
	  " no id is left above 255: remove all keys to begin with 1 again, which ends all app "
	  "passwords" },
	{ "add: mistake in the file", "[keys]\n1 = x\n", 0640,
	  "2: 1: "
	  "expected 64 hexadecimal digits" },
};

/* The file stays as it was. */
static void test_add_bad(void **state)
{
	const struct add_bad_row *row = *state;
	struct files files = files_begin();
	char *text;

	files_write(&files, row->text, strlen(row->text), row->mode);
	assert_add_refused(files.path, row->error);
	text = files_read(files.path);
	assert_string_equal(text, row->text);
	free(text);
	assert_alone(&files);
	files_end(&files);
}

static void test_add_keeps_owner_and_mode(void **state)
{
	struct files files = files_begin();
	uid_t user = geteuid() == 0 ? 65534 : geteuid();
	gid_t group = geteuid() == 0 ? 8 : getegid();
	struct stat st;

	(void)state;
	files_write(&files, "[keys]\n", 7, 0600);
	assert_int_equal(chown(files.path, user, group), 0);
	add_key(files.path);
	assert_int_equal(stat(files.path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, user);
	assert_int_equal(st.st_gid, group);
	files_end(&files);
}

/* A symbolic link stays one: the file behind it is replaced. */
static void test_add_through_link(void **state)
{
	struct files files = files_begin();
	char path[160];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/link", files.directory);
	files_write(&files, "[keys]\n", 7, 0640);
	assert_int_equal(symlink("file", path), 0);
	assert_int_equal(add_key(path), 1);
	assert_int_equal(add_key(files.path), 2);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(path);
	files_end(&files);
}

static void test_add_while_another_does(void **state)
{
	struct files files = files_begin();
	int fd = open(files.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_add_refused(files.path, " somebody else is adding a key just now");
	close(fd);
	assert_int_equal(add_key(files.path), 1);
	files_end(&files);
}

static void test_add_without_directory(void **state)
{
	unsigned int id;
	char *error = NULL;

	(void)state;
	assert_int_equal(secrets_add_key("/nonexistent/secrets", &id, &error), -1);
	assert_file_error(error, "/nonexistent", " No such file or directory");
}

int main(void)
{
	ADD_TEST(test_add_makes_file);
	ADD_TEST(test_add_again);
	ADD_ROWS(test_add, key_rows);
	ADD_ROWS(test_add_bad, add_bad_rows);
	ADD_TEST(test_add_keeps_owner_and_mode);
	ADD_TEST(test_add_through_link);
	ADD_TEST(test_add_while_another_does);
	ADD_TEST(test_add_without_directory);
	return RUN_TESTS();
}
