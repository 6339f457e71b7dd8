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
	%reldir%/auth/async-store.c %reldir%/auth/async-store.h \
	%reldir%/auth/auth-site.c %reldir%/auth/auth-site.h \
	%reldir%/auth/authdb-postern.c \
	%reldir%/auth/login-result.c %reldir%/auth/login-result.h \
	%reldir%/auth/passdb-postern.c %reldir%/auth/passdb-postern.h \
	%reldir%/auth/reply-guard.c %reldir%/auth/reply-guard.h \
	%reldir%/auth/session-mark.c %reldir%/auth/session-mark.h \
	%reldir%/auth/session-table.c %reldir%/auth/session-table.h \
	%reldir%/auth/userdb-postern.c %reldir%/auth/userdb-postern.h
%canon_reldir%_libauthdb_postern_la_CPPFLAGS = $(dovecot_cppflags) $(LIBDOVECOT_AUTH_INCLUDE)
%canon_reldir%_libauthdb_postern_la_CFLAGS = $(dovecot_cflags)
%canon_reldir%_libauthdb_postern_la_LDFLAGS = $(dovecot_ldflags) \
	-export-symbols-regex '^authdb_postern_'
%canon_reldir%_libauthdb_postern_la_LIBADD = common/libpostern-common.la

# What `doveadm postern check` looks at and judges: it doesn't know Dovecot (tests/unit/layering). The
# directory is the one where Dovecot looks for the passdb, wherever this is installed.
noinst_LTLIBRARIES += %reldir%/libpostern-check.la
%canon_reldir%_libpostern_check_la_SOURCES = \
	%reldir%/check/check.h \
	%reldir%/check/api.c \
	%reldir%/check/dovecot.c %reldir%/check/dovecot.h \
	%reldir%/check/host.c \
	%reldir%/check/postfix.c %reldir%/check/postfix.h \
	%reldir%/check/postfix-bounces.c \
	%reldir%/check/postfix-conf.c \
	%reldir%/check/postfix-senders.c \
	%reldir%/check/program.c %reldir%/check/program.h \
	%reldir%/check/redis.c \
	%reldir%/check/secrets.c \
	%reldir%/check/sessions.c \
	%reldir%/check/text.c %reldir%/check/text.h
%canon_reldir%_libpostern_check_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDOVECOT_MODULEDIR=\"$(dovecot_installed_moduledir)\"
# Link-time optimisation stays off for what goes into a module.
%canon_reldir%_libpostern_check_la_CFLAGS = $(AM_CFLAGS) -fno-lto

%canon_reldir%_lib10_doveadm_postern_plugin_la_SOURCES = \
	%reldir%/doveadm/account-line.c %reldir%/doveadm/account-line.h \
	%reldir%/doveadm/anvil.c %reldir%/doveadm/anvil.h \
	%reldir%/doveadm/doveadm-postern.c %reldir%/doveadm/doveadm-postern.h \
	%reldir%/doveadm/accounts.c %reldir%/doveadm/accounts.h \
	%reldir%/doveadm/check.c \
	%reldir%/doveadm/erase.c \
	%reldir%/doveadm/export.c \
	%reldir%/doveadm/history.c \
	%reldir%/doveadm/import.c \
	%reldir%/doveadm/init.c \
	%reldir%/doveadm/key.c \
	%reldir%/doveadm/list.c \
	%reldir%/doveadm/notice.c \
	%reldir%/doveadm/notice-delivered.c \
	%reldir%/doveadm/off.c \
	%reldir%/doveadm/on.c \
	%reldir%/doveadm/password.c %reldir%/doveadm/password.h \
	%reldir%/doveadm/password-changed.c \
	%reldir%/doveadm/sessions.c \
	%reldir%/doveadm/set.c \
	%reldir%/doveadm/status.c \
	%reldir%/doveadm/sweep.c \
	%reldir%/doveadm/system.c \
	%reldir%/doveadm/line-reader.c %reldir%/doveadm/line-reader.h \
	%reldir%/doveadm/message-lookup.c %reldir%/doveadm/message-lookup.h \
	%reldir%/doveadm/session-list.c %reldir%/doveadm/session-list.h \
	%reldir%/auth/session-table.c %reldir%/auth/session-table.h
%canon_reldir%_lib10_doveadm_postern_plugin_la_CPPFLAGS = $(dovecot_cppflags) \
	$(LIBDOVECOT_DOVEADM_INCLUDE) $(JANSSON_CFLAGS)
%canon_reldir%_lib10_doveadm_postern_plugin_la_CFLAGS = $(dovecot_cflags)
%canon_reldir%_lib10_doveadm_postern_plugin_la_LDFLAGS = $(dovecot_ldflags) \
	-export-symbols-regex '^doveadm_postern_plugin_'
%canon_reldir%_lib10_doveadm_postern_plugin_la_LIBADD = %reldir%/libpostern-check.la \
	common/libpostern-common.la $(JANSSON_LIBS)
