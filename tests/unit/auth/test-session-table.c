/* The notes of what opened what a process serves, and sessions joined with them. */

#include "dovecot-plugin/doveadm/session-list.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dovecot-plugin/doveadm/anvil.h"
#include "tests/unit/files.h"
#include "tests/unit/samples.h"

#define FIRST  "7:abcdefghijklmnopqrstuv"
#define SECOND "7:ABCDEFGHIJKLMNOPQRSTUV"

#define PROCESSES_MAX 4

/* A directory with a table, an anvil, and processes to be noted and ended. */
static struct {
	struct files files;
	struct session_table *table;
	pid_t processes[PROCESSES_MAX];
	unsigned int processes_count;
	pid_t anvil;
} site;

static struct settings settings = { .default_domain = (char[]){ "example.org" } };

static char *file_of_site(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", site.files.directory, name);
	return path;
}

static int begin(void **state)
{
	char *error = NULL;

	(void)state;
	site.files = files_begin();
	site.table = session_table_open(site.files.directory, &error);
	assert_non_null(site.table);
	return 0;
}

static void end_process(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static int end(void **state)
{
	(void)state;
	while (site.processes_count > 0)
		end_process(&site.processes[--site.processes_count]);
	end_process(&site.anvil);
	session_table_close(&site.table);
	assert_null(site.table);
	unlink(file_of_site(SESSION_TABLE_NAME));
	unlink(file_of_site("anvil"));
	files_end(&site.files);
	return 0;
}

static pid_t begin_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGTERM, SIG_DFL);
		pause();
		_exit(0);
	}
	assert_true(pid > 0 && site.processes_count < PROCESSES_MAX);
	site.processes[site.processes_count++] = pid;
	return pid;
}

static void note(pid_t pid, const char *account, enum protocol protocol, const char *password)
{
	struct session session = { .account = sample_account(account), .protocol = protocol };

	strcpy(session.password, password);
	assert_int_equal(session_table_note(site.table, pid, &session), 0);
	/* Notes are told apart by milliseconds. */
	usleep(2000);
}

static struct session_notes read_notes(void)
{
	struct session_notes notes;
	char *error = NULL;

	assert_int_equal(session_notes_read(&notes, site.files.directory, &error), 0);
	return notes;
}

/* Notes */

static void keeps_notes(void **state)
{
	pid_t pid = begin_process();
	unsigned char tag[SESSION_TABLE_ACCOUNT_SIZE];
	const struct account_name account = sample_account("andrejs@example.org");
	struct session_notes notes;
	size_t count, place;

	(void)state;
	note(pid, "andrejs@example.org", PROTOCOL_POP3, FIRST);
	note(pid, "andrejs@example.org", PROTOCOL_POP3, SECOND);
	note(getpid(), "juri@example.org", PROTOCOL_IMAP, FIRST);
	notes = read_notes();
	assert_int_equal(notes.count, 3);
	place = session_notes_find(&notes, pid, &count);
	assert_int_equal(count, 2);
	session_table_account(&account, tag);
	assert_memory_equal(notes.notes[place].account, tag, sizeof(tag));
	assert_int_equal(notes.notes[place].protocol, PROTOCOL_POP3);
	assert_string_equal(notes.notes[place].password, FIRST);
	assert_string_equal(notes.notes[place + 1].password, SECOND);
	assert_true(notes.notes[place].started == process_started(pid));
	session_notes_find(&notes, 1, &count);
	assert_int_equal(count, 0);
	session_notes_clear(&notes);
	assert_null(notes.notes);
}

/* What has ended is not there, and makes room. */
static void forgets_processes_that_ended(void **state)
{
	pid_t pid = begin_process();
	struct session_notes notes;

	(void)state;
	note(pid, "andrejs@example.org", PROTOCOL_POP3, FIRST);
	end_process(&site.processes[--site.processes_count]);
	notes = read_notes();
	assert_int_equal(notes.count, 0);
	session_notes_clear(&notes);
	assert_int_equal(process_started(pid), -1);
}

/* A process that serves many keeps its newest. */
static void keeps_the_newest(void **state)
{
	struct session_notes notes;
	char password[sizeof(FIRST)];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(password, sizeof(password), "7:%022d", i);
		note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, password);
	}
	notes = read_notes();
	assert_int_equal(notes.count, 8);
	for (int i = 0; i < 8; i++) {
		snprintf(password, sizeof(password), "7:%022d", 12 + i);
		assert_string_equal(notes.notes[i].password, password);
	}
	session_notes_clear(&notes);
}

