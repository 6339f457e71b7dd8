/* doveadm postern check: Dovecot's configuration. */

#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dovecot.h"
#include "program.h"

/* What an account name may have besides letters and digits; and the space that people paste. */
#define NAME_CHARACTERS ".-_@+=&'~ "

void check_read_dovecot(struct check_site *site)
{
	const char *const argv[] = { "doveconf", "-c", site->dovecot.file, NULL };
	char *output;

	if (check_program_run(argv, &output, &site->dovecot.error) == 0)
		check_text_read_blocks(&site->dovecot.conf, output);
}

const char *check_dovecot_value(const struct check_site *site, size_t block, const char *name)
{
	const char *value = check_text_value(&site->dovecot.conf, block, name);

	return value != NULL ? value : "";
}

bool check_dovecot_yes(const struct check_site *site, size_t block, const char *name)
{
	return strcasecmp(check_dovecot_value(site, block, name), "yes") == 0;
}

static size_t next_passdb(const struct check_site *site, size_t after)
{
	return check_text_next(&site->dovecot.conf, CHECK_TOP, "passdb", after);
}

static size_t find_postern(const struct check_site *site)
{
	size_t passdb = CHECK_TOP;

	do {
		passdb = next_passdb(site, passdb);
	} while (passdb != CHECK_TOP &&
		 strcmp(check_dovecot_value(site, passdb, "driver"), "postern") != 0);
	return passdb;
}

static enum check_status check_reading(const struct check_site *site, char *text_r)
{
	if (site->dovecot.error != NULL)
		return check_say(text_r, CHECK_WRONG, "%s", site->dovecot.error);
	return check_say(text_r, CHECK_OK, "%s was read.", site->dovecot.file);
}

static enum check_status check_first(const struct check_site *site, char *text_r)
{
	const struct check_text *conf = &site->dovecot.conf;

	if (find_postern(site) == CHECK_TOP)
		return check_say(
			text_r, CHECK_WRONG,
			"No passdb has driver = postern, so Postern isn't asked about any login: "
			"include dovecot-postern.conf");
	for (size_t passdb = next_passdb(site, CHECK_TOP); passdb != CHECK_TOP;
	     passdb = next_passdb(site, passdb)) {
		const char *driver = check_dovecot_value(site, passdb, "driver");

		/* Those with deny = yes only refuse. */
		if (check_dovecot_yes(site, passdb, "master") ||
		    check_dovecot_yes(site, passdb, "deny"))
			continue;
		if (strcmp(driver, "postern") == 0)
			break;
		return check_say(
			text_r, CHECK_WRONG,
			"passdb %s is asked before passdb postern, and lets the webmail password "
			"in from outside: move Postern's in front of it",
			driver);
	}
	for (size_t i = 1; i < conf->blocks_count; i++) {
		if (conf->blocks[i].parent != CHECK_TOP &&
		    strcmp(conf->blocks[i].type, "passdb") == 0)
			return check_say(text_r, CHECK_WARNING,
					 "A passdb is inside a %s block, and this check can't tell "
					 "when it is asked: move it out",
					 conf->blocks[conf->blocks[i].parent].type);
	}
	return check_say(text_r, CHECK_OK, "passdb postern is asked first.");
}

/* Needs a passdb postern: check_first() says if there is none. */
static enum check_status no_passdb(char *text_r)
{
	return check_say(text_r, CHECK_UNKNOWN, "There is no passdb postern.");
}

static enum check_status check_final(const struct check_site *site, char *text_r)
{
	static const struct {
		const char *name, *value;
	} needed[] = {
		{ "result_failure", "return-fail" },
		{ "result_internalfail", "return-fail" },
		{ "result_success", "return-ok" },
		{ "skip", "never" },
		{ "mechanisms", "" },
		{ "username_filter", "" },
	};
	size_t passdb = find_postern(site);

	if (passdb == CHECK_TOP)
		return no_passdb(text_r);
	for (unsigned int i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		const char *value = check_dovecot_value(site, passdb, needed[i].name);

		if (strcmp(value, needed[i].value) != 0)
			return check_say(text_r, CHECK_WRONG,
					 "passdb postern has %s = %s, so another passdb may decide "
					 "about logins from outside: set %s = %s",
					 needed[i].name, value, needed[i].name, needed[i].value);
	}
	return check_say(text_r, CHECK_OK, "What passdb postern refuses stays refused.");
}

