#include "session-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(void *context, const char *user, const char *address)
{
	struct session_list *list = context;
	struct account_name account;
	struct session *session;
	const char *error;

	/* Webmail stays (A5). */
	if (network_list_has(&list->settings->internal_networks, address))
		return;
	if (account_name_parse(user, strlen(user), list->settings->default_domain, &account,
			       &error) < 0)
		return;
	if (list->count == list->room) {
		list->room = list->room == 0 ? 16 : 2 * list->room;
		list->sessions = reallocarray(list->sessions, list->room, sizeof(*session));
		if (list->sessions == NULL)
			abort();
	}
	session = &list->sessions[list->count++];
	session->user = strdup(user);
	session->account = strdup(account.text);
	if (session->user == NULL || session->account == NULL)
		abort();
	snprintf(session->address, sizeof(session->address), "%s", address);
}

static int compare(const void *_a, const void *_b)
{
	const struct session *a = _a, *b = _b;
	int order = strcmp(a->account, b->account);

	if (order == 0)
		order = strcmp(a->user, b->user);
	return order != 0 ? order : strcmp(a->address, b->address);
}

static void free_session(struct session *session)
{
	free(session->account);
	free(session->user);
}

static void drop_doubles(struct session_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (kept > 0 && compare(&list->sessions[kept - 1], &list->sessions[i]) == 0)
			free_session(&list->sessions[i]);
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
	list->settings = NULL;
	return 0;
}

void session_list_clear(struct session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_session(&list->sessions[i]);
	free(list->sessions);
	*list = (struct session_list){ 0 };
}

size_t session_list_find(const struct session_list *list, const char *account)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list->sessions[middle].account, account) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < list->count && strcmp(list->sessions[low].account, account) == 0)
		return low;
	return list->count;
}

size_t session_list_end(const struct session_list *list, size_t place)
{
	size_t end = place + 1;

	while (end < list->count &&
	       strcmp(list->sessions[end].account, list->sessions[place].account) == 0)
		end++;
	return end;
}
