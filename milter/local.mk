# The filter that Postfix asks about every message.

sbin_PROGRAMS += %reldir%/postern-milter
%canon_reldir%_postern_milter_SOURCES = \
	%reldir%/decision.c %reldir%/decision.h \
	%reldir%/listener.c %reldir%/listener.h \
	%reldir%/main.c \
	%reldir%/message-log.c %reldir%/message-log.h \
	%reldir%/message-name.c %reldir%/message-name.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/smtp-reply.c %reldir%/smtp-reply.h
%canon_reldir%_postern_milter_CPPFLAGS = $(daemon_cppflags) $(MILTER_CFLAGS) $(SYSTEMD_CFLAGS)
%canon_reldir%_postern_milter_LDADD = daemon/libpostern-daemon.la common/libpostern-common.la \
	$(MILTER_LIBS) $(SYSTEMD_LIBS)
