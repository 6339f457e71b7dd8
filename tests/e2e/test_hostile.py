"""
Input that nobody means well with: names and passwords at the logins, and what a submission may
carry. Each is refused clearly or taken for what it is; nothing is let in, no daemon dies, no log
line is forged, and the next honest login works.
"""

import glob
import os
import re
import subprocess
import threading

import pytest

from conftest import connect, new_account
from logins import (GENERIC, PROTOCOLS, compose, hang_up, is_accepted, log_in, sasl_plain, send,
                    sender, submit, together)

HOSTILE = {
    "empty": b"",
    "one byte": b"a",
    "255 bytes": b"a" * 255,
    "10000 bytes": b"a" * 10000,
    "255 bytes with domain": b"a" * 242 + b"@example.test",
    "control characters": b"a\x01\x1b[31m\x7fb",
    "tab": b"a\tb",
    "star": b"*",
    "star at domain": b"*@example.test",
    "quotes": b"a\"b'c\\",
    "quoted field": b'x" verdict=forged why="',
    "fields": b"x verdict=forged",
    "NUL": b"a\0b",
    "8 bit": b"\xff\xfe\x80",
    "UTF-8": "jānis@example.test".encode(),
    "CRLF": b"a\r\nNov 22 00:00:00 auth: Info: forged",
    "LF": b"a\nforged line",
    "format": b"%s%n%x%u",
    "Redis": b"x\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "hash tag": b"a}{17}:mark@example.test",
    "path": b"../../../etc/passwd",
}


def daemons(own):
    """Those that stay: the masters, and Dovecot's auth."""
    found = [own.dovecot_pid, own.milter_pid, own.postfix_pid, own.redis_pid]
    found += subprocess.run(["pgrep", "-x", "-P", str(own.dovecot_pid), "auth"],
                            capture_output=True, text=True, check=True).stdout.split()
    return [pid for pid in found if os.path.exists(f"/proc/{pid}")]


DATE = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
# How each line has to begin, and what it may say: nothing that we made up stands outside of quotes.
LINES = {
    "dovecot": DATE + r"[a-z0-9-]+[(:<].*",
    "milter": r"postern-milter: .*",
    "postfix": DATE + r"\S+ postfix\S*\[\d+\]: .*",
}
# Of a process with code of ours. Dovecot's imap-login has a leak of its own, which a sanitizer
# finds but can't write down in the chroot.
LOGIN_LEAK = "-login: Error: ERROR: Can't open file: "
CRASHES = r"Panic|Sanitizer|runtime error|killed with|(auth|doveadm): Fatal|service\((auth|doveadm)"
FIELDS = r'[a-z_]+=("[^"]*"|[^\s"]*)( [a-z_]+=("[^"]*"|[^\s"]*))*'


def check_logs(own):
    for part, pattern in LINES.items():
        with open(f"{own.log_dir}/{part}.log", "rb") as file:
            # Postfix logs one login name of ours that is no UTF-8 as half of it came.
            text = file.read().decode("utf-8", "replace" if part == "postfix" else "strict")
        lines = text.split("\n")
        assert lines.pop() == "" and lines
        for line in lines:
            if LOGIN_LEAK in line and "POSTERN_SANDBOX_PRELOAD" in os.environ:
                continue
            assert re.fullmatch(pattern, line) and not re.search("[\0-\x1f]", line), line
            assert not re.search(CRASHES, line), line
            assert not re.match(f"{DATE}auth: Info: forged", line), line
            ours = re.search("postern(?:-milter)?: (.*=.*)", line)
            if ours and part != "postfix":
                text = re.sub("^(error|warning): ", "", ours[1])
                assert text.isascii() and text.isprintable() and re.fullmatch(FIELDS, text), line
                assert "verdict=forged" not in re.sub('"[^"]*"', "", text), line


@pytest.fixture
def unharmed(make_sandbox):
    """A sandbox that has to be as well afterwards as it was before."""
    own = make_sandbox(options=["--no-penalty"])
    user = new_account("honest")
    own.set(user, tier="paid")
    password = own.on(user)
    own.daemons = daemons(own)
    yield own
    for protocol in PROTOCOLS:
        assert is_accepted(log_in(own, protocol, user, password))
    with sender(own, user, password) as client:
        assert send(client, user, "honest").accepted
    assert own.wait_for_mail(user, subject="honest")
    assert daemons(own) == own.daemons
    check_logs(own)


