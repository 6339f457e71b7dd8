/* doveadm postern check: the HTTP API of doveadm, as Dovecot's configuration has it.
 *
 * A door is a listener of it. Dovecot knows one doveadm_api_key for a process, which is webmail's:
 * it opens every door, with the commands of the address that the door listens on, but those of a
 * service that takes the key away with -o. */

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dovecot.h"
#include "base/network.h"

#define NO_KEY	"-o doveadm_api_key="
#define ALLOWED "doveadm_allowed_commands"

#define COMMAND_SIZE 64

struct door {
	size_t service, listener;
	const char *address; /* "" for all; for a unix socket its path */
	bool is_unix;
	bool has_key; /* webmail's key opens it */
};

/* Commands, by their first word, that no key of webmail's is to open; all others that aren't
   Postern's are for somebody to judge. */
static const struct {
	const char *word, *what;
} dangerous[] = {
	{ "fetch", "reads mail" },
	{ "search", "reads mail" },
	{ "save", "writes mail" },
	{ "copy", "reads mail" },
	{ "move", "moves mail" },
	{ "import", "reads mail" },
	{ "expunge", "deletes mail" },
	{ "sync", "reads mail" },
	{ "backup", "reads mail" },
	{ "dsync-server", "reads mail" },
	{ "batch", "reads mail" },
	{ "dump", "reads files" },
	{ "fs", "reads files" },
	{ "exec", "runs programs" },
	{ "acl", "opens mailboxes" },
	{ "who", "shows who is logged in" },
	{ "kick", "ends any session" },
	{ "config", "shows secrets" },
	{ "auth", "tries passwords" },
	{ "director", "moves users" },
	{ "mailbox", "deletes mailboxes" },
	{ "reload", "reloads Dovecot" },
	{ "stop", "stops Dovecot" },
};

/* What postern-worker runs on its listener. */
static const char *const worker_commands[] = { "postern sessions end", "postern notice delivered" };

static bool has_suffix(const char *text, const char *suffix)
{
	size_t size = strlen(text), length = strlen(suffix);

	return size >= length && strcmp(text + size - length, suffix) == 0;
}

/* Is the listener of this service one that speaks HTTP? Dovecot goes by its name. */
static bool is_http(const struct check_site *site, const struct check_block *block, size_t listener)
{
	if (strcmp(block->type, "inet_listener") == 0)
		return strcmp(block->name, "http") == 0 &&
		       strcmp(check_dovecot_value(site, listener, "port"), "0") != 0;
	return strcmp(block->type, "unix_listener") == 0 && has_suffix(block->name, "/http");
}

/* The next door after the last one; from 0 on. 0 when there are no more. */
static size_t next_door(const struct check_site *site, size_t after, struct door *door_r)
{
	const struct check_text *conf = &site->dovecot.conf;

	for (size_t i = after + 1; i < conf->blocks_count; i++) {
		const struct check_block *block = &conf->blocks[i];
		size_t service = block->parent;
		const char *executable = check_dovecot_value(site, service, "executable");

		if (strcmp(conf->blocks[service].type, "service") != 0 || !is_http(site, block, i))
			continue;
		/* doveconf -n leaves out what is as Dovecot has it. */
		if (strcmp(conf->blocks[service].name, "doveadm") != 0 &&
		    strstr(executable, "doveadm-server") == NULL)
			continue;
		*door_r = (struct door){
			.service = service,
			.listener = i,
			.is_unix = strcmp(block->type, "unix_listener") == 0,
			.has_key = strstr(executable, NO_KEY) == NULL,
		};
		door_r->address =
			door_r->is_unix ? block->name : check_dovecot_value(site, i, "address");
		return i;
	}
	return 0;
}

static bool is_any_door(const struct check_site *site)
{
	struct door door;

	return next_door(site, 0, &door) != 0;
}

static enum check_status no_http(char *text_r)
{
	return check_say(text_r, CHECK_OK, "There is no HTTP API.");
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
	       strcmp(address, "[::1]") == 0 || strcmp(address, "localhost") == 0;
}

static enum check_status check_api_address(const struct check_site *site, char *text_r)
{
	struct door door;
	size_t at = 0;

	if (!is_any_door(site))
		return no_http(text_r);
	while ((at = next_door(site, at, &door)) != 0) {
		if (door.is_unix || is_loopback(door.address) ||
		    check_dovecot_yes(site, door.listener, "ssl"))
			continue;
		return check_say(text_r, CHECK_WARNING,
				 "The HTTP API listens on %s without TLS: make it listen on "
				 "127.0.0.1, behind a TLS proxy or a tunnel",
				 *door.address == '\0' ? "all addresses" : door.address);
	}
	return check_say(text_r, CHECK_OK, "The HTTP API listens only on this host, or with TLS.");
}

