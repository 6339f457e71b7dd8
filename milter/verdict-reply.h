#ifndef POSTERN_MILTER_SMTP_REPLY_H
#define POSTERN_MILTER_SMTP_REPLY_H

#include <libmilter/mfapi.h>

#include "decisions/send.h"
#include "settings/settings.h"

/* What a verdict is in SMTP: reply code (RFC 5321), enhanced status code (RFC 3463) and the
   sentence for the person. Each function sets the reply and returns what the callback returns to
   libmilter. */

/* The answer at MAIL and at the end of the message. "Not known" is mapped here and nowhere else.
 */
sfsistat smtp_reply_verdict(SMFICTX *ctx, const struct send_answer *answer,
			    const struct settings *settings);

/* One recipient more than the tier allows (S4): this one may come with another message. */
sfsistat smtp_reply_recipient(SMFICTX *ctx, unsigned int recipients_allowed,
			      const struct settings *settings);

/* The login is not an account name, so Postern can't have let it in. */
sfsistat smtp_reply_no_account(SMFICTX *ctx);

/* More trace headers than an honest message has. */
sfsistat smtp_reply_too_many_traces(SMFICTX *ctx);

/* Something failed here: the message may be sent again. */
sfsistat smtp_reply_failure(SMFICTX *ctx);

#endif
