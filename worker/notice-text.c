/* The notice about an event. */

#include "notice-text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notices/notice.h"

static int load(const struct settings *settings, void **extra_r, char **error_r)
{
	*extra_r = notices_load(settings, error_r);
	return *extra_r == NULL ? -1 : 0;
}

static void unload(void *extra)
{
	struct notices *notices = extra;

	notices_free(&notices);
}

const struct state_extra notice_text_state = { .load = load, .free = unload };

uint64_t notice_text_warning(const struct settings *settings)
{
	return settings->notices.unused_warning * UINT64_C(1000);
}

/* 0, or -1 if the owner isn't told about it. */
static int notice_of(const struct outbox_event *event, enum notice_event *notice_r)
{
	switch (event->kind) {
	case OUTBOX_OFF:
	case OUTBOX_AGAIN:
		return notice_event_of_reason(event->reason, notice_r);
	case OUTBOX_ON:
		*notice_r = NOTICE_ENABLED;
		return 0;
	case OUTBOX_PASSWORD:
		*notice_r = NOTICE_PASSWORD_ADDED;
		return 0;
	case OUTBOX_WARNING:
		*notice_r = NOTICE_UNUSED_WARNING;
		return 0;
	case OUTBOX_BREAK_IN:
		*notice_r = NOTICE_BREAK_IN_ATTEMPT;
		return 0;
	case OUTBOX_END:
	case OUTBOX_UNKNOWN:
		break;
	}
	return -1;
}

int notice_text_write(const struct state *state, const struct outbox_event *event,
		      const char *message_id, char **text_r, char **error_r)
{
	const struct notice_facts facts = {
		.account = &event->account,
		.language = event->language,
		.time = event->time,
		.until = event->until,
		.sent = (int64_t)time(NULL) * 1000,
		.by = event->by,
		.from = event->from,
		.label = event->label,
		.number = event->number,
		.message_id = message_id,
	};
	enum notice_event notice;
	const char *error;

	*error_r = NULL;
	if (notice_of(event, &notice) < 0)
		return 0;
	*text_r = notice_render(state->extra, notice, &facts, &error);
	if (*text_r != NULL)
		return 1;
	*error_r = strdup(error);
	return -1;
}
