/* doveadm postern check: reads Postfix's configuration, and finds its services and their milters.
 */

#include "postfix.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

const struct check_service check_bounce_service = { .name = "bounce/unix" };

static int read_part(struct check_postfix *postfix, const char *const argv[],
		     struct check_text *text_r)
{
	char *output;

	if (check_program_run(argv, &output, &postfix->error) < 0)
		return -1;
	check_text_read(text_r, output, '=');
	return 0;
}

void check_read_postfix(struct check_site *site)
{
	/* -x: with every $name in a value replaced, by the service's own value if it has one. */
	static const char *const main_cf[] = { "postconf", "-x", NULL };
	static const char *const services[] = { "postconf", "-F", "*/*/command", NULL };
	static const char *const overrides[] = { "postconf", "-P", "-x", NULL };
	struct check_postfix *postfix = &site->postfix;

	postfix->is_absent = access(MAIN_CF, F_OK) < 0;
	if (!postfix->is_absent && read_part(postfix, main_cf, &postfix->main) == 0 &&
	    read_part(postfix, services, &postfix->services) == 0)
		read_part(postfix, overrides, &postfix->overrides);
}

const char *check_postfix_value(const struct check_site *site, const char *name)
{
	const char *value = check_text_value(&site->postfix.main, CHECK_TOP, name);

	return value != NULL ? value : "";
}

const char *check_postfix_own_value(const struct check_site *site,
				    const struct check_service *service, const char *name)
{
	char path[sizeof(service->name) + 80];

	snprintf(path, sizeof(path), "%s/%s", service->name, name);
	return check_text_value(&site->postfix.overrides, CHECK_TOP, path);
}

const char *check_postfix_value_of(const struct check_site *site,
				   const struct check_service *service, const char *name)
{
	const char *value = check_postfix_own_value(site, service, name);

	return value != NULL ? value : check_postfix_value(site, name);
}

bool check_is_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0;
}

bool check_next_service(const struct check_site *site, const char *program,
			struct check_service *service)
{
	const struct check_text *services = &site->postfix.services;
	static const char field[] = "/command";

	while (service->at < services->lines_count) {
		const struct check_line *line = &services->lines[service->at++];
		size_t size = strlen(line->name), rest = sizeof(field) - 1;

		if (strcspn(line->value, " ") != strlen(program) ||
		    strncmp(line->value, program, strlen(program)) != 0)
			continue;
		if (size > rest && size - rest < sizeof(service->name) &&
		    strcmp(line->name + size - rest, field) == 0) {
			memcpy(service->name, line->name, size - rest);
			service->name[size - rest] = '\0';
			return true;
		}
	}
	return false;
}

bool check_next_smtpd(const struct check_site *site, struct check_service *service)
{
	return check_next_service(site, "smtpd", service);
}

bool check_has_service(const struct check_site *site, const struct check_service *service)
{
	char path[sizeof(service->name) + 20];

	snprintf(path, sizeof(path), "%s/command", service->name);
	return check_text_value(&site->postfix.services, CHECK_TOP, path) != NULL;
}

bool check_offers_auth(const struct check_site *site, const struct check_service *service)
{
	return check_is_yes(check_postfix_value_of(site, service, "smtpd_sasl_auth_enable"));
}

bool check_next_login(const struct check_site *site, struct check_service *service)
{
	while (check_next_smtpd(site, service)) {
		if (check_offers_auth(site, service))
			return true;
	}
	return false;
}

bool check_is_port_25(const struct check_service *service)
{
	size_t size = strcspn(service->name, "/");
	const char *type = service->name + size;
	const char *port = service->name;

	if (strcmp(service->name, "smtpd/pass") == 0)
		return true;
	for (size_t i = 0; i < size; i++) {
		if (service->name[i] == ':')
			port = service->name + i + 1;
	}
	return strcmp(type, "/inet") == 0 &&
	       (strncmp(port, "smtp/", 5) == 0 || strncmp(port, "25/", 3) == 0);
}

/* Milters */

static void copy(char *to, size_t room, const char *from, size_t size)
{
	snprintf(to, room, "%.*s", (int)size, from);
}

