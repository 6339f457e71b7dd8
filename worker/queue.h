#ifndef POSTERN_WORKER_QUEUE_H
#define POSTERN_WORKER_QUEUE_H

#include "decisions/notice-name.h"

enum queue_found {
	QUEUE_FOUND,
	QUEUE_NOT_FOUND,
	QUEUE_MISSING, /* there is no Postfix, so no queue */
	QUEUE_UNKNOWN, /* can't tell */
};

/* Whether Postfix's queue on this host has a notice from one of these senders, whatever their
   domain: nobody else can make one up, and so hold a notice up with mail of their own. postqueue is
   looked for next to sendmail, whose path is given, then in PATH. *error_r is for free(), NULL
   unless it can't tell or there is none. */
enum queue_found queue_search(const char *sendmail, char senders[][NOTICE_SENDER_SIZE],
			      unsigned int count, char **error_r);

/* The same in what `postqueue -j` printed, a line of JSON for each message. */
enum queue_found queue_search_lines(const char *lines, char senders[][NOTICE_SENDER_SIZE],
				    unsigned int count);

#endif
