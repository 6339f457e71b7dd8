/* Which app password opened what a mail process serves. */

#include "session-table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"

/*
 * The file: a head, and then buckets. A process's notes are in the bucket of its number, so numbers
 * that follow each other, as those of processes do, spread evenly. Empty places are all zeros: the
 * file has holes where nothing was noted yet.
 */
#define HEAD_SIZE   4096
#define BUCKETS	    2048
#define BUCKET_SIZE 64 /* places */

/* A process that serves many sessions keeps its newest. */
#define OWN_MAX 8

/* The word of /proc/PID/stat after the name that says when the process was started: field 22. */
#define START_WORD 20

struct head {
	char magic[24];
	char boot[40];
};

struct place {
	uint32_t pid; /* 0: empty */
	uint32_t protocol;
	int64_t noted;
	unsigned char account[SESSION_TABLE_ACCOUNT_SIZE];
	char password[APP_PASSWORD_DIGEST_SIZE];
	char zeros[5];
};

_Static_assert(sizeof(struct place) == 64, "a place has no holes");
_Static_assert(HEAD_SIZE + (off_t)BUCKETS * BUCKET_SIZE * sizeof(struct place) < (9 << 20), "8 MB");

struct session_table {
	int fd;
};

__attribute__((format(printf, 2, 3))) static void fail(char **error_r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(error_r, format, args) < 0)
		abort();
	va_end(args);
}

static char *path_of(const char *directory, const char *suffix)
{
	char *path;

	if (asprintf(&path, "%s/" SESSION_TABLE_NAME "%s", directory, suffix) < 0)
		abort();
	return path;
}

/* Two boots have different ones. Where there is no such thing, all boots are one. */
static void make_head(struct head *head_r)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(head_r, 0, sizeof(*head_r));
	strcpy(head_r->magic, "postern-sessions 1");
	if (fd < 0)
		return;
	if (read(fd, head_r->boot, sizeof(head_r->boot)) < 0)
		memset(head_r->boot, 0, sizeof(head_r->boot));
	close(fd);
}

/* Opens a file that can be worked with. The descriptor, or -1 with errno; ESTALE for one that is
   not of this boot, or of another version. */
static int open_file(const char *path, int flags)
{
	struct head head, found;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	make_head(&head);
	if (pread(fd, &found, sizeof(found), 0) == sizeof(found) &&
	    memcmp(&found, &head, sizeof(head)) == 0)
		return fd;
	close(fd);
	errno = ESTALE;
	return -1;
}

/* The file is whole when it gets its name, and takes it from none: another process may be doing the
   same. 0, or -1 with errno. */
static int make_file(const char *path, const char *unfinished)
{
	struct head head;
	int fd, result = -1, error;

	make_head(&head);
	unlink(unfinished);
	fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (pwrite(fd, &head, sizeof(head), 0) == sizeof(head))
		result = link(unfinished, path);
	error = errno;
	close(fd);
	unlink(unfinished);
	errno = error;
	return result;
}

static int open_or_make(const char *path, const char *unfinished)
{
	int fd = open_file(path, O_RDWR);

	if (fd < 0 && errno == ESTALE)
		unlink(path);
	else if (fd >= 0 || errno != ENOENT)
		return fd;
	if (make_file(path, unfinished) < 0 && errno != EEXIST)
		return -1;
	return open_file(path, O_RDWR);
}

struct session_table *session_table_open(const char *directory, char **error_r)
{
	char own[32], *path = path_of(directory, ""), *unfinished;
	struct session_table *table = NULL;
	int fd;

	snprintf(own, sizeof(own), ".%d", (int)getpid());
	unfinished = path_of(directory, own);
	fd = open_or_make(path, unfinished);
	if (fd < 0) {
		fail(error_r, "%s: %s", path, strerror(errno));
	} else {
		table = calloc(1, sizeof(*table));
		if (table == NULL)
			abort();
		table->fd = fd;
	}
	free(unfinished);
	free(path);
	return table;
}

void session_table_close(struct session_table **_table)
{
	struct session_table *table = *_table;

	*_table = NULL;
	if (table == NULL)
		return;
	close(table->fd);
	free(table);
}

