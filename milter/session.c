#include "session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bounce-log.h"
#include "decision.h"
#include "log.h"
#include "message-log.h"
#include "message-name.h"
#include "monotonic.h"
#include "network.h"
#include "smtp-reply.h"
#include "state.h"
#include "trace.h"

/* A message that was sent on a few times has a few. Each costs the MTA a walk through the headers,
   so there is an end to what a sender may ask of it. */
#define TRACES_MAX 50

/* libmilter's prototypes know no const. */
static char macro_login[] = "{auth_authen}";
static char macro_queue_id[] = "i";
static char macro_host[] = "j";
static char trace_header[] = TRACE_HEADER;

/* What a login sends. */
struct message {
	struct state *state; /* NULL while no such message is under way */
	struct account_name account;
	unsigned int recipients;
	unsigned int recipients_allowed; /* or SETTINGS_UNLIMITED */
	unsigned int traces;		 /* trace headers that it brings along */
	bool has_sender;
};

struct session {
	char client[INET6_ADDRSTRLEN]; /* "" if it has no IP address */
	bool has_port;		       /* a client connected; else Postfix tells of its own mail */
	bool may_skip;		       /* the MTA knows SMFIS_SKIP */
	int64_t first_mail; /* milliseconds of the monotonic clock, of the first MAIL with a
			       login; 0 before */
	struct message message;
	struct bounce *bounce; /* NULL while no message that may be one is under way */
	bool awaits_feedback;  /* the message has a sender; is it to the feedback address? */
	bool bounce_is_internal;
};

/* Held for reading by a callback that uses the store or OpenSSL, or frees what they need; for
   writing at the end. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

static void message_end(struct message *message)
{
	if (message->state != NULL)
		state_release(&message->state);
	memset(message, 0, sizeof(*message));
}

static void bounce_end(struct session *session)
{
	bounce_free(&session->bounce);
	session->awaits_feedback = false;
}

/* The session, a new one at its beginning; NULL if memory ran out. */
static struct session *session_of(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL)
		return session;
	session = calloc(1, sizeof(*session));
	if (session != NULL && smfi_setpriv(ctx, session) == MI_SUCCESS)
		return session;
	free(session);
	log_line(LOG_ERR, "out of memory"); /* on_mail() finds no session */
	return NULL;
}

/*
 * Reply only where a verdict may fall, and send only what is looked at. Whatever of this the MTA
 * doesn't know, libmilter makes up for. The body is for bounces: an MTA asks before it says what is
 * coming, so of other messages the first piece comes as well, and is answered with "skip".
 */
static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
			     unsigned long reserved2, unsigned long reserved3,
			     unsigned long *actions_r, unsigned long *steps_r,
			     unsigned long *reserved2_r, unsigned long *reserved3_r)
{
	const unsigned long needed = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
	const unsigned long wanted_actions = needed | SMFIF_CHGFROM;
	const unsigned long wanted = SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NOEOH |
				     SMFIP_NR_CONN | SMFIP_NR_HDR | SMFIP_SKIP;
	struct session *session;

	(void)reserved2;
	(void)reserved3;
	if ((actions & needed) != needed) {
		log_line(LOG_ERR, "the MTA does not let a milter add and remove headers");
		return SMFIS_REJECT;
	}
	session = session_of(ctx);
	if (session != NULL)
		session->may_skip = (steps & SMFIP_SKIP) != 0;
	*actions_r = actions & wanted_actions;
	*steps_r = steps & wanted;
	*reserved2_r = 0;
	*reserved3_r = 0;
	return SMFIS_CONTINUE;
}

/* "" and no port for an address that is none of the Internet, and for none at all. */
static void note_client(struct session *session, const struct sockaddr *address)
{
	const void *bytes = NULL;
	in_port_t port = 0;

	session->client[0] = '\0';
	session->has_port = false;
	if (address == NULL)
		return;
	if (address->sa_family == AF_INET) {
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
		port = ((const struct sockaddr_in *)(const void *)address)->sin_port;
	} else if (address->sa_family == AF_INET6) {
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		port = ((const struct sockaddr_in6 *)(const void *)address)->sin6_port;
	}
	session->has_port = port != 0;
	if (bytes != NULL &&
	    inet_ntop(address->sa_family, bytes, session->client, INET6_ADDRSTRLEN) == NULL)
		session->client[0] = '\0';
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *address)
{
	struct session *session = session_of(ctx);

	(void)host;
	if (session != NULL)
		note_client(session, address);
	return SMFIS_NOREPLY;
}

static struct message_log describe(const struct session *session, const char *queue_id)
{
	return (struct message_log){
		.account = session->message.account.text,
		.client = session->client,
		.queue_id = queue_id,
		.recipients = session->message.recipients,
	};
}

/* The session logged in before that, how long is not known: AUTH is not shown to a milter. */
static uint64_t age_of(const struct session *session)
{
	return (uint64_t)(monotonic_msecs() - session->first_mail);
}

/* Bounces have no sender (RFC 5321 section 4.5.5): <>, or nothing at all where Postfix tells of its
   own. No client can send nothing at all. */
