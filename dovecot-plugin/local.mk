# The modules that Dovecot loads. Dovecot's own functions are in the program that loads them.

authmoduledir = $(moduledir)/auth
doveadmmoduledir = $(moduledir)/doveadm
authmodule_LTLIBRARIES = %reldir%/libauthdb_postern.la
doveadmmodule_LTLIBRARIES = %reldir%/lib10_doveadm_postern_plugin.la

# Dovecot's headers need HAVE_CONFIG_H (which AC_CONFIG_HEADERS gives) to read their own config.h,
# cast qualifiers away, and have inline functions that not every file uses. Link-time optimisation
# stays off: the modules meet Dovecot's programs only when they are loaded.
dovecot_cppflags = $(AM_CPPFLAGS) $(LIBDOVECOT_INCLUDE)
dovecot_cflags = $(AM_CFLAGS) -fno-lto -Wno-cast-qual -Wno-unused-function
dovecot_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared

%canon_reldir%_libauthdb_postern_la_SOURCES = \
	%reldir%/async-store.c %reldir%/async-store.h \
	%reldir%/auth-site.c %reldir%/auth-site.h \
	%reldir%/authdb-postern.c \
	%reldir%/login-result.c %reldir%/login-result.h \
	%reldir%/passdb-postern.c %reldir%/passdb-postern.h \
	%reldir%/reply-guard.c %reldir%/reply-guard.h \
	%reldir%/session-mark.c %reldir%/session-mark.h \
	%reldir%/session-table.c %reldir%/session-table.h \
	%reldir%/userdb-postern.c %reldir%/userdb-postern.h
%canon_reldir%_libauthdb_postern_la_CPPFLAGS = $(dovecot_cppflags) $(LIBDOVECOT_AUTH_INCLUDE)
%canon_reldir%_libauthdb_postern_la_CFLAGS = $(dovecot_cflags)
%canon_reldir%_libauthdb_postern_la_LDFLAGS = $(dovecot_ldflags) \
	-export-symbols-regex '^authdb_postern_'
%canon_reldir%_libauthdb_postern_la_LIBADD = common/libpostern-common.la

# What `doveadm postern check` looks at and judges: it doesn't know Dovecot (tests/unit/layering). The
# directory is the one where Dovecot looks for the passdb, wherever this is installed.
noinst_LTLIBRARIES += %reldir%/libpostern-check.la
%canon_reldir%_libpostern_check_la_SOURCES = \
	%reldir%/check.h \
	%reldir%/check-api.c \
	%reldir%/check-dovecot.c %reldir%/check-dovecot.h \
	%reldir%/check-host.c \
	%reldir%/check-postfix.c %reldir%/check-postfix.h \
	%reldir%/check-postfix-bounces.c \
	%reldir%/check-postfix-conf.c \
	%reldir%/check-postfix-senders.c \
	%reldir%/check-program.c %reldir%/check-program.h \
	%reldir%/check-redis.c \
	%reldir%/check-secrets.c \
	%reldir%/check-sessions.c \
	%reldir%/check-text.c %reldir%/check-text.h
%canon_reldir%_libpostern_check_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDOVECOT_MODULEDIR=\"$(dovecot_installed_moduledir)\"
# Link-time optimisation stays off for what goes into a module.
%canon_reldir%_libpostern_check_la_CFLAGS = $(AM_CFLAGS) -fno-lto

%canon_reldir%_lib10_doveadm_postern_plugin_la_SOURCES = \
	%reldir%/account-line.c %reldir%/account-line.h \
	%reldir%/anvil.c %reldir%/anvil.h \
	%reldir%/doveadm-postern.c %reldir%/doveadm-postern.h \
	%reldir%/doveadm-postern-accounts.c %reldir%/doveadm-postern-accounts.h \
	%reldir%/doveadm-postern-check.c \
	%reldir%/doveadm-postern-erase.c \
	%reldir%/doveadm-postern-export.c \
	%reldir%/doveadm-postern-history.c \
	%reldir%/doveadm-postern-import.c \
	%reldir%/doveadm-postern-init.c \
	%reldir%/doveadm-postern-key.c \
	%reldir%/doveadm-postern-list.c \
	%reldir%/doveadm-postern-notice.c \
	%reldir%/doveadm-postern-notice-delivered.c \
	%reldir%/doveadm-postern-off.c \
	%reldir%/doveadm-postern-on.c \
	%reldir%/doveadm-postern-password.c %reldir%/doveadm-postern-password.h \
	%reldir%/doveadm-postern-password-changed.c \
	%reldir%/doveadm-postern-sessions.c \
	%reldir%/doveadm-postern-set.c \
	%reldir%/doveadm-postern-status.c \
	%reldir%/doveadm-postern-sweep.c \
	%reldir%/doveadm-postern-system.c \
	%reldir%/line-reader.c %reldir%/line-reader.h \
	%reldir%/message-lookup.c %reldir%/message-lookup.h \
	%reldir%/session-list.c %reldir%/session-list.h \
	%reldir%/session-table.c %reldir%/session-table.h
%canon_reldir%_lib10_doveadm_postern_plugin_la_CPPFLAGS = $(dovecot_cppflags) \
	$(LIBDOVECOT_DOVEADM_INCLUDE) $(JANSSON_CFLAGS)
%canon_reldir%_lib10_doveadm_postern_plugin_la_CFLAGS = $(dovecot_cflags)
%canon_reldir%_lib10_doveadm_postern_plugin_la_LDFLAGS = $(dovecot_ldflags) \
	-export-symbols-regex '^doveadm_postern_plugin_'
%canon_reldir%_lib10_doveadm_postern_plugin_la_LIBADD = %reldir%/libpostern-check.la \
	common/libpostern-common.la $(JANSSON_LIBS)
