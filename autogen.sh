#!/bin/sh
# Makes ./configure. The repository holds no generated files; a release tarball needs none of this.
set -eu
cd "$(dirname "$0")"

command -v autoreconf >/dev/null || {
	echo 'autogen.sh: autoreconf not found: install autoconf, automake and libtool' >&2
	exit 1
}
# dovecot.m4 uses macros that autoconf 2.71 calls obsolete.
exec autoreconf --force --install --warnings=no-obsolete
