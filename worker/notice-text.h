#ifndef POSTERN_WORKER_NOTICE_TEXT_H
#define POSTERN_WORKER_NOTICE_TEXT_H

#include <stdint.h>

#include "decisions/outbox.h"
#include "daemon/state.h"

/* The notice about an event: which of the owner's notices it is, and its text. */

/* What a state has in addition to the settings: all notices, loaded and checked. */
extern const struct state_extra notice_text_state;

/* How many milliseconds before access goes off unused the owner is warned; 0 for not at all. */
uint64_t notice_text_warning(const struct settings *settings);

/* 1 with the whole message in *text_r, for free(); 0 if the owner isn't told about such an event;
   -1 if it can't be written: *error_r is one line, for free(). */
int notice_text_write(const struct state *state, const struct outbox_event *event,
		      const char *message_id, char **text_r, char **error_r);

#endif
