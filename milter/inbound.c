/* A message for which nobody logged in. */

#include "inbound.h"

#include <string.h>
#include <strings.h>

#include "bounce-log.h"
#include "state.h"

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

sfsistat inbound_recipient(struct inbound *inbound, const char *recipient)
{
	const char *address = inbound->state->settings->milter.feedback_address;
	size_t size;

	if (inbound->bounce != NULL)
		return SMFIS_CONTINUE;
	if (*recipient == '<')
		recipient++;
	size = strcspn(recipient, ">");
	if (strlen(address) != size || strncasecmp(address, recipient, size) != 0)
		return leave_alone(inbound);
	return begin_reading(inbound);
}

void inbound_judge(struct inbound *inbound, const char *queue_id)
{
	struct bounce_decision decision;

	bounce_decide(inbound->state, inbound->bounce, &inbound->origin, &decision);
	bounce_log(&decision, &inbound->origin, queue_id);
}

void inbound_end(struct inbound *inbound)
{
	bounce_free(&inbound->bounce);
	if (inbound->state != NULL)
		state_release(&inbound->state);
}