static bool is_same_file(const char *path, const char *other)
{
	struct stat st, other_st;

	if (strcmp(path, other) == 0)
		return true;
	return stat(path, &st) == 0 && stat(other, &other_st) == 0 &&
	       st.st_dev == other_st.st_dev && st.st_ino == other_st.st_ino;
}

/* Whether a block postern of that type, if there is one, names the file that doveadm reads. */
static enum check_status check_args(const struct check_site *site, const char *type, char *text_r)
{
	const struct check_text *conf = &site->dovecot.conf;
	size_t block = CHECK_TOP;

	while ((block = check_text_next(conf, CHECK_TOP, type, block)) != CHECK_TOP) {
		const char *args = check_dovecot_value(site, block, "args");

		if (strcmp(check_dovecot_value(site, block, "driver"), "postern") != 0)
			continue;
		if (*args == '\0')
			args = SYSCONFDIR "/postern/postern.conf";
		if (!is_same_file(args, site->settings_file))
			return check_say(text_r, CHECK_WRONG,
					 "%s postern has args = %s, but doveadm postern reads %s: "
					 "name the same "
					 "file in all of them, the passdb, the userdb and plugin { "
					 "postern_settings }",
					 type, args, site->settings_file);
	}
	return CHECK_OK;
}

static enum check_status check_same_settings(const struct check_site *site, char *text_r)
{
	if (find_postern(site) == CHECK_TOP)
		return no_passdb(text_r);
	if (check_args(site, "passdb", text_r) != CHECK_OK ||
	    check_args(site, "userdb", text_r) != CHECK_OK)
		return CHECK_WRONG;
	return check_say(text_r, CHECK_OK, "Dovecot and doveadm read the same settings file.");
}

static enum check_status check_master_users(const struct check_site *site, char *text_r)
{
	bool any = false;

	for (size_t passdb = next_passdb(site, CHECK_TOP); passdb != CHECK_TOP;
	     passdb = next_passdb(site, passdb)) {
		if (!check_dovecot_yes(site, passdb, "master"))
			continue;
		any = true;
		if (strcmp(check_dovecot_value(site, passdb, "result_success"), "continue") != 0)
			return check_say(
				text_r, CHECK_WARNING,
				"Master users of passdb %s can open every mailbox from outside "
				"too: add result_success = continue to it",
				check_dovecot_value(site, passdb, "driver"));
	}
	return check_say(text_r, CHECK_OK, "%s",
			 any ? "Master users are refused from outside."
			     : "There are no master users.");
}

static enum check_status check_mechanisms(const struct check_site *site, char *text_r)
{
	const char *mechanisms = check_dovecot_value(site, CHECK_TOP, "auth_mechanisms");
	char *list = strdup(mechanisms), *rest = list, *word;
	enum check_status status = check_say(text_r, CHECK_OK, "PLAIN and LOGIN.");

	if (list == NULL)
		abort();
	while ((word = strsep(&rest, " ,\t")) != NULL) {
		if (*word != '\0' && strcasecmp(word, "plain") != 0 &&
		    strcasecmp(word, "login") != 0) {
			status =
				check_say(text_r, CHECK_WRONG,
					  "auth_mechanisms offers %s, which no app password can be "
					  "checked with: set it to 'plain login'",
					  word);
			break;
		}
	}
	free(list);
	if (status != CHECK_OK)
		return status;
	if (!check_list_has(mechanisms, "plain"))
		return check_say(text_r, CHECK_WRONG,
				 "auth_mechanisms lacks plain: set it to 'plain login'");
	if (!check_list_has(mechanisms, "login"))
		return check_say(text_r, CHECK_WARNING,
				 "auth_mechanisms lacks login, which Outlook needs: set it to "
				 "'plain login'");
	return status;
}

static enum check_status check_names(const struct check_site *site, char *text_r)
{
	const char *allowed = check_dovecot_value(site, CHECK_TOP, "auth_username_chars");
	char missing[sizeof(NAME_CHARACTERS)];
	size_t used = 0;