/* Somebody else's session is noted where it takes the place of ours, and only there. */
static void notes_somebody_elses(void **state)
{
	struct session_notes notes;

	(void)state;
	assert_int_equal(session_table_note(site.table, getpid(), NULL), 0);
	notes = read_notes();
	assert_int_equal(notes.count, 0);
	session_notes_clear(&notes);
	note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, FIRST);
	assert_int_equal(session_table_note(site.table, getpid(), NULL), 0);
	notes = read_notes();
	assert_int_equal(notes.count, 2);
	assert_string_equal(notes.notes[1].password, "");
	session_notes_clear(&notes);
}

/* Another auth process finds what the one before it has noted. */
static void outlives_a_reload(void **state)
{
	struct session_table *other;
	struct session_notes notes;
	char *error = NULL;
	struct stat st;

	(void)state;
	note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, FIRST);
	other = session_table_open(site.files.directory, &error);
	assert_non_null(other);
	session_table_close(&other);
	notes = read_notes();
	assert_int_equal(notes.count, 1);
	session_notes_clear(&notes);
	assert_int_equal(stat(file_of_site(SESSION_TABLE_NAME), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void write_at(off_t at, const void *bytes, size_t size)
{
	int fd = open(file_of_site(SESSION_TABLE_NAME), O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, at), size);
	close(fd);
}

/* Of another boot, or version: nothing in it is believed, and a new one is made. */
static void begins_anew(void **state)
{
	struct session_notes notes;
	char *error = NULL;

	(void)state;
	note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, FIRST);
	write_at(30, "another boot", 12);
	notes = read_notes();
	assert_int_equal(notes.count, 0);
	session_table_close(&site.table);
	site.table = session_table_open(site.files.directory, &error);
	assert_non_null(site.table);
	note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, FIRST);
	notes = read_notes();
	assert_int_equal(notes.count, 1);
	session_notes_clear(&notes);
}

/* What is in the file by whatever mishap is a note, or none. */
static void mistrusts_the_file(void **state)
{
	char bytes[64 * 64];
	struct session_notes notes;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	write_at(4096, bytes, sizeof(bytes));
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i += 64)
		memcpy(bytes + i, (uint32_t[]){ (uint32_t)getpid() }, 4);
	write_at(4096 + 4096, bytes, sizeof(bytes));
	note(getpid(), "andrejs@example.org", PROTOCOL_IMAP, FIRST);
	notes = read_notes();
	assert_int_equal(notes.count, 1);
	session_notes_clear(&notes);
}

static void no_file(void **state)
{
	struct session_notes notes;
	char *error = NULL;

	(void)state;
	assert_int_equal(unlink(file_of_site(SESSION_TABLE_NAME)), 0);
	notes = read_notes();
	assert_int_equal(notes.count, 0);
	assert_null(session_table_open("/nonexistent", &error));
	assert_string_equal(error, "/nonexistent/postern-sessions: No such file or directory");
	free(error);
}

/* Anvil */

/* Answers whoever asks with this. */
static void begin_anvil(const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, file_of_site("anvil"));
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 5), 0);
	site.anvil = fork();
	assert_true(site.anvil >= 0);
	while (site.anvil == 0) {
		char question[200];
		int client = accept(listener, NULL, NULL);
		ssize_t size = read(client, question, sizeof(question));

		if (size > 0 && write(client, answer, strlen(answer)) < 0)
			_exit(1);
		close(client);
	}
	close(listener);
}

static void count_row(void *context, const struct anvil_row *row)
{
	char *text = context;

	sprintf(text + strlen(text), "%s %s %s %d %u;", row->service, row->address, row->user,
		(int)row->pid, row->connections);
}

static void reads_anvil(void **state)
{
	char text[500] = "", *error = NULL;

	(void)state;
	begin_anvil("imap/192.0.2.1/a@example.org\t10\t2\nlmtp/b@example.org\t11\t1\n"
		    "imap/2001:db8::1/c/d@example.org\t12\t1\nnothing\nimap/192.0.2.1/e\tx\t1\n"
		    "imap/192.0.2.1/f\t1\t1\nimap/192.0.2.1/g\t-5\t1\nimap\t13\t1\n\n");
	assert_int_equal(anvil_read(site.files.directory, count_row, text, &error), 0);
	assert_string_equal(text, "imap 192.0.2.1 a@example.org 10 2;lmtp  b@example.org 11 1;"
				  "imap 2001:db8::1 c/d@example.org 12 1;");
}

