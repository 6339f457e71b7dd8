/*
 * What libmilter alone costs: a filter with postern-milter's steps, callbacks and header, that
 * decides nothing. Messages without a login it accepts at MAIL. The yardstick of the benchmarks of
 * the milter.
 *
 *	null-milter SOCKET
 */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <libmilter/mfapi.h>

/* As long as a trace header's. */
static char header_name[] = "Postern-Trace";
static char header_value[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
_Static_assert(sizeof(header_value) == 83 + 1, "a trace's length");

static char macro_login[] = "{auth_authen}";
static char macro_queue_id[] = "i";
static char macro_host[] = "j";

struct session {
	unsigned int recipients, headers;
	bool is_bounce;
};

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
			     unsigned long reserved2, unsigned long reserved3,
			     unsigned long *actions_r, unsigned long *steps_r,
			     unsigned long *reserved2_r, unsigned long *reserved3_r)
{
	(void)ctx;
	(void)reserved2;
	(void)reserved3;
	*actions_r = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS);
	*steps_r = steps & (SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_NOEOH |
			    SMFIP_NR_CONN | SMFIP_NR_HDR | SMFIP_SKIP);
	*reserved2_r = 0;
	*reserved3_r = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *address)
{
	struct session *session = calloc(1, sizeof(*session));

	(void)host;
	(void)address;
	if (session == NULL || smfi_setpriv(ctx, session) != MI_SUCCESS)
		free(session);
	return SMFIS_NOREPLY;
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);

	if (session == NULL)
		return SMFIS_TEMPFAIL;
	session->recipients = session->headers = 0;
	session->is_bounce = args[0][0] == '\0';
	if (session->is_bounce || smfi_getsymval(ctx, macro_login) != NULL)
		return SMFIS_CONTINUE;
	return SMFIS_ACCEPT;
}

static sfsistat on_recipient(SMFICTX *ctx, char **args)
{
	struct session *session = smfi_getpriv(ctx);

	(void)args;
	session->recipients++;
	return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *session = smfi_getpriv(ctx);

	(void)name;
	(void)value;
	session->headers++;
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t size)
{
	struct session *session = smfi_getpriv(ctx);

	(void)bytes;
	(void)size;
	return session->is_bounce ? SMFIS_CONTINUE : SMFIS_SKIP;
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct session *session = smfi_getpriv(ctx);

	if (session->is_bounce)
		return SMFIS_ACCEPT;
	if (smfi_getsymval(ctx, macro_host) == NULL || smfi_getsymval(ctx, macro_queue_id) == NULL)
		return SMFIS_TEMPFAIL;
	if (smfi_insheader(ctx, 1, header_name, header_value) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	return SMFIS_CONTINUE;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	static char name[] = "null-milter";
	const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
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
	char connection[256];

	if (argc != 2 || snprintf(connection, sizeof(connection), "unix:%s", argv[1]) >=
				 (int)sizeof(connection)) {
		fputs("usage: null-milter SOCKET\n", stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(0117);
	if (smfi_setconn(connection) != MI_SUCCESS || smfi_setbacklog(4096) != MI_SUCCESS ||
	    smfi_register(description) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS) {
		fprintf(stderr, "null-milter: can't listen on %s\n", argv[1]);
		return 1;
	}
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
