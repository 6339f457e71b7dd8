#ifndef POSTERN_MILTER_BOUNCE_LOG_H
#define POSTERN_MILTER_BOUNCE_LOG_H

#include "bounce-decision.h"

/* The log line about a message that might have been a bounce: one for each, see message-log.h. */

void bounce_log(const struct bounce_decision *decision, const struct bounce_origin *origin,
		const char *queue_id);

/* It was not looked at, and is delivered anyway. */
void bounce_log_unread(const struct bounce_origin *origin, const char *queue_id,
		       const char *problem);

#endif
