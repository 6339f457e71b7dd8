"""
What Postern's users of Redis may do: what Postern does, and no more. The sample's lists are
compared with what Redis saw while Postern did all that it does. And the milter gets on without
giving Redis a script.
"""

import os
import re
import signal
import socket
import threading

import pytest
import redis

from bounces import bring, dsn
from conftest import SOURCE, new_account, wait_until
from doors import http
from logins import pop3_login, smtp_login
from milter_client import CONTINUE, MilterClient, inserted, reply_text
from notice_return import DISCARD, internal_bounce, sealed_sender
from script_site import FORMAT, script_text
from test_accounts import put, record, switched_on

SAMPLE = os.path.join(SOURCE, "packaging", "examples", "redis.conf")
POSTERN, MILTER = "postern", "postern-milter"
# Nothing without their second word.
CONTAINERS = ("script", "xgroup", "xinfo")
# An account whose name is too long for a trace header.
LONG = "a" * 60

SETTINGS = {
    "worker": {"notice_lease": "1s", "sweep_interval": "1s", "sendmail": "/bin/true"},
    "tier often": {"messages_per_minute": "unlimited", "messages_per_hour": "1000",
                   "protocols": "pop3 smtp"},
    "tier few": {"messages_per_minute": "unlimited", "messages_per_hour": "2"},
}


# The sample

def user_line(name):
    with open(SAMPLE, encoding="ascii") as file:
        line, = re.findall(rf"^user {name} on (.*)$", file.read(), re.MULTILINE)
    return line


def commands_of(rules):
    return {word[1:] for word in rules.split() if word[0] == "+"}


def kind_of(key):
    """"account" for postern:{17}:account:NAME."""
    return re.fullmatch(r"postern:\{(?:\d+|\*)\}:([a-z]+)(?::.*)?", key)[1]


def milter_pairs():
    """(command, kind of key) of the brackets, and (command, "") of what needs no key of its own."""
    line = user_line(MILTER)
    whole = re.sub(r"\(.*?\)", "", line)
    pairs = {(command, "") for command in commands_of(whole)}
    for pattern, rules in re.findall(r"\(%?R?~(\S+) (.*?)\)", line):
        pairs |= {(command, kind_of(pattern)) for command in commands_of(rules)}
    return pairs


def milter_kinds():
    """The kinds of keys that it may name to a script."""
    whole = re.sub(r"\(.*?\)", "", user_line(MILTER))
    return {kind_of(word[1:]) for word in whole.split() if word[0] == "~"}


# What Redis saw

class Monitor:
    """Collects what Redis runs for programs and scripts. The tests' own clients come over TCP."""

    LINE = re.compile(r'\+[\d.]+ \[\d+ (lua|unix:\S+)\] (".*")')

    def __init__(self, sandbox):
        self.redis = sandbox.redis()
        self.socket = socket.create_connection(("127.0.0.1", sandbox.redis_port))
        self.socket.sendall(b"MONITOR\r\n")
        self.bytes = b""
        self.thread = threading.Thread(target=self.read)

    def read(self):
        while piece := self.socket.recv(65536):
            self.bytes += piece

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: b"+OK" in self.bytes, "MONITOR to begin")
        return self

    def __exit__(self, *_):
        self.redis.echo("that was all")
        wait_until(lambda: b"that was all" in self.bytes, "MONITOR to tell all")
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()

    def calls(self):
        """(from a script?, command, first key or "")"""
        for line in self.bytes.decode("latin-1").split("\r\n"):
            if found := self.LINE.fullmatch(line):
                words = re.findall(r'"((?:\\.|[^"\\])*)"', found[2])
                command = words[0].lower()
                if command == "auth":
                    continue  # for which no right is needed
                if command in CONTAINERS:
                    command += "|" + words[1].lower()
                keys = [word for word in words[1:] if word.startswith("postern:{")]
                yield found[1] == "lua", command, keys[0] if keys else ""

    def commands(self):
        return {command for _, command, _ in self.calls()}

    def pairs(self):
        """As milter_pairs(): what runs a script needs no key of its own."""
        return {(command, kind_of(key) if key and command != "evalsha" else "")
                for _, command, key in self.calls()}


