#ifndef POSTERN_SESSION_TABLE_H
#define POSTERN_SESSION_TABLE_H

#include <stdint.h>
#include <sys/types.h>

#include "account/account.h"
#include "decisions/session.h"

/*
 * Which app password opened what a mail process serves: a file in Dovecot's base_dir that its auth
 * process writes when a mail process asks for the user of a login, and that doveadm reads to end
 * sessions (D5). Dovecot 2.3 reports no more of a session than its process and address.
 *
 * It is a file, and not in the memory of the auth process, so that it outlives a reload, and only
 * root reaches it, as no socket of that process does. It has a place for each of some 130,000
 * sessions and takes 8 MB at most. A note needs no lock and no sweep: it takes the place of one
 * whose process has ended.
 *
 * A process that serves several sessions, at once or one after the other, has a note for each of
 * the newest. Notes of an earlier process of that number are seen by its beginning, and those of an
 * earlier boot begin a new file. For one thread. It doesn't know Dovecot.
 */

#define SESSION_TABLE_NAME "postern-sessions"

struct session_table;

/* Opens the file in that directory for notes, and makes it if there is none that this version made
   since the host was booted. As root. NULL with *error_r, for free(). */
struct session_table *session_table_open(const char *directory, char **error_r);
void session_table_close(struct session_table **table);

/* Notes that a process serves the session from now on; NULL for one that the passdb "postern" had
   no part in, which is noted only if the process has served others. 0, or -1 with errno. */
int session_table_note(struct session_table *table, pid_t pid, const struct session *session);

/* What a name becomes in a note. */
#define SESSION_TABLE_ACCOUNT_SIZE 16
void session_table_account(const struct account_name *account,
			   unsigned char account_r[SESSION_TABLE_ACCOUNT_SIZE]);

/* A note of a process that is there. Where the session is none of ours, the account is all zeros
   and the password "". */
struct session_note {
	pid_t pid;
	int64_t noted;	 /* milliseconds since the boot */
	int64_t started; /* when the process did */
	unsigned char account[SESSION_TABLE_ACCOUNT_SIZE];
	enum protocol protocol;
	char password[APP_PASSWORD_DIGEST_SIZE];
};

struct session_notes {
	struct session_note *notes; /* by process, each one's oldest first; owned */
	size_t count;
};

/* Reads all notes. Without a file there are none. 0 with what session_notes_clear() frees, or -1
   with *error_r, for free(). Dies when memory runs out. */
int session_notes_read(struct session_notes *notes_r, const char *directory, char **error_r);
void session_notes_clear(struct session_notes *notes);

/* The place of the first note of a process; *count_r is how many it has. */
size_t session_notes_find(const struct session_notes *notes, pid_t pid, size_t *count_r);

/* Milliseconds since the boot, also while the host was asleep. */
int64_t process_clock(void);

/* When a process began, by that clock; -1 if there is none. */
int64_t process_started(pid_t pid);

#endif
