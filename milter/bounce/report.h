#ifndef POSTERN_MILTER_BOUNCE_REPORT_H
#define POSTERN_MILTER_BOUNCE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "decisions/failure.h"

/*
 * Reads what a report says for machines: a delivery status (RFC 3464, and RFC 6533 for addresses in
 * UTF-8) or a feedback report (RFC 5965).
 */

#define BOUNCE_QUEUE_ID_SIZE 64
#define BOUNCE_FIELD_SIZE    1000 /* bytes of a field, unfolded: what is longer is cut */

enum bounce_report_kind {
	BOUNCE_REPORT_NONE, /* none has begun */
	BOUNCE_REPORT_STATUS,
	BOUNCE_REPORT_FEEDBACK,
};

/* The fields of one group: those before the first empty line are the message's, each further group
   is a recipient's. A feedback report has one group. */
struct bounce_group {
	char action[16];
	char status[FAILURE_STATUS_SIZE];
	char original_recipient[FAILURE_ADDRESS_SIZE];
	char final_recipient[FAILURE_ADDRESS_SIZE];
	char diagnostic_status[FAILURE_STATUS_SIZE];
	bool has_diagnostic_5xx;
	bool spam;
	bool complaint; /* a feedback report of abuse */
};

/* A recipient that the reporter has given up, whatever the reason: also one that was only full for
   as long as the message may stay in a queue. */
struct bounce_given_up {
	char original_recipient[FAILURE_ADDRESS_SIZE]; /* "" if the report doesn't say; hostile */
	char final_recipient[FAILURE_ADDRESS_SIZE];
	char status[FAILURE_STATUS_SIZE];
};

struct bounce_report {
	enum bounce_report_kind kind;
	struct bounce_group group;
	size_t field_size;
	char field[BOUNCE_FIELD_SIZE + 1];

	bool has_action;		     /* some group had one */
	bool has_diagnostic;		     /* likewise */
	char queue_id[BOUNCE_QUEUE_ID_SIZE]; /* X-Postfix-Queue-ID, "" for none */
	struct bounce_given_up given_up;     /* the first one */
	unsigned int failed_count;
	struct failed_recipient *failed; /* room for FAILURES_MAX */
};

/* failed must have room for FAILURES_MAX, and outlive the report. */
void bounce_report_begin(struct bounce_report *report, enum bounce_report_kind kind,
			 struct failed_recipient *failed);

/* A bounce_line_t. */
bool bounce_report_line(void *report, const char *line, size_t size);

void bounce_report_end(struct bounce_report *report);

#endif