/* Does a door listen on an address of this network? What can't be read may be any. */
static bool listens_in(const struct door *door, const char *network)
{
	struct network_list list = { 0 };
	const char *error;
	bool found = true;

	if (door->is_unix)
		return false;
	if (*door->address != '\0' && strchr(door->address, '*') == NULL &&
	    strcmp(door->address, "::") != 0 && strcmp(door->address, "0.0.0.0") != 0 &&
	    network_list_add(&list, network, &error) == 0) {
		char *copy = strdup(door->address), *rest = copy, *word;

		found = false;
		while (!found && (word = strsep(&rest, " ,[]")) != NULL)
			found = network_list_has(&list, word);
		free(copy);
	}
	network_list_clear(&list);
	return found;
}

/* Do the settings of this block, and of all those that it is in, apply to the door? */
static bool holds(const struct check_site *site, size_t block, const struct door *door)
{
	const struct check_text *conf = &site->dovecot.conf;

	for (; block != CHECK_TOP; block = conf->blocks[block].parent) {
		const char *type = conf->blocks[block].type, *name = conf->blocks[block].name;

		if (strcmp(type, "protocol") == 0 && strcmp(name, "doveadm") != 0 && *name != '!')
			return false;
		if (strcmp(type, "local") == 0 && !listens_in(door, name))
			return false;
		/* Any client may come from there. */
		if (strcmp(type, "remote") == 0 && door->is_unix)
			return false;
	}
	return true;
}

/* The block whose value of that name holds at the door: the innermost, the last of them.
   CHECK_TOP if no block's does. */
static size_t find_block(const struct check_site *site, const struct door *door, const char *name)
{
	const struct check_text *conf = &site->dovecot.conf;

	for (size_t i = conf->blocks_count; i-- > 1;) {
		if (check_text_value(conf, i, name) != NULL && holds(site, i, door))
			return i;
	}
	return CHECK_TOP;
}

static const char *value_at(const struct check_site *site, const struct door *door,
			    const char *name)
{
	return check_dovecot_value(site, find_block(site, door, name), name);
}

static const char *door_name(const struct door *door, char name_r[CHECK_TEXT_SIZE / 4])
{
	snprintf(name_r, CHECK_TEXT_SIZE / 4, "%s",
		 *door->address == '\0' ? "all addresses" : door->address);
	return name_r;
}

static enum check_status check_api_key(const struct check_site *site, char *text_r)
{
	char name[CHECK_TEXT_SIZE / 4];
	struct door door;
	size_t at = 0;

	if (!is_any_door(site))
		return no_http(text_r);
	while ((at = next_door(site, at, &door)) != 0) {
		if (door.has_key &&
		    *check_dovecot_value(site, CHECK_TOP, "doveadm_api_key") == '\0')
			return check_say(
				text_r, CHECK_WRONG,
				"doveadm_api_key isn't set, so the HTTP API at %s refuses "
				"everyone: create one as described in dovecot-postern.conf",
				door_name(&door, name));
		if (!door.has_key && *value_at(site, &door, "doveadm_password") == '\0')
			return check_say(
				text_r, CHECK_WRONG,
				"doveadm_password isn't set for %s, so the HTTP API there "
				"refuses everyone: create one as described in dovecot-postern.conf",
				door_name(&door, name));
	}
	return check_say(text_r, CHECK_OK, "Each listener has a key.");
}

/* Cuts the next command from a list; false at its end. */
static bool next_command(const char **list, char command_r[COMMAND_SIZE])
{
	size_t size;

	if (**list == '\0')
		return false;
	size = strcspn(*list, ",");
	snprintf(command_r, COMMAND_SIZE, "%.*s", (int)size, *list);
	*list += size + ((*list)[size] == ',' ? 1 : 0);
	return true;
}

/* What a command does that makes it dangerous, NULL for all others. */
static const char *danger_of(const char *command)
{
	size_t size = strcspn(command, " ");

	for (size_t i = 0; i < sizeof(dangerous) / sizeof(*dangerous); i++) {
		if (strlen(dangerous[i].word) == size &&
		    strncmp(command, dangerous[i].word, size) == 0)
			return dangerous[i].what;
	}
	return NULL;
}

static enum check_status judge_form(const char *list, const char *where, char *text_r)
{
	if (*list == '\0')
		return check_say(text_r, CHECK_WRONG,
				 ALLOWED
				 "%s is empty, so anyone with the key can read and delete all "
				 "mail: list the commands that are needed",
				 where);
	if (strstr(list, ", ") != NULL || strstr(list, " ,") != NULL)
		return check_say(text_r, CHECK_WRONG,
				 ALLOWED "%s has a space next to a comma, so the command there "
					 "isn't recognised: remove the space",
				 where);
	return CHECK_OK;
}

