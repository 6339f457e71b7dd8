# What every piece shares. Knows neither Dovecot nor libmilter (tests/unit/layering).

noinst_LTLIBRARIES += %reldir%/libpostern-common.la
%canon_reldir%_libpostern_common_la_SOURCES = \
	%reldir%/base/ascii.h \
	%reldir%/base/base64url.c %reldir%/base/base64url.h \
	%reldir%/base/child.c %reldir%/base/child.h \
	%reldir%/base/digest.c %reldir%/base/digest.h \
	%reldir%/base/file-access.c %reldir%/base/file-access.h \
	%reldir%/base/header-field.c %reldir%/base/header-field.h \
	%reldir%/base/monotonic.c %reldir%/base/monotonic.h \
	%reldir%/base/network.c %reldir%/base/network.h \
	%reldir%/base/new-file.c %reldir%/base/new-file.h \
	%reldir%/base/printable.c %reldir%/base/printable.h \
	%reldir%/base/quantity.c %reldir%/base/quantity.h \
	%reldir%/base/text.c %reldir%/base/text.h \
	%reldir%/base/utf8.c %reldir%/base/utf8.h \
	%reldir%/account/account.c %reldir%/account/account.h \
	%reldir%/account/protocol.c %reldir%/account/protocol.h \
	%reldir%/account/reason.c %reldir%/account/reason.h \
	%reldir%/settings/ini-file.c %reldir%/settings/ini-file.h \
	%reldir%/settings/secrets-file.h %reldir%/settings/secrets-write.c \
	%reldir%/settings/secrets.c %reldir%/settings/secrets.h \
	%reldir%/settings/settings-table.c %reldir%/settings/settings-table.h \
	%reldir%/settings/settings-value.c %reldir%/settings/settings-value.h \
	%reldir%/settings/settings.c %reldir%/settings/settings.h \
	%reldir%/settings/tier-rows.c %reldir%/settings/tier-rows.h \
	%reldir%/keys/app-password.c %reldir%/keys/app-password.h \
	%reldir%/keys/trace.c %reldir%/keys/trace.h \
	%reldir%/store/command.c %reldir%/store/command.h \
	%reldir%/store/handshake.c %reldir%/store/handshake.h \
	%reldir%/store/reply.c %reldir%/store/reply.h \
	%reldir%/store/script.c %reldir%/store/script.h \
	%reldir%/store/store.c %reldir%/store/store.h \
	%reldir%/decisions/access.c %reldir%/decisions/access.h \
	%reldir%/decisions/account-record.c %reldir%/decisions/account-record.h \
	%reldir%/decisions/accounts.c %reldir%/decisions/accounts.h \
	%reldir%/decisions/actor.c %reldir%/decisions/actor.h \
	%reldir%/decisions/app-password-change.c %reldir%/decisions/app-password-change.h \
	%reldir%/decisions/due.c %reldir%/decisions/due.h \
	%reldir%/decisions/expiry.c %reldir%/decisions/expiry.h \
	%reldir%/decisions/failure.c %reldir%/decisions/failure.h \
	%reldir%/decisions/login.c %reldir%/decisions/login.h \
	%reldir%/decisions/outbox.c %reldir%/decisions/outbox.h \
	%reldir%/decisions/refusal.c %reldir%/decisions/refusal.h \
	%reldir%/decisions/send.c %reldir%/decisions/send.h \
	%reldir%/decisions/session.c %reldir%/decisions/session.h \
	%reldir%/decisions/trace-names.c %reldir%/decisions/trace-names.h \
	%reldir%/decisions/unused.c %reldir%/decisions/unused.h \
	%reldir%/decisions/workers.c %reldir%/decisions/workers.h \
	%reldir%/notices/encoded-word.c %reldir%/notices/encoded-word.h \
	%reldir%/decisions/notice-name.c %reldir%/decisions/notice-name.h \
	%reldir%/notices/notice-render.c \
	%reldir%/notices/notice-template.c %reldir%/notices/notice-template.h \
	%reldir%/notices/notice.c %reldir%/notices/notice.h %reldir%/notices/notice-private.h \
	%reldir%/notices/sendmail.c %reldir%/notices/sendmail.h
%canon_reldir%_libpostern_common_la_LIBADD = $(HIREDIS_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(PSL_LIBS)

prelude = %reldir%/decisions/prelude.lua
scripts = \
	%reldir%/decisions/again.lua \
	%reldir%/decisions/backlog.lua \
	%reldir%/decisions/heartbeat.lua \
	%reldir%/decisions/claim.lua \
	%reldir%/decisions/done.lua \
	%reldir%/decisions/due.lua \
	%reldir%/decisions/ended.lua \
	%reldir%/decisions/erase.lua \
	%reldir%/decisions/expire.lua \
	%reldir%/decisions/export.lua \
	%reldir%/decisions/failure.lua \
	%reldir%/decisions/import.lua \
	%reldir%/decisions/init.lua \
	%reldir%/decisions/list.lua \
	%reldir%/decisions/login.lua \
	%reldir%/decisions/off.lua \
	%reldir%/decisions/on.lua \
	%reldir%/decisions/password_add.lua \
	%reldir%/decisions/password_changed.lua \
	%reldir%/decisions/password_revoke.lua \
	%reldir%/decisions/refused.lua \
	%reldir%/decisions/renew.lua \
	%reldir%/decisions/send.lua \
	%reldir%/decisions/session.lua \
	%reldir%/decisions/set.lua \
	%reldir%/decisions/status.lua \
	%reldir%/decisions/unseen.lua \
	%reldir%/decisions/unused.lua

EXTRA_DIST += %reldir%/store/embed-scripts $(prelude) $(scripts)
CLEANFILES += %reldir%/store/scripts.inc
%reldir%/store/script.lo: %reldir%/store/scripts.inc
%reldir%/store/scripts.inc: %reldir%/store/embed-scripts $(prelude) $(scripts)
	$(AM_V_GEN)$(MKDIR_P) %reldir%/store && \
	cd $(srcdir) && $(SHELL) %reldir%/store/embed-scripts $(prelude) $(scripts) \
		>$(abs_builddir)/$@.new && mv $(abs_builddir)/$@.new $(abs_builddir)/$@
