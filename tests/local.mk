# Unit tests, run by `make check`. tests/run runs these and everything else.

if TESTS_WANTED
check_PROGRAMS += \
	%reldir%/unit/account/test-account \
	%reldir%/unit/auth/test-session-table \
	%reldir%/unit/base/test-base64url \
	%reldir%/unit/base/test-child \
	%reldir%/unit/base/test-header-field \
	%reldir%/unit/base/test-network \
	%reldir%/unit/base/test-printable \
	%reldir%/unit/base/test-quantity \
	%reldir%/unit/base/test-utf8 \
	%reldir%/unit/bounce/test-bounce \
	%reldir%/unit/bounce/test-bounce-message \
	%reldir%/unit/check/test-check \
	%reldir%/unit/decisions/test-access \
	%reldir%/unit/decisions/test-accounts \
	%reldir%/unit/decisions/test-app-password-change \
	%reldir%/unit/decisions/test-due \
	%reldir%/unit/decisions/test-expiry \
	%reldir%/unit/decisions/test-failure \
	%reldir%/unit/decisions/test-keys \
	%reldir%/unit/decisions/test-login \
	%reldir%/unit/decisions/test-outbox \
	%reldir%/unit/decisions/test-send \
	%reldir%/unit/decisions/test-session \
	%reldir%/unit/decisions/test-unused \
	%reldir%/unit/decisions/test-workers \
	%reldir%/unit/doveadm/test-account-line \
	%reldir%/unit/keys/test-app-password \
	%reldir%/unit/keys/test-trace \
	%reldir%/unit/milter/test-connection \
	%reldir%/unit/notices/test-encoded-word \
	%reldir%/unit/notices/test-notice \
	%reldir%/unit/notices/test-notice-mistakes \
	%reldir%/unit/decisions/test-notice-name \
	%reldir%/unit/notices/test-notice-render \
	%reldir%/unit/notices/test-sendmail \
	%reldir%/unit/settings/test-secrets \
	%reldir%/unit/settings/test-secrets-write \
	%reldir%/unit/settings/test-settings \
	%reldir%/unit/settings/test-settings-documents \
	%reldir%/unit/settings/test-settings-mistakes \
	%reldir%/unit/settings/test-tier-rows \
	%reldir%/unit/store/test-command \
	%reldir%/unit/store/test-reply \
	%reldir%/unit/store/test-store \
	%reldir%/unit/store/test-store-outage \
	%reldir%/unit/store/test-store-peer \
	%reldir%/unit/worker/test-doveadm-answer \
	%reldir%/unit/worker/test-hold \
	%reldir%/unit/worker/test-queue
endif

private_redis = %reldir%/unit/private-redis.c %reldir%/unit/private-redis.h \
	%reldir%/unit/store-samples.h
%canon_reldir%_unit_store_test_store_SOURCES = %reldir%/unit/store/test-store.c $(private_redis)
%canon_reldir%_unit_store_test_store_outage_SOURCES = %reldir%/unit/store/test-store-outage.c $(private_redis)
%canon_reldir%_unit_store_test_store_peer_SOURCES = %reldir%/unit/store/test-store-peer.c $(private_redis) \
	%reldir%/unit/fake-redis.c %reldir%/unit/fake-redis.h
%canon_reldir%_unit_milter_test_connection_SOURCES = %reldir%/unit/milter/test-connection.c $(private_redis) \
	milter/connection.c milter/connection.h
%canon_reldir%_unit_bounce_test_bounce_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
%canon_reldir%_unit_bounce_test_bounce_LDADD = milter/libpostern-bounce.la $(LDADD) $(GMIME_LIBS)
%canon_reldir%_unit_bounce_test_bounce_message_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
%canon_reldir%_unit_bounce_test_bounce_message_LDADD = milter/libpostern-bounce.la $(LDADD) $(GMIME_LIBS)
%canon_reldir%_unit_check_test_check_LDADD = dovecot-plugin/libpostern-check.la $(LDADD)
%canon_reldir%_unit_worker_test_hold_SOURCES = %reldir%/unit/worker/test-hold.c $(private_redis)
%canon_reldir%_unit_decisions_test_outbox_SOURCES = %reldir%/unit/decisions/test-outbox.c $(private_redis)
%canon_reldir%_unit_doveadm_test_account_line_SOURCES = %reldir%/unit/doveadm/test-account-line.c \
	dovecot-plugin/doveadm/account-line.c dovecot-plugin/doveadm/account-line.h
%canon_reldir%_unit_doveadm_test_account_line_CPPFLAGS = $(AM_CPPFLAGS) \
	$(JANSSON_CFLAGS)
%canon_reldir%_unit_doveadm_test_account_line_LDADD = $(LDADD) $(JANSSON_LIBS)
%canon_reldir%_unit_worker_test_doveadm_answer_SOURCES = %reldir%/unit/worker/test-doveadm-answer.c \
	worker/doveadm-answer.c worker/doveadm-answer.h
%canon_reldir%_unit_worker_test_doveadm_answer_CPPFLAGS = $(AM_CPPFLAGS) \
	$(JANSSON_CFLAGS)
