/* Whether a notice has been sent before. */

#include "search.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/log.h"
#include "queue.h"

/* After this time nobody waits for a mailbox that Dovecot no longer knows. */
#define NO_USER_MS (INT64_C(5) * 24 * 3600 * 1000)

/* The senders that it may have been sent with, one for each key of the site. How many, or -1 if
   OpenSSL fails. */
static int find_senders(const struct secrets *secrets, const struct account_name *account,
			const struct notice_number *number,
			char senders_r[SECRETS_KEYS_MAX][NOTICE_SENDER_SIZE])
{
	for (unsigned int i = 0; i < secrets->keys_count; i++) {
		if (notice_sender(&secrets->keys[i], number, account, senders_r[i]) < 0)
			return -1;
	}
	return (int)secrets->keys_count;
}

/* False while the queue has the notice, and when it can't be read. */
static bool is_queue_clear(struct search *search, const struct settings *settings,
			   char senders[][NOTICE_SENDER_SIZE], int count)
{
	char *error;

	switch (queue_search(settings->worker.sendmail, senders, (unsigned int)count, &error)) {
	case QUEUE_FOUND:
		return false;
	case QUEUE_NOT_FOUND:
		return true;
	case QUEUE_MISSING:
		if (!search->missing_logged)
			log_line(LOG_NOTICE, "can't search Postfix's queue: %s",
				 error != NULL ? error : "out of memory");
		search->missing_logged = true;
		free(error);
		return true;
	case QUEUE_UNKNOWN:
		break;
	}
	trouble_failed(&search->trouble, error != NULL ? error : "out of memory");
	free(error);
	return false;
}

static enum sent search_mailbox(struct search *search, const struct settings *settings,
				const struct account_name *account,
				const struct notice_number *number)
{
	const char *error;

	switch (doveadm_delivered(search->doveadm, settings, account, number, &error)) {
	case DOVEADM_FOUND:
		trouble_over(&search->trouble);
		return SENT_BEFORE;
	case DOVEADM_NOT_FOUND:
		trouble_over(&search->trouble);
		return SENT_NEVER;
	case DOVEADM_NO_USER:
		if (notice_number_time(number) + NO_USER_MS < (int64_t)time(NULL) * 1000)
			return SENT_BEFORE;
		break;
	case DOVEADM_UNKNOWN:
		break;
	}
	trouble_failed(&search->trouble, error);
	return SENT_MAYBE;
}

enum sent search_notice(struct search *search, const struct settings *settings,
			const struct account_name *account, const struct notice_number *number)
{
	char senders[SECRETS_KEYS_MAX][NOTICE_SENDER_SIZE];
	int count = find_senders(settings->secrets, account, number, senders);

	if (count < 0) {
		trouble_failed(&search->trouble, "OpenSSL failed");
		return SENT_MAYBE;
	}
	/* The queue comes first, as mail goes from there into the mailbox. It is read twice: what
	   is on the way from one part of it to another while it is read may not show. */
	for (int i = 0; i < 2; i++) {
		if (!is_queue_clear(search, settings, senders, count))
			return SENT_MAYBE;
	}
	return search_mailbox(search, settings, account, number);
}
