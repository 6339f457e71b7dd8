/*
 * The userdb "postern": what becomes of a login between the passdb's word and the session.
 *
 * The two may be far apart. Dovecot's login process hands a client over to a mail process. While
 * all of these are taken (process_limit), it waits for ten seconds (service-monitor.c), and where
 * the one that should take it is stuck, for 90 (master-auth.c). A switch-off in between must not be
 * slept through (D5): a login that has waited is looked at again. One that hasn't isn't, so that a
 * login costs one question; but it is in the table when its session begins, so whoever ends
 * sessions finds it there, even while it waits for POP3's lock and doveadm's `who` doesn't show it.
 */

#include "userdb-postern.h"
#include "auth-fields.h"
#include "auth-request.h"

#include "async-store.h"
#include "auth-site.h"
#include "base/monotonic.h"
#include "store/reply.h"
#include "session-mark.h"
#include "session-table.h"

/* A login that is older is looked at again. Those who end sessions look for longer than that and
   what Redis is waited for. */
#define LOOK_AGAIN_MSECS 3000

/* How long that waits for Redis to come back. */
#define WAIT_MSECS 4000

struct postern_userdb {
	struct userdb_module module;
	struct auth_site *site;
};

/* A login that is looked at again. */
struct second_look {
	struct postern_userdb *userdb;
	struct auth_request *request;
	userdb_callback_t *callback;
	struct session session;
	int64_t started;
};

static struct postern_userdb *get_userdb(struct auth_request *request)
{
	return container_of(request->userdb->userdb, struct postern_userdb, module);
}

/* "Not here" has to lead to the next userdb, and "don't know" to none, whatever the result_*
   settings say. */
static void make_rules(struct auth_userdb *rules)
{
	rules->result_failure = AUTH_DB_RULE_CONTINUE;
	rules->result_internalfail = AUTH_DB_RULE_RETURN_FAIL;
}

static void ask_next(struct auth_request *request, userdb_callback_t *callback)
{
	/* Dovecot takes back what a userdb that doesn't know the user has set, and takes what the
	   passdb has set for the userdb "prefetch" for that. */
	auth_fields_snapshot(request->fields.userdb_reply);
	callback(USERDB_RESULT_USER_UNKNOWN, request);
}

/* Look-ups that are no login come from no process that serves a session. */
static void note(struct postern_userdb *userdb, struct auth_request *request,
		 const struct session *session)
{
	if (userdb->site->sessions == NULL || request->session_pid == (pid_t)-1)
		return;
	if (session_table_note(userdb->site->sessions, request->session_pid, session) < 0)
		e_error(authdb_event(request), "postern: a session can't be recorded: %m");
}

static void second_look_free(struct second_look *look)
{
	auth_request_unref(&look->request);
	i_free(look);
}

static void second_look_fail(struct second_look *look, const char *error)
{
	e_info(authdb_event(look->request),
	       "postern: account=%s protocol=%s verdict=%s waited=%lld", look->session.account.text,
	       protocol_word(look->session.protocol), error == NULL ? "over" : "unavailable",
	       (long long)(monotonic_msecs() - look->started));
	look->callback(USERDB_RESULT_INTERNAL_FAILURE, look->request);
}

static void second_look_decided(const struct redisReply *reply, const char *error, void *context)
{
	struct second_look *look = context;

	if (reply != NULL)
		(void)session_read(reply, 1, &error);
	if (reply != NULL && session_verdict(reply, 0) == SESSION_HOLDS) {
		note(look->userdb, look->request, &look->session);
		ask_next(look->request, look->callback);
	} else {
		second_look_fail(look, error);
	}
	second_look_free(look);
}

static void look_again(struct postern_userdb *userdb, struct auth_request *request,
		       userdb_callback_t *callback, const struct session *session, int64_t started)
{
	struct second_look *look = i_new(struct second_look, 1);
	struct command command;

	look->userdb = userdb;
	look->request = request;
	look->callback = callback;
	look->session = *session;
	look->started = started;
	auth_request_ref(request);
	session_ask(session, 1, userdb->site->settings, &command);
	async_store_ask(userdb->site->store, &command, WAIT_MSECS, second_look_decided, look);
}

static void postern_lookup(struct auth_request *request, userdb_callback_t *callback)
{
	struct postern_userdb *userdb = get_userdb(request);
	struct session session;
	int64_t started;

	make_rules(request->userdb);
	if (!session_mark_get(request, &session, &started)) {
		note(userdb, request, NULL);
		ask_next(request, callback);
	} else if (monotonic_msecs() - started > LOOK_AGAIN_MSECS) {
		look_again(userdb, request, callback, &session, started);
	} else {
		note(userdb, request, &session);
		ask_next(request, callback);
	}
}

static struct userdb_module *postern_preinit(pool_t pool, const char *args)
{
	struct postern_userdb *userdb = p_new(pool, struct postern_userdb, 1);

	userdb->site = auth_site_open(args);
	auth_site_open_sessions(userdb->site);
	return &userdb->module;
}

static void postern_init(struct userdb_module *module)
{
	struct postern_userdb *userdb = container_of(module, struct postern_userdb, module);

	auth_site_start(userdb->site);
}

static void postern_deinit(struct userdb_module *module)
{
	struct postern_userdb *userdb = container_of(module, struct postern_userdb, module);

	auth_site_close(&userdb->site);
}

struct userdb_module_interface userdb_postern = {
	.name = "postern",
	.preinit = postern_preinit,
	.init = postern_init,
	.deinit = postern_deinit,
	.lookup = postern_lookup,
};
