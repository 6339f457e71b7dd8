#ifndef POSTERN_OUTBOX_H
#define POSTERN_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "store/command.h"
#include "account/reason.h"

struct redisReply;

/*
 * The outboxes, one stream in each partition: what the scripts that decide leave there for the
 * workers (announce() in decisions/prelude.lua). A worker follows them all to end sessions, and
 * takes entries one by one to tell owners (D5): calls of claim.lua, renew.lua and done.lua.
 *
 * What comes out is checked like all that comes over the network. An entry of another version, or
 * one that makes no sense, is OUTBOX_UNKNOWN and is left to a worker that knows better.
 */

#define OUTBOX_ID_SIZE	   42 /* two numbers of 64 bits, a hyphen, a terminator */
#define OUTBOX_TEXT_SIZE   256
#define OUTBOX_WORKER_SIZE 128

enum outbox_kind {
	OUTBOX_OFF,	 /* access went off, see reason */
	OUTBOX_ON,	 /* access was switched on, with an app password */
	OUTBOX_PASSWORD, /* one more app password was made */
	OUTBOX_WARNING,	 /* access will go off unless it is used */
	OUTBOX_END,	 /* sessions have to end; nobody is told */
	OUTBOX_BREAK_IN, /* somebody tried to break in, and access stays on (D4) */
	OUTBOX_AGAIN,	 /* access went off, and the mailbox refused the notice of it */
	OUTBOX_UNKNOWN,
};

struct outbox_event {
	char id[OUTBOX_ID_SIZE]; /* "1764028800000-0" */
	unsigned int partition;
	unsigned int times; /* how often it was handed out, this time included; 0 when followed */
	enum outbox_kind kind;
	/* All below only when kind is known. Texts are UTF-8 without control characters. */
	struct account_name account;
	enum disable_reason reason; /* OUTBOX_OFF, OUTBOX_AGAIN */
	int64_t time;		    /* milliseconds since 1970 */
	int64_t until;		    /* OUTBOX_WARNING: when access will go off */
	unsigned int number;	    /* OUTBOX_ON, OUTBOX_PASSWORD: of the app password */
	char label[OUTBOX_TEXT_SIZE];
	char by[OUTBOX_TEXT_SIZE];
	char from[OUTBOX_TEXT_SIZE];
	char language[OUTBOX_TEXT_SIZE]; /* "" if not known */
	char refused[OUTBOX_ID_SIZE];	 /* OUTBOX_AGAIN: the entry whose notice was refused */
	/* OUTBOX_OFF, where it was handed out: the hosts on which the account's sessions weren't
	   seen to end, between spaces; "" if there are none. */
	char unseen[OUTBOX_TEXT_SIZE];
};

/* Asks for at most count entries for the worker of that name, which has them for lease
   milliseconds. workers are those that have to end sessions, as workers_text() has them: it
   must outlive the command. */
void outbox_claim_ask(unsigned int partition, const char *worker, unsigned int lease,
		      unsigned int count, const char *workers, struct command *command_r);

/* The entries handed out, for outbox_event_read(); NULL when Redis can't tell. Lives as long as the
   reply. *more_r: if there is none, another call may find one. */
const struct redisReply *outbox_claim_read(const struct redisReply *reply, bool *more_r);

/* Reads the entry at a place of outbox_claim_read()'s. 0, or -1 if it has no usable id. */
int outbox_event_read(const struct redisReply *entries, unsigned int place, unsigned int partition,
		      struct outbox_event *event_r);

/* Asks for the lease of an entry to start again. */
void outbox_renew_ask(unsigned int partition, const char *worker, const char *id,
		      struct command *command_r);

/* 1 if it has, 0 if the worker doesn't have the entry any more, -1 when Redis can't tell. */
int outbox_renew_read(const struct redisReply *reply);

/* Says that nobody needs the entry any more, whose kind is known. What it says of hosts that
   weren't seen is noted with the account. */
void outbox_done_ask(const struct outbox_event *event, struct command *command_r);

/* True if Redis knows of it now. */
bool outbox_done_read(const struct redisReply *reply);

/* Says that the worker of that name has ended all sessions of an OUTBOX_OFF on its host, those that
   were being opened as well: its owner can be told as far as that host is concerned. */
void outbox_ended_ask(unsigned int partition, const char *worker, const char *id,
		      struct command *command_r);

/* True if Redis knows of it now, or needn't. */
bool outbox_ended_read(const struct redisReply *reply);

/* How far a follower has got in each outbox: past the entry with that id. "" where that is not
 * known.
 */
struct outbox_positions {
	char ids[ACCOUNT_PARTITIONS][OUTBOX_ID_SIZE];
};

/* Asks for the last entry of an outbox, to see whether it is still the one that was followed. */
void outbox_last_ask(unsigned int partition, struct command *command_r);

/* Where there is no position, or one that the outbox has not come to because it lost entries, the
   position becomes that time (Redis's milliseconds). The others stay. 0, or -1 when the answer is
   not understood. */
int outbox_last_read(const struct redisReply *reply, unsigned int partition, int64_t since,
		     struct outbox_positions *positions);

/* Waits for up to wait milliseconds for entries after the positions. */
void outbox_follow_ask(const struct outbox_positions *positions, unsigned int wait,
		       struct command *command_r);

typedef void outbox_follow_callback_t(void *context, const struct outbox_event *event);

/* Hands out the entries, and moves the positions past them. 0, or -1 when the answer is not
   understood. */
int outbox_follow_read(const struct redisReply *reply, struct outbox_positions *positions,
		       outbox_follow_callback_t *callback, void *context);

#endif
