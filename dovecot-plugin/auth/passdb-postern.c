/* The passdb "postern". */

#include "passdb-postern.h"
#include "hex-binary.h"
#include "ioloop.h"
#include "llist.h"
#include "randgen.h"
#include "str-sanitize.h"

#include "auth.h"
#include "auth-request.h"

#include "async-store.h"
#include "auth-site.h"
#include "login-result.h"
#include "decisions/login.h"
#include "base/monotonic.h"
#include "base/printable.h"
#include "store/reply.h"
#include "session-mark.h"
#include "settings/settings.h"

/* How long a login waits for Redis to come back: most outages are a failover. */
#define WAIT_MSECS 4000

/*
 * Postfix turns any failure it gets into a permanent 535, at which mail programs discard the
 * password. When it gets no answer for 10 s (AUTH_TIMEOUT in xsasl_dovecot_server.c), it closes its
 * connection and answers 454. So without a verdict, SMTP gets no answer for longer than that.
 */
#define SMTP_SILENCE_MSECS 12000

/* Enough to distinguish one attempt from the previous one. */
#define ATTEMPT_BYTES 2

struct postern_passdb {
	struct passdb_module module;
	struct auth_site *site;
	const struct settings *settings; /* the site's */
	struct login *silenced;		 /* logins whose client is not to be answered yet */
	bool warned_of_rules;
};

/* One login while it is decided. */
struct login {
	struct login *prev, *next;
	struct postern_passdb *passdb;
	struct auth_request *request;
	verify_plain_callback_t *callback;
	struct event *event;
	struct account_name account;
	enum protocol protocol;
	int64_t started; /* milliseconds of the monotonic clock */
	struct timeout *to_silence;
};

static struct postern_passdb *get_passdb(struct auth_request *request)
{
	return container_of(request->passdb->passdb, struct postern_passdb, module);
}

/*
 * True if the login comes from an internal network (A5). Webmail may report whom it logs in for
 * (login_trusted_networks): then the connection's own address is webmail's, and that counts.
 * A proxy reports addresses too, but for anybody: the address that it reports counts.
 */
static bool is_internal(const struct settings *settings, const struct auth_request *request)
{
	const char *peer = net_ip2addr(&request->fields.real_remote_ip);
	const char *client = net_ip2addr(&request->fields.remote_ip);

	if (*peer == '\0' || network_list_has(&settings->proxies, peer))
		peer = client;
	return network_list_has(&settings->internal_networks, peer);
}

/*
 * A passdb that comes next must never see a login from outside (A4), whatever the result_* settings
 * say: with the site's own passdb after ours, they would let the webmail password in.
 */
static void make_final(struct postern_passdb *passdb, struct auth_passdb *rules)
{
	if (rules->result_failure != AUTH_DB_RULE_RETURN_FAIL && !passdb->warned_of_rules) {
		i_warning("postern: passdb postern { result_failure } should be return-fail; "
			  "it is treated as that");
		passdb->warned_of_rules = TRUE;
	}
	rules->result_success = AUTH_DB_RULE_RETURN_OK;
	rules->result_failure = AUTH_DB_RULE_RETURN_FAIL;
	rules->result_internalfail = AUTH_DB_RULE_RETURN_FAIL;
}

/* What somebody else wrote, as one quoted field of a log line: nothing in it ends the quotes. */
static const char *quoted(const char *text, size_t max)
{
	char *copy = t_strdup_noconst(t_strndup(text, max));

	make_printable(copy, "\"\\");
	return t_strdup_printf("\"%s\"", copy);
}

static const char *login_line(const struct login *login, const struct login_answer *answer,
			      const char *detail)
{
	const struct auth_request_fields *fields = &login->request->fields;

	if (answer->verdict == LOGIN_OFF)
		detail = t_strconcat("reason=", reason_word(answer->reason), NULL);
	else if (answer->verdict == LOGIN_TOO_SOON)
		detail = t_strdup_printf("wait=%u", answer->wait);
	return t_strdup_printf(
		"postern: account=%s protocol=%s verdict=%s%s%s%s rip=%s session=%s",
		login->account.text, protocol_word(login->protocol),
		login_verdict_word(answer->verdict), login_shut_out_text(answer->shut_out),
		*detail == '\0' ? "" : " ", detail, net_ip2addr(&fields->remote_ip),
		fields->session_id == NULL ? "" : str_sanitize(fields->session_id, 64));
}

