#ifndef POSTERN_MILTER_MESSAGE_NAME_H
#define POSTERN_MILTER_MESSAGE_NAME_H

#define MESSAGE_NAME_SIZE 320

/*
 * What a message is called when it is charged: "HOST/QUEUE-ID", so that asking again about one
 * message charges it once, and two messages, of one host or of two, are never taken for one. If the
 * MTA gives no queue id (NULL or ""), the name is a random one. 0, or -1 if there is no randomness
 * to be had.
 */
int message_name(const char *host, const char *queue_id, char name_r[MESSAGE_NAME_SIZE]);

#endif
