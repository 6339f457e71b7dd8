# What the benchmarks measure with; built by tests/bench/run only.

EXTRA_PROGRAMS = \
	%reldir%/auth-load \
	%reldir%/milter-load \
	%reldir%/null-milter
CLEANFILES += $(EXTRA_PROGRAMS)
%canon_reldir%_auth_load_SOURCES = %reldir%/auth-load.c %reldir%/latency.c %reldir%/latency.h
%canon_reldir%_auth_load_LDADD = $(CRYPTO_LIBS)
%canon_reldir%_milter_load_SOURCES = \
	%reldir%/bounce-message.c %reldir%/bounce-message.h \
	%reldir%/latency.c %reldir%/latency.h \
	%reldir%/milter-load.c \
	%reldir%/milter-packets.c %reldir%/milter-packets.h
%canon_reldir%_milter_load_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS)
%canon_reldir%_milter_load_LDADD = common/libpostern-common.la
%canon_reldir%_null_milter_SOURCES = %reldir%/null-milter.c
%canon_reldir%_null_milter_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS)
%canon_reldir%_null_milter_LDADD = $(MILTER_LIBS)

EXTRA_DIST += \
	%reldir%/README.md \
	%reldir%/bench_parts/__init__.py \
	%reldir%/bench_parts/bounces.py \
	%reldir%/bench_parts/guessing.py \
	%reldir%/bench_parts/login.py \
	%reldir%/bench_parts/measure.py \
	%reldir%/bench_parts/milter.py \
	%reldir%/bench_parts/redis.py \
	%reldir%/bench_parts/sessions.py \
	%reldir%/bench_parts/site.py \
	%reldir%/bench_parts/sweep.py \
	%reldir%/dovecot.conf \
	%reldir%/passdb.lua \
	%reldir%/rspamd.conf \
	%reldir%/run
