"""The sandbox's mount namespace, and the processes in it.

Everything runs in a mount namespace of its own, in which the sandbox's folders are mounted below
/mnt/postern. Paths of sockets are short there however long DIR is, and daemons that have dropped
their privileges reach it whatever the permissions of DIR's parents are. It also tells which
processes are the sandbox's: those that see its folders there. No record of them is needed, so
stop works after any crash, and never touches a stranger.
"""

import os
import signal
import socket
import subprocess
import time

INSIDE = "/mnt/postern"

# Mounts are relative to DIR, the working directory, because the tmpfs may hide DIR itself.
ENTER = f"""
set -e
mount -t tmpfs -o mode=755 postern /mnt
for folder in "$@"; do
    mkdir -p {INSIDE}/$folder
    mount -c --bind ./$folder {INSIDE}/$folder
done
mount --bind {INSIDE}/modules /usr/lib/dovecot/modules
mount --bind {INSIDE}/postfix/etc /etc/postfix
cd /
echo entered
exec sleep infinity >/dev/null
"""


class SandboxError(Exception):
    """Something that the caller can read and act on."""


def make_namespace(directory, folders, keep_fds):
    """Returns the pid of the process that keeps the namespace, and keep_fds, open."""
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", *folders],
        cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pass_fds=keep_fds, start_new_session=True)
    if holder.stdout.readline() != b"entered\n":
        raise SandboxError("the mount namespace could not be made (it needs root and CAP_SYS_ADMIN)"
                           ":\n" + holder.communicate()[1].decode(errors="replace"))
    return holder.pid


def enter(holder):
    """The command line that runs what follows it inside the namespace that holder keeps."""
    return ["nsenter", f"--mount=/proc/{holder}/ns/mnt"]


def is_ours(pid, directory):
    """True if the process lives in the sandbox of that directory."""
    try:
        root = os.readlink(f"/proc/{pid}/root")
        if root == "/":
            there, here = f"/proc/{pid}/root{INSIDE}/etc", f"{directory}/etc"
        elif root.startswith(INSIDE + "/"):
            # Daemons that live in a chroot, which is below one of our folders.
            there, here = f"/proc/{pid}/root/.", directory + root.removeprefix(INSIDE)
        else:
            return False
        return os.path.samestat(os.stat(there), os.stat(here))
    except OSError:
        return False


def all_ours(directory):
    return [int(name) for name in os.listdir("/proc")
            if name.isdigit() and is_ours(name, directory)]


def of_session(leader, directory):
    """Each daemon leads a session of its own, which its children stay in."""
    found = []
    for pid in all_ours(directory):
        try:
            if os.getsid(pid) == leader:
                found.append(pid)
        except ProcessLookupError:
            pass
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end(pids, directory, grace):
    """Asks the processes to stop, and kills those that haven't after grace seconds; 0 is none."""
    pids = [pid for pid in pids if pid != 0]
    send(pids, signal.SIGTERM)
    send(pids, signal.SIGCONT)
    deadline = time.monotonic() + grace
    while pids := [pid for pid in pids if is_ours(pid, directory)]:
        if time.monotonic() > deadline:
            send(pids, signal.SIGKILL)
        time.sleep(0.01)


def end_all(directory):
    """Until none is left: a process may have been starting another."""
    ended = []
    while pids := all_ours(directory):
        end(pids, directory, 1)
        ended += pids
    # Their parent, init, may take a moment to collect them.
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and any(os.path.exists(f"/proc/{pid}") for pid in ended):
        time.sleep(0.01)


def connect_unix(path, timeout=2):
    """A connection to a unix socket, by a path of any length."""
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        try:
            client.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        except OSError:
            client.close()
            raise
        return client
    finally:
        os.close(folder)