	/* Empty allows everything. */
	if (*allowed == '\0')
		return check_say(text_r, CHECK_OK, "All characters are let through to Postern.");
	for (const char *c = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	     *c != '\0'; c++) {
		if (strchr(allowed, *c) == NULL)
			return check_say(text_r, CHECK_WRONG,
					 "auth_username_chars lacks '%c': copy its line from "
					 "dovecot-postern.conf",
					 *c);
	}
	for (const char *c = NAME_CHARACTERS; *c != '\0'; c++) {
		if (strchr(allowed, *c) == NULL)
			missing[used++] = *c;
	}
	missing[used] = '\0';
	if (used > 0)
		return check_say(text_r, CHECK_WARNING,
				 "auth_username_chars lacks \"%s\", so addresses with these can't "
				 "log in: copy its line from dovecot-postern.conf",
				 missing);
	return check_say(text_r, CHECK_OK, "All characters of account names are let through.");
}

static enum check_status check_tls(const struct check_site *site, char *text_r)
{
	const char *ssl = check_dovecot_value(site, CHECK_TOP, "ssl");

	if (!check_dovecot_yes(site, CHECK_TOP, "disable_plaintext_auth"))
		return check_say(
			text_r, CHECK_WRONG,
			"Passwords may be sent in the clear: set disable_plaintext_auth = yes");
	if (strcmp(ssl, "required") == 0)
		return check_say(text_r, CHECK_OK, "A login needs TLS.");
	return check_say(text_r, strcmp(ssl, "no") == 0 ? CHECK_WRONG : CHECK_WARNING,
			 "ssl = %s: set ssl = required (Debian sets it in 10-ssl.conf)", ssl);
}

static enum check_status check_pop3_lock(const struct check_site *site, char *text_r)
{
	const struct check_text *conf = &site->dovecot.conf;
	const char *value = check_dovecot_value(site, CHECK_TOP, "pop3_lock_session");

	for (size_t i = 1; i < conf->blocks_count; i++) {
		if (strcmp(conf->blocks[i].type, "protocol") == 0 &&
		    strcmp(conf->blocks[i].name, "pop3") == 0 &&
		    check_text_value(conf, i, "pop3_lock_session") != NULL)
			value = check_dovecot_value(site, i, "pop3_lock_session");
	}
	if (strcasecmp(value, "yes") != 0)
		return check_say(text_r, CHECK_WRONG,
				 "Two POP3 sessions of one mailbox may run at the same time: set "
				 "pop3_lock_session = yes");
	return check_say(text_r, CHECK_OK, "One POP3 session per mailbox at a time.");
}

/* One word of login_trusted_networks. */
static bool is_internal(const struct settings *settings, const char *word)
{
	struct network_list list = { 0 };
	const char *error;
	bool covered = network_list_add(&list, word, &error) == 0 &&
		       network_list_covers(&settings->internal_networks, &list.networks[0]);

	network_list_clear(&list);
	return covered;
}

static enum check_status check_trusted(const struct check_site *site, char *text_r)
{
	enum check_status status = check_say(text_r, CHECK_OK, "All of them are internal.");
	char *list, *rest, *word;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the internal networks: fix them first.");
	list = rest = strdup(check_dovecot_value(site, CHECK_TOP, "login_trusted_networks"));
	if (list == NULL)
		abort();
	while ((word = strsep(&rest, " ,\t")) != NULL) {
		if (*word != '\0' && !is_internal(site->settings, word)) {
			status = check_say(text_r, CHECK_WARNING,
					   "%s in login_trusted_networks isn't internal: add it "
					   "to internal_networks, or remove it",
					   word);
			break;
		}
	}
	free(list);
	return status;
}

const char *check_dovecot_unknown(const struct check_site *site)
{
	return site->dovecot.error == NULL
		       ? NULL
		       : "Dovecot's configuration can't be read: see 'dovecot'.";
}

static const struct check checks[] = {
	{ .name = "dovecot", .run = check_reading, .always = true },
	{ .name = "dovecot-passdb-first", .run = check_first },
	{ .name = "dovecot-passdb-final", .run = check_final },
	{ .name = "dovecot-settings", .run = check_same_settings },
	{ .name = "dovecot-master-users", .run = check_master_users },
	{ .name = "dovecot-mechanisms", .run = check_mechanisms },
	{ .name = "dovecot-names", .run = check_names },
	{ .name = "dovecot-tls", .run = check_tls },
	{ .name = "dovecot-pop3-lock", .run = check_pop3_lock },
	{ .name = "dovecot-trusted", .run = check_trusted },
	{ .name = NULL },
};

const struct check_topic check_dovecot_topic = { .checks = checks,
						 .unknown = check_dovecot_unknown };
