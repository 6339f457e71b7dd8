/* doveadm postern check: whether everything around Postern on this host is as it has to be. */

#include "lib.h"

#include "dovecot-plugin/check/check.h"
#include "doveadm-postern.h"

static const struct postern_column columns[] = {
	{ .name = "check" },
	{ .name = "status" },
	{ .name = "text" },
	{ .name = NULL },
};

/* In this order they are printed. */
static const struct check_topic *const topics[] = {
	&check_host_topic,    &check_secrets_topic,  &check_redis_topic, &check_redis_info_topic,
	&check_dovecot_topic, &check_sessions_topic, &check_api_topic,	 &check_postfix_topic,
};

static void run_check(const struct postern_run *run, const struct check_site *site,
		      const struct check *check, const char *unknown)
{
	char text[CHECK_TEXT_SIZE] = "";
	enum check_status status;

	if (unknown != NULL && !check->always)
		status = check_say(text, CHECK_UNKNOWN, "%s", unknown);
	else
		status = check->run(site, text);
	const char *values[] = { check->name, check_status_word(status), text };

	postern_print(run, values);
	if (status == CHECK_WRONG)
		postern_note_exit_code(run, POSTERN_UNCONFIGURED);
}

static void run_topic(const struct postern_run *run, const struct check_site *site,
		      const struct check_topic *topic)
{
	bool absent = topic->absent != NULL && topic->absent(site);
	const char *unknown = topic->unknown(site);

	for (const struct check *check = topic->checks; check->name != NULL; check++) {
		if (!absent || check->always)
			run_check(run, site, check, unknown);
	}
}

static void cmd_postern_check(struct doveadm_cmd_context *cctx)
{
	struct check_site site;
	struct postern_run run;

	i_zero(&site);
	postern_begin_without_settings(&run, cctx, columns, DOVEADM_PRINT_TYPE_TABLE);
	site.settings_file = postern_settings_file();
	check_say(site.dovecot.file, CHECK_OK, "%s", postern_dovecot_file());
	check_read_settings(&site);
	check_read_redis(&site);
	check_read_dovecot(&site);
	check_read_postfix(&site);
	for (unsigned int i = 0; i < N_ELEMENTS(topics); i++)
		run_topic(&run, &site, topics[i]);
	check_site_free(&site);
	postern_end(&run);
}

static const struct doveadm_cmd_param parameters[] = {
	{ .name = NULL },
};

struct doveadm_cmd_ver2 doveadm_postern_check_command = {
	.name = "postern check",
	.cmd = cmd_postern_check,
	.usage = "",
	.parameters = parameters,
};
