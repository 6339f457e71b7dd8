/* Writes the secrets files: a new key into the site's, and from it those of the daemons. */

#include "base/text.h"
#include "settings/secrets-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/digest.h"
#include "base/file-access.h"
#include "base/new-file.h"

/* "255 = ", the digits, the line's end and a terminator. */
#define KEY_LINE_SIZE (6 + 2 * SECRETS_KEY_SIZE + 2)

/* Bytes of the worker's password for its listener, which is written in hexadecimal digits. */
#define DOOR_SIZE 24

/* Room for a daemon's file: its comment, two passwords, and a line for each subkey. */
#define DAEMON_FILE_MAX (1024 + SECRETS_PURPOSES * (64 + SECRETS_KEYS_MAX * KEY_LINE_SIZE))

static const char new_file_text[] =
	"# Secrets of Postern: postern.conf(5).\n"
	"# Whoever can read this file can make app passwords and trace headers.\n";

static const char daemon_file_text[] =
	"# Made by \"doveadm postern key add\" or \"key files\" from the site's secrets: see\n"
	"# postern.conf(5). Passwords stay as they are here; keys are rewritten.\n";

static const char door_file_text[] = "# Made by \"doveadm postern key add\" or \"key files\", for "
				     "Dovecot: the worker's password.\n";

/* Text that is made, in memory that is wiped. Always terminated. */
struct text {
	char *bytes;
	size_t size, room; /* without the terminator */
};

/* What is being written. */
struct work {
	const struct secrets_site *site;
	struct secrets_written *written;
	char *path;	  /* of the site's file itself, not of a link to it */
	int directory_fd; /* locked: one change at a time */
	bool exists;
	struct stat st;		 /* if it does */
	struct ini_text old;	 /* likewise */
	struct text text;	 /* as it will be, if it changes */
	struct secrets *secrets; /* likewise */
	struct new_file files[SECRETS_READERS], door;
};

static void text_begin(struct text *text_r, size_t room)
{
	*text_r = (struct text){ .bytes = OPENSSL_secure_zalloc(room + 1), .room = room };
	if (text_r->bytes == NULL)
		abort();
}

static void text_end(struct text *text)
{
	OPENSSL_secure_clear_free(text->bytes, text->room + 1);
	*text = (struct text){ 0 };
}