static void anvil_breaks_off(void **state)
{
	char text[500] = "", *error = NULL;

	(void)state;
	begin_anvil("imap/192.0.2.1/a@example.org\t10\t2\nimap/19");
	assert_int_equal(anvil_read(site.files.directory, count_row, text, &error), -1);
	assert_non_null(strstr(error, "/anvil: an incomplete answer"));
	free(error);
}

static void anvil_is_away(void **state)
{
	char text[500] = "", *error = NULL;

	(void)state;
	assert_int_equal(anvil_read(site.files.directory, count_row, text, &error), -1);
	assert_non_null(strstr(error, "/anvil: No such file or directory"));
	free(error);
}

/* Sessions */

/* The context names a setting that isn't 1. */
static bool is_one(void *context, const char *service, const char *setting)
{
	assert_true(strcmp(service, "imap") == 0 || strcmp(service, "pop3") == 0);
	return strcmp(setting, context) != 0;
}

static char client_limit[] = "client_limit", service_count[] = "service_count", none[] = "";

/* A list, and verdicts: over is what SECOND has not opened, and of the rest what is andrejs's. */
static struct session_list list_and_judge(const struct account_name *accounts, size_t count)
{
	struct session sessions[SESSION_ASK_MAX];
	struct session_list list;
	unsigned int asked;
	char *error = NULL;

	assert_int_equal(
		session_list_read(&list, site.files.directory, &settings, accounts, count, &error),
		0);
	while ((asked = session_list_ask(&list, sessions)) > 0) {
		assert_int_equal(session_together(sessions, asked), asked);
		for (unsigned int i = 0; i < asked; i++)
			session_list_judge(&list, i,
					   strcmp(sessions[i].password, SECOND) == 0
						   ? SESSION_HOLDS
						   : SESSION_OVER);
	}
	return list;
}

static const struct session_row *find_row(const struct session_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].pid == pid)
			return &list->rows[i];
	}
	return NULL;
}