static bool has_sender(char **args)
{
	return args[0] != NULL && args[0][0] != '\0' && strcmp(args[0], "<>") != 0;
}

/* May it begin? */
static sfsistat ask_at_mail(SMFICTX *ctx, struct session *session)
{
	struct message *message = &session->message;
	const struct send_request request = { .account = &message->account,
					      .stage = SEND_AT_MAIL,
					      .age = age_of(session) };
	const struct message_log described = describe(session, NULL);
	struct decision decision;
	sfsistat result;

	decision_make(message->state, &request, &decision);
	message->recipients_allowed = decision.answer.recipients_allowed;
	result = smtp_reply_verdict(ctx, &decision.answer, message->state->settings);
	if (decision.answer.verdict != SEND_ALLOW)
		message_log_decision(&described, &decision, result == SMFIS_CONTINUE);
	return result;
}

static sfsistat begin_message(SMFICTX *ctx, struct session *session, const char *login)
{
	struct message *message = &session->message;
	const char *error;

	message->state = state_acquire();
	if (message->state == NULL)
		return smtp_reply_failure(ctx);
	if (network_list_has(&message->state->settings->internal_networks, session->client))
		return SMFIS_ACCEPT; /* A5: webmail is not limited */
	if (account_name_parse(login, strlen(login), message->state->settings->default_domain,
			       &message->account, &error) < 0) {
		message_log_login(login, session->client, error);
		return smtp_reply_no_account(ctx);
	}
	return ask_at_mail(ctx, session);
}

static sfsistat begin_bounce(struct session *session)
{
	session->bounce = bounce_new();
	return session->bounce != NULL ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

/* True if it is the address that abuse reports go to; with NULL, if there is such an address. */
static bool is_feedback_address(const char *text, size_t size)
{
	const char *address;
	struct state *state;
	bool result = false;

	pthread_rwlock_rdlock(&gate);
	state = state_acquire();
	if (state != NULL) {
		address = state->settings->milter.feedback_address;
		result = address != NULL &&
			 (text == NULL ||
			  (strlen(address) == size && strncasecmp(address, text, size) == 0));
		state_release(&state);
	}
	pthread_rwlock_unlock(&gate);
	return result;
}

/* Nobody logged in, so this is no submission. Whatever becomes of it, it is let through (B5). */
static sfsistat begin_other(struct session *session, char **args)
{
	session->bounce_is_internal = !session->has_port && args[0] != NULL && args[0][0] == '\0';
	if (!has_sender(args))
		return begin_bounce(session);
	session->awaits_feedback = session->has_port && is_feedback_address(NULL, 0);
	return session->awaits_feedback ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

/* Of mail with a sender, only that to the feedback address is read. */
static sfsistat judge_recipient(struct session *session, const char *recipient)
{
	session->awaits_feedback = false;
	if (*recipient == '<')
		recipient++;
	return is_feedback_address(recipient, strcspn(recipient, ">")) ? begin_bounce(session)
								       : SMFIS_ACCEPT;
}

static sfsistat begin_submission(SMFICTX *ctx, struct session *session, const char *login,
				 char **args)
{
	sfsistat result;

	if (session->first_mail == 0)
		session->first_mail = monotonic_msecs();
	pthread_rwlock_rdlock(&gate);
	result = begin_message(ctx, session, login);
	pthread_rwlock_unlock(&gate);
	if (result != SMFIS_CONTINUE)
		message_end(&session->message);
	session->message.has_sender = has_sender(args);
	return result;
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);
	const char *login = smfi_getsymval(ctx, macro_login);
	bool is_submission = login != NULL && login[0] != '\0';

	if (session == NULL)
		return is_submission ? smtp_reply_failure(ctx) : SMFIS_ACCEPT;
	message_end(&session->message);
	bounce_end(session);
	return is_submission ? begin_submission(ctx, session, login, args)
			     : begin_other(session, args);
}

static sfsistat on_recipient(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);
	struct message *message;

	if (session != NULL && session->bounce != NULL)
		return SMFIS_CONTINUE;
	if (session != NULL && session->awaits_feedback)
		return judge_recipient(session, args[0] != NULL ? args[0] : "");
	if (session == NULL || session->message.state == NULL)
		return smtp_reply_failure(ctx);
	message = &session->message;
	if (message->recipients_allowed != SETTINGS_UNLIMITED &&
	    message->recipients >= message->recipients_allowed)
		return smtp_reply_recipient(ctx, message->recipients_allowed,
					    message->state->settings);
	message->recipients++;
	return SMFIS_CONTINUE;
}

/* RFC 5322 section 4.5.8 lets spaces stand between a header's name and its colon. */
static bool is_trace(const char *name)
{
	size_t size = strlen(name);

	while (size > 0 && (name[size - 1] == ' ' || name[size - 1] == '\t'))
		size--;
	return size == strlen(TRACE_HEADER) && strncasecmp(name, TRACE_HEADER, size) == 0;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL && session->bounce != NULL)
		bounce_header(session->bounce, name, value);
	else if (session != NULL && is_trace(name))
		session->message.traces++;
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t size)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL && session->bounce != NULL && bounce_body(session->bounce, bytes, size))
		return SMFIS_CONTINUE;
	return SMFIS_SKIP;
}

