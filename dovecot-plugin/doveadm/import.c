/* doveadm postern import: puts exported accounts into Redis. */

#include "lib.h"

#include "account-line.h"
#include "accounts.h"
#include "line-reader.h"

#include <errno.h>

#include <hiredis/hiredis.h>

#define PROGRESS 100000 /* lines */

static const struct postern_column columns[] = {
	{ .name = "line", .number = TRUE },
	{ .name = "user" },
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

struct import {
	struct postern_run *run;
	struct line_reader reader;
	uint64_t skip;
	uint64_t imported, unchanged, broken;
};

/* A row about the line that was read last. */
static void print_line(const struct import *import, enum postern_failure failure, const char *user,
		       const char *text)
{
	const char *values[] = { dec2str(import->reader.number), user,
				 postern_failure_word(failure), text };

	postern_print(import->run, values);
	postern_note_exit_code(import->run, failure);
}

/* FALSE when there is no answer: the rest is left for later. */
static bool put(struct import *import, const struct account_record *record)
{
	struct command command;
	redisReply *reply;
	const char *error;

	accounts_import_ask(record, &command);
	if (postern_ask(import->run, &command, &reply, &error) == 0) {
		enum accounts_import verdict = accounts_import_read(reply, &error);

		freeReplyObject(reply);
		switch (verdict) {
		case ACCOUNTS_IMPORT_DONE:
			import->imported++;
			return TRUE;
		case ACCOUNTS_IMPORT_UNCHANGED:
			import->unchanged++;
			return TRUE;
		case ACCOUNTS_IMPORT_UNAVAILABLE:
			break;
		}
	}
	print_line(import, POSTERN_UNAVAILABLE, record->account.text, error);
	return FALSE;
}

static bool take_line(struct import *import)
{
	const struct line_reader *reader = &import->reader;
	struct account_line line;
	const char *error;
	bool ret = TRUE;

	if (reader->too_long) {
		import->broken++;
		print_line(import, POSTERN_BROKEN, "", "expected at most 65536 bytes");
		return TRUE;
	}
	if (account_line_read(reader->text, reader->size, &line, &error) == 0) {
		ret = put(import, &line.record);
	} else {
		import->broken++;
		print_line(import, POSTERN_BROKEN, line.record.account.text, error);
	}
	account_line_clear(&line);
	return ret;
}

static const char *counts(const struct import *import)
{
	return t_strdup_printf("%" PRIu64 " accounts were imported, %" PRIu64
			       " were already the same, %" PRIu64 " lines are broken.",
			       import->imported, import->unchanged, import->broken);
}

static void print_end(const struct import *import)
{
	const char *values[] = { dec2str(import->reader.number), "", "imported", counts(import) };

	postern_print(import->run, values);
	postern_log(import->run, "imported=%" PRIu64 " unchanged=%" PRIu64 " broken=%" PRIu64,
		    import->imported, import->unchanged, import->broken);
}

static void print_stop(const struct import *import)
{
	const char *values[] = {
		dec2str(import->reader.number),
		"",
		"stopped",
		t_strdup_printf("%s Continue with --skip %" PRIu64 ".", counts(import),
				import->reader.number - 1),
	};

	postern_print(import->run, values);
}

static void import_lines(struct import *import)
{
	bool more = TRUE;
	int ret = 1;

	while (more && (ret = line_reader_next(&import->reader)) > 0) {
		if (doveadm_verbose && import->reader.number % PROGRESS == 0)
			i_info("postern: line %" PRIu64, import->reader.number);
		if (import->reader.number <= import->skip)
			continue;
		T_BEGIN
		{
			more = take_line(import);
		}
		T_END;
	}
	if (ret < 0)
		print_line(import, POSTERN_UNREADABLE, "", strerror(errno));
	else if (!more)
		print_stop(import);
	else
		print_end(import);
}

static void import_file(struct postern_run *run, uint64_t skip)
{
	const char *path = postern_option(run, "file");
	bool from_stdin = path == NULL || strcmp(path, "-") == 0;
	struct import *import;
	FILE *file = from_stdin ? stdin : fopen(path, "re");

	if (file == NULL) {
		postern_refuse(run, POSTERN_UNREADABLE,
			       t_strdup_printf("%s: %s", path, strerror(errno)));
		return;
	}
	import = i_new(struct import, 1);
	import->run = run;
	import->reader.file = file;
	import->skip = skip;
	import_lines(import);
	i_free(import);
	if (!from_stdin)
		fclose(file);
}

static void cmd_postern_import(struct doveadm_cmd_context *cctx)
{
	struct postern_run run;
	uint64_t skip = 0;

	if (!postern_begin(&run, cctx, columns))
		return;
	if (postern_on_command_line(&run) && postern_number(&run, "skip", INT64_MAX, &skip))
		import_file(&run, skip);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	POSTERN_OPTION("skip"),
	{ .name = "file", .type = CMD_PARAM_STR, .flags = CMD_PARAM_FLAG_POSITIONAL },
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_import_command = {
	.name = "postern import",
	.cmd = cmd_postern_import,
	.usage = "[--skip <lines>] [<file>]",
	.parameters = parameters,
};
