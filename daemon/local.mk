# What the daemons share: how they start, reload and stop, their log and their privileges.

noinst_LTLIBRARIES += %reldir%/libpostern-daemon.la
%canon_reldir%_libpostern_daemon_la_SOURCES = \
	%reldir%/daemon.c %reldir%/daemon.h \
	%reldir%/log.c %reldir%/log.h \
	%reldir%/privileges.c %reldir%/privileges.h \
	%reldir%/state.c %reldir%/state.h
%canon_reldir%_libpostern_daemon_la_LIBADD = common/libpostern-common.la $(SYSTEMD_LIBS)
