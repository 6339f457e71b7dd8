"""
postern-milter at the level of its own protocol: what it asks an MTA for, what it answers, and what
it makes of peers that no MTA would be. Sending through Postfix is tested elsewhere.
"""

import os
import random
import re
import signal
import struct
import subprocess
import time

import pytest

from conftest import SOURCE, wait_until
from milter_client import (ACCEPT, ALL_ACTIONS, ALL_STEPS, CONTINUE, NO_REPLY_CONNECT,
                           NO_REPLY_HEADER, REPLY, Gone,
                           MilterClient, inserted, removed, reply_text)

PROGRAM = os.path.join(os.environ.get("POSTERN_BUILD", SOURCE), "milter", "postern-milter")

TRACE = "Postern-Trace"
EX_UNAVAILABLE, EX_USAGE, EX_CONFIG = 69, 64, 78


class LateClient:
    """A MilterClient that connects from outside when it first has something to say (A3)."""

    def __init__(self, path):
        self.path, self.client = path, None

    def __getattr__(self, name):
        if self.client is None:
            self.client = MilterClient(self.path)
            self.client.negotiate()
            assert self.client.connect() is None
        return getattr(self.client, name)

    def close(self):
        if self.client is not None:
            self.client.socket.close()


@pytest.fixture
def client(sandbox):
    """A session from outside, ready for MAIL, which begins after what the test does first."""
    milter = LateClient(sandbox.milter_socket)
    yield milter
    milter.close()


def milter_lines(box, account):
    return [line for line in box.log("milter").splitlines() if f"account={account} " in line]


def refusal(answer):
    code, data = answer[:2]
    assert code == REPLY, answer
    return reply_text(data)


# What it asks for

def test_asks_for_no_more_than_it_needs(sandbox):
    with MilterClient(sandbox.milter_socket) as milter:
        milter.negotiate()
        add_headers, change_headers, change_sender = 0x01, 0x10, 0x40
        assert milter.actions == add_headers | change_headers | change_sender
        no_helo, no_eoh, no_unknown, no_data, skip = 0x02, 0x40, 0x100, 0x200, 0x400
        assert milter.steps == (no_helo | no_eoh | no_unknown | no_data | skip
                                | NO_REPLY_CONNECT | NO_REPLY_HEADER)


def test_mta_that_knows_no_silence(sandbox, account):
    """An MTA of version 2 waits for an answer to each header."""
    sandbox.on(account)
    with MilterClient(sandbox.milter_socket) as milter:
        milter.negotiate(steps=0x7F, version=2)
        assert not milter.steps & NO_REPLY_HEADER
        milter.connect()
        milter.mail(account)
        milter.rcpt()
        assert milter.header("Subject", "hello") == (CONTINUE, b"")
        assert milter.end("OLD")[0] == CONTINUE


def test_mta_that_lets_no_header_change(sandbox):
    with MilterClient(sandbox.milter_socket) as milter, pytest.raises(Gone):
        milter.negotiate(actions=ALL_ACTIONS & ~0x10)


# Whose mail it is

@pytest.mark.parametrize("address, internal", [
    ("192.0.2.1", False), ("2001:db8::1", False), ("127.0.0.1", False), (None, False),
    ("127.0.0.3", True), ("::ffff:127.0.0.3", True),
])
def test_a5_internal_networks_pass(sandbox, account, address, internal):
    """Access is off: from outside that is refused, and from inside nobody asks."""
    with MilterClient(sandbox.milter_socket) as milter:
        milter.negotiate().connect(address)
        code, text = milter.mail(account)
        assert code == (ACCEPT if internal else REPLY)
        assert internal or reply_text(text).startswith("550 5.7.13 ")


def test_an_mta_that_wants_a_reply_to_connect_gets_one(sandbox, account):
    sandbox.on(account)
    with MilterClient(sandbox.milter_socket) as milter:
        milter.negotiate(steps=ALL_STEPS & ~NO_REPLY_CONNECT)
        assert milter.connect() == (CONTINUE, b"")
        assert milter.mail(account)[0] == CONTINUE