%canon_reldir%_unit_worker_test_doveadm_answer_LDADD = $(LDADD) $(JANSSON_LIBS)
%canon_reldir%_unit_worker_test_queue_SOURCES = %reldir%/unit/worker/test-queue.c worker/queue.c worker/queue.h
%canon_reldir%_unit_worker_test_queue_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
%canon_reldir%_unit_worker_test_queue_LDADD = $(LDADD) $(JANSSON_LIBS)
%canon_reldir%_unit_auth_test_session_table_SOURCES = %reldir%/unit/auth/test-session-table.c \
	dovecot-plugin/doveadm/anvil.c dovecot-plugin/doveadm/anvil.h \
	dovecot-plugin/doveadm/session-list.c dovecot-plugin/doveadm/session-list.h \
	dovecot-plugin/auth/session-table.c dovecot-plugin/auth/session-table.h
LDADD = common/libpostern-common.la $(HIREDIS_LIBS) $(CMOCKA_LIBS)
%canon_reldir%_unit_notices_test_encoded_word_LDADD = $(LDADD) $(CRYPTO_LIBS)

TESTS += $(check_PROGRAMS) %reldir%/unit/layering %reldir%/unit/redis-commands %reldir%/unit/rules
AM_TESTS_ENVIRONMENT = \
	ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:$$ASAN_OPTIONS; \
	UBSAN_OPTIONS=print_stacktrace=1:$$UBSAN_OPTIONS; \
	export ASAN_OPTIONS UBSAN_OPTIONS;

# Headers of the tests that have one source only, and what is not built.
EXTRA_DIST += \
	%reldir%/.clang-tidy \
	%reldir%/lint-lua \
	%reldir%/run \
	%reldir%/sandbox \
	%reldir%/e2e/bounces.py \
	%reldir%/e2e/conftest.py \
	%reldir%/e2e/doors.py \
	%reldir%/e2e/fake_redis.py \
	%reldir%/e2e/foreign_servers.py \
	%reldir%/e2e/logins.py \
	%reldir%/e2e/milter_client.py \
	%reldir%/e2e/name_server.py \
	%reldir%/e2e/next_hop.py \
	%reldir%/e2e/notice_return.py \
	%reldir%/e2e/script_site.py \
	%reldir%/e2e/serving.py \
	%reldir%/e2e/test_accounts.py \
	%reldir%/e2e/test_bounces_real.py \
	%reldir%/e2e/test_bounces.py \
	%reldir%/e2e/test_causes.py \
	%reldir%/e2e/test_check.py \
	%reldir%/e2e/test_clients.py \
	%reldir%/e2e/test_connections.py \
	%reldir%/e2e/test_compromised.py \
	%reldir%/e2e/test_doveadm.py \
	%reldir%/e2e/test_evasions.py \
	%reldir%/e2e/test_expiries.py \
	%reldir%/e2e/test_failures.py \
	%reldir%/e2e/test_guesses.py \
	%reldir%/e2e/test_hold.py \
	%reldir%/e2e/test_hostile.py \
	%reldir%/e2e/test_keys.py \
	%reldir%/e2e/test_login.py \
	%reldir%/e2e/test_milter.py \
	%reldir%/e2e/test_notice_names.py \
	%reldir%/e2e/test_notices.py \
	%reldir%/e2e/test_off_by_itself.py \
	%reldir%/e2e/test_once.py \
	%reldir%/e2e/test_outage.py \
	%reldir%/e2e/test_port_25.py \
	%reldir%/e2e/test_probes.py \
	%reldir%/e2e/test_redis_users.py \
	%reldir%/e2e/test_sandbox.py \
	%reldir%/e2e/test_refused.py \
	%reldir%/e2e/test_send.py \
	%reldir%/e2e/test_session_rules.py \
	%reldir%/e2e/test_sessions.py \
	%reldir%/e2e/test_tier_changes.py \
	%reldir%/e2e/test_windows.py \
	%reldir%/e2e/test_worker.py \
	%reldir%/e2e/unpacked.py \
	%reldir%/sandbox_parts/__init__.py \
	%reldir%/sandbox_parts/build.py \
	%reldir%/sandbox_parts/configuration.py \
	%reldir%/sandbox_parts/dovecot.conf \
	%reldir%/sandbox_parts/merge.py \
	%reldir%/sandbox_parts/no-penalty.conf \
	%reldir%/sandbox_parts/ports.py \
	%reldir%/sandbox_parts/postfix-main.cf \
	%reldir%/sandbox_parts/postfix-services.cf \
	%reldir%/sandbox_parts/preload.conf \
	%reldir%/sandbox_parts/processes.py \
	%reldir%/sandbox_parts/redis.conf \
	%reldir%/sandbox_parts/remote-main.cf \
	%reldir%/unit/layering \
	%reldir%/unit/redis-commands \
	%reldir%/unit/rules \
	%reldir%/unit/bounce-samples.h \
	%reldir%/unit/files.h \
	%reldir%/unit/notice-samples.h \
	%reldir%/unit/notice-site.h \
	%reldir%/unit/outbox-samples.h \
	%reldir%/unit/rows.h \
	%reldir%/unit/samples.h \
	%reldir%/unit/settings-text.h \
	%reldir%/unit/store-samples.h
