"""
What the end-to-end tests stand on: sandboxes (see tests/sandbox) and clients connected to them.

The `sandbox` fixture is shared by all tests of a worker: use a fresh `account` in it, and leave its
daemons alone. It runs without penalties, so wrong passwords delay nobody. A test that needs other
settings, Dovecot's own delays, or daemons to stop takes one of its own from `make_sandbox`.

POSTERN_BUILD names the build tree (default: the source tree).
"""

import configparser
import email
import email.policy
import imaplib
import json
import os
import poplib
import re
import secrets
import shlex
import smtplib
import socket
import ssl
import subprocess
import time

import pytest
import redis

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PROGRAM = os.path.join(SOURCE, "tests", "sandbox")

# Longer than Postfix waits for Dovecot (10 s), and than Dovecot's longest delay (15 s).
CLIENT_TIMEOUT = 40
# For what happens at once, on a machine with other things to do.
WAIT_SECONDS = 20
# For the notice about a switch-off: it waits until all sessions are ended, also those being opened.
NOTICE_SECONDS = 60
PARTITIONS = 64

# In a message's file name in a Maildir, as Dovecot and Postfix write it.
MICROSECONDS = re.compile(r"M(\d+)")
AS_IT_CAME = email.policy.default.clone(refold_source="none")


def connect(host, port, source, context=None):
    """A socket bound to the address source, with TLS from the start if context is set."""
    plain = socket.create_connection((host, port), CLIENT_TIMEOUT, (source, 0))
    return context.wrap_socket(plain, server_hostname="localhost") if context else plain


class Pop3(poplib.POP3):
    """poplib's client, from an address of our choice."""

    def __init__(self, host, port, source, context=None):
        self.source, self.context = source, context
        super().__init__(host, port, CLIENT_TIMEOUT)

    def _create_socket(self, timeout):
        return connect(self.host, self.port, self.source, self.context)


class Imap(imaplib.IMAP4):
    """imaplib's client, likewise."""

    def __init__(self, host, port, source, context=None):
        self.source, self.context = source, context
        super().__init__(host, port, CLIENT_TIMEOUT)

    def _create_socket(self, timeout):
        return connect(self.host, self.port, self.source, self.context)


class DoveadmFailed(Exception):
    """doveadm's exit status was not 0."""

    def __init__(self, status, output):
        super().__init__(f"exit status {status}: {output}")
        self.status, self.output = status, output


