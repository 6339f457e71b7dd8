systemdsystemunitdir = $(prefix)/lib/systemd/system
nodist_systemdsystemunit_DATA = %reldir%/postern-milter.service
EXTRA_DIST += %reldir%/systemd/postern-milter.service
CLEANFILES += %reldir%/postern-milter.service
# The unit names the program where Debian has it; this is where it gets installed.
%reldir%/postern-milter.service: %reldir%/systemd/postern-milter.service Makefile
	$(AM_V_GEN)$(MKDIR_P) %reldir% && \
	$(SED) 's,/usr/sbin/,$(sbindir)/,' $(srcdir)/%reldir%/systemd/postern-milter.service >$@

examplesdir = $(docdir)/examples
dist_examples_DATA = \
	%reldir%/examples/dovecot-postern.conf \
	%reldir%/examples/postern.conf \
	%reldir%/examples/postfix-main.cf \
	%reldir%/examples/postfix-master.cf \
	%reldir%/examples/redis.conf

EXTRA_DIST += %reldir%/install-dependencies %reldir%/quickstart
