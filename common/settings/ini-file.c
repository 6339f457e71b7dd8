/* INI files, strictly. */

#include "settings/ini-file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>
#include <openssl/crypto.h>

/* Room for the secrets file's text and for its keys, twice: a reload reads the new before it frees
   the old. OpenSSL wants a power of two. Memory that can't be locked is used all the same. */
#define SECURE_MEMORY_SIZE (1 << 17)
#define SECURE_MEMORY_UNIT 32

struct ini_file {
	const char *path;
	const struct ini_rules *rules;
	void *context;
	const char *next, *end; /* what has not been read yet */
	unsigned int line;
	bool is_indented; /* the current line */
	bool in_section;  /* below some section's line */
	bool has_key;	  /* below some key of that section: an indented line continues it */
	char *error;	  /* the first mistake */
	unsigned int error_line;
};

int ini_file_mistake(struct ini_file *file, const char *format, ...)
{
	va_list args;
	char *text;

	if (file->error != NULL)
		return -1;
	va_start(args, format);
	text = text_format_args(format, args);
	va_end(args);
	file->error = text_format("%s:%u: %s", file->path, file->line, text);
	file->error_line = file->line;
	free(text);
	return -1;
}

unsigned int ini_file_line(const struct ini_file *file)
{
	return file->line;
}

static void secure_memory_init(void)
{
	/* Without it OPENSSL_secure_malloc() gives normal memory, which is wiped as well. */
	if (!CRYPTO_secure_malloc_initialized())
		CRYPTO_secure_malloc_init(SECURE_MEMORY_SIZE, SECURE_MEMORY_UNIT);
}

void ini_text_free(struct ini_text *text)
{
	OPENSSL_secure_clear_free(text->bytes, text->size);
	text->bytes = NULL;
	text->size = 0;
}

/* NULL, or what is wrong with the file. */
static char *check_file(const char *path, const struct stat *st, size_t max, bool is_secret)
{
	if (S_ISDIR(st->st_mode))
		return text_format("%s: %s", path, strerror(EISDIR));
	if (!S_ISREG(st->st_mode))
		return text_format("%s: expected a regular file", path);
	if (is_secret && (st->st_mode & S_IRWXO) != 0)
		return text_format("%s: expected a file that others can't open: chmod 0640 %s",
				   path, path);
	if ((size_t)st->st_size > max)
		return text_format("%s: expected at most %zu bytes", path, max);
	return NULL;
}

/* Fills text up to size, which is the file's own size, unless it shrinks meanwhile. */
static int read_all(int fd, size_t size, struct ini_text *text)
{
	while (text->size < size) {
		ssize_t got = read(fd, text->bytes + text->size, size - text->size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		text->size += (size_t)got;
	}
	return 0;
}

static int read_open_file(int fd, const char *path, size_t max, bool is_secret,
			  struct ini_text *text_r, char **error_r)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		*error_r = text_format("%s: %s", path, strerror(errno));
		return -1;
	}
	*error_r = check_file(path, &st, max, is_secret);
	if (*error_r != NULL)
		return -1;

	/* Normal settings are no secret, and may be larger than what secure memory there is. */
	text_r->bytes = is_secret ? OPENSSL_secure_malloc((size_t)st.st_size + 1)
				  : OPENSSL_malloc((size_t)st.st_size + 1);
	if (text_r->bytes == NULL) {
		*error_r = text_format("%s: %s", path, strerror(ENOMEM));
		return -1;
	}
	if (read_all(fd, (size_t)st.st_size, text_r) < 0) {
		*error_r = text_format("%s: %s", path, strerror(errno));
		ini_text_free(text_r);
		return -1;
	}
	return 0;
}