def refused(sandbox):
    """What Redis's ACLs have refused so far."""
    return [(entry["username"], entry["context"], entry["object"])
            for entry in sandbox.redis().acl_log()]


# The user of Dovecot, doveadm and the worker

@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox(SETTINGS, ["--no-penalty", "--redis-auth"], worker=True)


def use_the_commands(own):
    user, other = new_account("commands"), new_account("other")
    own.doveadm("postern", "init")
    own.doveadm("postern", "check")
    password = own.on(user)
    own.set(user, tier="paid", hold="1d")
    own.doveadm("postern", "password", "add", "--label", "x", "--expires", "1d", user)
    own.doveadm("postern", "password", "revoke", "--number", "1", user)
    own.doveadm("postern", "password", "list", user)
    own.status(user)
    own.doveadm("postern", "history", user)
    own.doveadm("postern", "list")
    own.doveadm("postern", "export", user, formatter="flow")
    put(own, record(other, tier="paid"), switched_on(other, 3, seen__pop3="5 192.0.2.1 x 1"))
    own.doveadm("postern", "sweep", "--dry-run")
    own.doveadm("postern", "system")
    for _ in range(7):
        own.on(other) if own.status(other)["access"] != "enabled" else None
        own.off(other)
    own.doveadm("postern", "password-changed", other)
    assert http(own, ["posternStatus", {"users": user}])[0][0] == "doveadmResponse"
    return user, password


def log_in(own):
    user = new_account("login")
    password = own.on(user)
    assert pop3_login(own.pop3(), user, password).startswith("+OK")
    for word in "one", "two":
        pop3_login(own.pop3(), user, word)
    assert smtp_login(own.smtp(), user, password).startswith("235")
    own.off(user)
    pop3_login(own.pop3(), user, password)
    assert own.doveadm("postern", "erase", user)[0]["status"] == "erased"


def let_the_worker_work(own):
    """It takes over a notice that another one has had for too long."""
    user = new_account("worker")
    own.on(user)
    stream, = [key for key in own.redis().scan_iter("postern:*:outbox")
               if user in str(own.redis().xrange(key))]

    def pending():
        found = own.redis().xinfo_groups(stream)
        return found[0]["pending"] if found else None

    wait_until(lambda: pending() == 0, "the first notice to be sent")
    os.kill(own.worker_pid, signal.SIGSTOP)
    own.off(user)
    assert own.redis().xreadgroup("notices", "gone:1:1", {stream: ">"})
    assert pending() == 1
    os.kill(own.worker_pid, signal.SIGCONT)
    wait_until(lambda: pending() == 0, "the other one's notice to be sent", 60)
    return stream


def ask_what_waits(own):
    """A notice that waits for the hosts, which a worker would look at in a moment."""
    held = "postern:{5}:held"
    os.kill(own.worker_pid, signal.SIGSTOP)
    own.redis().zadd(held, {"1-1": 1})
    own.doveadm("postern", "system")
    own.redis().zrem(held, "1-1")
    os.kill(own.worker_pid, signal.SIGCONT)


def forget_a_worker(own, stream):
    """What takes an hour, by the same script with another hour."""
    text = script_text("claim").replace("local KEPT = 3600 * 1000", "local KEPT = -1")
    prefix = stream.rpartition(":")[0]
    keys = [f"{prefix}:{kind}" for kind in ("mark", "outbox", "held", "looks", "ended")]
    client = redis.Redis(port=own.redis_port, username=POSTERN, password=own.redis_password,
                         decode_responses=True)
    answer = client.evalsha(client.script_load(text), len(keys), *keys, FORMAT, "me:1:1", 100000,
                            1, "")
    assert answer[0] == "done"
    assert "gone:1:1" not in [one["name"] for one in own.redis().xinfo_consumers(stream, "notices")]