/* The named event for Dovecot's statistics, and the one log line of a refusal, or of a login that
   ends a shut-out. */
static void login_log(struct login *login, const struct login_answer *answer, const char *detail)
{
	struct event *event = login->event;

	event_set_name(event, "postern_login_finished");
	event_add_str(event, "verdict", login_verdict_word(answer->verdict));
	event_add_str(event, "postern_protocol", protocol_word(login->protocol));
	if (answer->verdict == LOGIN_OFF)
		event_add_str(event, "postern_reason", reason_word(answer->reason));
	/* The line is made only where it is wanted. */
	if (answer->verdict == LOGIN_ALLOW && answer->shut_out == LOGIN_SHUT_OUT_NO)
		e_debug(event, "%s", login_line(login, answer, detail));
	else if (answer->verdict == LOGIN_UNAVAILABLE)
		e_error(event, "%s", login_line(login, answer, detail));
	else
		e_info(event, "%s", login_line(login, answer, detail));
}

static void login_free(struct login *login)
{
	timeout_remove(&login->to_silence);
	event_unref(&login->event);
	auth_request_unref(&login->request);
	i_free(login);
}

static void login_accept(const struct login *login, const struct login_answer *answer)
{
	/* From here on the account goes by its full name (A6). */
	if (strcmp(login->request->fields.user, login->account.text) != 0)
		auth_request_set_username_forced(login->request, login->account.text);
	session_mark_set(login->request, answer->password, login->started);
}

static void login_reply(struct login *login, const struct login_answer *answer)
{
	enum passdb_result result =
		login_result_set(login->request, answer, login->protocol, login->passdb->settings);

	if (result == PASSDB_RESULT_OK)
		login_accept(login, answer);
	login->callback(result, login->request);
	login_free(login);
}

static void login_end_silence(struct login *login)
{
	static const struct login_answer answer = { .verdict = LOGIN_UNAVAILABLE };

	DLLIST_REMOVE(&login->passdb->silenced, login);
	login_reply(login, &answer);
}

static void login_keep_silence(struct login *login)
{
	int64_t passed = monotonic_msecs() - login->started;
	unsigned int left = passed < SMTP_SILENCE_MSECS ? SMTP_SILENCE_MSECS - passed : 0;

	DLLIST_PREPEND(&login->passdb->silenced, login);
	login->to_silence = timeout_add_to(io_loop_get_root(), left, login_end_silence, login);
}

static void login_decided(const struct redisReply *reply, const char *error, void *context)
{
	struct login *login = context;
	struct login_answer answer = { .verdict = LOGIN_UNAVAILABLE };
	const char *detail = "";

	if (reply != NULL)
		login_read(reply, &answer);
	if (reply == NULL)
		detail = t_strconcat("error=", quoted(error, 256), NULL);
	else if (answer.verdict == LOGIN_UNAVAILABLE)
		detail = t_strconcat("error=", quoted(reply_unavailable_text(reply), 256), NULL);
	login_log(login, &answer, detail);
	if (answer.verdict == LOGIN_UNAVAILABLE && login->protocol == PROTOCOL_SMTP)
		login_keep_silence(login);
	else
		login_reply(login, &answer);
}

/* Names the attempt, so that asking about it twice is harmless. */
static const char *new_attempt(void)
{
	unsigned char bytes[ATTEMPT_BYTES];

	random_fill(bytes, sizeof(bytes));
	return binary_to_hex(bytes, sizeof(bytes));
}

static void login_decide(struct login *login, const char *password)
{
	const struct auth_request_fields *fields = &login->request->fields;
	const struct login_request ask = {
		.account = &login->account,
		.password = password,
		.protocol = login->protocol,
		.address = net_ip2addr(&fields->remote_ip),
		.secured = fields->secured != AUTH_REQUEST_SECURED_NONE,
		.attempt = new_attempt(),
	};
	struct command command;

	if (login_ask(&ask, login->passdb->settings, &command) < 0)
		i_fatal("postern: OpenSSL failed to compute a digest");
	async_store_ask(login->passdb->site->store, &command, WAIT_MSECS, login_decided, login);
}

