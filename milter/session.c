#include "session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "inbound.h"
#include "daemon/log.h"
#include "verdict-reply.h"
#include "submission.h"

/* libmilter's prototypes know no const. */
static char macro_login[] = "{auth_authen}";
static char macro_queue_id[] = "i";

/* One of the two messages may be in progress. */
struct session {
	char client[INET6_ADDRSTRLEN]; /* "" if it has no IP address */
	bool has_port; /* a client connected; otherwise Postfix announces its own mail */
	bool may_skip; /* the MTA knows SMFIS_SKIP */
	struct connection connection;
	struct submission submission;
	struct inbound inbound;
};

/* Held for reading by a callback that uses the store or OpenSSL, or frees what they need; for
   writing at the end. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

/* The session, a new one at its beginning, which the MTA tells of before the client says a word (it
   may keep what follows for later); NULL if memory ran out. */
static struct session *session_of(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL)
		return session;
	session = calloc(1, sizeof(*session));
	if (session != NULL)
		connection_open(&session->connection);
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
		log_line(LOG_ERR, "the MTA does not allow a milter to add and remove headers");
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

/* "" and no port for an address that isn't an Internet one, and for none at all. */
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

static void message_end(struct session *session)
{
	submission_end(&session->submission);
	inbound_end(&session->inbound);
}

static sfsistat begin_message(SMFICTX *ctx, struct session *session, const char *login,
			      const char *mail_from)
{
	message_end(session);
	if (login == NULL || login[0] == '\0')
		return inbound_begin(&session->inbound, session->client, session->has_port,
				     mail_from);
	return submission_begin(&session->submission, ctx, login, session->client,
				&session->connection, mail_from);
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);
	const char *login = smfi_getsymval(ctx, macro_login);
	sfsistat result;

	if (session == NULL)
		return login != NULL && login[0] != '\0' ? smtp_reply_failure(ctx) : SMFIS_ACCEPT;
	pthread_rwlock_rdlock(&gate);
	result = begin_message(ctx, session, login, args[0] != NULL ? args[0] : "");
	pthread_rwlock_unlock(&gate);
	return result;
}

static sfsistat on_recipient(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);
	sfsistat result;

	if (session != NULL && session->submission.state != NULL)
		return submission_recipient(&session->submission, ctx);
	if (session == NULL || session->inbound.state == NULL)
		return smtp_reply_failure(ctx);
	pthread_rwlock_rdlock(&gate);
	result = inbound_recipient(&session->inbound, args[0] != NULL ? args[0] : "");
	pthread_rwlock_unlock(&gate);
	return result;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL && session->inbound.bounce != NULL)
		bounce_header(session->inbound.bounce, name, value);
	else if (session != NULL)
		submission_header(&session->submission, name);
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t size)
{
	struct session *session = smfi_getpriv(ctx);

	if (session != NULL && session->inbound.bounce != NULL &&
	    bounce_body(session->inbound.bounce, bytes, size))
		return SMFIS_CONTINUE;
	return session != NULL && session->may_skip ? SMFIS_SKIP : SMFIS_CONTINUE;
}

static sfsistat judge_message(SMFICTX *ctx, struct session *session)
{
	if (session->submission.state != NULL)
		return submission_charge(&session->submission, ctx);
	if (session->inbound.bounce == NULL)
		return smtp_reply_failure(ctx);
	return inbound_judge(&session->inbound, smfi_getsymval(ctx, macro_queue_id));
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);
	sfsistat result;

	if (session == NULL)
		return smtp_reply_failure(ctx);
	pthread_rwlock_rdlock(&gate);
	result = judge_message(ctx, session);
	message_end(session);
	pthread_rwlock_unlock(&gate);
	return result;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	pthread_rwlock_rdlock(&gate);
	if (session != NULL)
		message_end(session);
	pthread_rwlock_unlock(&gate);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	pthread_rwlock_rdlock(&gate);
	if (session != NULL) {
		message_end(session);
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