@pytest.mark.parametrize("login", [None, ""])
def test_mail_without_login_passes(client, login):
    assert client.mail(login) == (ACCEPT, b"")


@pytest.mark.parametrize("login", [
    b"a b@example.test", b"*", b"\"a\"@example.test", b"a@b@example.test", b"x\r\nverdict=allow",
    b"a account=b", b"\x7f\x1b[2J", "žan@example.test".encode(), b"\xff\xfe", b"a" * 255,
    b"a" * 10000,
], ids=lambda login: repr(login)[:20])
def test_login_that_is_no_account(sandbox, client, login):
    assert refusal(client.mail(login)) == "550 5.7.1 This login is not an account on this site"
    assert client.mail(None) == (ACCEPT, b"")
    for line in sandbox.log("milter").splitlines():
        assert re.fullmatch(r"postern-milter: [ -~]{1,900}", line), line
        assert " account=b " not in line


def test_login_is_folded_and_completed(sandbox, client, account):
    sandbox.on(account)
    assert client.message(f" {account.split('@')[0].upper()} ", "FOLD")[0] == CONTINUE
    assert "queue_id=FOLD" in milter_lines(sandbox, account)[-1]


# What is charged

def test_several_messages_on_one_connection(sandbox, client, account):
    sandbox.on(account)
    for number in range(5):
        assert client.message(account, f"MANY{number}", recipients=2)[0] == CONTINUE
    sixth = refusal(client.message(account, "MANY5"))
    assert re.match(r"450 4\.7\.28 .* (60|[1-5]?[0-9]) seconds", sixth)
    lines = milter_lines(sandbox, account)
    assert lines[0].endswith("verdict=allow recipients=2 queue_id=MANY0 client=192.0.2.1")
    assert "verdict=defer limit=5 wait=" in lines[5]


def test_what_is_broken_off_costs_nothing(sandbox, client, account):
    sandbox.on(account)
    for _ in range(10):
        client.mail(account)
        client.rcpt()
        client.header("Subject", "never mind")
        client.abort()
    for _ in range(10):  # a second MAIL without an end, and connections that just break
        with MilterClient(sandbox.milter_socket) as other:
            other.negotiate()
            other.connect()
            other.mail(account)
            other.mail(account)
            other.rcpt()
    assert all(client.message(account, f"DONE{i}")[0] == CONTINUE for i in range(5))
    assert refusal(client.message(account, "DONE5")).startswith("450 ")


def test_the_queue_id_makes_a_repeat_harmless(sandbox, client, account):
    sandbox.on(account)
    for _ in range(4):
        assert client.message(account, "SAME")[0] == CONTINUE
    assert all(client.message(account, f"OTHER{i}")[0] == CONTINUE for i in range(4))
    assert refusal(client.message(account, "OTHER4")).startswith("450 ")


def test_messages_without_queue_id_are_told_apart(sandbox, client, account):
    sandbox.on(account)
    assert all(client.message(account, None)[0] == CONTINUE for _ in range(5))
    assert refusal(client.message(account, None)).startswith("450 ")


def test_recipients_do_not_carry_over(sandbox, client, account):
    sandbox.on(account)
    client.mail(account)
    for _ in range(7):
        client.rcpt()
    client.abort()
    client.message(account, "FRESH", recipients=1)
    assert "recipients=1 queue_id=FRESH" in milter_lines(sandbox, account)[-1]


# The trace header (B1)

def test_trace_is_put_in_and_what_was_brought_is_taken_out(sandbox, client, account):
    sandbox.on(account)
    headers = [("Subject", "x"), (TRACE, "A" * 83), ("postern-trace", ""),
               ("X-Postern-Trace", "no"), ("POSTERN-TRACE ", "spaced"),
               (TRACE, b"\xff\r\n folded")]
    code, _, changes = client.message(account, "TRACE", headers=headers)
    assert code == CONTINUE
    assert removed(changes) == [(TRACE, place) for place in (4, 3, 2, 1)]
    ((name, value),) = inserted(changes)
    assert name == TRACE and re.fullmatch(r"[A-Za-z0-9_-]{83}", value)
    assert len(f"{name}: {value}\r\n") <= 100
    code, _, changes = client.message(account, "NEXT")
    assert code == CONTINUE and removed(changes) == []
    assert inserted(changes)[0][1] != value


