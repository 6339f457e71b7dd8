/* Who is logged in: by account, without webmail and users who are no accounts. */

#include "session-list.h"

#include <string.h>

#include "samples.h"

struct login {
	const char *user, *address;
};

static const struct login logins[] = {
	{ "juri@example.org", "192.0.2.2" },	{ "andrejs", "192.0.2.1" },
	{ "Andrejs@example.org", "192.0.2.1" }, { "juri@example.org", "192.0.2.1" },
	{ "juri@example.org", "192.0.2.2" },	{ "juri@example.org", "10.0.0.1" },
	{ "no@account@here", "192.0.2.1" },
};

static const char *failure;

int doveadm_who(struct doveadm *client, const struct settings *settings, const char *user,
		doveadm_session_callback_t *callback, void *context, const char **error_r)
{
	(void)client;
	(void)settings;
	(void)user;
	*error_r = failure;
	for (size_t i = 0; failure == NULL && i < sizeof(logins) / sizeof(logins[0]); i++)
		callback(context, logins[i].user, logins[i].address);
	return failure != NULL ? -1 : 0;
}

static void lists(void **state)
{
	struct settings settings = { .default_domain = (char[]){ "example.org" } };
	struct session_list list;
	const char *error;

	(void)state;
	assert_int_equal(network_list_add(&settings.internal_networks, "10.0.0.0/8", &error), 0);
	assert_int_equal(session_list_ask(&list, NULL, &settings, NULL, &error), 0);
	assert_int_equal(list.count, 4);
	assert_int_equal(session_list_find(&list, "andrejs@example.org"), 0);
	assert_int_equal(session_list_end(&list, 0), 2);
	assert_int_equal(session_list_find(&list, "juri@example.org"), 2);
	assert_int_equal(session_list_end(&list, 2), 4);
	assert_string_equal(list.sessions[2].address, "192.0.2.1");
	assert_int_equal(session_list_find(&list, "a@example.org"), 4);
	assert_int_equal(session_list_find(&list, "z@example.org"), 4);
	session_list_clear(&list);
	assert_int_equal(session_list_find(&list, "andrejs@example.org"), 0);
	failure = "no doveadm";
	assert_int_equal(session_list_ask(&list, NULL, &settings, NULL, &error), -1);
	assert_string_equal(error, failure);
	network_list_clear(&settings.internal_networks);
}

int main(void)
{
	ADD_TEST(lists);
	return RUN_TESTS();
}