void session_table_account(const struct account_name *account,
			   unsigned char account_r[SESSION_TABLE_ACCOUNT_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	if (digest_make(account->text, strlen(account->text), digest) < 0)
		abort();
	memcpy(account_r, digest, SESSION_TABLE_ACCOUNT_SIZE);
}

int64_t process_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool has_notes(const struct place bucket[BUCKET_SIZE], pid_t pid)
{
	for (unsigned int i = 0; i < BUCKET_SIZE; i++) {
		if (bucket[i].pid == (uint32_t)pid)
			return true;
	}
	return false;
}

static bool is_free(const struct place *place)
{
	return place->pid == 0 || (kill((pid_t)place->pid, 0) < 0 && errno == ESRCH);
}

/* Where the note of a process goes: in the place of its oldest if it has enough, in a free one, or,
   where all are taken, in that of the oldest of all. */
static unsigned int choose_place(const struct place bucket[BUCKET_SIZE], pid_t pid)
{
	unsigned int oldest = 0, own = 0, own_oldest = 0;

	for (unsigned int i = 0; i < BUCKET_SIZE; i++) {
		if (bucket[i].noted < bucket[oldest].noted)
			oldest = i;
		if (bucket[i].pid != (uint32_t)pid)
			continue;
		if (own++ == 0 || bucket[i].noted < bucket[own_oldest].noted)
			own_oldest = i;
	}
	if (own >= OWN_MAX)
		return own_oldest;
	for (unsigned int i = 0; i < BUCKET_SIZE; i++) {
		if (is_free(&bucket[i]))
			return i;
	}
	return oldest;
}

/*
 * While Dovecot is reloaded, two auth processes may write, and in the same moment choose the same
 * place: then a session is left without a note, like one from before the first.
 */
int session_table_note(struct session_table *table, pid_t pid, const struct session *session)
{
	struct place bucket[BUCKET_SIZE] = { 0 };
	struct place new = { .pid = (uint32_t)pid };
	off_t at = HEAD_SIZE + (off_t)((uint32_t)pid % BUCKETS) * (off_t)sizeof(bucket);
	ssize_t size;

	new.noted = process_clock();
	if (session != NULL) {
		new.protocol = session->protocol;
		session_table_account(&session->account, new.account);
		strcpy(new.password, session->password);
	}
	if (pread(table->fd, bucket, sizeof(bucket), at) < 0)
		return -1;
	if (session == NULL && !has_notes(bucket, pid))
		return 0;
	at += (off_t)choose_place(bucket, pid) * (off_t)sizeof(new);
	size = pwrite(table->fd, &new, sizeof(new), at);
	if (size < 0)
		return -1;
	errno = ENOSPC;
	return size == sizeof(new) ? 0 : -1;
}

int64_t process_started(pid_t pid)
{
	char path[32], text[1024], *at, *end;
	unsigned long long ticks;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return -1;
	text[size] = '\0';
	/* The name may have anything in it, but ends with the last bracket: proc(5). */
	at = strrchr(text, ')');
	for (int i = 0; i < START_WORD && at != NULL; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return -1;
	ticks = strtoull(at + 1, &end, 10);
	if (end == at + 1)
		return -1;
	return (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* False for an empty place, a process that has ended, and what makes no sense. */
static bool read_place(const struct place *place, struct session_note *note_r)
{
	if (place->pid == 0 || place->pid > INT32_MAX)
		return false;
	if (memchr(place->password, '\0', sizeof(place->password)) == NULL ||
	    (*place->password != '\0' && !app_password_is_digest(place->password)))
		return false;
	*note_r = (struct session_note){ .pid = (pid_t)place->pid,
					 .noted = place->noted,
					 .protocol = place->protocol & PROTOCOL_ALL };
	memcpy(note_r->account, place->account, sizeof(note_r->account));
	memcpy(note_r->password, place->password, sizeof(note_r->password));
	note_r->started = process_started(note_r->pid);
	/* An earlier process had the number. */
	return note_r->started >= 0 && note_r->noted >= note_r->started;
}

static void add_note(struct session_notes *notes, const struct session_note *note)
{
	/* Room doubles at the powers of two. */
	if ((notes->count & (notes->count - 1)) == 0) {
		size_t room = notes->count == 0 ? 1 : 2 * notes->count;

		notes->notes = reallocarray(notes->notes, room, sizeof(*notes->notes));
		if (notes->notes == NULL)
			abort();
	}
	notes->notes[notes->count++] = *note;
}

static int compare(const void *_a, const void *_b)
{
	const struct session_note *a = _a, *b = _b;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return (a->noted > b->noted) - (a->noted < b->noted);
}

/* What is in the buckets. 0, or -1 with errno. */
static int read_buckets(struct session_notes *notes, int fd)
{
	struct place bucket[BUCKET_SIZE];

	for (off_t i = 0; i < BUCKETS; i++) {
		off_t at = HEAD_SIZE + i * (off_t)sizeof(bucket);
		ssize_t size = pread(fd, bucket, sizeof(bucket), at);
		struct session_note note;

		if (size < 0)
			return -1;
		for (size_t j = 0; j < (size_t)size / sizeof(*bucket); j++) {
			if (read_place(&bucket[j], &note))
				add_note(notes, &note);
		}
	}
	return 0;
}

int session_notes_read(struct session_notes *notes_r, const char *directory, char **error_r)
{
	char *path = path_of(directory, "");
	int fd = open_file(path, O_RDONLY), result = 0;

	*notes_r = (struct session_notes){ 0 };
	if (fd >= 0)
		result = read_buckets(notes_r, fd);
	else if (errno != ENOENT && errno != ESTALE)
		result = -1;
	if (result < 0) {
		fail(error_r, "%s: %s", path, strerror(errno));
		session_notes_clear(notes_r);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	if (notes_r->count > 0)
		qsort(notes_r->notes, notes_r->count, sizeof(*notes_r->notes), compare);
	return result;
}

void session_notes_clear(struct session_notes *notes)
{
	free(notes->notes);
	*notes = (struct session_notes){ 0 };
}

size_t session_notes_find(const struct session_notes *notes, pid_t pid, size_t *count_r)
{
	size_t low = 0, high = notes->count, end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (notes->notes[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < notes->count && notes->notes[end].pid == pid; end++)
		;
	*count_r = end - low;
	return low;
}
