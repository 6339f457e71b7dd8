"""
The scripts of common/decisions in a Redis of their own, with a clock of the test's, called as the
programs call them.

The scripts are those that the programs embed, but for one word: where they ask Redis for the time,
they get it from a key here. So an hour takes no longer than its commands, and two months neither.
"""

import hashlib
import itertools
import os
import signal
import socket
import subprocess
import time

import pytest
import redis

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SCRIPTS = os.path.join(SOURCE, "common", "decisions")
NAMES = ("again", "due", "erase", "expire", "export", "failure", "import", "init", "login", "off",
         "on", "password_add", "password_changed", "password_revoke", "refused", "send", "session",
         "set", "status", "unused")

FORMAT = "1"
CLOCK = "clock"
TIME = "redis.call('TIME')"
TIME_OF_TEST = ("(function() local now = tonumber(redis.call('GET', '" + CLOCK + "'))"
                " return { math.floor(now / 1000), now % 1000 * 1000 } end)()")

MINUTE, HOUR = 60000, 3600000
START = 1760000000000
DIGEST_LENGTH = 22


class Tier:
    """What common/settings/tier-rows.c writes of a tier; limits of 0 are none."""

    def __init__(self, name, protocols="smtp", interval=0, send=("messages", 0, 0, 0),
                 logins=(0, 0), wrong=(0, 10), unused=0, failure=(0, HOUR), shut_out=24 * HOUR,
                 on_break_in="disable"):
        self.name, self.send = name, (*send, int("smtp" in protocols))
        self.login = (protocols, interval, *logins, *wrong, shut_out, on_break_in)
        self.unused = (int("imap" in protocols), unused)
        self.failure = failure


def digits_of(name):
    """12 hexadecimal digits that name a message or a recipient."""
    return hashlib.sha256(str(name).encode()).hexdigest()[:12]


def network_of(address):
    """As network_site() of common/base/network.c."""
    if ":" in address:
        return socket.inet_pton(socket.AF_INET6, address)[:6]
    return b"\0\0\0" + socket.inet_aton(address)[:3]


def rows(tiers, columns):
    return "".join("\n" + " ".join(map(str, (tier.name, *getattr(tier, columns))))
                   for tier in tiers)


DAY = 24 * HOUR
FREE = [Tier("free", "pop3,smtp", 285000, ("messages", 5, 15, 0), (120, 1000), (10, 10), 60 * DAY,
             (10, HOUR))]
PAID = [Tier("paid", "pop3,imap,smtp", logins=(600, 5000), wrong=(10, 10), unused=60 * DAY,
             failure=(50, 6 * HOUR))]
LIST = [Tier("list", send=("recipients", 100, 10000, 50))]


def limits(*send):
    """The only tier of a site: what is counted, limits a minute, an hour and of recipients."""
    return [Tier("free", send=send)]


def script_text(name):
    """As common/store/embed-scripts puts it together."""
    texts = []
    for part in ("prelude", name):
        with open(os.path.join(SCRIPTS, part + ".lua"), encoding="ascii") as file:
            texts.append(file.read())
    return "".join(texts)