int ini_text_read(const char *path, size_t max, bool is_secret, struct ini_text *text_r,
		  char **error_r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int fd, result;

	*error_r = NULL;
	*text_r = (struct ini_text){ 0 };
	pthread_once(&once, secure_memory_init);
	/* Nonblocking, or a pipe in the file's place would hold us up for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		*error_r = text_format("%s: %s", path, strerror(errno));
		return -1;
	}
	result = read_open_file(fd, path, max, is_secret, text_r, error_r);
	close(fd);
	return result;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* libinih knows other white space as well, but none that check_bytes() lets through. */
static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

static int check_bytes(struct ini_file *file, const char *line, const char *end)
{
	const char *start = skip_blanks(line, end);
	bool is_comment = start < end && (*start == '#' || *start == ';');

	for (const char *p = line; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		/* People write comments in their own language. */
		if (is_comment && c >= 0x80)
			continue;
		if ((c < 0x20 && c != '\t') || c >= 0x7f)
			return ini_file_mistake(file,
						"expected printable ASCII, but byte %td is 0x%02x",
						p - line + 1, c);
		if (!is_comment && c == ';' && p > line && is_blank(p[-1]) &&
		    file->rules->comments_have_own_lines)
			return ini_file_mistake(
				file, "expected no ';' after a space: comments must be on lines of "
				      "their own in this file");
	}
	return 0;
}

/* A section's line. libinih reports a section only at its first key, cuts long names, and
   takes no notice of what follows the bracket. */
static int take_section(struct ini_file *file, const char *start, const char *end)
{
	char name[256];
	const char *close = memchr(start, ']', (size_t)(end - start));
	const char *rest = close == NULL ? end : skip_blanks(close + 1, end);
	size_t size = close == NULL ? 0 : (size_t)(close - start - 1);

	if (file->is_indented)
		return ini_file_mistake(file, "expected '[' at the start of the line");
	if (close == NULL || size >= sizeof(name) || (rest < end && *rest != ';'))
		return ini_file_mistake(file, "expected [SECTION] and nothing after it");
	memcpy(name, start + 1, size);
	name[size] = '\0';
	file->in_section = true;
	file->has_key = false;
	return file->rules->section(file->context, file, name);
}

static int check_line(struct ini_file *file, const char *line, const char *end, size_t max)
{
	const char *start = skip_blanks(line, end);

	if ((size_t)(end - line) > max)
		return ini_file_mistake(file, "expected a line of at most %zu bytes", max);
	if (check_bytes(file, line, end) < 0)
		return -1;
	file->is_indented = start > line;
	return start < end && *start == '[' ? take_section(file, start, end) : 0;
}

/* One line, the way fgets() hands it out: what libinih reads a stream by. */
static char *next_line(char *buffer, int size, void *stream)
{
	static const char bom[] = "\xef\xbb\xbf"; /* Windows editors begin files with it */
	struct ini_file *file = stream;
	const char *line = file->next, *end;
	size_t length;

	/* Nobody else wipes the line before: there may be a key in it. */
	OPENSSL_cleanse(buffer, (size_t)size);
	if (file->error != NULL || line == file->end)
		return NULL;
	if (file->line++ == 0 && file->end - line >= 3 && memcmp(line, bom, 3) == 0)
		line += 3;
	end = memchr(line, '\n', (size_t)(file->end - line));
	file->next = end == NULL ? file->end : end + 1;
	if (end == NULL)
		end = file->end;
	if (end > line && end[-1] == '\r')
		end--;
	/* What libinih's own header allows: CR, LF and NUL come on top. */
	if (check_line(file, line, end, (size_t)size - 3) < 0)
		return NULL;
	length = (size_t)(end - line);
	memcpy(buffer, line, length);
	memcpy(buffer + length, "\n", 2);
	return buffer;
}

static int take_entry(void *user, const char *section, const char *key, const char *value)
{
	struct ini_file *file = user;

	(void)section; /* cut by libinih; take_section() had it in full */
	if (file->error != NULL)
		return 0;
	if (!file->in_section)
		return ini_file_mistake(file, "expected a [SECTION] before the first key") == 0;
	if (*key == '\0')
		return ini_file_mistake(file, "expected a key before '='") == 0;
	if (file->is_indented && !file->has_key)
		return ini_file_mistake(file, "expected the key at the start of the line") == 0;
	file->has_key = true;
	return file->rules->entry(file->context, file, key, value, file->is_indented) == 0;
}

int ini_text_parse(const struct ini_text *text, const char *path, const struct ini_rules *rules,
		   void *context, char **error_r)
{
	struct ini_file file = {
		.path = path,
		.rules = rules,
		.context = context,
		.next = text->bytes,
		.end = text->bytes + text->size,
	};
	int rc = ini_parse_stream(next_line, &file, take_entry, &file);

	/* libinih continues after a line that it can't read: a later mistake is not the first. */
	if (rc > 0 && (file.error == NULL || (unsigned int)rc < file.error_line)) {
		free(file.error);
		file.error = text_format("%s:%d: expected KEY = VALUE", path, rc);
	} else if (rc < 0 && file.error == NULL) {
		file.error = text_format("%s: %s", path, strerror(ENOMEM));
	}
	*error_r = file.error;
	return file.error == NULL ? 0 : -1;
}
