#include "session-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(void *context, const char *user, const char *address)
{
	struct session_list *list = context;
	struct session *session;

	/* Webmail stays (A5). */
	if (network_list_has(&list->settings->internal_networks, address))
		return;
	if (list->count == list->room) {
		list->room = list->room == 0 ? 16 : 2 * list->room;
		list->sessions = reallocarray(list->sessions, list->room, sizeof(*session));
		if (list->sessions == NULL)
			abort();
	}
	session = &list->sessions[list->count++];
	session->user = strdup(user);
	if (session->user == NULL)
		abort();
	snprintf(session->address, sizeof(session->address), "%s", address);
}

static int compare(const void *_a, const void *_b)
{
	const struct session *a = _a, *b = _b;
	int order = strcmp(a->user, b->user);

	return order != 0 ? order : strcmp(a->address, b->address);
}

static void drop_doubles(struct session_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 && compare(&list->sessions[kept - 1], &list->sessions[i]) == 0)
			free(list->sessions[i].user);
		else
			list->sessions[kept++] = list->sessions[i];
	}
	list->count = kept;
}

int session_list_ask(struct session_list *list, struct doveadm *doveadm,
		     const struct settings *settings, const char *user, const char **error_r)
{
	*list = (struct session_list){ .settings = settings };
	if (doveadm_who(doveadm, settings, user, add, list, error_r) < 0)
		return -1;
	if (list->count > 0)
		qsort(list->sessions, list->count, sizeof(*list->sessions), compare);
	drop_doubles(list);
	return 0;
}

void session_list_clear(struct session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->sessions[i].user);
	free(list->sessions);
	*list = (struct session_list){ 0 };
}

int session_account(const struct session_list *list, size_t place, struct account_name *account_r)
{
	const char *user = list->sessions[place].user, *error;

	return account_name_parse(user, strlen(user), list->settings->default_domain, account_r,
				  &error);
}
