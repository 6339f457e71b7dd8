# What every piece shares. Knows neither Dovecot nor libmilter (tests/unit/layering).

noinst_LTLIBRARIES += %reldir%/libpostern-common.la
%canon_reldir%_libpostern_common_la_SOURCES = \
	%reldir%/access.c %reldir%/access.h \
	%reldir%/account.c %reldir%/account.h \
	%reldir%/account-record.c %reldir%/account-record.h \
	%reldir%/accounts.c %reldir%/accounts.h \
	%reldir%/actor.c %reldir%/actor.h \
	%reldir%/app-password.c %reldir%/app-password.h \
	%reldir%/app-password-change.c %reldir%/app-password-change.h \
	%reldir%/ascii.h \
	%reldir%/base64url.c %reldir%/base64url.h \
	%reldir%/child.c %reldir%/child.h \
	%reldir%/command.c %reldir%/command.h \
	%reldir%/digest.c %reldir%/digest.h \
	%reldir%/due.c %reldir%/due.h \
	%reldir%/encoded-word.c %reldir%/encoded-word.h \
	%reldir%/expiry.c %reldir%/expiry.h \
	%reldir%/failure.c %reldir%/failure.h \
	%reldir%/file-access.c %reldir%/file-access.h \
	%reldir%/handshake.c %reldir%/handshake.h \
	%reldir%/header-field.c %reldir%/header-field.h \
	%reldir%/ini-file.c %reldir%/ini-file.h \
	%reldir%/login.c %reldir%/login.h \
	%reldir%/monotonic.c %reldir%/monotonic.h \
	%reldir%/network.c %reldir%/network.h \
	%reldir%/new-file.c %reldir%/new-file.h \
	%reldir%/notice.c %reldir%/notice.h %reldir%/notice-private.h \
	%reldir%/notice-name.c %reldir%/notice-name.h \
	%reldir%/notice-render.c \
	%reldir%/notice-template.c %reldir%/notice-template.h \
	%reldir%/outbox.c %reldir%/outbox.h \
	%reldir%/printable.c %reldir%/printable.h \
	%reldir%/protocol.c %reldir%/protocol.h \
	%reldir%/quantity.c %reldir%/quantity.h \
	%reldir%/reason.c %reldir%/reason.h \
	%reldir%/refusal.c %reldir%/refusal.h \
	%reldir%/reply.c %reldir%/reply.h \
	%reldir%/script.c %reldir%/script.h \
	%reldir%/secrets.c %reldir%/secrets.h \
	%reldir%/secrets-file.h %reldir%/secrets-write.c \
	%reldir%/send.c %reldir%/send.h \
	%reldir%/sendmail.c %reldir%/sendmail.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/settings.c %reldir%/settings.h \
	%reldir%/settings-table.c %reldir%/settings-table.h \
	%reldir%/settings-value.c %reldir%/settings-value.h \
	%reldir%/store.c %reldir%/store.h \
	%reldir%/workers.c %reldir%/workers.h \
	%reldir%/tier-rows.c %reldir%/tier-rows.h \
	%reldir%/trace.c %reldir%/trace.h \
	%reldir%/trace-names.c %reldir%/trace-names.h \
	%reldir%/unused.c %reldir%/unused.h \
	%reldir%/utf8.c %reldir%/utf8.h
%canon_reldir%_libpostern_common_la_LIBADD = $(HIREDIS_LIBS) $(CRYPTO_LIBS) $(INIH_LIBS) $(PSL_LIBS)

prelude = %reldir%/scripts/prelude.lua
scripts = \
	%reldir%/scripts/again.lua \
	%reldir%/scripts/backlog.lua \
	%reldir%/scripts/heartbeat.lua \
	%reldir%/scripts/claim.lua \
	%reldir%/scripts/done.lua \
	%reldir%/scripts/due.lua \
	%reldir%/scripts/ended.lua \
	%reldir%/scripts/erase.lua \
	%reldir%/scripts/expire.lua \
	%reldir%/scripts/export.lua \
	%reldir%/scripts/failure.lua \
	%reldir%/scripts/import.lua \
	%reldir%/scripts/init.lua \
	%reldir%/scripts/list.lua \
	%reldir%/scripts/login.lua \
	%reldir%/scripts/off.lua \
	%reldir%/scripts/on.lua \
	%reldir%/scripts/password_add.lua \
	%reldir%/scripts/password_changed.lua \
	%reldir%/scripts/password_revoke.lua \
	%reldir%/scripts/refused.lua \
	%reldir%/scripts/renew.lua \
	%reldir%/scripts/send.lua \
	%reldir%/scripts/session.lua \
	%reldir%/scripts/set.lua \
	%reldir%/scripts/status.lua \
	%reldir%/scripts/unseen.lua \
	%reldir%/scripts/unused.lua

EXTRA_DIST += %reldir%/embed-scripts $(prelude) $(scripts)
CLEANFILES += %reldir%/scripts.inc
%reldir%/script.lo: %reldir%/scripts.inc
%reldir%/scripts.inc: %reldir%/embed-scripts $(prelude) $(scripts)
	$(AM_V_GEN)$(MKDIR_P) %reldir% && \
	cd $(srcdir) && $(SHELL) %reldir%/embed-scripts $(prelude) $(scripts) \
		>$(abs_builddir)/$@.new && mv $(abs_builddir)/$@.new $(abs_builddir)/$@
