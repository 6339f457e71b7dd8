#ifndef POSTERN_TESTS_SETTINGS_TEXT_H
#define POSTERN_TESTS_SETTINGS_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "account/protocol.h"
#include "rows.h"
#include "settings/settings.h"

/* The one setting that there must be. What stands behind it begins in line 3. */
#define HELP "[postern]\nhelp_url = https://h.example/\n"

/* Inlined, gcc 12 takes what these hand out for dangling or NULL. */
#define NOT_INLINE __attribute__((noinline, unused)) static

/* What the settings are, one "name=value" a line. */
NOT_INLINE char *describe(const struct settings *settings)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "default_domain=%s\nhelp_url=%s\ninternal_networks=%zu\nproxies=%zu\n",
		settings->default_domain, settings->help_url, settings->internal_networks.count,
		settings->proxies.count);
	fprintf(out, "secrets=%s\nredis=%s %s %u\nredis.user=%s\ndatabase=%u\ntimeout=%u\n",
		settings->secrets_file, settings->redis.socket, settings->redis.host,
		settings->redis.port, settings->redis.user, settings->redis.database,
		settings->redis.timeout);
	fprintf(out,
		"socket=%s\nsocket_group=%s\nmilter.user=%s\nmilter.redis_user=%s\n"
		"redis_unavailable=%d\n"
		"feedback=%s\n",
		settings->milter.socket, settings->milter.socket_group, settings->milter.user,
		settings->milter.redis_user, settings->milter.store_failure,
		settings->milter.feedback_address);
	fprintf(out, "from=%s\nreply_to=%s\nlanguage=%s\nshipped=%s\nown=%s\n",
		settings->notices.from, settings->notices.reply_to,
		settings->notices.default_language, settings->notices.shipped,
		settings->notices.own);
	fprintf(out, "mail_server=%s\nunused_warning=%u\nsendmail=%s\n",
		settings->notices.mail_server, settings->notices.unused_warning,
		settings->worker.sendmail);
	fprintf(out, "worker=%s %s %s\nworker.lease=%u\nsweep=%u %u\n", settings->worker.user,
		settings->worker.sendmail, settings->worker.doveadm_url,
		settings->worker.notice_lease, settings->worker.sweep_interval,
		settings->worker.sweep_rate);
	for (unsigned int i = 0; i < settings->tiers_count; i++) {
		const struct tier *tier = &settings->tiers[i];

		fprintf(out, "%u.name=%s\n%u.protocols=%s%s%s\n", i, tier->name, i,
			tier->protocols & PROTOCOL_POP3 ? "P" : "",
			tier->protocols & PROTOCOL_IMAP ? "I" : "",
			tier->protocols & PROTOCOL_SMTP ? "S" : "");
		fprintf(out, "%u.pop3=%u %u\n%u.messages=%u %u\n%u.recipients=%u\n", i,
			tier->pop3_interval, tier->pop3_grace, i, tier->messages_per_minute,
			tier->messages_per_hour, i, tier->recipients_per_message);
		fprintf(out, "%u.count=%d\n%u.hold=%u\n", i, tier->count, i, tier->upgrade_hold);
		fprintf(out,
			"%u.logins=%u %u\n%u.wrong=%u %u %u %d\n%u.failed=%u %u\n%u.unused=%u\n", i,
			tier->logins_per_hour, tier->logins_per_day, i, tier->wrong_passwords,
			tier->wrong_password_networks, tier->shut_out, tier->on_break_in, i,
			tier->failed_recipients, tier->failed_recipients_window, i,
			tier->unused_after);
	}
	fclose(out);
	return text;
}

/* Fails unless a whole line of text is the line. */
NOT_INLINE void assert_has_line(const char *text, const char *line)
{
	size_t size = strlen(line);

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, line, size) == 0 && (at[size] == '\n' || at[size] == '\0'))
			return;
	}
	fail_msg("no \"%s\" in:\n%s", line, text);
}

static inline char *load_and_describe(const char *text)
{
	struct files files = files_begin();
	struct settings *settings;
	char *error = NULL, *description;

	files_write(&files, text, strlen(text), 0644);
	settings = settings_load_without_secrets(files.path, &error);
	if (settings == NULL)
		fail_msg("%s", error != NULL ? error : "no error text");
	assert_null(settings->secrets);
	description = describe(settings);
	settings_free(&settings);
	assert_null(settings);
	files_end(&files);
	return description;
}

/* The longest help_url that there can be. */
#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X150 X50 X50 X50
#define X180 "http://" X150 "xxxxxxxxxxxxxxxxxxxxxxx"

#endif