/* A list that webmail's key opens. */
static enum check_status judge_webmail(const char *list, const char *where, char *text_r)
{
	enum check_status status = CHECK_OK;
	char command[COMMAND_SIZE];

	if (judge_form(list, where, text_r) != CHECK_OK)
		return CHECK_WRONG;
	while (next_command(&list, command)) {
		const char *danger = danger_of(command);

		if (danger != NULL)
			return check_say(text_r, CHECK_WRONG,
					 "Webmail's key gives access to %s, which %s: remove it "
					 "from " ALLOWED "%s",
					 command, danger, where);
		if (strncmp(command, "postern ", 8) != 0 && status == CHECK_OK)
			status = check_say(
				text_r, CHECK_WARNING,
				"Webmail's key gives access to %s, which isn't Postern's: give "
				"it a listener of its own, as dovecot-postern.conf does for "
				"support",
				command);
	}
	return status;
}

/* The lists of the addresses that the door may be reached at. */
static enum check_status judge_door(const struct check_site *site, const struct door *door,
				    char *text_r)
{
	const struct check_text *conf = &site->dovecot.conf;
	enum check_status status = CHECK_OK;

	for (size_t i = 1; i < conf->blocks_count && status == CHECK_OK; i++) {
		const char *list = check_text_value(conf, i, ALLOWED);
		char where[CHECK_TEXT_SIZE / 4];

		if (list == NULL || !holds(site, i, door))
			continue;
		snprintf(where, sizeof(where), " of %s %s", conf->blocks[i].type,
			 conf->blocks[i].name);
		status = door->has_key ? judge_webmail(list, where, text_r)
				       : judge_form(list, where, text_r);
	}
	return status;
}

static enum check_status check_api_commands(const struct check_site *site, char *text_r)
{
	const char *commands = check_dovecot_value(site, CHECK_TOP, ALLOWED);
	enum check_status status;
	struct door door;
	size_t at = 0;

	if (!is_any_door(site))
		return no_http(text_r);
	status = judge_webmail(commands, "", text_r);
	while (status == CHECK_OK && (at = next_door(site, at, &door)) != 0)
		status = judge_door(site, &door, text_r);
	return status != CHECK_OK
		       ? status
		       : check_say(text_r, CHECK_OK, "Webmail's key gives access to %s.", commands);
}

static bool has_command(const char *list, const char *wanted)
{
	char command[COMMAND_SIZE];

	while (next_command(&list, command)) {
		if (strcmp(command, wanted) == 0)
			return true;
	}
	return false;
}

/* The door that doveadm_url leads to. */
static bool find_worker_door(const struct check_site *site, struct door *door_r)
{
	char host[COMMAND_SIZE] = "", port[8] = "80";
	size_t at = 0;

	if (sscanf(site->settings->worker.doveadm_url, "http://%63[^:/]:%7[0-9]", host, port) < 1)
		return false;
	while ((at = next_door(site, at, door_r)) != 0) {
		if (strcmp(check_dovecot_value(site, door_r->listener, "port"), port) == 0 &&
		    listens_in(door_r, host))
			return true;
	}
	return false;
}

static enum check_status check_api_worker(const struct check_site *site, char *text_r)
{
	const char *url, *list;
	struct door door;

	if (site->settings == NULL)
		return check_say(text_r, CHECK_UNKNOWN,
				 "The settings name the worker's listener: fix them first.");
	url = site->settings->worker.doveadm_url;
	if (!find_worker_door(site, &door))
		return check_say(
			text_r, CHECK_WARNING,
			"doveadm on this host doesn't listen on %s, so postern-worker ends "
			"no sessions here: fix doveadm_url in [worker], or add the "
			"worker's listener from dovecot-postern.conf",
			url);
	if (door.has_key)
		return check_say(text_r, CHECK_WRONG,
				 "Webmail's key gives access to the worker's listener, %s: give "
				 "that a service of "
				 "its own, with " NO_KEY ", as in dovecot-postern.conf",
				 url);
	list = value_at(site, &door, ALLOWED);
	for (size_t i = 0; i < sizeof(worker_commands) / sizeof(*worker_commands); i++) {
		if (!has_command(list, worker_commands[i]))
			return check_say(text_r, CHECK_WRONG,
					 "postern-worker may not run %s on its listener, %s: add "
					 "it to " ALLOWED " of that address",
					 worker_commands[i], url);
	}
	return check_say(text_r, CHECK_OK, "postern-worker's listener is %s.", url);
}

static const struct check checks[] = {
	{ .name = "api-address", .run = check_api_address },
	{ .name = "api-key", .run = check_api_key },
	{ .name = "api-commands", .run = check_api_commands },
	{ .name = "api-worker", .run = check_api_worker },
	{ .name = NULL },
};

const struct check_topic check_api_topic = { .checks = checks, .unknown = check_dovecot_unknown };