class Sandbox:
    """
    A running sandbox. The variables of sandbox.env are attributes in lower case, ports and pids as
    numbers; DOVEADM is doveadm_command. Clients come from outside unless told otherwise.
    """

    def __init__(self, directory):
        self.directory = str(directory)
        self.reload()
        self.tls = ssl.create_default_context(cafile=self.ca_file)

    def reload(self):
        """Reads sandbox.env again: pids change when a part restarts."""
        with open(f"{self.directory}/sandbox.env", encoding="utf-8") as file:
            for line in file:
                name, value = shlex.split(line)[0].split("=", 1)
                name = "doveadm_command" if name == "DOVEADM" else name.lower()
                setattr(self, name, int(value) if name.endswith(("_port", "_pid")) else value)

    def restart(self, part):
        """Ends redis, dovecot, milter, postfix, remote or worker, if it runs, and starts it."""
        run_sandbox("restart", self.directory, part)
        self.reload()

    def inside(self, *words, **options):
        """Runs a command in the sandbox's mount namespace: DIR's folders are in /mnt/postern."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **options}
        return subprocess.run([*shlex.split(self.nsenter), *words], check=False, **options)

    # Administration

    def run_doveadm(self, *words, formatter="flow", **options):
        """The finished process, for tests of its exit status and output."""
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, **options}
        if formatter:
            words = ("-f", formatter, *words)
        return subprocess.run([*shlex.split(self.doveadm_command), *words], check=False, **options)

    def doveadm_as(self, user, group, *words):
        """The same, run by another user than root."""
        inside = shlex.split(self.nsenter)
        command = shlex.split(self.doveadm_command)
        assert command[:len(inside)] == inside
        return self.inside("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups",
                           *command[len(inside):], *words)

    def doveadm(self, *words, formatter="json"):
        """What doveadm prints: rows as dictionaries for json, else text."""
        done = self.run_doveadm(*words, formatter=formatter)
        if done.returncode != 0:
            raise DoveadmFailed(done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout or "[]") if formatter == "json" else done.stdout

    def on(self, user):
        """Switches external access on and returns the new app password."""
        password = self.doveadm("postern", "on", user)[0]["password"]
        assert password, f"access was on already for {user}"
        return password

    def off(self, user):
        return self.doveadm("postern", "off", user)[0]

    def set(self, user, **changes):
        """set(user, tier="paid", tls="exempt")"""
        options = [word for name, value in changes.items() for word in (f"--{name}", value)]
        return self.doveadm("postern", "set", *options, user)[0]

    def status(self, user):
        return self.doveadm("postern", "status", user)[0]

    def redis(self):
        """A client of Redis's own user: it may do everything."""
        return redis.Redis(port=self.redis_port, decode_responses=True)

    @staticmethod
    def webmail_password(user):
        return "webmail-" + user.split("@")[0]

    # Clients that have connected, with TLS unless their name says otherwise, and not logged in

    def pop3(self, source=None):
        return Pop3("127.0.0.1", self.pop3s_port, source or self.external_address, self.tls)

    def imap(self, source=None):
        return Imap("127.0.0.1", self.imaps_port, source or self.external_address, self.tls)

    def smtp(self, source=None):
        """Submission, after STARTTLS."""
        client = self.plain_smtp(source)
        client.starttls(context=self.tls)
        return client

    def smtps(self, source=None):
        return smtplib.SMTP_SSL("localhost", self.submissions_port, timeout=CLIENT_TIMEOUT,
                                source_address=(source or self.external_address, 0),
                                context=self.tls)

    def plain_pop3(self, source=None):
        """Has no TLS yet: stls() begins it."""
        return Pop3("127.0.0.1", self.pop3_port, source or self.external_address)

    def plain_imap(self, source=None):
        """Has no TLS yet: starttls() begins it."""
        return Imap("127.0.0.1", self.imap_port, source or self.external_address)

    def plain_smtp(self, source=None):
        """Has no TLS yet: starttls() begins it."""
        return smtplib.SMTP("localhost", self.submission_port, timeout=CLIENT_TIMEOUT,
                            source_address=(source or self.external_address, 0))

    def legacy_pop3(self, source=None):
        return Pop3(self.legacy_address, self.legacy_pop3_port, source or self.external_address)

    def legacy_imap(self, source=None):
        return Imap(self.legacy_address, self.legacy_imap_port, source or self.external_address)

    def legacy_smtp(self, source=None):
        return smtplib.SMTP(self.legacy_address, self.legacy_submission_port,
                            timeout=CLIENT_TIMEOUT,
                            source_address=(source or self.external_address, 0))

    def mx(self, source=None):
        """Port 25, where other mail servers bring mail."""
        return smtplib.SMTP("127.0.0.1", self.mx_port, timeout=CLIENT_TIMEOUT,
                            source_address=(source or self.external_address, 0))

    # Mail that has arrived

    def wait_for_mail(self, user, count=1, subject=None, seconds=WAIT_SECONDS):
        """Waits until so many messages are in the mailbox; returns them, oldest first."""
        return self._wait_for_mail(self.maildir(user), count, subject, seconds)

    def wait_for_remote_mail(self, count=1, subject=None):
        """Likewise for what came to remote.test. Name a subject of your own in a shared sandbox."""
        return self._wait_for_mail(self.remote_mail, count, subject)

    @staticmethod
    def _wait_for_mail(maildir, count, subject, seconds=WAIT_SECONDS):
        def messages():
            found = [message for message in read_maildir(maildir)
                     if subject is None or message["Subject"] == subject]
            return found if len(found) >= count else None

        return wait_until(messages, f"{count} messages in {maildir}", seconds)

    def wait_for_notice(self, user, count=1, subject=None):
        """Likewise. Notices about switch-offs don't wait until sessions are ended."""
        def messages():
            self.let_go()
            found = [message for message in read_maildir(self.maildir(user))
                     if subject is None or message["Subject"] == subject]
            return found if len(found) >= count else None

        return wait_until(messages, f"{count} messages of {user}", pause=0.2)

    def let_go(self):
        """Says for all workers that the sessions of every switch-off so far are ended."""
        client = self.redis()
        workers = client.hkeys("postern:{0}:workers")
        for number in range(PARTITIONS):
            prefix = f"postern:{{{number}}}"
            for entry, born in client.zrange(f"{prefix}:held", 0, -1, withscores=True):
                said = {f"{entry} {worker}": born for worker in workers}
                if said:
                    client.zadd(f"{prefix}:ended", said)
                client.zadd(f"{prefix}:looks", {entry: 0}, xx=True)

    def maildir(self, user):
        return f"{self.mail_home}/{user.split('@')[0]}/Maildir"

    def log(self, part):
        """The log of redis, dovecot, milter, postfix, remote or worker."""
        if not os.path.exists(f"{self.log_dir}/{part}.log"):
            return ""
        with open(f"{self.log_dir}/{part}.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for_log(self, part, text, count=1):
        """Dovecot's processes log through another one: a line may come later than the answer."""
        wait_until(lambda: self.log(part).count(text) >= count,
                   f"'{text}' in the log of {part} ({count})")


def read_maildir(maildir):
    messages = []
    for folder in "cur", "new":
        try:
            names = os.listdir(f"{maildir}/{folder}")
        except FileNotFoundError:
            continue
        for name in names:
            with open(f"{maildir}/{folder}/{name}", "rb") as file:
                messages.append((arrival(name), email.message_from_binary_file(file,
                                                                               policy=AS_IT_CAME)))
    return [message for _, message in sorted(messages, key=lambda pair: pair[0])]


def arrival(name):
    """When a message of that file name came. Dovecot writes microseconds without leading zeroes."""
    return int(name.partition(".")[0]), int(MICROSECONDS.search(name)[1]), name


def wait_until(condition, what, seconds=WAIT_SECONDS, pause=0.02):
    """Returns what condition() returns as soon as that is true; fails if it never is."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(pause)
    return result


def run_sandbox(*words):
    done = subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"tests/sandbox {' '.join(words)}:\n{done.stdout}"
    return done.stdout


def start_sandbox(directory, settings=None, options=(), worker=False):
    """Without a worker nothing comes into mailboxes but what a test sends."""
    words = ["start", str(directory), *options, *([] if worker else ["--no-worker"])]
    if settings:
        os.makedirs(directory, exist_ok=True)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_dict(settings)
        with open(f"{directory}/settings", "w", encoding="utf-8") as file:
            parser.write(file)
        words += ["--settings", f"{directory}/settings"]
    if build := os.environ.get("POSTERN_BUILD"):
        words += ["--build", build]
    run_sandbox(*words)
    return Sandbox(directory)


SANITIZER_REPORT = re.compile("ERROR: (Address|Leak)Sanitizer|runtime error: ")


def stop_sandboxes(directories):
    """Stops all, and fails if a sanitizer had something to report, at the latest at the end."""
    for directory in directories:
        run_sandbox("stop", str(directory))
    for directory in directories:
        check_for_sanitizer_reports(directory)


def check_for_sanitizer_reports(directory):
    logs = os.path.join(directory, "log")
    for name in os.listdir(logs) if os.path.isdir(logs) else []:
        with open(os.path.join(logs, name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if found := SANITIZER_REPORT.search(text):
            pytest.fail(f"{name} of {directory}:\n{text[found.start():][:6000]}", pytrace=False)


RUNNING = []

# What the shared sandbox has beside free and paid: rules that these two would show slowly.
TIERS = {
    "tier quick": {"protocols": "pop3 imap smtp", "pop3_interval": "4s", "pop3_grace": "1s"},
    "tier hourly": {"messages_per_minute": "unlimited", "logins_per_hour": "unlimited"},
    "tier recipients": {"messages_per_minute": "unlimited", "count": "recipients"},
    "tier narrow": {"recipients_per_message": "3"},
    "tier held": {"messages_per_minute": "unlimited", "messages_per_hour": "unlimited",
                  "upgrade_hold": "2s"},
    "tier no-pop3": {"protocols": "imap smtp"},
    "tier no-imap": {"protocols": "pop3 smtp"},
    "tier no-smtp": {"protocols": "pop3 imap"},
}


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """The sandbox that all tests of a worker share."""
    directory = tmp_path_factory.mktemp("sandbox")
    try:
        shared = start_sandbox(directory, TIERS, ["--no-penalty", "--redis-auth"])
        RUNNING.append(shared)
        yield shared
        # Its users of Redis, the sample's, may do all that the tests had Postern do.
        refused = shared.redis().acl_log()
        assert not refused, refused
    finally:
        RUNNING.clear()
        stop_sandboxes([directory])


def sandbox_maker(tmp_path_factory):
    """make_sandbox(settings={"tier free": {"messages_per_hour": "3"}}, options=["--no-penalty"])"""
    directories = []

    def make(settings=None, options=(), worker=False):
        directories.append(tmp_path_factory.mktemp("sandbox"))
        own = start_sandbox(directories[-1], settings, options, worker)
        RUNNING.append(own)
        return own

    try:
        yield make
    finally:
        for directory in directories:
            RUNNING[:] = [one for one in RUNNING if one.directory != str(directory)]
            run_sandbox("stop", str(directory))


make_sandbox = pytest.fixture(sandbox_maker, name="make_sandbox")
make_module_sandbox = pytest.fixture(sandbox_maker, scope="module", name="make_module_sandbox")


def new_account(hint="user"):
    """An account that nobody has used: its address, in example.test."""
    name = re.sub("[^a-z0-9]+", "-", hint.lower()).strip("-")[:30]
    return f"{name}-{secrets.token_hex(4)}@example.test"


@pytest.fixture
def account(request):
    """An account of the test's own."""
    return new_account(request.node.name.removeprefix("test_"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test's report ends with what the daemons had to say."""
    report = (yield).get_result()
    if report.failed and call.when != "teardown":
        for running in RUNNING:
            for part in "milter", "worker", "dovecot", "postfix":
                lines = running.log(part).splitlines()[-30:]
                report.sections.append((f"{part}.log of {running.directory}", "\n".join(lines)))
