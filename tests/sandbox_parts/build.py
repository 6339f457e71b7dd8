"""Builds what the sandbox runs, one sandbox at a time."""

import fcntl
import os
import subprocess

from .processes import SandboxError

MODULES = {
    "auth": "dovecot-plugin/.libs/libauthdb_postern.so",
    "doveadm": "dovecot-plugin/.libs/lib10_doveadm_postern_plugin.so",
}
PROGRAMS = ["milter/postern-milter", "worker/postern-worker"]


def build(source, tree, log):
    """Runs what is missing of autogen.sh, configure and make; make runs always."""
    os.makedirs(tree, exist_ok=True)
    lock = os.open(tree, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(f"{tree}/Makefile"):
            if not os.path.exists(f"{source}/configure"):
                run([f"{source}/autogen.sh"], source, log)
            run([f"{source}/configure"], tree, log)
        run(["make", f"-j{os.cpu_count()}"], tree, log)
    finally:
        os.close(lock)
    for path in [*MODULES.values(), *PROGRAMS]:
        if not os.path.exists(f"{tree}/{path}"):
            raise SandboxError(f"build: make ended well, yet there is no {tree}/{path}")


def run(command, folder, log):
    with open(log, "ab") as output:
        code = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, check=False).returncode
    if code != 0:
        raise SandboxError(f"build: {' '.join(command)} failed (exit status {code})\n{tail(log)}")


def tail(path, lines=25):
    """The last lines of a log, headed by its name."""
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return f"--- the end of {path}\n" + "".join(log.readlines()[-lines:])
    except OSError as error:
        return f"--- {error}"
