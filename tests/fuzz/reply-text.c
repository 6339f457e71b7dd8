/* Replies of Redis from a text. */

#include "reply-text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "fuzz.h"

/* The most that is added to a line's own bytes: "$", a length, and two ends of lines. */
#define LINE_OVERHEAD 32

struct rendering {
	const char *next, *end;
	char *out;
	size_t used;
};

/* False behind the last line. */
static bool take_line(const char **next, const char *end, const char **line_r, size_t *size_r)
{
	const char *line_end;

	if (*next == end)
		return false;
	line_end = memchr(*next, '\n', (size_t)(end - *next));
	*line_r = *next;
	*size_r = (size_t)((line_end != NULL ? line_end : end) - *next);
	*next = line_end != NULL ? line_end + 1 : end;
	return true;
}

/* How many elements the array has whose first line comes next. */
static unsigned int count_elements(const char *next, const char *end)
{
	unsigned int depth = 0, count = 0;
	const char *line;
	size_t size;

	while (take_line(&next, end, &line, &size)) {
		if (size > 0 && *line == ']') {
			if (depth-- == 0)
				break;
			continue;
		}
		count += depth == 0 ? 1 : 0;
		depth += size > 0 && *line == '[' ? 1 : 0;
	}
	return count;
}

static void put(struct rendering *rendering, const char *bytes, size_t size)
{
	memcpy(rendering->out + rendering->used, bytes, size);
	rendering->used += size;
}

static void put_header(struct rendering *rendering, char kind, size_t number)
{
	char header[LINE_OVERHEAD];
	int size = snprintf(header, sizeof(header), "%c%zu\r\n", kind, number);

	put(rendering, header, (size_t)size);
}

static void put_string(struct rendering *rendering, const char *text, size_t size)
{
	size_t escapes = 0;

	for (size_t i = 0; i + 1 < size; i++)
		escapes += text[i] == '\\' && text[i + 1] == 'n' ? 1 : 0;
	put_header(rendering, '$', size - escapes);
	for (size_t i = 0; i < size; i++) {
		bool is_escape = i + 1 < size && text[i] == '\\' && text[i + 1] == 'n';

		put(rendering, is_escape ? "\n" : text + i, 1);
		i += is_escape ? 1 : 0;
	}
	put(rendering, "\r\n", 2);
}

static void put_line(struct rendering *rendering, const char *line, size_t size)
{
	switch (size > 0 ? *line : '\0') {
	case '[':
		put_header(rendering, '*', count_elements(rendering->next, rendering->end));
		break;
	case ']':
		break;
	case '~':
		put(rendering, "$-1\r\n", 5);
		break;
	case ':':
	case '+':
	case '-':
		put(rendering, line, size);
		put(rendering, "\r\n", 2);
		break;
	case '"':
		put_string(rendering, line + 1, size - 1);
		break;
	default:
		put_string(rendering, line, size);
		break;
	}
}

static struct redisReply *read_resp(const char *resp, size_t size)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	MUST(reader != NULL);
	if (redisReaderFeed(reader, resp, size) != REDIS_OK ||
	    redisReaderGetReply(reader, &reply) != REDIS_OK)
		reply = NULL;
	redisReaderFree(reader);
	return reply;
}

/* hiredis takes memory for as many elements as an array says it has. Each has four bytes at least.
 */
static bool has_huge_array(const char *resp, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		size_t number = 0;

		if (resp[i] != '*')
			continue;
		for (size_t j = i + 1; j < size && resp[j] != '\r' && number <= size; j++)
			number = resp[j] >= '0' && resp[j] <= '9'
					 ? number * 10 + (size_t)(resp[j] - '0')
					 : number;
		if (number > size)
			return true;
	}
	return false;
}

struct redisReply *reply_text_read(const uint8_t *text, size_t size)
{
	struct rendering rendering = { .next = (const char *)text,
				       .end = (const char *)text + size };
	struct redisReply *reply;
	size_t lines = 1, length;
	const char *line;

	if (size > 0 && (text[0] == '*' || text[0] == '$'))
		return has_huge_array(rendering.next, size) ? NULL
							    : read_resp(rendering.next, size);
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n' ? 1 : 0;
	rendering.out = malloc(size + lines * LINE_OVERHEAD);
	MUST(rendering.out != NULL);
	while (take_line(&rendering.next, rendering.end, &line, &length))
		put_line(&rendering, line, length);
	reply = read_resp(rendering.out, rendering.used);
	free(rendering.out);
	return reply;
}