def talk(own, protocol, *commands):
    """Sends each command, whatever the answer; returns all that was said until the server's end."""
    port = {"pop3": own.pop3s_port, "imap": own.imaps_port, "smtp": own.submissions_port}[protocol]
    with connect("127.0.0.1", port, own.external_address, own.tls) as client, \
            client.makefile("rb") as stream:
        said = stream.readline()
        try:
            for command in commands:
                client.sendall(command)
                while line := stream.readline():
                    said += line
                    if line[3:4] != b"-":  # of SMTP's answers, the last line
                        break
        except OSError:
            pass  # it has hung up
        return said


def logins(name, password):
    """Every way to hand over a name and a password, as (protocol, commands)."""
    plain = sasl_plain(name, password).encode() + b"\r\n"
    literals = b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (len(name), name, len(password), password)
    return [
        ("pop3", b"USER " + name + b"\r\n", b"PASS " + password + b"\r\n"),
        ("pop3", b"AUTH PLAIN " + plain),
        ("imap", literals),
        ("imap", b"a AUTHENTICATE PLAIN " + plain),
        ("smtp", b"EHLO client\r\n", b"AUTH PLAIN " + plain),
    ]


def check_refused(said, attempt):
    assert not re.search(rb"^(\+OK Logged|a OK|235)", said, re.MULTILINE), (attempt, said)
    # In words, or by hanging up on what is too long.
    assert re.search(rb"^(-ERR|a NO|a BAD|\* BYE|5\d\d) ", said, re.MULTILINE) or \
        len(b"".join(attempt[1:])) > 8192, (attempt, said)


def try_all(own, pairs):
    attempts = [attempt for name, password in pairs for attempt in logins(name, password)]
    for first in range(0, len(attempts), 40):
        some = attempts[first:first + 40]
        for attempt, said in zip(some, together(talk, [(own, *attempt) for attempt in some])):
            check_refused(said, attempt)


def test_hostile_names(unharmed):
    try_all(unharmed, [(name, b"secret") for name in HOSTILE.values()])


def test_hostile_names_when_dovecot_lets_all_pass(unharmed):
    """Dovecot's own check of names may be off: then all of them come to Postern."""
    path = f"{unharmed.directory}/etc/dovecot-postern.conf"
    with open(path, encoding="utf-8") as file:
        text, count = re.subn("(?m)^auth_username_chars = .*$", "auth_username_chars =",
                              file.read())
    assert count == 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    unharmed.restart("dovecot")
    unharmed.daemons = daemons(unharmed)
    try_all(unharmed, [(name, b"secret") for name in HOSTILE.values()])


def test_hostile_passwords(unharmed, account):
    password = unharmed.on(account).encode()
    try_all(unharmed, [(account.encode(), wrong) for wrong in HOSTILE.values()])
    # What follows a NUL doesn't disappear. (In a line of POP3 it does, before it comes to us.)
    for wrong in password + b"\0junk", b"\0" + password:
        for attempt in logins(account.encode(), wrong)[1:]:
            check_refused(talk(unharmed, *attempt), attempt)


@pytest.mark.parametrize("argument", [
    b"", b"=", b"*", b"AGEAYg", b"!!!!", b"\xff\xfe", b"A" * 12000, b"AGEAYg==" * 2],
    ids=["empty", "none", "star", "padding", "no base64", "8 bit", "long", "twice"])
def test_hostile_sasl(sandbox, argument):
    for protocol, command in (("pop3", b"AUTH PLAIN "), ("imap", b"a AUTHENTICATE PLAIN "),
                              ("smtp", b"AUTH PLAIN ")):
        hello = [b"EHLO client\r\n"] if protocol == "smtp" else []
        said = talk(sandbox, protocol, *hello, command + argument + b"\r\n", b"*\r\n")
        assert not re.search(rb"^(\+OK Logged|a OK|235)", said, re.MULTILINE), said


# Submissions

