"""
Redis frozen, killed, emptied, replaced, refusing or talking nonsense, while people log in and send:
nothing is let in or through that a rule forbids, nobody is told that a right password is wrong, no
message is lost, and within a second of Redis's return all is as before.
"""

import os
import re
import shutil
import signal
import smtplib
import subprocess
import threading
import time

import pytest
import redis

from conftest import new_account, wait_until
from fake_redis import FakeRedis
from logins import (GENERIC, LOGINS, PROTOCOLS, access_off, hang_up, is_accepted, log_in, send,
                    sender, smtp_login, together)

AWAY = {
    "pop3": re.compile(r"-ERR \[SYS/TEMP\] Temporary authentication failure\. \[.*\]"),
    "imap": re.compile(r"NO \[UNAVAILABLE\] Temporary authentication failure\. \[.*\]"),
    "smtp": re.compile(r"454 4\.7\.0 Temporary authentication failure: .*"),
    "message": re.compile("451 4.3.0 Sending is not possible at the moment: "
                          "try again in a few minutes"),
}
KINDS = [*PROTOCOLS, "message"]
OFF = "your mail provider switched it off"

TIERS = {
    # No limit that anybody meets, and yet each message is charged.
    "tier busy": {"protocols": "pop3 imap smtp", "pop3_interval": "0",
                  "messages_per_minute": "unlimited", "messages_per_hour": "10000",
                  "logins_per_hour": "unlimited"},
    "tier hourly": {"messages_per_minute": "unlimited", "logins_per_hour": "unlimited"},
}


@pytest.fixture
def own(make_sandbox):
    return make_sandbox(TIERS, ["--no-penalty", "--redis-auth"])


def passes(answer):
    return is_accepted(answer) or answer.startswith("250 ")


def is_away(answer):
    return any(pattern.fullmatch(answer) for pattern in AWAY.values())


# A sanitizer, and a machine that two cores' worth of tests keep busy, slow the clients down too.
RECOVERY_SECONDS = 10 if os.environ.get("POSTERN_SANDBOX_PRELOAD") else 1


