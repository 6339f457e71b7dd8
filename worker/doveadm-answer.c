#include "doveadm-answer.h"

#include <stdio.h>
#include <string.h>

static void read_failure(json_t *answer, struct doveadm_failure *failure_r)
{
	json_t *failure = json_array_get(answer, 1), *code;
	const char *kind = json_string_value(json_array_get(answer, 0));
	const char *type = json_string_value(json_object_get(failure, "type"));

	if (kind == NULL || strcmp(kind, "error") != 0 || type == NULL)
		return;
	snprintf(failure_r->type, sizeof(failure_r->type), "%s", type);
	code = json_object_get(failure, "exitCode");
	/* An exit status has one byte. */
	if (strcmp(type, "exitCode") == 0 && json_integer_value(code) > 0 &&
	    json_integer_value(code) < 256)
		failure_r->exit_code = (int)json_integer_value(code);
}

/* Dovecot 2.3 closes the array of rows after the first one where a command prints them one by one,
   as who does: ["doveadmResponse",[{...}],{...},{...},"tag"]. NULL if these are no rows. */
static json_t *read_rows(json_t *answer)
{
	json_t *rows = json_array_get(answer, 1);
	const char *kind = json_string_value(json_array_get(answer, 0));

	if (kind == NULL || strcmp(kind, "doveadmResponse") != 0 || !json_is_array(rows))
		return NULL;
	for (size_t i = 2; i + 1 < json_array_size(answer); i++) {
		json_t *row = json_array_get(answer, i);

		if (!json_is_object(row) || json_array_append(rows, row) < 0)
			return NULL;
	}
	return json_incref(rows);
}

json_t *doveadm_answer_read(const char *text, size_t size, struct doveadm_failure *failure_r)
{
	json_t *whole = json_loadb(text, size, 0, NULL);
	json_t *answer = json_array_get(whole, 0), *rows = read_rows(answer);

	*failure_r = (struct doveadm_failure){ .type = "an unexpected answer" };
	if (rows == NULL)
		read_failure(answer, failure_r);
	json_decref(whole);
	return rows;
}
