# What the daemons share: their log, their privileges, and settings that a reload replaces.

noinst_LTLIBRARIES += %reldir%/libpostern-daemon.la
%canon_reldir%_libpostern_daemon_la_SOURCES = \
	%reldir%/child.c %reldir%/child.h \
	%reldir%/log.c %reldir%/log.h \
	%reldir%/privileges.c %reldir%/privileges.h \
	%reldir%/state.c %reldir%/state.h
%canon_reldir%_libpostern_daemon_la_LIBADD = common/libpostern-common.la

daemon_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/%reldir%