/* What is in braces: the address, then NAME=VALUE. */
static void read_braces(const char *text, size_t size, struct check_milter *milter_r)
{
	static const char option[] = "default_action";
	const char *end = text + size;

	for (;;) {
		size_t word;

		text += strspn(text, ", \t");
		if (text >= end)
			return;
		word = strcspn(text, ", \t}");
		if (*milter_r->address == '\0') {
			copy(milter_r->address, sizeof(milter_r->address), text, word);
		} else if (strncmp(text, option, sizeof(option) - 1) == 0) {
			const char *value = text + sizeof(option) - 1;

			value += strspn(value, " \t");
			if (*value == '=') {
				value++;
				value += strspn(value, " \t");
				copy(milter_r->action, sizeof(milter_r->action), value,
				     strcspn(value, ", \t}"));
			}
		}
		text += word;
	}
}

/* Takes the next milter of a list. */
static bool next_milter(const char **list, struct check_milter *milter_r)
{
	const char *text = *list + strspn(*list, ", \t");
	size_t size;

	*milter_r = (struct check_milter){ .address = "" };
	if (*text == '\0')
		return false;
	if (*text == '{') {
		size = strcspn(++text, "}");
		read_braces(text, size, milter_r);
		*list = text + size + (text[size] == '}');
		return true;
	}
	size = strcspn(text, ", \t");
	copy(milter_r->address, sizeof(milter_r->address), text, size);
	*list = text + size;
	return true;
}

bool check_is_socket(const struct check_site *site, const char *address, const char *path)
{
	char full[400];
	struct stat st, other;

	if (strncmp(address, "unix:", 5) == 0 || strncmp(address, "local:", 6) == 0)
		address = strchr(address, ':') + 1;
	/* An smtpd in a chroot takes an absolute path from there. */
	snprintf(full, sizeof(full), "%s/%s", check_postfix_value(site, "queue_directory"),
		 address);
	for (int i = 0; i < 2; i++) {
		const char *candidate = i == 0 ? full : address;

		if (strcmp(candidate, path) == 0)
			return true;
		if (stat(candidate, &st) == 0 && stat(path, &other) == 0 &&
		    st.st_dev == other.st_dev && st.st_ino == other.st_ino)
			return true;
	}
	return false;
}

/* Among the milters of that parameter. */
static bool find_milter(const struct check_site *site, const struct check_service *service,
			const char *parameter, struct check_milter *milter_r)
{
	const char *list = check_postfix_value_of(site, service, parameter);
	const char *named = check_postfix_value_of(site, service, "postern_milter");
	const char *other = check_postfix_value_of(site, service, "milter_default_action");
	struct check_milter ours;

	next_milter(&named, &ours);
	while (next_milter(&list, milter_r)) {
		if (*milter_r->action == '\0')
			copy(milter_r->action, sizeof(milter_r->action), other, strlen(other));
		if (strcmp(milter_r->address, ours.address) == 0)
			return true;
		if (site->settings != NULL &&
		    check_is_socket(site, milter_r->address, site->settings->milter.socket))
			return true;
	}
	return false;
}

bool check_find_milter(const struct check_site *site, const struct check_service *service,
		       struct check_milter *milter_r)
{
	return find_milter(site, service, "smtpd_milters", milter_r);
}

void check_cleanup_of(const struct check_site *site, const struct check_service *service,
		      struct check_service *cleanup_r)
{
	*cleanup_r = (struct check_service){ .at = 0 };
	snprintf(cleanup_r->name, sizeof(cleanup_r->name), "%s/unix",
		 check_postfix_value_of(site, service, "cleanup_service_name"));
}

void check_cleanup_of_bounces(const struct check_site *site, struct check_service *cleanup_r)
{
	check_cleanup_of(site, &check_bounce_service, cleanup_r);
}

bool check_find_cleanup_milter(const struct check_site *site, const struct check_service *cleanup,
			       struct check_milter *milter_r)
{
	return find_milter(site, cleanup, "non_smtpd_milters", milter_r);
}

bool check_find_bounce_milter(const struct check_site *site, struct check_milter *milter_r)
{
	struct check_service cleanup;

	check_cleanup_of_bounces(site, &cleanup);
	return check_find_cleanup_milter(site, &cleanup, milter_r);
}

bool check_has_no_milters(const struct check_site *site, const struct check_service *service)
{
	return check_list_has(check_postfix_value_of(site, service, "receive_override_options"),
			      "no_milters");
}
