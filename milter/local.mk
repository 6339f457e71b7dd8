# The filter that Postfix asks about every message.

# What the milter makes of a bounce, for it and for the tests.
noinst_LTLIBRARIES += %reldir%/libpostern-bounce.la
%canon_reldir%_libpostern_bounce_la_SOURCES = \
	%reldir%/bounce/bounce.c %reldir%/bounce/bounce.h \
	%reldir%/bounce/message.c %reldir%/bounce/message.h \
	%reldir%/bounce/lines.c %reldir%/bounce/lines.h \
	%reldir%/bounce/quote.c %reldir%/bounce/quote.h \
	%reldir%/bounce/report.c %reldir%/bounce/report.h \
	%reldir%/bounce/text.c %reldir%/bounce/text.h \
	%reldir%/bounce/words.c %reldir%/bounce/words.h
%canon_reldir%_libpostern_bounce_la_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
%canon_reldir%_libpostern_bounce_la_LIBADD = common/libpostern-common.la $(GMIME_LIBS)

sbin_PROGRAMS += %reldir%/postern-milter
%canon_reldir%_postern_milter_SOURCES = \
	%reldir%/bounce-decision.c %reldir%/bounce-decision.h \
	%reldir%/bounce-explain.c %reldir%/bounce-explain.h \
	%reldir%/bounce-log.c %reldir%/bounce-log.h \
	%reldir%/connection.c %reldir%/connection.h \
	%reldir%/decision.c %reldir%/decision.h \
	%reldir%/inbound.c %reldir%/inbound.h \
	%reldir%/listener.c %reldir%/listener.h \
	%reldir%/main.c \
	%reldir%/message-log.c %reldir%/message-log.h \
	%reldir%/message-name.c %reldir%/message-name.h \
	%reldir%/notice-return.c %reldir%/notice-return.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/verdict-reply.c %reldir%/verdict-reply.h \
	%reldir%/submission.c %reldir%/submission.h
%canon_reldir%_postern_milter_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS) $(MILTER_CFLAGS) $(SYSTEMD_CFLAGS)
%canon_reldir%_postern_milter_LDADD = %reldir%/libpostern-bounce.la daemon/libpostern-daemon.la common/libpostern-common.la \
	$(MILTER_LIBS) $(SYSTEMD_LIBS)
