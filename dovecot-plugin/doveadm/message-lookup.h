#ifndef POSTERN_MESSAGE_LOOKUP_H
#define POSTERN_MESSAGE_LOOKUP_H

#include "doveadm.h"

/* Looks into a user's own mailboxes for a message by its Message-ID. */

enum message_lookup {
	MESSAGE_FOUND,
	MESSAGE_NOT_FOUND,
	MESSAGE_NO_USER, /* the userdb has no such user */
	MESSAGE_UNKNOWN, /* can't tell */
};

/* The message has exactly one of these Message-IDs, a list that ends with a NULL, and came in after
   a time (seconds since 1970, to the day). *error_r is set where it can't tell, of the data stack.
   The process gives up root's privileges for as long as it looks. */
enum message_lookup message_lookup(const struct doveadm_cmd_context *cctx, const char *user,
				   const char *const message_ids[], time_t after,
				   const char **error_r);

#endif
