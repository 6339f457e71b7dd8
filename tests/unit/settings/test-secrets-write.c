/* Adding keys to the site's secrets, and writing those of the daemons. */

#include "settings/secrets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "tests/unit/files.h"
#include "base/text.h"
#include "tests/unit/rows.h"

#define KEY_0 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_1 "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFFf0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

/* Everything in these files is for who runs the test, unless a test says otherwise. */
static unsigned int add_key(const char *path)
{
	struct secrets_site site = { .path = path };
	struct secrets_written written;
	char *error = NULL;

	if (secrets_write(&site, true, &written, &error) < 0)
		fail_msg("%s", error);
	assert_null(error);
	assert_false(written.was_open);
	return written.id;
}

static void assert_refused(const char *path, bool add, const char *named, const char *expected)
{
	struct secrets_site site = { .path = path };
	struct secrets_written written;
	char *error = NULL;

	assert_int_equal(secrets_write(&site, add, &written, &error), -1);
	assert_file_error(error, named, expected);
}

static void assert_add_refused(const char *path, const char *expected)
{
	assert_refused(path, true, path, expected);
}

static unsigned int count_files(const struct files *files)
{
	DIR *directory = opendir(files->directory);
	unsigned int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count - 2; /* "." and ".." */
}

/* The suffixes of what is made from the file. */
static const char *const suffixes[] = { ".milter", ".worker", ".doveadm" };

static char *path_of(const struct files *files, const char *suffix)
{
	return text_format("%s%s", files->path, suffix);
}

static void end(const struct files *files)
{
	for (unsigned int i = 0; i < 3; i++) {
		char *path = path_of(files, suffixes[i]);

		unlink(path);
		free(path);
	}
	files_end(files);
}

static struct secrets *load(const struct files *files, enum secrets_reader reader)
{
	char *error = NULL;
	struct secrets *secrets = secrets_load(files->path, reader, &error);

	if (secrets == NULL)
		fail_msg("%s", error);
	return secrets;
}

/* All files have the same keys. */
static void assert_agree(const struct files *files)
{
	struct secrets *site = load(files, SECRETS_SITE);

	for (enum secrets_reader i = SECRETS_SITE + 1; i < SECRETS_READERS; i++) {
		struct secrets *other = load(files, i);

		assert_true(secrets_agree(site, other));
		secrets_free(&other);
	}
	secrets_free(&site);
}