/* Takes out the traces that the sender brought along, last one first so that none changes its place
   before its turn, and puts in our own (B1). Above the sender's headers, as some MTAs return only
   the first few of a message that they refuse. */
static int put_trace(SMFICTX *ctx, unsigned int old, char *value)
{
	for (unsigned int i = old; i > 0; i--) {
		if (smfi_chgheader(ctx, trace_header, (int)i, NULL) != MI_SUCCESS)
			return -1;
	}
	return smfi_insheader(ctx, 1, trace_header, value) == MI_SUCCESS ? 0 : -1;
}

/* Mail without a sender never bounces, so that spam could hide in it: it gets the account for one.
   (Mail programs send receipts so.) */
static int put_sender(SMFICTX *ctx, const struct message *message)
{
	char sender[ACCOUNT_NAME_MAX + 3];

	if (message->has_sender)
		return 0;
	snprintf(sender, sizeof(sender), "<%s>", message->account.text);
	return smfi_chgfrom(ctx, sender, NULL) == MI_SUCCESS ? 0 : -1;
}

/* The trace is made before the message is charged, so that a failure costs the sender nothing. */
static sfsistat charge_message(SMFICTX *ctx, struct session *session, const char *queue_id)
{
	struct message *message = &session->message;
	const struct settings *settings = message->state->settings;
	const struct message_log described = describe(session, queue_id);
	char name[MESSAGE_NAME_SIZE], trace[TRACE_VALUE_SIZE];
	const struct send_request request = { .account = &message->account,
					      .stage = SEND_MESSAGE,
					      .message = name,
					      .recipients = message->recipients,
					      .age = age_of(session) };
	struct decision decision;
	sfsistat result;

	if (message_name(smfi_getsymval(ctx, macro_host), queue_id, name) < 0 ||
	    trace_seal(settings->secrets, &message->account, settings->default_domain, time(NULL),
		       message->recipients, queue_id != NULL ? queue_id : name, trace) < 0) {
		message_log_refusal(LOG_ERR, &described, "the trace header can't be made");
		return smtp_reply_failure(ctx);
	}
	decision_make(message->state, &request, &decision);
	result = smtp_reply_verdict(ctx, &decision.answer, settings);
	if (result == SMFIS_CONTINUE &&
	    (put_trace(ctx, message->traces, trace) < 0 || put_sender(ctx, message) < 0)) {
		message_log_refusal(LOG_ERR, &described, "the trace header can't be added");
		return smtp_reply_failure(ctx);
	}
	message_log_decision(&described, &decision, result == SMFIS_CONTINUE);
	return result;
}

/* It is all here: count what it proves, and let it through, whatever it is. */
static void judge_bounce(struct session *session, const char *queue_id)
{
	const struct bounce_origin origin = { .internal = session->bounce_is_internal,
					      .client = session->client };
	struct state *state = state_acquire();
	struct bounce_decision decision;

	if (state == NULL) {
		bounce_log_unread(&origin, queue_id, "stopping");
		return;
	}
	bounce_decide(state, session->bounce, &origin, &decision);
	bounce_log(&decision, &origin, queue_id);
	state_release(&state);
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);
	const char *queue_id = smfi_getsymval(ctx, macro_queue_id);
	sfsistat result;

	if (session != NULL && session->bounce != NULL) {
		pthread_rwlock_rdlock(&gate);
		judge_bounce(session, queue_id);
		pthread_rwlock_unlock(&gate);
		bounce_end(session);
		return SMFIS_ACCEPT;
	}
	if (session == NULL || session->message.state == NULL)
		return smtp_reply_failure(ctx);
	if (session->message.traces > TRACES_MAX) {
		const struct message_log described = describe(session, queue_id);

		message_log_refusal(LOG_NOTICE, &described, "too many trace headers");
		result = smtp_reply_too_many_traces(ctx);
	} else {
		pthread_rwlock_rdlock(&gate);
		result = charge_message(ctx, session, queue_id);
		pthread_rwlock_unlock(&gate);
	}
	message_end(&session->message);
	return result;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	pthread_rwlock_rdlock(&gate);
	if (session != NULL) {
		message_end(&session->message);
		bounce_end(session);
	}
	pthread_rwlock_unlock(&gate);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	pthread_rwlock_rdlock(&gate);
	if (session != NULL) {
		message_end(&session->message);
		bounce_end(session);
		free(session);
		smfi_setpriv(ctx, NULL);
	}
	pthread_rwlock_unlock(&gate);
	return SMFIS_CONTINUE;
}

const struct smfiDesc *session_description(void)
{
	static char name[] = "postern-milter";
	static const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGFROM,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_recipient,
		.xxfi_header = on_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	return &description;
}

void session_stop(void)
{
	pthread_rwlock_wrlock(&gate);
}
