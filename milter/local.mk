# The filter that Postfix asks about every message.

sbin_PROGRAMS += %reldir%/postern-milter
%canon_reldir%_postern_milter_SOURCES = \
	%reldir%/decision.c %reldir%/decision.h \
	%reldir%/listener.c %reldir%/listener.h \
	%reldir%/log.c %reldir%/log.h \
	%reldir%/main.c \
	%reldir%/message-log.c %reldir%/message-log.h \
	%reldir%/message-name.c %reldir%/message-name.h \
	%reldir%/privileges.c %reldir%/privileges.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/smtp-reply.c %reldir%/smtp-reply.h \
	%reldir%/state.c %reldir%/state.h
%canon_reldir%_postern_milter_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(SYSTEMD_CFLAGS)
%canon_reldir%_postern_milter_LDADD = common/libpostern-common.la $(MILTER_LIBS) $(SYSTEMD_LIBS)
