/* A message for which nobody logged in. */

#include "inbound.h"

#include <string.h>
#include <strings.h>

#include "bounce-log.h"
#include "decisions/notice-name.h"
#include "notice-return.h"
#include "daemon/state.h"

/* What a bounce comes from (RFC 5321 section 4.5.5): <>, or an empty string for Postfix's own. */
static bool is_null_sender(const char *sender)
{
	return sender[0] == '\0' || strcmp(sender, "<>") == 0;
}

static sfsistat leave_alone(struct inbound *inbound)
{
	inbound_end(inbound);
	return SMFIS_ACCEPT;
}

static sfsistat leave_unread(struct inbound *inbound, const char *problem)
{
	bounce_log_unread(&inbound->origin, NULL, problem);
	return leave_alone(inbound);
}

static sfsistat begin_reading(struct inbound *inbound)
{
	inbound->bounce = bounce_new(inbound->origin.is_own);
	return inbound->bounce != NULL ? SMFIS_CONTINUE : leave_unread(inbound, "out of memory");
}

sfsistat inbound_begin(struct inbound *inbound, const char *client, bool has_client,
		       const char *sender)
{
	const bool is_bounce = is_null_sender(sender);
	const struct settings *settings;

	*inbound = (struct inbound){ .state = state_acquire(),
				     .origin = { .internal = !has_client && sender[0] == '\0',
						 .client = client } };
	if (inbound->state == NULL)
		return is_bounce ? leave_unread(inbound, "stopping") : leave_alone(inbound);
	settings = inbound->state->settings;
	if (!is_bounce && (!has_client || settings->milter.feedback_address == NULL))
		return leave_alone(inbound);
	inbound->origin.is_own =
		inbound->origin.internal || network_list_has(&settings->internal_networks, client);
	return is_bounce ? begin_reading(inbound) : SMFIS_CONTINUE;
}

/* Of notices. One that is too long is none of ours. */
static void note_returned(struct inbound *inbound, const char *recipient, size_t size)
{
	if (!inbound->origin.internal || !notice_sender_is_like(recipient) ||
	    size >= sizeof(inbound->returned_to))
		return;
	memcpy(inbound->returned_to, recipient, size);
	inbound->returned_to[size] = '\0';
}

sfsistat inbound_recipient(struct inbound *inbound, const char *recipient)
{
	const char *address = inbound->state->settings->milter.feedback_address;
	size_t size;

	if (*recipient == '<')
		recipient++;
	size = strcspn(recipient, ">");
	if (inbound->bounce != NULL) {
		note_returned(inbound, recipient, size);
		return SMFIS_CONTINUE;
	}
	if (strlen(address) != size || strncasecmp(address, recipient, size) != 0)
		return leave_alone(inbound);
	return begin_reading(inbound);
}

sfsistat inbound_judge(struct inbound *inbound, const char *queue_id)
{
	struct bounce_decision decision;
	enum notice_return returned = NOTICE_RETURN_NONE;

	bounce_decide(inbound->state, inbound->bounce, &inbound->origin, &decision);
	if (inbound->returned_to[0] != '\0' && !decision.reading.genuine)
		returned = notice_return_take(inbound->state, &decision.reading, &inbound->origin,
					      inbound->returned_to, queue_id);
	switch (returned) {
	case NOTICE_RETURN_NONE:
		break;
	case NOTICE_RETURN_TAKEN:
		return SMFIS_DISCARD;
	case NOTICE_RETURN_LATER:
		return SMFIS_TEMPFAIL;
	}
	bounce_log(&decision, &inbound->origin, queue_id);
	return SMFIS_ACCEPT;
}

void inbound_end(struct inbound *inbound)
{
	bounce_free(&inbound->bounce);
	if (inbound->state != NULL)
		state_release(&inbound->state);
}
