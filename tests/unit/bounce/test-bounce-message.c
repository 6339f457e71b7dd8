/* How bounces come in, and what nobody sends by accident: whatever it is, little of it is kept, and
   what counts is found. */

#include "milter/bounce/bounce.h"

#include <stdio.h>
#include <time.h>

#include "tests/unit/bounce-samples.h"

/* The milter hands in header by header, and the body in pieces of any size. */
static void in_pieces(void **state)
{
	struct secrets secrets = sample_secrets();
	struct bounce_reading reading;
	size_t size;
	char *bytes = with_token(REPORT(STATUS_FAILED), &size);
	const char *body = strstr(bytes, "\n\n") + 2;

	(void)state;
	for (size_t piece = 1; piece < 200; piece += 7) {
		struct bounce *bounce = bounce_new(false);

		bounce_header(bounce, "received", "by relay (Postfix)\n\tid 4X; now");
		bounce_header(bounce, "CONTENT-TYPE", "multipart/report;\n\tboundary=x");
		bounce_header(bounce, "X-Other", "value");
		for (const char *at = body; at < bytes + size; at += piece) {
			size_t left = (size_t)(bytes + size - at);

			assert_true(bounce_body(bounce, at, left < piece ? left : piece));
		}
		bounce_read(bounce, &secrets, "example.org", &reading);
		bounce_free(&bounce);
		assert_true(reading.genuine);
		assert_int_equal(reading.failed_count, 1);
		assert_int_equal(reading.received, 1);
	}
	free(bytes);
}

/* Things that nobody sends by accident. Each takes little time and memory. */
struct hostile_row {
	const char *name;
	const char *begin, *again, *end;
	unsigned int times;
};

static const struct hostile_row hostile_rows[] = {
	{ "a million headers", "Subject: x\n", "a: b\n", "\n", 1000000 },
	{ "a million headers of a part", REPORT_HEADER "--x\n", "a:\n", "\n", 1000000 },
	{ "a hundred thousand parts", REPORT_HEADER, "--x\n\n", "", 100000 },
	{ "a thousand messages in each other", "", "Content-Type: message/rfc822\n\n", QUOTED,
	  1000 },
	{ "a million lines", "Subject: x\n\n", "\n", QUOTED, 1000000 },
	{ "one line of 10 MB", "Subject: x\n\n", "0123456789", "\n", 1000000 },
	{ "a hundred thousand recipients", REPORT_HEADER STATUS_PART, STATUS_FAILED, "", 100000 },
	{ "fields without an end", REPORT_HEADER STATUS_PART "Action: ", "failed\n ", "", 100000 },
	{ "a hundred thousand traces of nobody", EXIM "Received: by x\n",
	  "Postern-Trace: "
	  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	  "AAAAAA\n",
	  "\n", 100000 },
	{ "groups of addresses in each other", "Content-Type: message/rfc2822\n\nTo: a@b,",
	  "x:", "\n\n", 300000 },
	{ "groups in a folded header", "Content-Type: message/news\n\nCc : a@b,\n ",
	  "x:x:x:x:x:\n ", "\n\n", 60000 },
	{ "addresses", "Content-Type: message/rfc2822\n\n", "To: a@b,a@b,a@b,a@b,a@b,a@b,a@b,a@b\n",
	  "\n\n", 20000 },
	{ "tags without an end", "Content-Type: text/html\n\n", "<", "", 1000000 },
	{ "entities", "Content-Type: text/html\n\n", "&#x41;&bogus", "", 1000000 },
	{ "boundaries of all kinds", REPORT_HEADER,
	  "--x--\n--x\nContent-Type: multipart/x; boundary=x\n", "", 20000 },
};

static void hostile(void **state)
{
	const struct hostile_row *row = *state;
	struct bounce *bounce = bounce_new(false);
	struct secrets secrets = sample_secrets();
	struct bounce_reading reading;
	clock_t began = clock();

	bounce_whole(bounce, row->begin, strlen(row->begin));
	for (unsigned int i = 0; i < row->times; i++) {
		if (!bounce_whole(bounce, row->again, strlen(row->again)))
			break;
	}
	bounce_whole(bounce, row->end, strlen(row->end));
	bounce_read(bounce, &secrets, "example.org", &reading);
	bounce_free(&bounce);
	assert_false(reading.genuine);
	/* Ten times what it takes, for slow machines and sanitizers. */
	assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
}

/* A thousand parts in each other, each with a boundary of its own. */
static void nested(void **state)
{
	struct bounce_reading reading;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int i = 0; i < 1000; i++)
		fprintf(out, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	fprintf(out, "\nPostern-Trace: x\n");
	fclose(out);
	read_bytes(text, size, &reading);
	assert_false(reading.genuine);
	free(text);
}

/* Any byte may be another one. */
static void altered(void **state)
{
	struct bounce_reading reading;
	size_t size;
	char *bytes = with_token(REPORT(STATUS_FAILED), &size);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		static const char others[] = { '\0', '\n', '\r', '-', ' ', (char)0xff };
		char right = bytes[i];

		for (size_t j = 0; j < sizeof(others); j++) {
			bytes[i] = others[j];
			read_bytes(bytes, size, &reading);
			assert_true(reading.failed_count <= 1);
		}
		bytes[i] = right;
	}
	free(bytes);
}

/* Long replies about many recipients stand before the original's header: it is found behind all
   that is kept. */
#define BYTES_100                                                                                  \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"890123456789"
#define BYTES_1000                                                                                 \
	BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100  \
		BYTES_100

