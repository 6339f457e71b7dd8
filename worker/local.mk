# The daemon that mails owners, ends sessions and switches off what is unused.

sbin_PROGRAMS += %reldir%/postern-worker
%canon_reldir%_postern_worker_SOURCES = \
	%reldir%/doveadm-client.c %reldir%/doveadm-client.h \
	%reldir%/doveadm-answer.c %reldir%/doveadm-answer.h \
	%reldir%/due-accounts.c %reldir%/due-accounts.h \
	%reldir%/notice-text.c %reldir%/notice-text.h \
	%reldir%/main.c \
	%reldir%/notices.c %reldir%/notices.h \
	%reldir%/question.c %reldir%/question.h \
	%reldir%/queue.c %reldir%/queue.h \
	%reldir%/search.c %reldir%/search.h \
	%reldir%/sessions.c %reldir%/sessions.h \
	%reldir%/sweep.c %reldir%/sweep.h \
	%reldir%/worker.c %reldir%/worker.h
%canon_reldir%_postern_worker_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) \
	$(SYSTEMD_CFLAGS)
%canon_reldir%_postern_worker_LDADD = daemon/libpostern-daemon.la common/libpostern-common.la \
	$(HIREDIS_LIBS) $(CRYPTO_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS)