static void test_add_makes_files(void **state)
{
	struct files files = files_begin();
	struct secrets *secrets;
	struct stat st;

	(void)state;
	assert_int_equal(add_key(files.path), 1);
	assert_int_equal(stat(files.path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	for (unsigned int i = 0; i < 3; i++) {
		char *path = path_of(&files, suffixes[i]);

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		free(path);
	}
	secrets = load(&files, SECRETS_SITE);
	assert_int_equal(secrets->keys_count, 1);
	assert_int_equal(secrets->keys[0].id, 1);
	secrets_free(&secrets);
	assert_agree(&files);
	assert_int_equal(count_files(&files), 4);
	end(&files);
}

static void test_add_again(void **state)
{
	struct files files = files_begin();
	struct secrets *secrets;

	(void)state;
	for (unsigned int id = 1; id <= 8; id++)
		assert_int_equal(add_key(files.path), id);
	assert_agree(&files);
	secrets = load(&files, SECRETS_SITE);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(secrets->keys[i].id, 8 - i);
		for (unsigned int j = 0; j < i; j++)
			assert_memory_not_equal(secrets->keys[i].password,
						secrets->keys[j].password, SECRETS_KEY_SIZE);
	}
	secrets_free(&secrets);
	assert_add_refused(files.path,
			   " has 8 keys, the most that there can be: remove the line of "
			   "the oldest, which ends all app passwords made with it");
	assert_int_equal(count_files(&files), 4);
	end(&files);
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
	assert_agree(&files);
	end(&files);
}

struct add_bad_row {
	const char *name;
	const char *text;
	unsigned int mode;
	const char *error;
};

static const struct add_bad_row add_bad_rows[] = {
	{ "add: no id left", "[keys]\n255 = " KEY_0 "\n", 0640,
	  " no id is left above 255: remove all keys to start again with 1, which ends all app "
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
	assert_int_equal(count_files(&files), 1);
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
	end(&files);
}

/* A symbolic link stays one: the file behind it is replaced. */
static void test_add_through_link(void **state)
{
	struct files files = files_begin(), link = files;
	struct stat st;

	(void)state;
	snprintf(link.path, sizeof(link.path), "%s/link", files.directory);
	files_write(&files, "[keys]\n", 7, 0640);
	assert_int_equal(symlink("file", link.path), 0);
	assert_int_equal(add_key(link.path), 1);
	assert_agree(&link);
	assert_int_equal(add_key(files.path), 2);
	assert_int_equal(lstat(link.path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	for (unsigned int i = 0; i < 3; i++) {
		char *path = path_of(&link, suffixes[i]);

		assert_int_equal(unlink(path), 0);
		free(path);
	}
	unlink(link.path);
	end(&files);
}

static void test_add_while_another_does(void **state)
{
	struct files files = files_begin();
	int fd = open(files.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_add_refused(files.path, " somebody else is adding a key right now");
	close(fd);
	assert_int_equal(add_key(files.path), 1);
	end(&files);
}

static void test_add_without_directory(void **state)
{
	(void)state;
	assert_refused("/nonexistent/secrets", true, "/nonexistent", " No such file or directory");
}

static void test_files_without_a_key(void **state)
{
	struct files files = files_begin();

	(void)state;
	assert_refused(files.path, false, files.path,
		       " has no key yet: \"doveadm postern key add\" makes one");
	files_write(&files, "[redis]\npassword = x\n", 21, 0600);
	assert_refused(files.path, false, files.path,
		       " has no key yet: \"doveadm postern key add\" makes one");
	assert_int_equal(count_files(&files), 1);
	files_end(&files);
}

#define SITE "# mine\n[redis]\npassword = of the site\n[keys]\n7 = " KEY_0 "\n3 = " KEY_1 "\n"

/* What a daemon's file has. NULL is nothing, ANYTHING is something new. */
#define ANYTHING "*"

struct password_row {
	const char *name;
	bool own_redis_user;
	const char *milter, *worker; /* their files before */
	const char *milter_redis, *worker_redis, *door;
	const char *door_line; /* as Dovecot reads it */
};

static const struct password_row password_rows[] = {
	{ "files: of a site of before", false, NULL, NULL, "of the site", "of the site", ANYTHING,
	  NULL },
	{ "files: the milter has another Redis user", true, NULL, NULL, NULL, "of the site",
	  ANYTHING, NULL },
	{ "files: passwords stay", true, "[redis]\npassword = its own\n",
	  "[doveadm]\npassword = chosen\n", "its own", "of the site", "chosen",
	  "doveadm_password = \"chosen\"\n" },
	{ "files: the site's new password", false, "[redis]\npassword = old\n",
	  "[redis]\npassword = old\n[doveadm]\npassword = a\"b\\c#d\n", "of the site",
	  "of the site", "a\"b\\c#d", "doveadm_password = \"a\\\"b\\\\c#d\"\n" },
	{ "files: old keys go", false,
	  "[trace-keys]\n200 = " KEY_0 "\n[refusal-keys]\n200 = " KEY_0 "\n", NULL, "of the site",
	  "of the site", ANYTHING, NULL },
};

static void assert_password(const char *password, const char *expected)
{
	if (expected == NULL) {
		assert_null(password);
		return;
	}
	assert_non_null(password);
	if (strcmp(expected, ANYTHING) == 0)
		assert_int_equal(strspn(password, "0123456789abcdef"), 48);
	else
		assert_string_equal(password, expected);
}

static void write_beside(const struct files *files, const char *suffix, const char *text)
{
	struct files other = *files;
	char *path;

	if (text == NULL)
		return;
	path = path_of(files, suffix);
	snprintf(other.path, sizeof(other.path), "%s", path);
	files_write(&other, text, strlen(text), 0640);
	free(path);
}

static void test_files(void **state)
{
	const struct password_row *row = *state;
	struct files files = files_begin();
	struct secrets_site site = { .path = files.path };
	struct secrets_written written;
	struct secrets *secrets;
	char *error = NULL, *text, *path;

	site.own_redis_user[SECRETS_MILTER] = row->own_redis_user;
	files_write(&files, SITE, strlen(SITE), 0600);
	write_beside(&files, ".milter", row->milter);
	write_beside(&files, ".worker", row->worker);
	assert_int_equal(secrets_write(&site, false, &written, &error), 0);
	assert_null(error);
	assert_int_equal(written.id, 7);
	text = files_read(files.path);
	assert_string_equal(text, SITE);
	free(text);
	assert_agree(&files);

	secrets = load(&files, SECRETS_MILTER);
	assert_password(secrets->redis_password, row->milter_redis);
	secrets_free(&secrets);
	secrets = load(&files, SECRETS_WORKER);
	assert_password(secrets->redis_password, row->worker_redis);
	assert_password(secrets->doveadm_password, row->door);
	path = path_of(&files, ".doveadm");
	text = files_read(path);
	if (row->door_line != NULL)
		assert_non_null(strstr(text, row->door_line));
	else
		assert_non_null(strstr(text, secrets->doveadm_password));
	free(text);
	free(path);
	secrets_free(&secrets);
	assert_int_equal(count_files(&files), 4);
	end(&files);
}

/* No key of the site stands in a daemon's file, nor what app passwords are checked with. */
static void test_files_hold_no_more(void **state)
{
	struct files files = files_begin();
	struct secrets *secrets;
	char password[2 * SECRETS_KEY_SIZE + 1], trace[2 * SECRETS_KEY_SIZE + 1];

	(void)state;
	files_write(&files, SITE, strlen(SITE), 0600);
	add_key(files.path);
	secrets = load(&files, SECRETS_SITE);
	digest_hex(secrets->keys[1].password, SECRETS_KEY_SIZE, password);
	digest_hex(secrets->keys[1].trace, SECRETS_KEY_SIZE, trace);
	secrets_free(&secrets);
	for (unsigned int i = 0; i < 3; i++) {
		char *path = path_of(&files, suffixes[i]), *text = files_read(path);

		assert_null(strstr(text, KEY_0));
		assert_null(strstr(text, password));
		assert_int_equal(strstr(text, trace) != NULL, i == 0);
		free(text);
		free(path);
	}
	end(&files);
}

/* A mistake in one file: none is written. */
static void test_files_all_or_none(void **state)
{
	struct files files = files_begin();
	char *text, *path;

	(void)state;
	files_write(&files, SITE, strlen(SITE), 0600);
	write_beside(&files, ".worker", "[nonsense]\n");
	path = path_of(&files, ".worker");
	assert_refused(files.path, true, path,
		       "1: expected [redis], [doveadm], [notice-keys] or [refusal-keys]");
	free(path);
	text = files_read(files.path);
	assert_string_equal(text, SITE);
	free(text);
	assert_int_equal(count_files(&files), 2);
	end(&files);
}

static void assert_mode(const struct files *files, const char *suffix, uid_t owner, gid_t group,
			mode_t mode)
{
	char *path = path_of(files, suffix);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | mode);
	assert_int_equal(st.st_uid, owner);
	assert_int_equal(st.st_gid, group);
	free(path);
}

/* Each daemon's group reads its file; and what the milter could read before is root's from now on.
   Users and groups that every Debian has. */
static void test_files_for_users(void **state)
{
	static const struct {
		uid_t owner;
		gid_t group;
		mode_t mode;
		bool was_open;
	} rows[] = {
		{ 0, 0, 0600, false },
		{ 0, 8, 0640, false }, /* people of a group that is no daemon's */
		{ 0, 1, 0640, true },  /* daemon's */
		{ 0, 1, 0600, false },
		{ 1, 0, 0600, true },
		{ 0, 65534, 0640, true }, /* nobody's */
	};
	struct files files = files_begin();
	struct secrets_site site = { .path = files.path, .users = { NULL, "nobody", "daemon" } };

	(void)state;
	for (size_t i = 0; geteuid() == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secrets_written written;
		char *error = NULL;

		files_write(&files, SITE, strlen(SITE), rows[i].mode);
		assert_int_equal(chown(files.path, rows[i].owner, rows[i].group), 0);
		assert_int_equal(secrets_write(&site, i % 2 == 0, &written, &error), 0);
		assert_int_equal(written.was_open, rows[i].was_open);
		assert_false(written.user_is_missing[SECRETS_MILTER]);
		assert_mode(&files, "", 0, rows[i].was_open ? getegid() : rows[i].group,
			    rows[i].was_open ? 0600 : rows[i].mode);
		assert_mode(&files, ".milter", 0, 65534, 0640);
		assert_mode(&files, ".worker", 0, 1, 0640);
		assert_mode(&files, ".doveadm", 0, getegid(), 0600);
	}
	end(&files);
}

static void test_files_for_nobody_here(void **state)
{
	struct files files = files_begin();
	struct secrets_site site = { .path = files.path, .users = { NULL, "no-such-user", NULL } };
	struct secrets_written written;
	char *error = NULL;

	(void)state;
	assert_int_equal(secrets_write(&site, true, &written, &error), 0);
	assert_true(written.user_is_missing[SECRETS_MILTER]);
	assert_false(written.user_is_missing[SECRETS_WORKER]);
	assert_mode(&files, ".milter", geteuid(), getegid(), 0600);
	end(&files);
}

int main(void)
{
	ADD_TEST(test_add_makes_files);
	ADD_TEST(test_add_again);
	ADD_ROWS(test_add, key_rows);
	ADD_ROWS(test_add_bad, add_bad_rows);
	ADD_TEST(test_add_keeps_owner_and_mode);
	ADD_TEST(test_add_through_link);
	ADD_TEST(test_add_while_another_does);
	ADD_TEST(test_add_without_directory);
	ADD_TEST(test_files_without_a_key);
	ADD_ROWS(test_files, password_rows);
	ADD_TEST(test_files_hold_no_more);
	ADD_TEST(test_files_all_or_none);
	ADD_TEST(test_files_for_users);
	ADD_TEST(test_files_for_nobody_here);
	return RUN_TESTS();
}
