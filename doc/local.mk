dist_man_MANS = \
	%reldir%/man/doveadm-postern.1 \
	%reldir%/man/postern.7 \
	%reldir%/man/postern.conf.5 \
	%reldir%/man/postern-milter.8 \
	%reldir%/man/postern-notices.5 \
	%reldir%/man/postern-worker.8
dist_doc_DATA = README.md NEWS %reldir%/architecture.md %reldir%/bounces.md \
	%reldir%/http-api.md %reldir%/operations.md %reldir%/threats.md