static void add_bytes(struct text *text, const char *bytes, size_t size)
{
	if (size > text->room - text->size)
		abort();
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

static void add(struct text *text, const char *string)
{
	add_bytes(text, string, strlen(string));
}

static void add_key(struct text *text, unsigned int id, const unsigned char key[SECRETS_KEY_SIZE])
{
	char hex[2 * SECRETS_KEY_SIZE + 1], start[8];

	snprintf(start, sizeof(start), "%u = ", id);
	digest_hex(key, SECRETS_KEY_SIZE, hex);
	add(text, start);
	add(text, hex);
	add(text, "\n");
	OPENSSL_cleanse(hex, sizeof(hex));
}

static int lock_directory(struct work *work, char **error_r)
{
	char *copy = text_copy(work->path), *directory = dirname(copy);
	int result = -1;

	work->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (work->directory_fd < 0)
		*error_r = new_file_error(directory);
	else if (flock(work->directory_fd, LOCK_EX | LOCK_NB) == 0)
		result = 0;
	else
		*error_r = errno == EWOULDBLOCK
				   ? text_format("%s: somebody else is adding a key right now",
						 work->path)
				   : new_file_error(directory);
	free(copy);
	return result;
}

/* The site's file as it is. */
static int read_old(struct work *work, struct secrets_layout *layout_r, char **error_r)
{
	work->exists = stat(work->path, &work->st) == 0 || errno != ENOENT;
	if (!work->exists)
		return 0;
	if (ini_text_read(work->path, SECRETS_FILE_MAX, true, &work->old, error_r) < 0)
		return -1;
	work->secrets = secrets_parse(&work->old, work->path, SECRETS_SITE, layout_r, error_r);
	return work->secrets == NULL ? -1 : 0;
}

static int next_id(struct work *work, unsigned int *id_r, char **error_r)
{
	unsigned int count = work->secrets == NULL ? 0 : work->secrets->keys_count;
	unsigned int highest = count == 0 ? 0 : work->secrets->keys[0].id;

	if (count == SECRETS_KEYS_MAX)
		*error_r = text_format(
			"%s: has %d keys, the most that there can be: remove the line of "
			"the oldest, which ends all app passwords made with it",
			work->path, SECRETS_KEYS_MAX);
	else if (highest == SECRETS_KEY_ID_MAX)
		*error_r = text_format(
			"%s: no id is left above %d: remove all keys to start again with "
			"1, which ends all app passwords",
			work->path, SECRETS_KEY_ID_MAX);
	*id_r = highest + 1;
	return *error_r == NULL ? 0 : -1;
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

/* The old text with the key's line after the last one of [keys]. */
static void make_text(struct work *work, const struct secrets_layout *layout, unsigned int id,
		      const unsigned char key[SECRETS_KEY_SIZE])
{
	const struct ini_text *old = &work->old;
	size_t before = layout->keys_line == 0 ? old->size : lines_size(old, layout->keys_line);
	struct text *text = &work->text;

	text_begin(text, sizeof(new_file_text) + old->size + KEY_LINE_SIZE + 16);
	if (work->exists)
		add_bytes(text, old->bytes, before);
	else
		add(text, new_file_text);
	if (before > 0 && old->bytes[before - 1] != '\n')
		add(text, "\n");
	if (layout->keys_line == 0)
		add(text, "\n[keys]\n");
	add_key(text, id, key);
	add_bytes(text, old->bytes == NULL ? "" : old->bytes + before, old->size - before);
}

/* Makes the site's new text, and reads it: with the new key come its subkeys. */
static int make_key(struct work *work, const struct secrets_layout *layout, char **error_r)
{
	struct ini_text text;
	struct secrets_layout ignored;
	unsigned char key[SECRETS_KEY_SIZE];
	unsigned int id;

	if (next_id(work, &id, error_r) < 0)
		return -1;
	if (RAND_priv_bytes(key, sizeof(key)) != 1) {
		*error_r = text_format("%s: OpenSSL has no random bytes", work->path);
		return -1;
	}
	make_text(work, layout, id, key);
	OPENSSL_cleanse(key, sizeof(key));
	text = (struct ini_text){ .bytes = work->text.bytes, .size = work->text.size };
	secrets_free(&work->secrets);
	work->secrets = secrets_parse(&text, work->path, SECRETS_SITE, &ignored, error_r);
	return work->secrets == NULL ? -1 : 0;
}

static bool has_reader(const struct work *work, const struct stat *st)
{
	for (unsigned int i = 0; i < SECRETS_READERS; i++) {
		const char *user = work->site->users[i];

		if (user != NULL && file_access_reads(st, user))
			return true;
	}
	return false;
}

/* The site's file: as it was, or with the new key. It keeps its owner, its group and its mode,
   unless a daemon's user may read it by one of them: then it is root's alone. */
static int write_site(struct work *work, char **error_r)
{
	struct new_file *file = &work->files[SECRETS_SITE];
	bool keep = work->exists && !has_reader(work, &work->st);
	const char *bytes = work->text.bytes != NULL ? work->text.bytes : work->old.bytes;
	size_t size = work->text.bytes != NULL ? work->text.size : work->old.size;

	work->written->was_open = work->exists && !keep;
	if (work->text.bytes == NULL && keep)
		return 0;
	if (new_file_begin(file, work->path, error_r) < 0)
		return -1;
	if (new_file_add(file, bytes, size) < 0) {
		*error_r = new_file_error(file->temporary);
		return -1;
	}
	return keep ? new_file_finish(file, work->st.st_uid, work->st.st_gid,
				      work->st.st_mode & (S_IRWXU | S_IRWXG), error_r)
		    : new_file_finish(file, (uid_t)-1, (gid_t)-1, 0600, error_r);
}

/* The passwords that the daemon's file has so far. 0 without a file; -1 if it has a mistake. */
static int read_passwords(const char *path, enum secrets_reader reader, struct secrets **secrets_r,
			  char **error_r)
{
	struct secrets_layout layout;
	struct ini_text text;

	*secrets_r = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (ini_text_read(path, SECRETS_FILE_MAX, true, &text, error_r) < 0)
		return -1;
	*secrets_r = secrets_parse(&text, path, reader, &layout, error_r);
	ini_text_free(&text);
	return *secrets_r == NULL ? -1 : 0;
}

static void add_password(struct text *text, const char *section, const char *password)
{
	if (password == NULL)
		return;
	add(text, "\n[");
	add(text, section);
	add(text, "]\npassword = ");
	add(text, password);
	add(text, "\n");
}

static void add_subkeys(struct text *text, const struct secrets *secrets,
			enum secrets_reader reader)
{
	for (unsigned int i = 0; i < SECRETS_PURPOSES; i++) {
		if ((secrets_purposes(reader) & 1U << i) == 0)
			continue;
		add(text, "\n[");
		add(text, secrets_section(i));
		add(text, "]\n");
		for (unsigned int j = secrets->keys_count; j-- > 0;)
			add_key(text, secrets->keys[j].id, secrets_subkey(&secrets->keys[j], i));
	}
}

/* Root's, and the user's group may read it. */
static int write_for(struct work *work, struct new_file *file, const struct text *text,
		     const char *path, enum secrets_reader reader, char **error_r)
{
	const char *user = work->site->users[reader];
	const struct passwd *entry = user == NULL ? NULL : getpwnam(user);
	bool for_root = user == NULL || entry == NULL;

	work->written->user_is_missing[reader] = user != NULL && entry == NULL;
	if (new_file_begin(file, path, error_r) < 0)
		return -1;
	if (new_file_add(file, text->bytes, text->size) < 0) {
		*error_r = new_file_error(file->temporary);
		return -1;
	}
	return new_file_finish(file, (uid_t)-1, for_root ? (gid_t)-1 : entry->pw_gid,
			       for_root ? 0600 : 0640, error_r);
}

/* For Dovecot to include: a quoted value, whatever the site chose. */
static int write_door(struct work *work, const char *password, char **error_r)
{
	char *path = text_format("%s%s", work->site->path, SECRETS_DOOR_SUFFIX);
	struct text text;
	int result;

	text_begin(&text, sizeof(door_file_text) + 2 * strlen(password) + 32);
	add(&text, door_file_text);
	add(&text, "doveadm_password = \"");
	for (; *password != '\0'; password++) {
		if (*password == '"' || *password == '\\')
			add(&text, "\\");
		add_bytes(&text, password, 1);
	}
	add(&text, "\"\n");
	result = write_for(work, &work->door, &text, path, SECRETS_SITE, error_r);
	text_end(&text);
	free(path);
	return result;
}

static int make_door_password(char hex_r[2 * DOOR_SIZE + 1])
{
	unsigned char bytes[DOOR_SIZE];
	int result = RAND_priv_bytes(bytes, sizeof(bytes)) == 1 ? 0 : -1;

	digest_hex(bytes, sizeof(bytes), hex_r);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return result;
}

static int write_daemon(struct work *work, enum secrets_reader reader, const struct secrets *old,
			const char *path, char **error_r)
{
	const char *redis = old != NULL ? old->redis_password : NULL;
	const char *door = old != NULL ? old->doveadm_password : NULL;
	char fresh[2 * DOOR_SIZE + 1] = "";
	struct text text;
	int result = 0;

	if (!work->site->own_redis_user[reader])
		redis = work->secrets->redis_password;
	if (reader == SECRETS_WORKER && door == NULL) {
		if (make_door_password(fresh) < 0) {
			*error_r = text_format("%s: OpenSSL has no random bytes", path);
			return -1;
		}
		door = fresh;
	}
	text_begin(&text, DAEMON_FILE_MAX);
	add(&text, daemon_file_text);
	add_password(&text, "redis", redis);
	add_password(&text, "doveadm", door);
	add_subkeys(&text, work->secrets, reader);
	result = write_for(work, &work->files[reader], &text, path, reader, error_r);
	if (result == 0 && door != NULL)
		result = write_door(work, door, error_r);
	text_end(&text);
	OPENSSL_cleanse(fresh, sizeof(fresh));
	return result;
}

static int write_daemons(struct work *work, char **error_r)
{
	for (unsigned int i = SECRETS_SITE + 1; i < SECRETS_READERS; i++) {
		char *path = secrets_path(work->site->path, i);
		struct secrets *old;
		int result = read_passwords(path, i, &old, error_r);

		if (result == 0)
			result = write_daemon(work, i, old, path, error_r);
		secrets_free(&old);
		free(path);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* The site's first: with a key that the daemons don't have yet everything older keeps working, but
   not the other way round. */
static int place_all(struct work *work, char **error_r)
{
	for (unsigned int i = 0; i < SECRETS_READERS; i++) {
		if (work->files[i].path != NULL && new_file_place(&work->files[i], error_r) < 0)
			return -1;
	}
	return new_file_place(&work->door, error_r);
}

static int write_all(struct work *work, bool add_key, char **error_r)
{
	struct secrets_layout layout = { 0 };

	if (lock_directory(work, error_r) < 0 || read_old(work, &layout, error_r) < 0)
		return -1;
	if (add_key && make_key(work, &layout, error_r) < 0)
		return -1;
	if (work->secrets == NULL || work->secrets->keys_count == 0) {
		*error_r = text_format("%s: has no key yet: \"doveadm postern key add\" makes one",
				       work->path);
		return -1;
	}
	work->written->id = work->secrets->keys[0].id;
	if (write_site(work, error_r) < 0 || write_daemons(work, error_r) < 0)
		return -1;
	return place_all(work, error_r);
}

int secrets_write(const struct secrets_site *site, bool add_key, struct secrets_written *written_r,
		  char **error_r)
{
	char *target = realpath(site->path, NULL);
	struct work work = {
		.site = site,
		.written = written_r,
		.path = target != NULL ? target : text_copy(site->path),
		.directory_fd = -1,
	};
	int result;

	*error_r = NULL;
	*written_r = (struct secrets_written){ 0 };
	result = write_all(&work, add_key, error_r);
	for (unsigned int i = 0; i < SECRETS_READERS; i++)
		new_file_end(&work.files[i]);
	new_file_end(&work.door);
	if (work.directory_fd >= 0)
		close(work.directory_fd);
	text_end(&work.text);
	secrets_free(&work.secrets);
	ini_text_free(&work.old);
	free(work.path);
	return result;
}
