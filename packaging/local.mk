systemdsystemunitdir = $(prefix)/lib/systemd/system
nodist_systemdsystemunit_DATA = %reldir%/postern-milter.service %reldir%/postern-worker.service
EXTRA_DIST += %reldir%/systemd/postern-milter.service %reldir%/systemd/postern-worker.service
CLEANFILES += $(nodist_systemdsystemunit_DATA)
# The units name the programs where Debian has them; this is where they get installed.
set_sbindir = $(AM_V_GEN)$(MKDIR_P) %reldir% && $(SED) 's,/usr/sbin/,$(sbindir)/,'
%reldir%/postern-milter.service: %reldir%/systemd/postern-milter.service Makefile
	$(set_sbindir) $(srcdir)/%reldir%/systemd/postern-milter.service >$@
%reldir%/postern-worker.service: %reldir%/systemd/postern-worker.service Makefile
	$(set_sbindir) $(srcdir)/%reldir%/systemd/postern-worker.service >$@

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	%reldir%/examples/dovecot-postern.conf \
	%reldir%/examples/postern.conf \
	%reldir%/examples/postfix-main.cf \
	%reldir%/examples/postfix-master.cf \
	%reldir%/examples/redis.conf

# The notices to owners, postern-notices(5): a directory for each language, the same files in each.
noticesdir = $(pkgdatadir)/notices
notices_endir = $(noticesdir)/en
dist_notices_en_DATA = \
	%reldir%/notices/en/admin.txt \
	%reldir%/notices/en/break-in.txt \
	%reldir%/notices/en/break-in-attempt.txt \
	%reldir%/notices/en/compromised.txt \
	%reldir%/notices/en/connection-limit.txt \
	%reldir%/notices/en/enabled.txt \
	%reldir%/notices/en/owner.txt \
	%reldir%/notices/en/passive.txt \
	%reldir%/notices/en/password-added.txt \
	%reldir%/notices/en/send-limit.txt \
	%reldir%/notices/en/unused.txt \
	%reldir%/notices/en/unused-warning.txt
notices_etdir = $(noticesdir)/et
dist_notices_et_DATA = \
	%reldir%/notices/et/admin.txt \
	%reldir%/notices/et/break-in.txt \
	%reldir%/notices/et/break-in-attempt.txt \
	%reldir%/notices/et/compromised.txt \
	%reldir%/notices/et/connection-limit.txt \
	%reldir%/notices/et/enabled.txt \
	%reldir%/notices/et/owner.txt \
	%reldir%/notices/et/passive.txt \
	%reldir%/notices/et/password-added.txt \
	%reldir%/notices/et/send-limit.txt \
	%reldir%/notices/et/unused.txt \
	%reldir%/notices/et/unused-warning.txt
notices_lvdir = $(noticesdir)/lv
dist_notices_lv_DATA = \
	%reldir%/notices/lv/admin.txt \
	%reldir%/notices/lv/break-in.txt \
	%reldir%/notices/lv/break-in-attempt.txt \
	%reldir%/notices/lv/compromised.txt \
	%reldir%/notices/lv/connection-limit.txt \
	%reldir%/notices/lv/enabled.txt \
	%reldir%/notices/lv/owner.txt \
	%reldir%/notices/lv/passive.txt \
	%reldir%/notices/lv/password-added.txt \
	%reldir%/notices/lv/send-limit.txt \
	%reldir%/notices/lv/unused.txt \
	%reldir%/notices/lv/unused-warning.txt
notices_rudir = $(noticesdir)/ru
dist_notices_ru_DATA = \
	%reldir%/notices/ru/admin.txt \
	%reldir%/notices/ru/break-in.txt \
	%reldir%/notices/ru/break-in-attempt.txt \
	%reldir%/notices/ru/compromised.txt \
	%reldir%/notices/ru/connection-limit.txt \
	%reldir%/notices/ru/enabled.txt \
	%reldir%/notices/ru/owner.txt \
	%reldir%/notices/ru/passive.txt \
	%reldir%/notices/ru/password-added.txt \
	%reldir%/notices/ru/send-limit.txt \
	%reldir%/notices/ru/unused.txt \
	%reldir%/notices/ru/unused-warning.txt

EXTRA_DIST += %reldir%/install-dependencies %reldir%/quickstart
