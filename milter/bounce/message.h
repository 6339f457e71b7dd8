#ifndef POSTERN_MILTER_BOUNCE_MESSAGE_H
#define POSTERN_MILTER_BOUNCE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <gmime/gmime.h>

/*
 * A message that may be a bounce, while it comes in. Whatever is sent, the memory that it takes is
 * bounded, and what GMime gets of it is harmless; what doesn't fit is not looked at.
 */
struct bounce;

/* To be called once, before there are threads. */
void bounce_start(void);

/* A message of which nothing has arrived yet, for bounce_free(). is_own: one of our own hosts
   brings it, so if it is a bounce, Postfix made it. NULL if memory ran out. */
struct bounce *bounce_new(bool is_own);

bool bounce_is_own(const struct bounce *bounce);

void bounce_free(struct bounce **bounce);

/* Takes a header of the message itself; what isn't needed is dropped. */
void bounce_header(struct bounce *bounce, const char *name, const char *value);

/* Takes a piece of the body, of any size. False when no more is looked at. */
bool bounce_body(struct bounce *bounce, const void *bytes, size_t size);

/* Takes a piece of a whole message as a file has it, headers and body, in place of both. */
bool bounce_whole(struct bounce *bounce, const void *bytes, size_t size);

/* What has come, in parts; to be unreferenced before the bounce is freed. NULL for nothing. To be
   called once, and nothing is taken afterwards. */
GMimeMessage *bounce_parse(struct bounce *bounce);

/* True if there was more than is looked at. */
bool bounce_was_cut(const struct bounce *bounce);

/* The lines with a trace header after what was looked at, as they are; "" for none. Lives
   as long as the bounce. */
const char *bounce_late_traces(const struct bounce *bounce);

#endif
