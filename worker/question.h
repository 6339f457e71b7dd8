#ifndef POSTERN_WORKER_QUESTION_H
#define POSTERN_WORKER_QUESTION_H

#include <stdbool.h>
#include <stdint.h>

#include "decisions/due.h"
#include "decisions/outbox.h"
#include "store/store.h"
#include "decisions/unused.h"

/*
 * What the worker asks Redis: one question a call, its reply read and freed. 0, or -1 when Redis
 * can't tell: *error_r is then one line, valid until this thread's next question.
 */

/* 1 if access of the account is off since just that time (milliseconds since 1970), 0 if not, or
   -1. */
int question_is_off_since(struct store *store, const struct account_name *account, int64_t since,
			  const char **error_r);

/* Takes one entry of an outbox. workers are question_workers()'s. 1 with the entry, 0 if there is
   none to take, or -1. */
int question_claim(struct store *store, unsigned int partition, unsigned int lease,
		   const char *workers, struct outbox_event *event_r, const char **error_r);

/* Who has to end sessions before an owner is told: workers_text()'s, for free(). NULL when
   Redis can't tell. */
char *question_workers(struct store *store, const char **error_r);

/* Sends Redis this worker's heartbeat, or says that it ends. */
int question_heartbeat(struct store *store, bool ends, const char **error_r);

/* Starts the lease of an entry again. 1, 0 if somebody else may have the entry by now, or -1. */
int question_renew(struct store *store, const struct outbox_event *event, const char **error_r);

int question_done(struct store *store, const struct outbox_event *event, const char **error_r);

/* Says that all sessions of a switch-off, the outbox's entry of that id, are ended on this host. */
int question_ended(struct store *store, unsigned int partition, const char *id,
		   const char **error_r);

/* Notes hosts whose sessions weren't seen to end, named between spaces. */
int question_unseen(struct store *store, const char *hosts, const char **error_r);

/* Puts an account's refused notice back into the outbox if it is time. 1, 0 if it isn't, or -1. */
int question_again(struct store *store, const struct account_name *account, const char **error_r);

/* 1 if Redis has run our scripts since it was started, else 0. A Redis that hasn't may have lost
   the last moments before it went down. */
int question_seasoned(struct store *store, const char **error_r);

/* Redis's clock: milliseconds since 1970. */
int question_time(struct store *store, int64_t *time_r, const char **error_r);

/* Looks whether all the outboxes can be followed from the positions, as outbox_last_read() does. */
int question_positions(struct store *store, int64_t since, struct outbox_positions *positions,
		       const char **error_r);

/* Waits for entries, as outbox_follow_ask() and outbox_follow_read() do. */
int question_follow(struct store *store, struct outbox_positions *positions, unsigned int wait,
		    outbox_follow_callback_t *callback, void *context, const char **error_r);

#define QUESTION_DUE_MAX 100

/* Names of accounts that are due; one that isn't an account name has an empty text. How many, or
 * -1. */
int question_due(struct store *store, enum due_index index, unsigned int partition, int64_t time,
		 unsigned int skip, struct account_name names_r[QUESTION_DUE_MAX],
		 const char **error_r);

int question_unused(struct store *store, const struct unused_request *request,
		    const struct settings *settings, struct unused_answer *answer_r,
		    const char **error_r);

/* 1 if an app password of the account has expired, so that its sessions end, 0 if not, or -1. */
int question_expiry(struct store *store, const struct account_name *account, const char **error_r);

#endif
