/* The sessions from outside on this host, with what opened them. */

#include "session-list.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anvil.h"
#include "base/network.h"

#define NO_NOTE SIZE_MAX

/* A login that was noted becomes a session within that time, or ends: POP3 waits for another one's
   lock for ten seconds. */
#define BEING_MADE_MS 20000

/* An account that is asked for, by what it is in the notes. */
struct wanted {
	unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE];
	const struct account_name *account;
};

/* The list while it is being made. */
struct making {
	struct session_list *list;
	const struct settings *settings;
	struct wanted *wanted; /* by tag; NULL for all accounts */
	size_t wanted_count;
	size_t room; /* of the list's rows */
	pid_t *pids; /* all that anvil names, in order */
	size_t pids_count;
};

/* Room for one more in an array of count. It doubles at the powers of two. */
static void *grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) == 0) {
		array = reallocarray(array, count == 0 ? 1 : 2 * count, size);
		if (array == NULL)
			abort();
	}
	return array;
}

static int compare_wanted(const void *_a, const void *_b)
{
	const struct wanted *a = _a, *b = _b;

	return memcmp(a->tag, b->tag, sizeof(a->tag));
}

static const struct wanted *find_wanted(const struct making *making,
					const unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE])
{
	struct wanted key = { 0 };

	if (making->wanted_count == 0)
		return NULL;
	memcpy(key.tag, tag, sizeof(key.tag));
	return bsearch(&key, making->wanted, making->wanted_count, sizeof(key), compare_wanted);
}

static void make_wanted(struct making *making, const struct account_name *accounts, size_t count)
{
	making->wanted = calloc(count + 1, sizeof(*making->wanted));
	if (making->wanted == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		making->wanted[i].account = &accounts[i];
		session_table_account(&accounts[i], making->wanted[i].tag);
	}
	making->wanted_count = count;
	qsort(making->wanted, count, sizeof(*making->wanted), compare_wanted);
}

static struct session_row *add_row(struct making *making, const char *account, pid_t pid,
				   const unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE])
{
	struct session_list *list = making->list;
	struct session_row *row;

	list->rows = grow(list->rows, list->count, sizeof(*list->rows));
	row = &list->rows[list->count++];
	*row = (struct session_row){ .pid = pid, .verdict = SESSION_UNAVAILABLE };
	row->account = strdup(account);
	if (row->account == NULL)
		abort();
	memcpy(row->tag, tag, sizeof(row->tag));
	return row;
}

static void on_anvil(void *context, const struct anvil_row *anvil)
{
	struct making *making = context;
	unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE];
	struct account_name account;
	struct session_row *row;
	const char *error;

	making->pids = grow(making->pids, making->pids_count, sizeof(*making->pids));
	making->pids[making->pids_count++] = anvil->pid;
	if (*anvil->address == '\0' ||
	    network_list_has(&making->settings->internal_networks, anvil->address))
		return;
	if (account_name_parse(anvil->user, strlen(anvil->user), making->settings->default_domain,
			       &account, &error) < 0)
		return;
	session_table_account(&account, tag);
	if (making->wanted != NULL && find_wanted(making, tag) == NULL)
		return;
	row = add_row(making, account.text, anvil->pid, tag);
	row->connections = anvil->connections;
	snprintf(row->service, sizeof(row->service), "%s", anvil->service);
}

static int compare_pids(const void *_a, const void *_b)
{
	const pid_t *a = _a, *b = _b;

	return (*a > *b) - (*a < *b);
}

static bool is_in_anvil(const struct making *making, pid_t pid)
{
	return making->pids_count > 0 && bsearch(&pid, making->pids, making->pids_count,
						 sizeof(*making->pids), compare_pids) != NULL;
}

/*
 * Adds processes of which anvil knows nothing, and whose newest note is of an account that is asked
 * for: the session is being made, or is over. Where anvil knows of anything that a process serves,
 * webmail's for one, it is left alone.
 */
static void add_hidden(struct making *making)
{
	const struct session_notes *notes = &making->list->notes;

	if (making->pids_count > 0)
		qsort(making->pids, making->pids_count, sizeof(*making->pids), compare_pids);
	for (size_t i = 0; i < notes->count; i++) {
		const struct session_note *note = &notes->notes[i];
		const struct wanted *wanted;
		struct session_row *row;

		if (i + 1 < notes->count && notes->notes[i + 1].pid == note->pid)
			continue;
		wanted = find_wanted(making, note->account);
		if (wanted == NULL || is_in_anvil(making, note->pid))
			continue;
		row = add_row(making, wanted->account->text, note->pid, note->account);
		row->connections = 1;
		row->hidden = true;
		row->fresh = process_clock() - note->noted < BEING_MADE_MS;
		snprintf(row->service, sizeof(row->service), "%s", protocol_word(note->protocol));
	}
}

static int compare_rows(const void *_a, const void *_b)
{
	const struct session_row *a = _a, *b = _b;
	struct account_name one, other;
	const char *error;

	/* Questions are about one partition. */
	account_name_parse(a->account, strlen(a->account), NULL, &one, &error);
	account_name_parse(b->account, strlen(b->account), NULL, &other, &error);
	if (one.partition != other.partition)
		return one.partition < other.partition ? -1 : 1;
	return strcmp(a->account, b->account);
}