static const char *const late_rows[][2] = {
	{ "fields of 1 KB", "Final-Recipient: rfc822; a@x\nDiagnostic-Code: " BYTES_1000 "\n\n" },
	{ "40 lines each",
	  "Action: failed\nX:"
	  "\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a"
	  "\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n a\n\n" },
};

static void late(void **state)
{
	const char *const *between = *state;
	struct secrets secrets = sample_secrets();
	struct bounce *bounce = bounce_new(true);
	struct bounce_reading reading;
	size_t size;
	char *begin = with_token(REPORT_HEADER STATUS_PART STATUS_FAILED, &size), *end;
	bool more = true;

	bounce_whole(bounce, begin, size);
	for (int i = 0; i < 4000 && more; i++)
		more = bounce_whole(bounce, between[1], strlen(between[1]));
	assert_true(more);
	end = with_token(QUOTED_PART, &size);
	assert_false(bounce_whole(bounce, end, size));
	bounce_read(bounce, &secrets, "example.org", &reading);
	assert_true(reading.genuine);
	assert_true(reading.failed_count > 0);
	bounce_free(&bounce);
	free(begin);
	free(end);
}

/* In whatever pieces it comes, the same is read: here the trace stands behind what is kept, and
   each border falls into it once. */
static void in_any_pieces(void **state)
{
	struct secrets secrets = sample_secrets();
	struct bounce_reading reading;
	size_t begin_size, end_size, field_size = strlen(STATUS_FAILED);
	char *begin = with_token(REPORT_HEADER STATUS_PART, &begin_size);
	char *end = with_token(QUOTED_PART, &end_size);
	size_t fields = 6000 * field_size, size = begin_size + fields + end_size;
	char *whole = malloc(size);

	(void)state;
	memcpy(whole, begin, begin_size);
	for (size_t i = 0; i < 6000; i++)
		memcpy(whole + begin_size + i * field_size, STATUS_FAILED, field_size);
	memcpy(whole + begin_size + fields, end, end_size);
	for (size_t border = 0; border < end_size; border += 3) {
		struct bounce *bounce = bounce_new(true);
		size_t first = begin_size + fields + border;

		bounce_whole(bounce, whole, first);
		for (size_t at = first; at < size; at += 50)
			bounce_whole(bounce, whole + at, size - at < 50 ? size - at : 50);
		bounce_read(bounce, &secrets, "example.org", &reading);
		assert_true(reading.genuine);
		assert_int_equal(reading.failed_count, FAILURES_MAX);
		assert_true(reading.was_cut);
		bounce_free(&bounce);
	}
	free(begin);
	free(end);
	free(whole);
}

/* A report that nothing is left of: our own Postfix says nothing so long about what is well. */
static void nothing_left(void **state)
{
	struct secrets secrets = sample_secrets();
	struct bounce_reading reading;
	size_t size;
	char *end = with_token(STATUS_PART STATUS_FAILED QUOTED_PART, &size);
	struct bounce *bounce = bounce_new(true);

	(void)state;
	bounce_whole(bounce, REPORT_HEADER REPORT_TEXT, strlen(REPORT_HEADER REPORT_TEXT));
	for (int i = 0; i < 10000; i++)
		bounce_whole(bounce, "temporary words " BYTES_100 "\n", 117);
	bounce_whole(bounce, end, size);
	bounce_read(bounce, &secrets, "example.org", &reading);
	bounce_free(&bounce);
	assert_true(reading.genuine);
	assert_int_equal(reading.failed_count, 1);
	free(end);
}

/* The original that is quoted with an indentation is no one field. */
static void indented_original(void **state)
{
	struct bounce_reading reading;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	char token[TRACE_VALUE_SIZE];

	(void)state;
	sample_token(token);
	fprintf(out, "Subject: x\n\nHeaders:\n");
	for (int i = 0; i < 100; i++)
		fprintf(out, "    X-Header-%d: %s\n", i, BYTES_100);
	fprintf(out, "    Postern-Trace: %s\n", token);
	fclose(out);
	read_bytes(text, size, &reading);
	assert_true(reading.genuine);
	free(text);
}

/* The trace of 10 MB is found without all of them. */
static void big(void **state)
{
	struct bounce *bounce = bounce_new(false);
	struct secrets secrets = sample_secrets();
	struct bounce_reading reading;
	size_t size, taken = 0;
	char *bytes = with_token(REPORT(STATUS_FAILED), &size);
	static char filler[65536];

	(void)state;
	memset(filler, 'x', sizeof(filler));
	*(char *)strstr(bytes, "the text") = '\0';
	assert_true(bounce_whole(bounce, bytes, strlen(bytes)));
	while (bounce_whole(bounce, filler, sizeof(filler)))
		taken += sizeof(filler);
	assert_true(taken < 1024 * 1024);
	bounce_read(bounce, &secrets, "example.org", &reading);
	bounce_free(&bounce);
	assert_true(reading.genuine);
	assert_int_equal(reading.failed_count, 1);
	free(bytes);
}

int main(void)
{
	bounce_start();
	ADD_ROWS(hostile, hostile_rows);
	ADD_ROWS(late, late_rows);
	ADD_TEST(in_any_pieces);
	ADD_TEST(nothing_left);
	ADD_TEST(indented_original);
	ADD_TEST(in_pieces);
	ADD_TEST(nested);
	ADD_TEST(altered);
	ADD_TEST(big);
	return RUN_TESTS();
}