static void lists_sessions(void **state)
{
	const struct account_name account = sample_account("andrejs@example.org");
	pid_t old = begin_process(), new = begin_process(), waits = begin_process(),
	      webmail = begin_process();
	struct session_list list;
	char answer[1000];
	const char *error;

	(void)state;
	assert_int_equal(network_list_add(&settings.internal_networks, "10.0.0.0/8", &error), 0);
	note(old, account.text, PROTOCOL_IMAP, FIRST);
	note(new, account.text, PROTOCOL_IMAP, SECOND);
	/* Its login is under way: anvil knows nothing. */
	note(waits, account.text, PROTOCOL_POP3, FIRST);
	/* It served the account before, and now serves webmail's session of it. */
	note(webmail, account.text, PROTOCOL_IMAP, FIRST);
	snprintf(
		answer, sizeof(answer),
		"imap/192.0.2.1/Andrejs\t%d\t3\nimap/192.0.2.1/andrejs@example.org\t%d\t1\n"
		"imap/10.1.2.3/andrejs@example.org\t%d\t1\nimap/192.0.2.1/juri@example.org\t%d\t1\n"
		"imap/192.0.2.1/no@account@here\t999999\t1\n\n",
		(int)old, (int)new, (int)webmail, (int)getpid());
	begin_anvil(answer);
	list = list_and_judge(&account, 1);
	assert_int_equal(list.count, 3);
	assert_int_equal(find_row(&list, old)->connections, 3);
	assert_int_equal(session_list_verdict(&list, find_row(&list, old), is_one, none),
			 SESSION_OVER);
	assert_int_equal(session_list_verdict(&list, find_row(&list, new), is_one, client_limit),
			 SESSION_HOLDS);
	assert_string_equal(find_row(&list, waits)->service, "pop3");
	assert_int_equal(session_list_verdict(&list, find_row(&list, waits), is_one, client_limit),
			 SESSION_OVER);
	/* Its process may have another session next. */
	assert_true(session_list_waits(find_row(&list, waits), is_one, service_count));
	assert_true(find_row(&list, waits)->fresh);
	assert_false(session_list_waits(find_row(&list, waits), is_one, none));
	assert_false(session_list_waits(find_row(&list, old), is_one, service_count));
	assert_null(find_row(&list, webmail));
	assert_true(session_list_end(find_row(&list, waits)));
	waitpid(waits, NULL, 0);
	assert_false(session_list_end(find_row(&list, waits)));
	session_list_clear(&list);

	/* Of all accounts, those that anvil knows. */
	list = list_and_judge(NULL, 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(find_row(&list, getpid())->account, "juri@example.org");
	assert_int_equal(session_list_verdict(&list, find_row(&list, getpid()), is_one, none),
			 SESSION_OVER);
	session_list_clear(&list);
	network_list_clear(&settings.internal_networks);
}

struct process_row {
	const char *name;
	const char *notes; /* letters: o over, h holds, j another account's, w webmail's */
	bool one;	   /* at a time */
	enum session_verdict verdict;
};

static const struct process_row process_rows[] = {
	{ "a new one", "h", true, SESSION_HOLDS },
	{ "an old one", "o", true, SESSION_OVER },
	{ "the old one ended, and then a new one came", "oh", true, SESSION_HOLDS },
	{ "both may be there", "oh", false, SESSION_OVER },
	{ "two new ones", "hh", false, SESSION_HOLDS },
	{ "others before it", "jjwh", true, SESSION_HOLDS },
	{ "somebody else's is the newest", "ohj", true, SESSION_OVER },
	{ "webmail's is the newest", "ohw", true, SESSION_OVER },
	{ "new ones before somebody else's", "hj", false, SESSION_HOLDS },
	{ "nothing is known", "j", true, SESSION_OVER },
};

/* What a process may have that has served several. */
static void judges_processes(void **state)
{
	const struct process_row *row = *state;
	const struct account_name account = sample_account("andrejs@example.org");
	struct session_list list;
	pid_t pid;
	char answer[500];

	begin(NULL);
	pid = begin_process();
	for (const char *letter = row->notes; *letter != '\0'; letter++) {
		if (*letter == 'w')
			assert_int_equal(session_table_note(site.table, pid, NULL), 0);
		else
			note(pid, *letter == 'j' ? "juri@example.org" : account.text, PROTOCOL_IMAP,
			     *letter == 'h' ? SECOND : FIRST);
	}
	snprintf(answer, sizeof(answer), "imap/192.0.2.1/%s\t%d\t1\n\n", account.text, (int)pid);
	begin_anvil(answer);
	list = list_and_judge(&account, 1);
	assert_int_equal(list.count, 1);
	assert_int_equal(
		session_list_verdict(&list, &list.rows[0], is_one, row->one ? none : client_limit),
		row->verdict);
	session_list_clear(&list);
	end(NULL);
}

static void what_is_not_judged_is_not_known(void **state)
{
	const struct account_name account = sample_account("andrejs@example.org");
	struct session_list list;
	char answer[500], *error = NULL;

	(void)state;
	note(getpid(), account.text, PROTOCOL_IMAP, FIRST);
	snprintf(answer, sizeof(answer), "imap/192.0.2.1/%s\t%d\t1\n\n", account.text,
		 (int)getpid());
	begin_anvil(answer);
	assert_int_equal(
		session_list_read(&list, site.files.directory, &settings, &account, 1, &error), 0);
	assert_int_equal(session_list_verdict(&list, &list.rows[0], is_one, none),
			 SESSION_UNAVAILABLE);
	session_list_clear(&list);
	end_process(&site.anvil);
	unlink(file_of_site("anvil"));
	assert_int_equal(
		session_list_read(&list, site.files.directory, &settings, &account, 1, &error), -1);
	assert_int_equal(list.count, 0);
	free(error);
}

#define ADD_SITE_TEST(function)                                                                    \
	do {                                                                                       \
		ADD_TEST(function);                                                                \
		tests[tests_count - 1].setup_func = begin;                                         \
		tests[tests_count - 1].teardown_func = end;                                        \
	} while (0)

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	ADD_SITE_TEST(keeps_notes);
	ADD_SITE_TEST(forgets_processes_that_ended);
	ADD_SITE_TEST(keeps_the_newest);
	ADD_SITE_TEST(notes_somebody_elses);
	ADD_SITE_TEST(outlives_a_reload);
	ADD_SITE_TEST(begins_anew);
	ADD_SITE_TEST(mistrusts_the_file);
	ADD_SITE_TEST(no_file);
	ADD_SITE_TEST(reads_anvil);
	ADD_SITE_TEST(anvil_breaks_off);
	ADD_SITE_TEST(anvil_is_away);
	ADD_SITE_TEST(lists_sessions);
	ADD_ROWS(judges_processes, process_rows);
	ADD_SITE_TEST(what_is_not_judged_is_not_known);
	return RUN_TESTS();
}