MEGABYTE = 1 << 20
LONG = {
    "HELO": b"HELO " + b"x" * MEGABYTE,
    "EHLO": b"EHLO [" + b"1." * (MEGABYTE // 2) + b"]",
    "MAIL": b"MAIL FROM:<" + b"x" * MEGABYTE + b"@example.test>",
    "RCPT": b"RCPT TO:<" + b"x" * MEGABYTE + b"@example.test>",
    "parameter": b"MAIL FROM:<> BODY=" + b"8" * MEGABYTE,
    "unknown": b"x" * MEGABYTE,
}


@pytest.mark.parametrize("line", LONG.values(), ids=LONG.keys())
def test_hostile_long_commands(sandbox, account, line):
    """Before and after the login; the session goes on, or ends, and the next one is as ever."""
    password = sandbox.on(account)
    for client in sandbox.smtps(), sender(sandbox, account, password):
        client.ehlo()
        if line.startswith(b"RCPT"):
            client.mail(account)
        client.sock.sendall(line + b"\r\n")
        code, _ = client.getreply()
        assert code >= 400 or line[:4] in (b"HELO", b"EHLO")
        hang_up(client)
    with sender(sandbox, account, password) as client:
        assert send(client, account).accepted


ENVELOPES = [
    b'<"x verdict=forged"@example.test>', b'<"a\\"b"@example.test>', b"<%s%n@example.test>",
    "<jānis@example.test>".encode(), b"<\xff\xfe@example.test>", b"<a\x01b@example.test>",
    b"<a\0b@example.test>", b"<*>", b"<@>", b"<a@b@c>", b"<a@" + b"x." * 500 + b"test>", b"<<<>>>",
    b"a@example.test forged=1", b"", b"<a@example.test\rverdict=forged>",
]

HEADERS = {
    "one line": b"X-Big: " + b"x" * MEGABYTE,
    "folded": b"X-Big:" + b"\r\n " * (MEGABYTE // 80) + b"x" * 76,
    "long name": b"X" * MEGABYTE + b": x",
    "many": b"\r\n".join(b"X-%d: verdict=forged" % number for number in range(MEGABYTE // 32)),
    "trace of 1 MB": b"Postern-Trace:" + (b" " + b"x" * 70 + b"\r\n") * (MEGABYTE // 73) + b" x",
    "no header": b": x\r\nx\r\n\r\n" * 1000,
    "bytes": b"Subject: \xff\xfe \x01\x02\x1b[31m %s%n verdict=forged",
    "bare line ends": b"X-A: a\nX-B: b\rX-C: c",
    "8 bit name": b"Postern-Tr\xc3\xa4ce: x\r\n\xff: x",
}


def test_hostile_submissions(unharmed, account):
    unharmed.set(account, tier="paid")
    password = unharmed.on(account)
    for address in ENVELOPES:
        with sender(unharmed, account, password) as client:
            for command in b"MAIL FROM:", b"RCPT TO:":
                client.sock.sendall(command + address + b"\r\n")
                code, answer = client.getreply()
                assert code == 250 or code // 100 == 5, (address, code, answer)
                client.rset()
                client.mail(account)
    client, accepted = sender(unharmed, account, password), 0
    for headers in HEADERS.values():
        text = b"Subject: big\r\n" + headers + b"\r\n\r\nHello.\r\n"
        sent = submit(client, account, [account], text)
        assert sent.command == "DATA" and sent.answer[:3] in ("250", "550", "552", "554"), sent
        accepted += sent.accepted
    hang_up(client)
    assert accepted
    for message in unharmed.wait_for_mail(account, accepted):
        assert len(message.get_all("Postern-Trace")) == 1


def test_too_many_traces_are_refused(unharmed, account):
    """Each costs Postfix a walk through the message, so a flood of them ends here."""
    with sender(unharmed, account, unharmed.on(account)) as client:
        flood = compose(account, "flood", *["Postern-Trace: x"] * (MEGABYTE // 18))
        assert submit(client, account, [account], flood) == (
            "DATA", "550 5.7.1 This message carries too many trace headers")
        assert unharmed.status(account)["sent_last_hour"] == 0


# Secrets

def command_lines():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                yield file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            pass


class Watcher(threading.Thread):
    """Looks at the command lines of everything that runs, all the time."""

    def __init__(self):
        super().__init__()
        self.seen = set()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            self.seen.update(command_lines())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def test_secrets_show_nowhere(unharmed, account):
    """Not in a log, not in a command line: no password, neither a right one nor a wrong one."""
    own = unharmed
    own.set(account, tier="paid")
    with Watcher() as watcher:
        password, wrong = own.on(account), "a-wrong-one-8g3t"
        for protocol in PROTOCOLS:
            assert is_accepted(log_in(own, protocol, account, password))
            for other in wrong, own.webmail_password(account):
                assert log_in(own, protocol, account, other) == GENERIC[protocol]
            assert is_accepted(log_in(own, protocol, account, own.webmail_password(account),
                                      own.internal_address))
        with sender(own, account, password) as client:
            assert send(client, account).accepted
        own.off(account)
        for protocol in PROTOCOLS:
            assert "External access is off" in log_in(own, protocol, account, password)
    assert any("pop3-login" in line for line in watcher.seen)
    shown = list(watcher.seen)
    for path in glob.glob(f"{own.log_dir}/*"):
        with open(path, encoding="utf-8") as file:
            shown.append(file.read())
    assert any(account in text for text in shown)
    secrets = [password, password.replace("-", ""), wrong, own.webmail_password(account)]
    secrets += [sasl_plain(account, secret) for secret in secrets]
    assert not [secret for secret in secrets if any(secret in text for text in shown)]
