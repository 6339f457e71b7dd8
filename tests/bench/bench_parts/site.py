"""A sandbox with accounts in it, and what the benchmarks run beside it."""

import json
import os
import re
import shlex
import subprocess
import time

from .measure import BenchError

BENCH = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SOURCE = os.path.dirname(os.path.dirname(BENCH))
READY_SECONDS = 30

# Beside free and paid, which are as they ship: a tier whose limits are written down for each
# message and login and never met, one that fills the log of free's hour within a second, and one
# that outlives more bounces than others.
SETTINGS = """
[tier metered]
protocols = pop3 imap smtp
pop3_interval = 0
messages_per_minute = 10000
messages_per_hour = 10000
logins_per_hour = 50000
logins_per_day = 50000
[tier full]
protocols = pop3 imap smtp
pop3_interval = 0
messages_per_minute = 15
messages_per_hour = 15
logins_per_hour = 50000
logins_per_day = 50000
[tier bounced]
protocols = pop3 imap smtp
failed_recipients = 1000
"""


class Site:
    """Lives below one directory, in a pid namespace that ends with us."""

    def __init__(self, directory, build):
        self.directory = directory
        self.build = build
        self.variables = {}
        self.daemons = []

    def path(self, name):
        return f"{self.directory}/{name}"

    def start(self, *options):
        self.write("settings.ini", SETTINGS)
        run([f"{SOURCE}/tests/sandbox", "start", self.path("sandbox"), "--build", self.build,
             "--settings", self.path("settings.ini"), *options])
        with open(self.path("sandbox/sandbox.env"), encoding="utf-8") as file:
            for line in file:
                name, value = shlex.split(line)[0].split("=", 1)
                self.variables[name] = value

    def another(self, name, *options):
        """One beside this, with a worker: here it would mail the owners of all accounts."""
        os.makedirs(self.path(name))
        os.chmod(self.path(name), 0o755)
        other = Site(self.path(name), self.build)
        other.start(*options)
        return other

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def fill_in(self, template, name, **words):
        """Writes a file of ours in which @WORD@ is replaced."""
        with open(f"{BENCH}/{template}", encoding="utf-8") as file:
            text = file.read()
        words["DIR"] = self.directory
        self.write(name, re.sub("@([A-Z]+)@", lambda found: words[found[1]], text))

    # Accounts

    def doveadm(self, *words, timeout=120):
        return run([*shlex.split(self.variables["DOVEADM"]), "-f", "tab", "postern", *words],
                   timeout=timeout)

    def make_accounts(self, name, count, tier):
        """Switches external access on; returns the path of the list of names and app passwords."""
        users = [f"{name}{i:05}@{self.variables['DOMAIN']}" for i in range(count)]
        rows = []
        for first in range(0, count, 1000):
            some = users[first:first + 1000]
            rows += self.doveadm("on", *some).splitlines()[1:]
            self.doveadm("set", "--tier", tier, *some)
        passwords = [row.split("\t")[3] for row in rows]
        return self.write_accounts(name, zip(users, passwords))

    def write_accounts(self, name, pairs):
        self.write(f"{name}.accounts", "".join(f"{user}\t{word}\n" for user, word in pairs))
        return self.path(f"{name}.accounts")

    # Redis

    def redis(self, *words, stdin=None):
        return run(["redis-cli", "-s", self.variables["REDIS_SOCKET"], *words], stdin=stdin)

    def redis_info(self, section):
        return dict(line.split(":", 1) for line in self.redis("info", section).splitlines()
                    if ":" in line)

    def redis_cpu(self):
        info = self.redis_info("cpu")
        return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])

    # Running

    def start_dovecot(self, name, driver, arguments):
        """A Dovecot that is only an auth service; returns (its socket, its pid)."""
        os.makedirs(self.path(name))
        self.fill_in("dovecot.conf", f"{name}.conf", NAME=name, DRIVER=driver, ARGS=arguments)
        pid = self.spawn(f"{name}-dovecot", *shlex.split(self.variables["NSENTER"]),
                         "dovecot", "-F", "-c", self.path(f"{name}.conf"))
        wait_for(self.path(f"{name}.sock"))
        return self.path(f"{name}.sock"), pid

    def spawn(self, name, *command):
        """A daemon that stays in the foreground; returns its pid, which exec leaves as it is."""
        with open(self.path(f"{name}.log"), "wb") as log:
            daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      cwd=self.directory)
        self.daemons.append(daemon)
        return daemon.pid

    def end_daemons(self):
        """All but the sandbox's, which go down with the namespace."""
        for daemon in self.daemons:
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons = []

    def program(self, name):
        return f"{self.build}/tests/bench/{name}"

    def load_logins(self, socket, accounts, seconds, in_flight=200, service="imap"):
        return json.loads(run([self.program("auth-load"), socket, accounts, str(seconds),
                               str(in_flight), service]))

    def load_messages(self, socket, accounts, seconds, per_connection=1, connections=10, kind=()):
        """kind is what milter-load takes behind the numbers."""
        return json.loads(run([self.program("milter-load"), socket, accounts, str(connections),
                               str(seconds), str(per_connection), *kind]))


def run(command, stdin=None, timeout=120):
    """Its standard output; what it says on the other is shown when it fails."""
    try:
        done = subprocess.run(command, input=stdin or "", capture_output=True, text=True,
                              timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{shlex.join(command)[:200]} took more than {timeout} s") from None
    if done.returncode != 0:
        raise BenchError(f"{shlex.join(command)[:200]} ended with {done.returncode}:\n"
                         f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def wait_for(path):
    deadline = time.monotonic() + READY_SECONDS
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise BenchError(f"there is still no {path}")
        time.sleep(0.05)