/* Why this request can't be for an app password at all; NULL if it can. */
static const char *login_read_request(struct login *login)
{
	const struct auth_request_fields *fields = &login->request->fields;
	const char *error;

	if (protocol_parse(fields->service, &login->protocol) < 0)
		return "this protocol is not open to the outside";
	/* Somebody else's mailbox is opened from inside only. */
	if (fields->master_user != NULL || fields->requested_login_user != NULL)
		return "master users log in from internal networks only";
	if (account_name_parse(fields->user, strlen(fields->user),
			       login->passdb->settings->default_domain, &login->account,
			       &error) < 0)
		return error;
	return NULL;
}

/* The client isn't told why: to it this is a wrong password (A9). */
static void login_refuse_request(struct login *login, const char *why)
{
	event_set_name(login->event, "postern_login_finished");
	event_add_str(login->event, "verdict", "refused");
	event_add_str(login->event, "postern_protocol", login->request->fields.service);
	e_info(login->event, "postern: account=%s service=%s verdict=refused why=\"%s\"",
	       quoted(login->request->fields.user, 64), quoted(login->request->fields.service, 32),
	       why);
	login->callback(PASSDB_RESULT_PASSWORD_MISMATCH, login->request);
	login_free(login);
}

static void postern_verify_plain(struct auth_request *request, const char *password,
				 verify_plain_callback_t *callback)
{
	struct postern_passdb *passdb = get_passdb(request);
	struct login *login;
	const char *why;

	if (is_internal(passdb->settings, request)) {
		callback(PASSDB_RESULT_NEXT, request);
		return;
	}
	make_final(passdb, request->passdb);

	login = i_new(struct login, 1);
	login->passdb = passdb;
	login->request = request;
	login->callback = callback;
	login->event = event_create(authdb_event(request));
	login->started = monotonic_msecs();
	auth_request_ref(request);

	why = login_read_request(login);
	if (why != NULL)
		login_refuse_request(login, why);
	else
		login_decide(login, password);
}

/*
 * Mechanisms that need the password itself can't be served: only digests are stored. A look-up
 * without a mechanism is not a login: Dovecot asks where a mailbox is, as LMTP proxies do, and only
 * the site's passdb knows.
 */
static void postern_lookup_credentials(struct auth_request *request,
				       lookup_credentials_callback_t *callback)
{
	struct postern_passdb *passdb = get_passdb(request);

	if (request->mech == NULL || is_internal(passdb->settings, request)) {
		callback(PASSDB_RESULT_NEXT, NULL, 0, request);
		return;
	}
	make_final(passdb, request->passdb);
	e_info(authdb_event(request), "postern: verdict=refused why=\"from outside only PLAIN and "
				      "LOGIN: app passwords are stored as digests\"");
	callback(PASSDB_RESULT_SCHEME_NOT_AVAILABLE, NULL, 0, request);
}

static struct passdb_module *postern_preinit(pool_t pool, const char *args)
{
	struct postern_passdb *passdb = p_new(pool, struct postern_passdb, 1);

	passdb->site = auth_site_open(args);
	passdb->settings = passdb->site->settings;
	return &passdb->module;
}

static void postern_init(struct passdb_module *module)
{
	struct postern_passdb *passdb = container_of(module, struct postern_passdb, module);

	auth_site_start(passdb->site);
}

static void postern_deinit(struct passdb_module *module)
{
	struct postern_passdb *passdb = container_of(module, struct postern_passdb, module);

	auth_site_stop(passdb->site);
	/* Postfix is to see its connection end, and not a failure. */
	while (passdb->silenced != NULL) {
		struct login *login = passdb->silenced;

		DLLIST_REMOVE(&passdb->silenced, login);
		login_free(login);
	}
	auth_site_close(&passdb->site);
}

struct passdb_module_interface passdb_postern = {
	.name = "postern",
	.preinit = postern_preinit,
	.init = postern_init,
	.deinit = postern_deinit,
	.verify_plain = postern_verify_plain,
	.lookup_credentials = postern_lookup_credentials,
};
