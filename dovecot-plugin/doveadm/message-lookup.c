/* A look for one message, through Dovecot's own storage. */

#include "lib.h"
#include "mail-namespace.h"
#include "mail-search-build.h"
#include "mail-storage-service.h"
#include "mail-storage.h"
#include "mail-user.h"
#include "mailbox-list-iter.h"
#include "master-service.h"

#include "message-lookup.h"

#include <unistd.h>

/* What is looked for, and what has become of it. */
struct lookup {
	const char *const *message_ids;
	time_t after;
	bool found, failed;
	const char *error;
};

static void note_failure(struct lookup *lookup, const char *what, const char *error)
{
	lookup->failed = TRUE;
	lookup->error = t_strdup_printf("%s: %s", what, error);
}

/* The Message-ID must be one of them as a whole: a part of one is none. */
static void look_at(struct lookup *lookup, struct mail *mail)
{
	const char *value;
	enum mail_error code;

	if (mail_get_first_header(mail, "Message-ID", &value) < 0) {
		const char *error = mailbox_get_last_error(mail->box, &code);

		/* Somebody deletes it at this moment. */
		if (code != MAIL_ERROR_EXPUNGED)
			note_failure(lookup, mailbox_get_vname(mail->box), error);
		return;
	}
	if (value != NULL && str_array_find(lookup->message_ids, t_str_trim(value, " \t\r\n")))
		lookup->found = TRUE;
}

static void look_into(struct lookup *lookup, struct mailbox *box)
{
	static const char *const headers[] = { "Message-ID", NULL };
	struct mailbox_header_lookup_ctx *wanted = mailbox_header_lookup_init(box, headers);
	struct mailbox_transaction_context *transaction =
		mailbox_transaction_begin(box, 0, "postern notice delivered");
	struct mail_search_args *args = mail_search_build_init();
	struct mail_search_arg *since = mail_search_build_add(args, SEARCH_SINCE);
	struct mail_search_context *search;
	struct mail *mail;

	since->value.time = lookup->after;
	since->value.date_type = MAIL_SEARCH_DATE_TYPE_RECEIVED;
	search = mailbox_search_init(transaction, args, NULL, 0, wanted);
	mail_search_args_unref(&args);
	mailbox_header_lookup_unref(&wanted);
	while (!lookup->found && mailbox_search_next(search, &mail)) {
		T_BEGIN
		{
			look_at(lookup, mail);
		}
		T_END_PASS_STR_IF(lookup->failed, &lookup->error);
	}
	if (mailbox_search_deinit(&search) < 0)
		note_failure(lookup, mailbox_get_vname(box), mailbox_get_last_error(box, NULL));
	/* The Message-IDs may stay in the cache: nothing else has been changed. */
	(void)mailbox_transaction_commit(&transaction);
}

static void look_into_one(struct lookup *lookup, const struct mailbox_info *info)
{
	struct mailbox *box = mailbox_alloc(info->ns->list, info->vname,
					    MAILBOX_FLAG_READONLY | MAILBOX_FLAG_IGNORE_ACLS);
	enum mail_error code;

	if (mailbox_sync(box, 0) == 0) {
		look_into(lookup, box);
	} else {
		const char *error = mailbox_get_last_error(box, &code);

		/* It has been deleted since it was listed. */
		if (code != MAIL_ERROR_NOTFOUND)
			note_failure(lookup, info->vname, error);
	}
	mailbox_free(&box);
}

/* The user's own mailboxes, not those that others share. */
static void look_everywhere(struct lookup *lookup, struct mail_user *user)
{
	static const char *const patterns[] = { "*", NULL };
	const enum mailbox_list_iter_flags flags = MAILBOX_LIST_ITER_RETURN_NO_FLAGS |
						   MAILBOX_LIST_ITER_NO_AUTO_BOXES |
						   MAILBOX_LIST_ITER_SKIP_ALIASES;
	struct mailbox_list_iterate_context *iter = mailbox_list_iter_init_namespaces(
		user->namespaces, patterns, MAIL_NAMESPACE_TYPE_PRIVATE, flags);
	const struct mailbox_info *info;

	while (!lookup->found && (info = mailbox_list_iter_next(iter)) != NULL) {
		if ((info->flags & (MAILBOX_NOSELECT | MAILBOX_NONEXISTENT)) != 0)
			continue;
		T_BEGIN
		{
			look_into_one(lookup, info);
		}
		T_END_PASS_STR_IF(lookup->failed, &lookup->error);
	}
	if (mailbox_list_iter_deinit(&iter) < 0)
		note_failure(lookup, "mailboxes",
			     mailbox_list_get_last_error(user->namespaces->list, NULL));
}

/* As mailbox commands of doveadm's own do it. 1, 0 if there is no such user, or -1. */
static int look_as_user(struct lookup *lookup, const struct doveadm_cmd_context *cctx,
			const char *name)
{
	const enum mail_storage_service_flags flags =
		MAIL_STORAGE_SERVICE_FLAG_USERDB_LOOKUP | MAIL_STORAGE_SERVICE_FLAG_TEMP_PRIV_DROP |
		MAIL_STORAGE_SERVICE_FLAG_NO_LOG_INIT | MAIL_STORAGE_SERVICE_FLAG_NO_CHDIR;
	const struct mail_storage_service_input input = {
		.service = "doveadm",
		.username = name,
		.remote_ip = cctx->remote_ip,
		.remote_port = cctx->remote_port,
		.local_ip = cctx->local_ip,
		.local_port = cctx->local_port,
	};
	struct mail_storage_service_ctx *service =
		mail_storage_service_init(master_service, NULL, flags);
	struct mail_storage_service_user *service_user;
	struct mail_user *user;
	int ret = mail_storage_service_lookup_next(service, &input, &service_user, &user,
						   &lookup->error);

	if (ret > 0) {
		look_everywhere(lookup, user);
		mail_user_deinit(&user);
		mail_storage_service_user_unref(&service_user);
	}
	mail_storage_service_deinit(&service);
	return ret > 0 ? 1 : ret == 0 ? 0 : -1;
}

enum message_lookup message_lookup(const struct doveadm_cmd_context *cctx, const char *user,
				   const char *const message_ids[], time_t after,
				   const char **error_r)
{
	struct lookup lookup = { .message_ids = message_ids, .after = after };
	bool is_root = geteuid() == 0;
	int ret = look_as_user(&lookup, cctx, user);

	/* Dovecot leaves the process as the user until it looks at the next one: another command
	   over the same connection would not be able to read its settings. */
	if (is_root && geteuid() != 0 && seteuid(0) < 0)
		i_fatal("postern: seteuid(0): %m");
	*error_r = lookup.error;
	if (ret == 0)
		return MESSAGE_NO_USER;
	if (lookup.found)
		return MESSAGE_FOUND;
	return ret < 0 || lookup.failed ? MESSAGE_UNKNOWN : MESSAGE_NOT_FOUND;
}