def test_too_many_traces(sandbox, client, account):
    sandbox.on(account)
    answer = client.message(account, "CROWD", headers=[(TRACE, "x")] * 51)
    assert refusal(answer).startswith("550 5.7.1 ")
    assert client.message(account, "FIFTY", headers=[(TRACE, "x")] * 50)[0] == CONTINUE


def test_big_headers(sandbox, client, account):
    """Postfix cuts a header at 100 KB, which is more than libmilter takes by itself."""
    sandbox.on(account)
    headers = [("X-Big", b"\xff" * 102400), (TRACE, b"y" * 102400), ("X" * 1000, "z")]
    code, _, changes = client.message(account, "BIG", headers=headers)
    assert code == CONTINUE and len(removed(changes)) == 1
    with MilterClient(sandbox.milter_socket) as other, pytest.raises(Gone):
        other.negotiate()
        other.connect()
        other.mail(account)
        other.rcpt()
        other.header("X-Big", "x" * (1 << 20))
        other.end("HUGE")
    assert client.message(account, "AFTER")[0] == CONTINUE


# Peers that speak nonsense

def packet(command, contents=b""):
    return struct.pack(">I", len(contents) + 1) + command + contents


OPTIONS = packet(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
CONNECT = packet(b"C", b"client\x004\x12\x34192.0.2.1\0")
LOGIN = packet(b"D", b"M{auth_authen}\0nobody@example.test\0")

NONSENSE = {
    "nothing": b"",
    "noise": random.Random(1).randbytes(20000),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a packet of 4 GB": b"\xff\xff\xff\xff" + b"M" * 1000,
    "a packet of no size": b"\0\0\0\0" * 10,
    "half a packet": OPTIONS + CONNECT + LOGIN + b"\0\0\0\x40M<half",
    "half a length": OPTIONS + b"\0\0",
    "short options": packet(b"O", b"\0\0"),
    "options of version 1": packet(b"O", struct.pack(">III", 1, 0x1FF, 0)),
    "options twice": OPTIONS * 2,
    "an unknown command": OPTIONS + packet(b"z", b"what"),
    "no options": CONNECT + packet(b"M", b"<a@b>\0"),
    "an address that is none": OPTIONS + packet(b"C", b"client\x004\x12\x34999.1.2.3\0"),
    "an address without end": OPTIONS + packet(b"C", b"client"),
    "MAIL before connect": OPTIONS + LOGIN + packet(b"M", b"<a@b>\0"),
    "MAIL without contents": OPTIONS + CONNECT + packet(b"M"),
    "RCPT before MAIL": OPTIONS + CONNECT + packet(b"R", b"<a@b>\0"),
    "end before MAIL": OPTIONS + CONNECT + packet(b"E"),
    "header before MAIL": OPTIONS + CONNECT + packet(b"L", b"Postern-Trace\0x\0"),
    "header without value":
        OPTIONS + CONNECT + LOGIN + packet(b"M", b"<a@b>\0") + packet(b"L", b"A\0"),
    "macros without end": OPTIONS + CONNECT + packet(b"D", b"M{auth_authen}"),
    "macros of no stage": OPTIONS + CONNECT + packet(b"D"),
    "connect twice": OPTIONS + CONNECT * 2 + LOGIN + packet(b"M", b"<a@b>\0"),
    "a new connection in the old one": OPTIONS + (CONNECT + packet(b"K")) * 20 + CONNECT,
    "abort at any time": (OPTIONS + packet(b"A") + CONNECT + packet(b"A")) * 3,
}


@pytest.mark.parametrize("bytes_sent", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_harms_nobody(sandbox, client, account, bytes_sent):
    sandbox.on(account)
    with MilterClient(sandbox.milter_socket) as peer:
        try:
            peer.send_raw(bytes_sent)
        except Gone:
            pass
        assert client.message(account, "WHILE")[0] == CONTINUE
    assert client.message(account, "AFTER")[0] == CONTINUE
    os.kill(sandbox.milter_pid, 0)


# The process

def write_settings(folder, **changes):
    """Settings of a milter of the test's own, which finds no Redis."""
    settings = {"socket": f"{folder}/milter.sock", "socket_group": "root", "user": ""} | changes
    keys = "".join(f"[{name}-keys]\n1 = {'5a' * 32}\n" for name in ("trace", "refusal"))
    (folder / "secrets.milter").write_text(keys, encoding="ascii")
    (folder / "secrets.milter").chmod(0o600)
    lines = ["[postern]", "help_url = https://help.example.test/", "default_domain = example.test",
             f"secrets = {folder}/secrets", "[redis]", f"address = unix:{folder}/redis.sock",
             "[milter]", *(f"{name} = {value}" for name, value in settings.items())]
    path = folder / "postern.conf"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


def run_milter(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=20,
                          check=False)


class OwnMilter:
    """A milter started by the test. It logs to FOLDER/log."""

    def __init__(self, folder, **changes):
        self.folder = folder
        self.settings = write_settings(folder, **changes)
        self.path = str(folder / "milter.sock")
        self.process = None

    def __enter__(self):
        with open(self.folder / "log", "w", encoding="ascii") as log:
            self.process = subprocess.Popen([PROGRAM, "-f", "-c", self.settings], stderr=log)
        self.wait_for_log("started")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def log(self):
        return (self.folder / "log").read_text(encoding="ascii")

    def wait_for_log(self, words, count=1):
        wait_until(lambda: self.log().count(words) >= count, f"'{words}' in the log")

    def signal(self, number):
        self.process.send_signal(number)


def test_check(tmp_path):
    path = write_settings(tmp_path)
    done = run_milter("--check", "-c", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: OK\n")
    assert not os.path.exists(tmp_path / "milter.sock")


@pytest.mark.parametrize("changes", [
    {"redis_unavailable": "maybe"}, {"no_such_key": "1"}, {"socket": ""},
])
def test_check_finds_mistakes(tmp_path, changes):
    path = write_settings(tmp_path, **changes)
    for words in ["--check"], ["--foreground"]:
        done = run_milter("-c", path, *words)
        assert done.returncode == EX_CONFIG
        assert re.fullmatch(r"postern-milter: error: .*postern\.conf:\d+: .*\n", done.stderr)


def test_command_line_mistakes(tmp_path):
    for words in ["--no-such-option"], ["word"], ["-c"]:
        assert run_milter(*words).returncode == EX_USAGE
    assert run_milter("-c", tmp_path / "absent", "--check").returncode == EX_CONFIG
    assert re.fullmatch(r"postern-milter \d+\.\d+\.\d+\n", run_milter("--version").stdout)


@pytest.mark.parametrize("changes", [
    {"socket": "/nonexistent/milter.sock"}, {"socket_group": "no-such-group"},
    {"socket": "/tmp/" + "x" * 103},
])
def test_socket_that_can_not_be_opened(tmp_path, changes):
    done = run_milter("-f", "-c", write_settings(tmp_path, **changes))
    assert done.returncode in (EX_UNAVAILABLE, EX_CONFIG) and done.stderr.count("\n") == 1


def test_socket(tmp_path):
    """Ours alone to take: not somebody else's, and not what is not a socket."""
    with OwnMilter(tmp_path) as milter:
        assert os.stat(milter.path).st_mode & 0o777 == 0o660
        second = run_milter("-f", "-c", milter.settings)
        assert second.returncode == EX_UNAVAILABLE
        assert "another process is listening" in second.stderr
        MilterClient(milter.path).negotiate()
        milter.signal(signal.SIGKILL)  # leaves the socket behind
        milter.process.wait()
    with OwnMilter(tmp_path) as milter:
        MilterClient(milter.path).negotiate()
        milter.signal(signal.SIGTERM)
        assert milter.process.wait(10) == 0
        assert not os.path.exists(milter.path)
    (tmp_path / "milter.sock").write_text("precious", encoding="ascii")
    assert run_milter("-f", "-c", milter.settings).returncode == EX_UNAVAILABLE
    assert (tmp_path / "milter.sock").read_text(encoding="ascii") == "precious"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_with_open_sessions(tmp_path, number):
    with OwnMilter(tmp_path) as milter:
        clients = [MilterClient(milter.path).negotiate() for _ in range(10)]
        for client in clients[:5]:
            client.connect()
        clients[0].send_raw(b"\0\0\0\x50M<half")
        begun = time.monotonic()
        milter.signal(number)
        assert milter.process.wait(10) == 0
        assert time.monotonic() - begun < 2
        assert "stopped" in milter.log()


def test_hangup_does_not_stop_it(tmp_path):
    with OwnMilter(tmp_path) as milter:
        for _ in range(20):
            milter.signal(signal.SIGHUP)
        milter.signal(signal.SIGUSR1)
        milter.wait_for_log("settings reloaded")
        for _ in range(20):
            milter.signal(signal.SIGHUP)
        MilterClient(milter.path).negotiate().connect()


def test_reload_drops_no_session(tmp_path):
    with OwnMilter(tmp_path) as milter, MilterClient(milter.path) as client:
        client.negotiate()
        client.connect()
        assert refusal(client.mail("anna")).startswith("451 4.3.0 ")

        write_settings(tmp_path, redis_unavailable="accept")
        milter.signal(signal.SIGUSR1)
        milter.wait_for_log("settings reloaded")
        code, _, changes = client.message("anna", "ACCEPTED")
        assert code == CONTINUE and inserted(changes)[0][0] == TRACE
        assert "verdict=unavailable passed=yes" in milter.log()

        assert client.mail("anna")[0] == CONTINUE
        write_settings(tmp_path, redis_unavailable="defer", socket_group="mail")
        milter.signal(signal.SIGUSR1)
        milter.wait_for_log("settings reloaded", 2)
        assert "restart to apply it" in milter.log()
        assert client.rcpt()[0] == CONTINUE
        assert client.end("BEGUN")[0] == CONTINUE  # with the settings that it began with
        assert refusal(client.mail("anna")).startswith("451 4.3.0 ")


def test_reload_of_a_mistake_changes_nothing(tmp_path):
    with OwnMilter(tmp_path, redis_unavailable="accept") as milter:
        write_settings(tmp_path, redis_unavailable="perhaps")
        milter.signal(signal.SIGUSR1)
        milter.wait_for_log("keeping the old settings: ")
        (tmp_path / "secrets.milter").unlink()
        milter.signal(signal.SIGUSR1)
        milter.wait_for_log("keeping the old settings: ", 2)
        with MilterClient(milter.path) as client:
            client.negotiate()
            client.connect()
            assert client.message("anna", "STILL")[0] == CONTINUE


def test_recipients_per_message(make_sandbox, account):
    """S4: what is too much may come with another message."""
    box = make_sandbox({"tier free": {"recipients_per_message": "3"}})
    box.on(account)
    with MilterClient(box.milter_socket) as milter:
        milter.negotiate()
        milter.connect()
        milter.mail(account)
        for _ in range(3):
            assert milter.rcpt()[0] == CONTINUE
        for _ in range(2):
            assert re.match(r"452 4\.5\.3 .*\b3\b", refusal(milter.rcpt()))
        assert milter.end("THREE")[0] == CONTINUE
        milter.mail(account)
        assert milter.rcpt()[0] == CONTINUE
        assert milter.end("REST")[0] == CONTINUE
    assert "recipients=3 queue_id=THREE" in milter_lines(box, account)[-2]