static void add_question(struct session_list *list, size_t row, size_t note)
{
	list->questions = grow(list->questions, list->questions_count, sizeof(*list->questions));
	list->questions[list->questions_count++] =
		(struct session_question){ .row = row, .note = note };
}

static bool is_of(const struct session_list *list, const struct session_row *row, size_t note)
{
	return memcmp(list->notes.notes[note].account, row->tag, sizeof(row->tag)) == 0;
}

/* What anvil knows was there when it was asked. */
static void make_questions(struct session_list *list, int64_t asked)
{
	for (size_t i = 0; i < list->count; i++) {
		struct session_row *row = &list->rows[i];
		size_t before = list->questions_count;

		row->started = process_started(row->pid);
		if (row->started > asked && !row->hidden)
			row->started = -1;
		row->notes = session_notes_find(&list->notes, row->pid, &row->notes_count);
		for (size_t j = row->notes; j < row->notes + row->notes_count; j++) {
			if (is_of(list, row, j))
				add_question(list, i, j);
		}
		if (list->questions_count == before)
			add_question(list, i, NO_NOTE);
	}
	list->verdicts = calloc(list->notes.count + 1, sizeof(*list->verdicts));
	if (list->verdicts == NULL)
		abort();
	for (size_t i = 0; i < list->notes.count; i++)
		list->verdicts[i] = SESSION_UNAVAILABLE;
}

int session_list_read(struct session_list *list_r, const char *directory,
		      const struct settings *settings, const struct account_name *accounts,
		      size_t count, char **error_r)
{
	struct making making = { .list = list_r, .settings = settings };
	int64_t asked;
	int result;

	*list_r = (struct session_list){ 0 };
	if (accounts != NULL)
		make_wanted(&making, accounts, count);
	/* In this order: what anvil knows of has been noted before. */
	result = anvil_read(directory, on_anvil, &making, error_r);
	asked = process_clock();
	if (result == 0)
		result = session_notes_read(&list_r->notes, directory, error_r);
	if (result == 0) {
		add_hidden(&making);
		if (list_r->count > 0)
			qsort(list_r->rows, list_r->count, sizeof(*list_r->rows), compare_rows);
		make_questions(list_r, asked);
	} else {
		session_list_clear(list_r);
	}
	free(making.wanted);
	free(making.pids);
	return result;
}

void session_list_clear(struct session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].account);
	free(list->rows);
	session_notes_clear(&list->notes);
	free(list->verdicts);
	free(list->questions);
	*list = (struct session_list){ 0 };
}

static void make_session(const struct session_list *list, const struct session_question *question,
			 struct session *session_r)
{
	const struct session_row *row = &list->rows[question->row];
	const char *error;

	memset(session_r, 0, sizeof(*session_r));
	account_name_parse(row->account, strlen(row->account), NULL, &session_r->account, &error);
	if (question->note != NO_NOTE) {
		const struct session_note *note = &list->notes.notes[question->note];

		session_r->protocol = note->protocol;
		strcpy(session_r->password, note->password);
	} else if (protocol_parse(row->service, &session_r->protocol) < 0) {
		session_r->protocol = 0;
	}
}

unsigned int session_list_ask(struct session_list *list, struct session sessions_r[])
{
	size_t left = list->questions_count - list->asked;
	unsigned int count = left < SESSION_ASK_MAX ? (unsigned int)left : SESSION_ASK_MAX;

	if (count == 0)
		return 0;
	for (unsigned int i = 0; i < count; i++)
		make_session(list, &list->questions[list->asked + i], &sessions_r[i]);
	count = session_together(sessions_r, count);
	list->asking = list->asked;
	list->asked += count;
	return count;
}

void session_list_judge(struct session_list *list, unsigned int place, enum session_verdict verdict)
{
	const struct session_question *question = &list->questions[list->asking + place];

	if (question->note == NO_NOTE)
		list->rows[question->row].verdict = verdict;
	else
		list->verdicts[question->note] = verdict;
}

enum session_verdict session_list_verdict(const struct session_list *list,
					  const struct session_row *row,
					  session_list_is_one_t *is_one, void *context)
{
	size_t counts[SESSION_UNAVAILABLE + 1] = { 0 }, end = row->notes + row->notes_count;

	for (size_t i = row->notes; i < end; i++) {
		if (is_of(list, row, i))
			counts[list->verdicts[i]]++;
	}
	if (counts[SESSION_UNAVAILABLE] > 0)
		return SESSION_UNAVAILABLE;
	if (counts[SESSION_HOLDS] + counts[SESSION_OVER] == 0)
		return row->verdict;
	if (counts[SESSION_OVER] == 0)
		return SESSION_HOLDS;
	if (counts[SESSION_HOLDS] > 0 && is_of(list, row, end - 1) &&
	    list->verdicts[end - 1] == SESSION_HOLDS &&
	    is_one(context, row->service, "client_limit"))
		return SESSION_HOLDS;
	return SESSION_OVER;
}

bool session_list_waits(const struct session_row *row, session_list_is_one_t *is_one, void *context)
{
	return row->hidden && !is_one(context, row->service, "service_count");
}

bool session_list_end(const struct session_row *row)
{
	return row->started >= 0 && process_started(row->pid) == row->started &&
	       kill(row->pid, SIGTERM) == 0;
}
