/* A message for which nobody logged in. */

#include "inbound.h"

#include <string.h>
#include <strings.h>

#include "bounce-log.h"
#include "state.h"

/* A bounce has no sender (RFC 5321 section 4.5.5): <>, or nothing at all where Postfix tells of its
 * own. */
static bool has_sender(const char *sender)
{
	return sender[0] != '\0' && strcmp(sender, "<>") != 0;
}

/* True if it is the address that abuse reports go to; with NULL, if there is such an address. */
static bool is_feedback_address(const char *text, size_t size)
{
	struct state *state = state_acquire();
	const char *address;
	bool result;

	if (state == NULL)
		return false;
	address = state->settings->milter.feedback_address;
	result = address != NULL && (text == NULL || (strlen(address) == size &&
						      strncasecmp(address, text, size) == 0));
	state_release(&state);
	return result;
}

static sfsistat begin_reading(struct inbound *inbound)
{
	struct state *state = state_acquire();
	bool is_own;

	if (state == NULL)
		return SMFIS_ACCEPT;
	is_own = bounce_origin_is_own(&inbound->origin, &state->settings->internal_networks);
	state_release(&state);
	inbound->bounce = bounce_new(is_own);
	return inbound->bounce != NULL ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

sfsistat inbound_begin(struct inbound *inbound, const char *client, bool has_client,
		       const char *sender)
{
	*inbound = (struct inbound){ .origin = { .internal = !has_client && sender[0] == '\0',
						 .client = client } };
	if (!has_sender(sender))
		return begin_reading(inbound);
	inbound->awaits_recipient = has_client && is_feedback_address(NULL, 0);
	return inbound->awaits_recipient ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

sfsistat inbound_recipient(struct inbound *inbound, const char *recipient)
{
	if (!inbound->awaits_recipient)
		return SMFIS_CONTINUE;
	inbound->awaits_recipient = false;
	if (*recipient == '<')
		recipient++;
	return is_feedback_address(recipient, strcspn(recipient, ">")) ? begin_reading(inbound)
								       : SMFIS_ACCEPT;
}

void inbound_judge(struct inbound *inbound, const char *queue_id)
{
	struct state *state = state_acquire();
	struct bounce_decision decision;

	if (state == NULL) {
		bounce_log_unread(&inbound->origin, queue_id, "stopping");
		return;
	}
	bounce_decide(state, inbound->bounce, &inbound->origin, &decision);
	bounce_log(&decision, &inbound->origin, queue_id);
	state_release(&state);
}

bool inbound_is_under_way(const struct inbound *inbound)
{
	return inbound->bounce != NULL || inbound->awaits_recipient;
}

void inbound_end(struct inbound *inbound)
{
	bounce_free(&inbound->bounce);
	inbound->awaits_recipient = false;
}