def test_postern_runs_what_it_is_allowed_and_no_more(own):
    with Monitor(own) as monitor:
        own.restart("worker")
        # Redis knows no script after a restart.
        own.redis().script_flush()
        user, _ = use_the_commands(own)
        log_in(own)
        stream = let_the_worker_work(own)
        forget_a_worker(own, stream)
        ask_what_waits(own)
        # An empty Redis is told from one of another version.
        own.redis().delete("postern:{5}:mark")
        assert own.run_doveadm("postern", "system").returncode != 0
        own.doveadm("postern", "init")
        own.doveadm("postern", "erase", user)
    assert refused(own) == []
    allowed = commands_of(user_line(POSTERN))
    seen = monitor.commands()
    assert seen == allowed, (f"allowed and not used: {sorted(allowed - seen)}; "
                             f"used and not allowed: {sorted(seen - allowed)}")
    # With its own user's rights, that is.
    line, = [line for line in own.redis().acl_list() if line.startswith(f"user {POSTERN} ")]
    assert " ~postern:* " in line and "+@all" not in line


@pytest.mark.parametrize("command", [
    ["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"], ["EVAL", "return 1", "0"], ["FLUSHALL"],
    ["FLUSHDB"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["ACL", "LIST"], ["BGREWRITEAOF"],
    ["CLIENT", "LIST"], ["SHUTDOWN"], ["SAVE"], ["MONITOR"], ["GET", "other"],
    ["SUBSCRIBE", "postern:x"], ["SCRIPT", "KILL"], ["REPLICAOF", "NO", "ONE"],
    ["MIGRATE", "127.0.0.1", "1", "postern:x", "0", "1"], ["DUMP", "postern:{1}:mark"],
])
@pytest.mark.parametrize("user", [POSTERN, MILTER])
def test_what_they_may_not(make_module_sandbox, shared_with_users, user, command):
    client = shared_with_users[user]
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


@pytest.fixture(scope="module", name="shared_with_users")
def fixture_shared_with_users(make_module_sandbox):
    own = make_module_sandbox(options=["--redis-auth"])
    return {name: redis.Redis(port=own.redis_port, username=name, password=password)
            for name, password in ((POSTERN, own.redis_password),
                                   (MILTER, own.milter_redis_password))}


# The milter's

@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty", "--redis-auth"])


def new_sender(box, local_part=None, **changes):
    user = new_account("sender") if local_part is None else f"{local_part}@example.test"
    box.on(user)
    if changes:
        box.set(user, **changes)
    return user


def switched_on_often(box):
    """An account with more ended app passwords than are remembered, and a use of each."""
    user = new_account("often-on")
    for _ in range(7):
        password = box.on(user)
        pop3_login(box.pop3(), user, password)
        box.off(user)
    box.on(user)
    return user


@pytest.fixture(name="users")
def fixture_users(box):
    users = {"usual": new_sender(box), "often": new_sender(box, tier="often"),
             "long": new_sender(box, LONG), "limited": switched_on_often(box),
             "blocked": new_sender(box, sending="blocked"), "off": new_account("off"),
             "expiring": new_sender(box), "unmarked": new_sender(box), "full": new_sender(box)}
    box.off(users["full"])
    box.set(users["limited"], tier="few")
    box.doveadm("postern", "password", "add", "--expires", "1s", users["expiring"])
    wait_until(lambda: "expired" in str(box.doveadm("postern", "password", "list",
                                                    users["expiring"])), "a password to expire")
    return users


def session(box):
    client = MilterClient(box.milter_socket).negotiate()
    client.connect()
    return client


def answers(box, user, count=1):
    """(code, text, header changes) for each message of one connection."""
    with session(box) as client:
        return [client.message(user, os.urandom(8).hex()) for _ in range(count)]


def text_of(answer):
    return reply_text(answer[1])


def refuse_the_notice(box, user):
    """Its mailbox does, when access has gone off."""
    stream, = [key for key in box.redis().scan_iter("postern:*:outbox")
               if user in str(box.redis().xrange(key))]
    entry = [entry for entry, fields in box.redis().xrange(stream)
             if (fields["event"], fields["account"]) == ("off", user)][-1]
    number = re.search(r"\{(\d+)\}", stream)[1] + "." + entry
    assert internal_bounce(box, sealed_sender(box, user, number), dsn(None, user)) == DISCARD


def go_all_ways(box, users):
    """Each way that the milter's scripts go."""
    sent = answers(box, users["usual"], 6)
    assert [code for code, *_ in sent[:5]] == [CONTINUE] * 5
    assert text_of(sent[5]).startswith("450 4.7.28")
    assert {code for code, *_ in answers(box, users["often"], 150)} == {CONTINUE}
    assert [code for code, *_ in answers(box, users["expiring"])] == [CONTINUE]
    sent = answers(box, users["limited"], 3)
    assert text_of(sent[2]).startswith("550 5.7.28")
    for name in "off", "blocked":
        assert "5.7.1" in text_of(answers(box, users[name])[0])
    (_, _, changes), = answers(box, users["long"])
    bring(box, dsn(inserted(changes)[0][1], "nobody@remote.test"), users["long"])
    box.wait_for_log("milter", f"bounce=genuine account={users['long']}")
    refuse_the_notice(box, users["full"])
    key, = box.redis().scan_iter(f"postern:*:account:{users['unmarked']}")
    mark = key.split("account")[0] + "mark"
    box.redis().delete(mark)
    assert text_of(answers(box, users["unmarked"])[0]).startswith("451 4.3.0")
    box.redis().set(mark, FORMAT)


def test_milter_runs_what_it_is_allowed_and_no_more(box, users):
    """Nothing but the milter talks to Redis meanwhile: no worker runs, and nobody logs in."""
    with Monitor(box) as monitor:
        box.restart("milter")
        go_all_ways(box, users)
    assert refused(box) == []
    seen, allowed = monitor.pairs(), milter_pairs()
    assert seen == allowed, (f"allowed and not used: {sorted(allowed - seen)}; "
                             f"used and not allowed: {sorted(seen - allowed)}")
    assert milter_kinds() == {kind for _, kind in allowed} - {""}
    assert box.status(users["limited"])["reason"] == "send-limit"


# Scripts that others give Redis

def restart_redis(box):
    box.restart("redis")


def wait_until_sent(box, user, seconds=2):
    """After trouble with Redis the milter asks again in a moment."""
    wait_until(lambda: answers(box, user)[0][0] == CONTINUE, "a message to pass", seconds, 0.1)


def flush_scripts(box):
    box.redis().script_flush()


@pytest.mark.parametrize("lose", [flush_scripts, restart_redis])
def test_milter_borrows_scripts_of_a_login(box, lose):
    """Without them a message is deferred; any login gives Redis what the milter needs."""
    user = new_sender(box)
    other = new_account("other")
    password = box.on(other)
    wait_until_sent(box, user)
    lose(box)
    assert text_of(answers(box, user)[0]).startswith("451 4.3.0")
    # On a busy machine the first to fail may have waited for Redis itself.
    wait_until(lambda: (answers(box, user), "has no script send yet" in box.log("milter"))[1],
               "the milter to say so", 20, 0.1)
    assert pop3_login(box.pop3(), other, password).startswith("+OK")
    wait_until_sent(box, user)
    assert refused(box) == []


def test_milter_borrows_scripts_of_doveadm(box):
    """With the first script that Redis has to be given."""
    user = new_sender(box)
    wait_until_sent(box, user)
    flush_scripts(box)
    box.doveadm("postern", "init")
    assert answers(box, user)[0][0] == CONTINUE


@pytest.mark.parametrize("lose", [flush_scripts, restart_redis])
def test_milter_borrows_scripts_of_the_worker(own, lose):
    """Nobody logs in: a worker gives Redis the scripts within seconds, before it asks for them."""
    user = new_sender(own)
    wait_until_sent(own, user)
    lose(own)
    wait_until_sent(own, user, 15)
    assert refused(own) == []


def test_milter_waits_for_a_script(box):
    """Within its timeout: a message that comes while Redis is being given the script passes."""
    user = new_sender(box)
    wait_until_sent(box, user)
    flush_scripts(box)
    timer = threading.Timer(0.4, lambda: box.doveadm("postern", "init"))
    timer.start()
    try:
        assert answers(box, user)[0][0] == CONTINUE
    finally:
        timer.join()