class Load:
    """People who log in and send, all at once and again and again, and what each was told."""

    def __init__(self, own):
        self.own = own
        self.user, self.off, self.limited = map(new_account, ("user", "off", "limited"))
        own.set(self.user, tier="busy")
        own.set(self.limited, tier="hourly")
        self.password, ended = own.on(self.user), own.on(self.off)
        own.off(self.off)
        self.ending = threading.Event()
        self.log = []  # (when begun, when answered, (who, kind), answer)
        self.delivered = {self.user: [], self.limited: []}  # subjects
        webmail_password = own.webmail_password(self.user)
        people = [
            ("owner", "pop3", self.user, self.password),
            ("owner", "imap", self.user, self.password),
            ("owner", "smtp", self.user, self.password),
            ("stranger", "pop3", self.user, "wrong"),
            ("stranger", "imap", self.user, webmail_password),
            ("stranger", "smtp", new_account(), "wrong"),
            ("off", "pop3", self.off, ended),
            ("webmail", "imap", self.user, webmail_password, own.internal_address),
        ]
        senders = [("owner", self.user, self.password, 0.1),
                   ("limited", self.limited, own.on(self.limited), 0.2)]
        self.threads = [threading.Thread(target=act, args=person, daemon=True) for act, person in
                        [*((self.log_in, person) for person in people),
                         *((self.send, person) for person in senders)]]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_for_everybody(passes, 0)
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            # All but a login at SMTP that began when Redis was away: it may have 10 s to go.
            thread.join(3)

    def note(self, began, who, kind, answer):
        self.log.append((began, time.monotonic(), (who, kind), answer))

    def log_in(self, who, protocol, *words):
        while not self.ending.wait(0.3):
            began = time.monotonic()
            try:
                answer = log_in(self.own, protocol, *words)
            except (OSError, EOFError) as error:
                answer = repr(error)
            self.note(began, who, protocol, answer)

    def send(self, who, user, password, pause):
        """
        Numbered messages, until one is refused for good. One that is deferred is sent again, as
        mail programs do; Postfix hangs up on those who don't give up.
        """
        client, answer = sender(self.own, user, password), ""
        while not answer.startswith("550") and not self.ending.wait(pause):
            began = time.monotonic()
            number = len(self.delivered[user]) + 1
            try:
                sent = send(client, user, f"{number}")
            except smtplib.SMTPServerDisconnected:
                client = self.own.smtp()
                self.note(began, who, "smtp", smtp_login(client, user, password))
                continue
            answer = sent.answer
            if sent.accepted:
                self.delivered[user].append(number)
            elif answer.startswith("4"):
                self.ending.wait(1)
            self.note(began, who, "message", answer)
        hang_up(client)

    def answers(self, who, kind, since=0):
        """To all that was begun since then."""
        return [answer for began, _, name, answer in list(self.log)
                if name == (who, kind) and began >= since]

    def wait_for_everybody(self, wanted, since, kinds=tuple(KINDS)):
        """Until the owner has had the wanted answer everywhere."""
        for kind in kinds:
            wait_until(lambda k=kind: any(map(wanted, self.answers("owner", k, since))),
                       f"the owner's {kind}", 30)

    def check(self):
        """What holds whatever happened."""
        allowed = {
            "owner": lambda _, answer: passes(answer),
            "webmail": lambda _, answer: passes(answer),
            "stranger": lambda kind, answer: answer == GENERIC[kind],
            "off": lambda kind, answer: answer == access_off(kind, OFF),
            "limited": lambda _, answer: passes(answer) or answer.startswith("550 5.7.28"),
        }
        for _, _, (who, kind), answer in self.log:
            assert allowed[who](kind, answer) or \
                who != "webmail" and AWAY[kind].fullmatch(answer), (who, kind, answer)
        assert {(who, kind) for _, _, (who, kind), _ in self.log} >= \
            {("stranger", protocol) for protocol in PROTOCOLS} | {("off", "pop3")}
        assert len(self.delivered[self.limited]) <= 15
        for user, numbers in self.delivered.items():
            found = self.own.wait_for_mail(user, len(numbers))
            assert sorted(int(message["Subject"]) for message in found) == numbers


def postern_processes(own):
    """Dovecot's auth, the milter, and the masters of the rest."""
    auth = subprocess.run(["pgrep", "-x", "-P", str(own.dovecot_pid), "auth"], capture_output=True,
                          text=True, check=True).stdout.split()
    return own.dovecot_pid, *auth, own.milter_pid, own.postfix_pid


# The ways to be away. Each begins an outage, and returns what ends it.

def end_redis(own, number=signal.SIGTERM):
    pid = own.redis_pid
    os.kill(pid, number)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "Redis's end")
    if os.path.exists(own.redis_socket):
        os.unlink(own.redis_socket)


