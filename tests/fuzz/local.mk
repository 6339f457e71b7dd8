# libFuzzer's targets, run by tests/run. Only `make fuzz-targets` builds them, in a tree that was
# configured with --enable-fuzzing. CONTRIBUTING.md says how to run one, and how to add one.

fuzz_targets = \
	%reldir%/fuzz-account \
	%reldir%/fuzz-bounce \
	%reldir%/fuzz-reply \
	%reldir%/fuzz-secrets \
	%reldir%/fuzz-settings \
	%reldir%/fuzz-trace
EXTRA_PROGRAMS += $(fuzz_targets)

.PHONY: fuzz-targets
if FUZZING
fuzz-targets: $(fuzz_targets)
else
fuzz-targets:
	@echo 'fuzz-targets: configure with --enable-fuzzing CC=clang' >&2; exit 1
endif

fuzz_ldadd = common/libpostern-common.la $(HIREDIS_LIBS) $(FUZZER_LIBS)
%canon_reldir%_fuzz_account_LDADD = $(fuzz_ldadd)
%canon_reldir%_fuzz_bounce_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
%canon_reldir%_fuzz_bounce_LDADD = milter/libpostern-bounce.la $(fuzz_ldadd) $(GMIME_LIBS)
%canon_reldir%_fuzz_reply_SOURCES = \
	%reldir%/fuzz-reply.c \
	%reldir%/reply-text.c %reldir%/reply-text.h
%canon_reldir%_fuzz_reply_LDADD = $(fuzz_ldadd)
%canon_reldir%_fuzz_secrets_LDADD = $(fuzz_ldadd) $(CRYPTO_LIBS)
%canon_reldir%_fuzz_settings_LDADD = $(fuzz_ldadd)
%canon_reldir%_fuzz_trace_LDADD = $(fuzz_ldadd) $(CRYPTO_LIBS)

# The seeds as the directories that they are: nothing else may stand in there.
EXTRA_DIST += \
	%reldir%/fuzz.h \
	%reldir%/bounce.dict \
	%reldir%/reply.dict \
	%reldir%/secrets.dict \
	%reldir%/settings.dict \
	%reldir%/seeds
