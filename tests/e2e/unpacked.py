"""
Debian's packages, unpacked below a directory and run in a chroot there: mail servers that can't be
installed beside Postfix, for each is the machine's mail server.

A server has mounts, processes and a host name of its own, and the machine's loopback. All of it
ends with the `with` block, or with pytest, however that ends.
"""

import fcntl
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

from conftest import SOURCE, wait_until

sys.path.insert(0, f"{SOURCE}/tests")
from sandbox_parts import ports

APT_GET = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]

# A shell stays as the first process: with it, everything that was started in here ends.
ENTER = """
set -e
hostname "$1"
for device in null zero random urandom; do
    : >dev/$device
    mount --bind /dev/$device dev/$device
done
mount -t proc proc proc
shift
exec 3<&0
chroot . "$@" <&3 &
wait $!
"""


def run(*words, **options):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}"
    return done.stdout


def unpack(packages, cache, programs=()):
    """
    Returns a directory that holds the packages, the libraries that they need, and the machine's own
    programs that are named; nobody may change it. Made once for all that share the cache.
    """
    tree = f"{cache}/{packages[0]}"
    os.makedirs(cache, exist_ok=True)
    with open(f"{cache}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(tree):
            shutil.rmtree(f"{tree}.new", ignore_errors=True)
            os.makedirs(f"{tree}.new")
            for archive in download(packages, f"{tree}.debs"):
                run("dpkg", "-x", archive, f"{tree}.new")
            for program in ["/bin/sh", *programs]:
                copy_in(os.path.realpath(program), f"{tree}.new", program)
            copy_libraries(f"{tree}.new")
            os.rename(f"{tree}.new", tree)
    return tree


def download(packages, folder):
    """The packages and, of what they depend on, the libraries that the machine doesn't have."""
    os.makedirs(folder, exist_ok=True)
    wanted = list(packages)
    for package in wanted:
        try:
            run(*APT_GET, "download", package, cwd=folder)
        except AssertionError:
            run(*APT_GET, "update")
            run(*APT_GET, "download", package, cwd=folder)
        archive, = glob.glob(f"{folder}/{package}_*.deb")
        depends = run("dpkg", "-f", archive, "Depends")
        wanted += [name for name in re.findall(r"(?:^|, )(lib[^\s,|:]*)", depends)
                   if name not in wanted and not is_installed(name)]
    return glob.glob(f"{folder}/*.deb")


def is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                          capture_output=True, text=True, check=False)
    return done.stdout.startswith("installed")


def copy_in(path, tree, name=None):
    os.makedirs(os.path.dirname(f"{tree}{name or path}"), exist_ok=True)
    shutil.copy(path, f"{tree}{name or path}")


def copy_libraries(tree):
    """What the dynamic linker finds on the machine or in the tree, where it looks for it inside."""
    binaries = [path for path in glob.glob(f"{tree}/**", recursive=True)
                if os.path.isfile(path) and not os.path.islink(path) and is_elf(path)]
    folders = {os.path.dirname(path) for path in binaries if ".so" in os.path.basename(path)}
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}
    for path in binaries:
        done = subprocess.run(["ldd", path], env=environment, capture_output=True, text=True,
                              check=False)
        assert "not found" not in done.stdout, f"{path}:\n{done.stdout}"
        for library in re.findall(r"(/\S+) \(0x", done.stdout):
            if not library.startswith(tree) and not os.path.exists(f"{tree}{library}"):
                copy_in(os.path.realpath(library), tree, library)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Server:
    """
    A program of the packages in a directory of its own, listening at .port, which it has from the
    beginning. Subclasses say which packages, write the configuration, and name the command, which
    stays in the foreground.
    """

    packages = []
    programs = []  # of the machine's
    users = []  # each is the only one in its group

    def __init__(self, root, cache):
        self.root, self.cache = str(root), str(cache)
        self.process = None
        (self.port,), self.claim = ports.claim(["127.0.0.1"], 1)
        names = ["root", "mail", "nobody", *self.users]
        self.numbers = {name: 0 if name == "root" else 900 + at for at, name in enumerate(names)}

    @property
    def hostname(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def configure(self):
        """Is called when the packages stand in .root."""
        raise NotImplementedError

    def unpack(self):
        shutil.copytree(unpack(self.packages, self.cache, self.programs), self.root, symlinks=True)
        self.write("etc/passwd", "".join(f"{name}:x:{number}:{number}::/:/bin/sh\n"
                                         for name, number in self.numbers.items()))
        self.write("etc/group", "".join(f"{name}:x:{number}:\n"
                                        for name, number in self.numbers.items()))
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("etc/hosts", f"127.0.0.1 {self.hostname} localhost example.test\n")
        self.write("etc/services", "smtp 25/tcp\n")
        for folder in "dev", "proc", "root", "run", "var":
            self.make_folder(folder)
        self.make_folder("tmp", mode=0o1777)
        os.symlink("../run", f"{self.root}/var/run")
        self.configure()

    def make_folder(self, name, user="root", mode=0o755):
        path = f"{self.root}/{name}"
        os.makedirs(path, exist_ok=True)
        os.chown(path, self.numbers[user], self.numbers[user])
        os.chmod(path, mode)

    def give(self, user, *names):
        """With all that is in there."""
        for name in names:
            for folder, folders, files in os.walk(f"{self.root}/{name}"):
                for path in folder, *(f"{folder}/{entry}" for entry in folders + files):
                    os.lchown(path, self.numbers[user], self.numbers[user])

    def write(self, name, text, mode=0o644):
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def log(self):
        with open(f"{self.root}/output.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self, command, **options):
        """Runs a command in here, whose output goes to the log."""
        with open(f"{self.root}/output.log", "ab") as output:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL",
                 "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child",
                 "sh", "-c", ENTER, "sh", self.hostname, *command],
                **{"cwd": self.root, "stdin": subprocess.DEVNULL, "stdout": output,
                   "stderr": output, "start_new_session": True,
                   "env": {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}, **options})

    def __enter__(self):
        self.unpack()
        self.process = self.start(self.command())
        try:
            wait_until(self.answers, f"{self.hostname} to answer")
        except AssertionError as error:
            log = self.log()
            self.__exit__()
            raise AssertionError(f"{error}\n{log}") from error
        return self

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                return client.recv(4) == b"220 "
        except OSError:
            return False

    def __exit__(self, *_):
        """unshare ends after its only child, and that after everything that was started in here."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for child in children or [pid]:
            os.kill(int(child), signal.SIGKILL)
        self.process.wait()
        self.claim.close()
        shutil.rmtree(self.root)
