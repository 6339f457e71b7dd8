#ifndef POSTERN_SESSION_LIST_H
#define POSTERN_SESSION_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "dovecot-plugin/auth/session-table.h"
#include "decisions/session.h"
#include "settings/settings.h"

/*
 * The sessions from outside on this host, with what opened them: what Dovecot's anvil says of who
 * is logged in, joined with the notes of its auth process (session-table.h). The notes also have
 * those whose login is still in progress: anvil doesn't know of these, as of a POP3 session that
 * waits for the mailbox's lock.
 *
 * All strings and tables are of the list. It doesn't know Dovecot.
 */

/* What a process serves to an account. */
struct session_row {
	char *account; /* as account_name has it */
	char service[16];
	pid_t pid;
	int64_t started; /* when the process was; -1 if it is gone, or another one has its number */
	unsigned int connections;
	bool hidden; /* from anvil */
	bool fresh; /* noted so short a time ago that it may still be being made, if it is hidden */
	/* The notes about this process, and what is this account's there. */
	size_t notes, notes_count;
	unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE];
	enum session_verdict verdict; /* where no note is the account's */
};

struct session_question {
	size_t row, note;
};

struct session_list {
	struct session_row *rows; /* those of an account are adjacent */
	size_t count;
	struct session_notes notes;
	enum session_verdict *verdicts; /* on each note */
	struct session_question *questions;
	size_t questions_count, asked, asking;
};

/* Lists the sessions of some accounts, or of all for NULL, from Dovecot's base_dir. Those from an
   internal network, webmail's (A5), are left out, as are those of users who can't be accounts. 0
   with what session_list_clear() frees, or -1 with *error_r, for free(). */
int session_list_read(struct session_list *list_r, const char *directory,
		      const struct settings *settings, const struct account_name *accounts,
		      size_t count, char **error_r);
void session_list_clear(struct session_list *list);

/* The next sessions to ask about, at most SESSION_ASK_MAX; how many, 0 at the end. */
unsigned int session_list_ask(struct session_list *list, struct session sessions_r[]);

/* What became of the one at a place of those. What isn't judged stays SESSION_UNAVAILABLE. */
void session_list_judge(struct session_list *list, unsigned int place,
			enum session_verdict verdict);

/* True if a setting of one of Dovecot's services is 1: client_limit, for a process that serves one
   session at a time, or service_count, for one that serves no other after it. */
typedef bool session_list_is_one_t(void *context, const char *service, const char *setting);

/*
 * The verdict on a row. A process that served several sessions of the account has several notes. If
 * it serves one at a time, the newest is the one that counts, unless it is somebody else's; else
 * any of them may be what is still there, and one that is over is enough.
 */
enum session_verdict session_list_verdict(const struct session_list *list,
					  const struct session_row *row,
					  session_list_is_one_t *is_one, void *context);

/* True if what is over can't be ended yet. What anvil doesn't know may have ended by itself, and
   its process be at hand for the next session, which would end with it. If it is still being made,
   anvil is going to know of it. */
bool session_list_waits(const struct session_row *row, session_list_is_one_t *is_one,
			void *context);

/* Ends what the row's process serves, as `doveadm kick` does in Dovecot 2.3. False if the process
   is gone, or may not be ended. */
bool session_list_end(const struct session_row *row);

#endif