def freeze(own):
    os.kill(own.redis_pid, signal.SIGSTOP)

    def stands_still():
        with open(f"/proc/{own.redis_pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    wait_until(stands_still, "Redis to stand still")
    return lambda: os.kill(own.redis_pid, signal.SIGCONT)


def kill(own):
    # Otherwise a crash may cost the last second.
    own.redis().config_set("appendfsync", "always")
    end_redis(own, signal.SIGKILL)
    return lambda: own.restart("redis")


def restart_empty(own):
    """Until the postmaster puts the data back."""
    folder = f"{own.directory}/redis"
    end_redis(own)
    os.rename(f"{folder}/appendonlydir", f"{folder}/kept")
    own.restart("redis")
    assert own.redis().dbsize() == 0

    def put_back():
        end_redis(own)
        shutil.rmtree(f"{folder}/appendonlydir")
        os.rename(f"{folder}/kept", f"{folder}/appendonlydir")
        own.restart("redis")

    return put_back


FLUSH = """
local kept = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    table.insert(kept, { key, redis.call('DUMP', key) })
end
redis.call('FLUSHALL')
return kept
"""


def flush(own):
    client = redis.Redis(port=own.redis_port)
    kept = client.eval(FLUSH, 0)

    def put_back():
        with client.pipeline(transaction=True) as pipe:
            for key, value in kept:
                pipe.restore(key, 0, value)
            pipe.execute()

    return put_back


def mark_foreign(own):
    """With a format that isn't ours."""
    marks = list(own.redis().scan_iter("postern:*:mark"))
    ours, = set(own.redis().mget(marks))
    own.redis().mset(dict.fromkeys(marks, "2000"))
    return lambda: own.redis().mset(dict.fromkeys(marks, ours))


def forbid(own):
    def change(rule):
        for user in "postern", "postern-milter":
            own.redis().execute_command("ACL", "SETUSER", user, rule)

    change("-evalsha")
    return lambda: change("+evalsha")


def fill_up(own):
    own.redis().config_set("maxmemory", 1)
    return lambda: own.redis().config_set("maxmemory", 0)


def make_read_only(own):
    """As the old master is after a failover."""
    own.redis().replicaof("127.0.0.1", 1)
    return lambda: own.redis().replicaof("NO", "ONE")


def times_to_recover(own):
    """
    Returns a function that returns how many seconds it takes to get an answer again. What is
    measured is Postern: they are connected already, and POP3 and IMAP ask what Dovecot needs no
    further process for.
    """
    user, off = new_account("back"), new_account("off")
    own.set(user, tier="busy")
    password, ended = own.on(user), own.on(off)
    own.off(off)
    clients = {protocol: getattr(own, protocol)() for protocol in PROTOCOLS}
    clients["smtp"].ehlo()
    clients["message"] = sender(own, user, password)

    def recover(kind, began):
        client = clients[kind]
        if kind == "message":
            # Not too often: after twenty refusals Postfix hangs up.
            wait_until(lambda: send(client, user).accepted, "a message to pass", pause=0.05)
        elif kind == "smtp":
            answer = smtp_login(client, user, password)
            assert passes(answer), answer
        else:
            assert LOGINS[kind](client, off, ended) == access_off(kind, OFF)
        seconds = time.monotonic() - began
        hang_up(client)
        return seconds

    def measure():
        began = time.monotonic()
        return dict(zip(KINDS, together(recover, [(kind, began) for kind in KINDS])))

    return measure


@pytest.mark.parametrize("begin", [freeze, kill, restart_empty, flush, mark_foreign, forbid,
                                   fill_up, make_read_only])
def test_redis_away_under_load(own, begin):
    processes = postern_processes(own)
    with Load(own) as load:
        measure = times_to_recover(own)
        before = time.monotonic()
        end = begin(own)
        began = time.monotonic()
        load.wait_for_everybody(is_away, before)
        for kind in KINDS:
            assert not any(map(passes, load.answers("owner", kind, began))), kind
        end()
        seconds = measure()
        assert max(seconds.values()) < RECOVERY_SECONDS, seconds
        # A login at SMTP that began before the end may have 10 s of silence to go.
        load.wait_for_everybody(passes, time.monotonic(), ("pop3", "imap", "message"))
        wait_until(lambda: load.answers("limited", "message")[-1].startswith("550"), "the limit")
    load.check()
    assert postern_processes(own) == processes


def test_short_outage_is_waited_for(own, account):
    """Most outages are a failover: a login that comes meanwhile takes longer, and that is all."""
    own.set(account, tier="busy")
    password = own.on(account)
    end = freeze(own)
    timer = threading.Timer(2, end)
    timer.start()
    answers = together(log_in, [(own, protocol, account, password) for protocol in PROTOCOLS])
    assert timer.finished.is_set() and all(map(passes, answers)), answers


def test_nobody_notices_lost_scripts_and_connections(own):
    """Redis has forgotten the scripts after a failover; and it may close what is idle."""
    with Load(own) as load:
        for _ in range(5):
            own.redis().script_flush()
            load.wait_for_everybody(passes, time.monotonic())
            own.redis().client_kill_filter(_type="normal", skipme=True)
            load.wait_for_everybody(passes, time.monotonic())
    load.check()
    assert not [entry for entry in load.log if is_away(entry[3])]


def test_dovecot_stops_meanwhile(own, account):
    """Even then SMTP hears nothing that could pass for a wrong password."""
    password = own.on(account)
    client = own.smtp()
    client.ehlo()
    freeze(own)
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(LOGINS["smtp"](client, account, password)))
    waiting.start()
    own.wait_for_log("dovecot", f"account={account} protocol=smtp verdict=unavailable")
    os.kill(own.dovecot_pid, signal.SIGTERM)
    waiting.join()
    hang_up(client)
    assert AWAY["smtp"].fullmatch(answers[0]), answers