class Site:
    """Calls of the scripts, as common/decisions/*.c make them, about accounts of one partition."""

    def __init__(self, connection):
        self.redis = connection
        self.numbers = itertools.count(1)
        self.now = START
        self.digests = {}
        self.own_clock(True)

    def own_clock(self, wanted):
        """Loads the scripts with the test's clock, or as they are, with Redis's."""
        self.has_own_clock = wanted
        for name in NAMES:
            text = script_text(name)
            if wanted:
                text = text.replace(TIME, TIME_OF_TEST)
                assert TIME not in text
            self.digests[name] = self.redis.script_load(text)

    def reset(self):
        self.redis.flushall()
        self.at(START)
        assert self.init() == ["marked"]

    def at(self, now):
        self.now = now
        self.redis.set(CLOCK, now)

    def newest(self):
        """When a connection began that nothing has ended since, in the millisecond of now."""
        return (self.now if self.has_own_clock else time.time_ns() // 1000000) + 1

    def later(self, milliseconds):
        self.at(self.now + milliseconds)

    @staticmethod
    def key(kind, account=None):
        return f"postern:{{0}}:{kind}" + (f":{account}" if account else "")

    def call(self, name, keys, *args, to=None):
        keys = [self.key("mark"), *keys]
        return (to or self.redis).evalsha(self.digests[name], len(keys), *keys, FORMAT, *args)

    def init(self):
        return self.call("init", [])

    def account_keys(self, account, *kinds):
        return [self.key("account", account), self.key("history", account), self.key("unused"),
                self.key("outbox"), *(self.key(kind, account) for kind in kinds)]

    @staticmethod
    def whole(digest):
        """As long as a real one."""
        return digest.ljust(len("7:") + DIGEST_LENGTH, "x")

    def new_digest(self):
        # What tells two apart stands in front, as in a real one.
        return self.whole("7:" + f"{next(self.numbers)}"[::-1])

    def on(self, account, digest=None, by="doveadm", address="192.0.2.7", force=0, lasts=0,
           to=None):
        """(answer, digest): with a digest of its own unless one is given."""
        digest = self.whole(digest or self.new_digest())
        keys = [*self.account_keys(account, "guesses"), self.key("expiries"), self.key("refused")]
        return self.call("on", keys, by, address, force, digest, "*", lasts, "", to=to), digest

    def password_add(self, account, protocols="*", lasts=0, label="", digest=None):
        digest = digest or self.new_digest()
        keys = [*self.account_keys(account), self.key("expiries")]
        return self.call("password_add", keys, "webmail", "192.0.2.7", 20, digest, protocols, lasts,
                         label), digest

    def password_revoke(self, account, number):
        return self.call("password_revoke", self.account_keys(account), "webmail", "", number)

    def password_changed(self, account):
        return self.call("password_changed", self.account_keys(account, "guesses"), "webmail", "")

    def erase(self, account, reference=""):
        keys = [*self.account_keys(account, "guesses", "sent", "failures"), self.key("traced"),
                self.key("expiries"), self.key("refused")]
        return self.call("erase", keys, reference)

    def refused(self, account, entry, status="5.2.2"):
        keys = [self.key("account", account), self.key("outbox"), self.key("refused")]
        return self.call("refused", keys, entry, status)

    def again(self, account):
        return self.call("again", [*self.account_keys(account), self.key("refused")])

    def due(self, before, skip=0, count=100, index="unused"):
        return self.call("due", [self.key(index)], before, skip, count)

    def expire(self, account):
        return self.call("expire", [*self.account_keys(account), self.key("expiries")])

    def look_for_expired(self):
        """As a worker does: who of those that are due had an app password that expired."""
        _, names = self.due(self.now, index="expiries")
        return [name for name in names if self.expire(name) == ["expired"]]

    def export_fields(self, account):
        """(fields, history)"""
        keys = [self.key("account", account), self.key("history", account)]
        _, ((_, fields, history),) = self.call("export", keys)
        return dict(zip(fields[::2], fields[1::2])), history

    def import_fields(self, account, fields, history):
        keys = [*self.account_keys(account, "guesses", "failures"), self.key("expiries")]
        pairs = [text for pair in fields.items() for text in pair]
        return self.call("import", keys, history, *pairs)

    def unused(self, account, rest, time=0, only_look=0, warning=0, tiers=FREE + PAID):
        return self.call("unused", self.account_keys(account), time, only_look, warning, rest,
                         rows(tiers, "unused"))

    def outbox(self):
        """The entries, as dictionaries."""
        return [fields for _, fields in self.redis.xrange(self.key("outbox"))]

    def off(self, account, reason="owner", by="doveadm", address="192.0.2.7"):
        return self.call("off", self.account_keys(account), reason, by, address)

    def set(self, account, hold=0, tiers=FREE + PAID, **changes):
        pairs = [text for pair in changes.items() for text in pair]
        return self.call("set", self.account_keys(account), "doveadm", "", hold,
                         rows(tiers, "login"), *pairs)

    def status(self, account):
        return self.call("status", [*self.account_keys(account, "guesses"), self.key("refused")])

    def login(self, account, digest, protocol="pop3", secured=1, attempt=None,
              address="192.0.2.1", tiers=FREE + PAID, to=None):
        digests = [digest] if isinstance(digest, str) else digest
        keys = [*self.account_keys(account, "guesses"), self.key("expiries")]
        digests = [self.whole(one) for one in digests]
        answer = self.call("login", keys, protocol, address, secured,
                           attempt or f"a{next(self.numbers)}", network_of(address),
                           rows(tiers, "login"), *digests, to=to)
        if isinstance(answer, list) and answer[0] == "allow":
            # What the session goes by: one of those that were entered.
            assert answer[1] in digests
            return ["allow", *answer[2:]]
        return answer

    def sessions(self, *sessions, accounts=None, tiers=FREE + PAID):
        """What is said of (account, protocol, digest), the digest None where nobody knows it."""
        accounts = accounts or sorted({session[0] for session in sessions})
        words = [word for account, protocol, digest in sessions
                 for word in (accounts.index(account) + 1, protocol,
                              self.whole(digest) if digest else "")]
        return self.call("session", [self.key("account", account) for account in accounts],
                         rows(tiers, "login"), *words)

    def guess(self, account, number, address, **more):
        """A wrong password, which no app password is: a number up to 200,000 tells which."""
        tag = "".join(f"{number // 26 ** place % 26 + 97:c}" for place in range(4))
        return self.login(account, f"7:{tag}g", address=address, **more)

    def shut_out(self, account, address, limit=10, **more):
        """As many different guesses as it takes; what the last one is answered."""
        return [self.guess(account, number, address, **more) for number in range(limit)][-1]

    def break_in(self, account, count=10, third=0, **more):
        """So many networks are shut out; what the last guess of the last is answered."""
        return [self.shut_out(account, f"198.{third}.{number}.1", **more)
                for number in range(count)][-1]

    def send(self, account, stage="message", message=None, recipients=1, reference="",
             tiers=FREE + PAID, began=None, sender=1, to=None):
        message = next(self.numbers) if message is None else message
        began = self.newest() if began is None else began
        recipients = recipients if stage == "message" else 0
        keys = [*self.account_keys(account, "sent"), self.key("traced")]
        # The last bit of a digest tells no two messages apart.
        return self.call("send", keys, stage, (2 * message).to_bytes(5, "big"), recipients, account,
                         reference, rows(tiers, "send"), began, sender, to=to)

    def failure(self, account, message, *failed, sent=None, recipients=255, reporter="-",
                tiers=FREE + PAID, to=None):
        """
        A report about a message, as common/decisions/failure.c packs it. Failed recipients are
        addresses, or (address, weight, status). The message is named by any number or text, and was
        sent just now.
        """
        lines = []
        for one in failed:
            address, weight, status = one if isinstance(one, tuple) else (one, 1, "5.1.1")
            domain = address.rpartition("@")[2] if "@" in address else "-"
            lines.append(f"{digits_of(address)} {weight} {status} {domain}\n")
        sent = self.now // 1000 if sent is None else sent
        return self.call("failure", self.account_keys(account, "failures"), rows(tiers, "failure"),
                         digits_of(message), sent, recipients, reporter, "".join(lines), to=to)

    def failures(self, account, tiers=FREE + PAID):
        """What support sees: the score, and the rows, newest first."""
        word, score, listed = self.call("failure", self.account_keys(account, "failures"),
                                        rows(tiers, "failure"))
        assert word == "list"
        return score, listed

    def history(self, account):
        """Newest first: (time, what, detail, by, from), and the evidence if there is any."""
        lines = self.redis.get(self.key("history", account)) or ""
        rows = [line.split("\t") for line in lines.splitlines()]
        return [(str(int(row[0], 16) * 1000), *row[1:]) for row in rows]

    def memory(self, account):
        keys = [self.key(kind, account)
                for kind in ("account", "history", "sent", "guesses", "failures")]
        return sum(self.redis.memory_usage(key, samples=0) or 0 for key in keys)


@pytest.fixture(scope="module")
def private_redis(tmp_path_factory):
    directory = tmp_path_factory.mktemp("redis")
    path = str(directory / "redis.sock")
    if len(path) > 100:  # sun_path holds 108 bytes
        path = f"/tmp/postern-windows-{os.getpid()}.sock"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--dir", str(directory),
         "--save", "", "--appendonly", "no", "--logfile", "redis.log"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"})
    try:
        connection = redis.Redis(unix_socket_path=path, decode_responses=True)
        deadline = time.monotonic() + 20
        while True:
            try:
                connection.ping()
                break
            except redis.ConnectionError:
                assert time.monotonic() < deadline and server.poll() is None
                time.sleep(0.01)
        yield connection
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
        if os.path.exists(path):
            os.unlink(path)


@pytest.fixture(scope="module")
def loaded(private_redis):
    return Site(private_redis)


@pytest.fixture
def site(loaded):
    loaded.reset()
    return loaded