def test_site_may_let_messages_pass_uncounted(make_sandbox, account):
    """redis_unavailable = accept; what Redis knows still holds as soon as it is back."""
    own = make_sandbox({**TIERS, "milter": {"redis_unavailable": "accept"}})
    with sender(own, account, own.on(account)) as client:
        end = freeze(own)
        assert all(send(client, account, "uncounted").accepted for _ in range(7))
        end()
        wait_until(lambda: own.status(account)["status"] == "ok", "Redis")
        assert own.status(account)["sent_last_hour"] == 0
        wait_until(lambda: send(client, account).accepted and
                   own.status(account)["sent_last_hour"] > 0, "a message to count")
        own.off(account)
        assert send(client, account).answer.startswith("550 5.7.13")
    assert f"account={account} verdict=unavailable passed=yes" in own.log("milter")
    messages = own.wait_for_mail(account, 7, "uncounted")
    assert all(len(message.get_all("Postern-Trace")) == 1 for message in messages)


def test_milter_away(own, account):
    """Postfix then defers: nothing passes without limits."""
    password = own.on(account)
    with sender(own, account, password) as client:
        assert send(client, account, "1").accepted
        os.kill(own.milter_pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{own.milter_pid}"), "the milter's end")
        assert send(client, account, "2").answer.startswith("451 4.7.1 ")
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        own.smtp()
    assert 400 <= refused.value.smtp_code < 500
    own.restart("milter")
    with sender(own, account, password) as client:
        assert all(send(client, account, f"{number}").accepted for number in range(2, 6))
        assert send(client, account).answer.startswith("450 4.7.28 ")
    assert sorted(message["Subject"] for message in own.wait_for_mail(account, 5)) == list("12345")


# A Redis that is none

class Nonsense:
    """A sandbox whose Redis is a FakeRedis, and everybody connected who is going to ask it."""

    def __init__(self, own, user, password):
        self.own, self.user, self.password = own, user, password
        self.waiting = []
        self.client = sender(own, user, password)

    def ask(self):
        """
        A login in each protocol, and a message: all have to be told that something is away. SMTP
        AUTH takes Postfix 10 s, so it is looked at in the end.
        """
        smtp = self.own.smtp()
        smtp.ehlo()
        answers = []
        thread = threading.Thread(target=lambda: (
            answers.append(LOGINS["smtp"](smtp, self.user, self.password)), hang_up(smtp)))
        thread.start()
        self.waiting.append((thread, answers))
        told = together(log_in, [(self.own, protocol, self.user, self.password)
                                 for protocol in ("pop3", "imap")])
        told.append(send(self.client, self.user).answer)
        for kind, answer in zip(("pop3", "imap", "message"), told):
            assert AWAY[kind].fullmatch(answer), (kind, answer)

    def finish(self):
        for thread, answers in self.waiting:
            thread.join()
            assert AWAY["smtp"].fullmatch(answers[0]), answers
        hang_up(self.client)


@pytest.fixture
def nonsense(own, account):
    """Ends with the real Redis back, and all as before."""
    own.set(account, tier="busy")
    password = own.on(account)
    asking = Nonsense(own, account, password)
    processes = postern_processes(own)
    end_redis(own)
    yield asking
    asking.finish()
    own.restart("redis")
    for protocol in PROTOCOLS:
        assert passes(log_in(own, protocol, account, password))
    with sender(own, account, password) as client:
        assert send(client, account, "back").accepted
    assert [message["Subject"] for message in own.wait_for_mail(account)] == ["back"]
    assert postern_processes(own) == processes
    for part in "dovecot", "milter":
        assert not re.search("Panic|Fatal|Sanitizer|runtime error|killed with signal",
                             own.log(part))
        assert "forged" not in re.sub('"[^"]*"', "", own.log(part))


ALLOW = b"*1\r\n$5\r\nallow\r\n"


@pytest.mark.parametrize("behaviours", [
    [{"greeting": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, {"script_answer": b"\0\xff\xfe\r\n" * 99},
     # All answers would be taken for those to the call before.
     {"greeting": b"+OK ready\r\n", "script_answer": ALLOW}],
    [{"script_answer": ALLOW[:-4]}, {"script_answer": ALLOW[:-4], "closes": True},
     {"closes": True}],
    [{"script_answer": b'-ERR " verdict=forged "\r\n'}, {"script_answer": b"-NOSCRIPT\r\n"},
     {"greeting": b"-ERR max number of clients reached\r\n"}],
], ids=["noise", "halves", "errors"])
def test_redis_talks_nonsense(nonsense, behaviours):
    with FakeRedis(nonsense.own) as fake:
        for behaviour in behaviours:
            fake.behave(**behaviour)
            nonsense.ask()
        nonsense.finish()


WRONG_ANSWERS = [
    b":1\r\n", b"+allow\r\n", b"$5\r\nallow\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n",
    b"*1\r\n:1\r\n", b"*1\r\n$-1\r\n", b"*1\r\n+allow\r\n", b"*1\r\n$0\r\n\r\n",
    b"*1\r\n*1\r\n$5\r\nallow\r\n", b"*1\r\n$6\r\nallow \r\n", b"*1\r\n$6\r\nallow\0\r\n",
    b"*1\r\n$7\r\nperhaps\r\n", b"*1\r\n$3\r\noff\r\n", b"*2\r\n$3\r\noff\r\n:1\r\n",
    b"*2\r\n$3\r\noff\r\n$6\r\nforged\r\n",
    b'*2\r\n$11\r\nunavailable\r\n$17\r\n" verdict=forged\n\r\n',
]


def test_redis_gives_wrong_answers(nonsense):
    """None of them is a verdict, so each is "don't know"."""
    with FakeRedis(nonsense.own) as fake:
        fake.behave()
        for answer in WRONG_ANSWERS:
            fake.script_answer = answer
            nonsense.ask()
        nonsense.finish()


def test_redis_says_more_than_it_was_asked(own, account):
    """What comes unasked is nobody's answer; least of all the next caller's."""
    password = own.on(account)
    client = sender(own, account, password)
    processes = postern_processes(own)
    end_redis(own)
    with FakeRedis(own) as fake:
        fake.behave(script_answer=b"*1\r\n$14\r\nwrong-password\r\n" + ALLOW)
        for _ in range(5):
            assert log_in(own, "pop3", account, password) == GENERIC["pop3"]
        fake.behave(script_answer=b"*1\r\n$7\r\nblocked\r\n" + ALLOW)
        for _ in range(5):
            assert send(client, account).answer.startswith("550 5.7.1 ")
    hang_up(client)
    assert postern_processes(own) == processes
