"""
A login in each protocol, and a message over submission: what a client does, and what it is told.

Answers are as the server wrote them: "+OK ...", "-ERR ..." in POP3, "OK ...", "NO ..." in IMAP,
"235 ...", "535 ..." in SMTP.
"""

import base64
import concurrent.futures
import contextlib
import poplib
import socket
import threading
import time
from typing import NamedTuple

PROTOCOLS = ["pop3", "imap", "smtp"]
HELP_URL = "https://webmail.example.org/external-access"

# Questions to Dovecot's auth service that are not answered yet.
AT_ONCE = 1000

# For all that nobody is told about (A9).
GENERIC = {
    "pop3": "-ERR [AUTH] Authentication failed.",
    "imap": "NO [AUTHENTICATIONFAILED] Authentication failed.",
    "smtp": "535 5.7.8 Error: authentication failed: (reason unavailable)",
}


def refusal(protocol, text, pop3="[AUTH]", imap="[CONTACTADMIN]"):
    """The answer to a right password that may not pass: each protocol has its code for it."""
    return {"pop3": f"-ERR {pop3} {text}", "imap": f"NO {imap} {text}",
            "smtp": f"535 5.7.8 Error: authentication failed: {text}"}[protocol]


def access_off(protocol, why):
    return refusal(protocol, f"External access is off: {why}. Switch it on at {HELP_URL}")


def is_accepted(answer):
    return answer.startswith(("+OK", "OK", "235"))


def sasl_plain(user, password):
    """RFC 4616. Either may be bytes."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in (user, password)]
    return base64.b64encode(b"\0" + b"\0".join(parts)).decode()


def together(function, calls):
    """Calls the function with each tuple of arguments, all at the same moment; the results."""
    barrier = threading.Barrier(len(calls))

    def run(arguments):
        barrier.wait()
        return function(*arguments)

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def pop3_login(client, user, password):
    """poplib's client stays open."""
    try:
        client.user(user)
        return client.pass_(password).decode()
    except poplib.error_proto as refused:
        text = refused.args[0]
        return text if isinstance(text, str) else text.decode()


def imap_login(client, user, password):
    """imaplib's client stays open, but doesn't know that it is logged in."""
    kind, text = client.xatom("LOGIN", f'"{user}"', f'"{password}"')
    return f"{kind} {text[0].decode()}"


def smtp_login(client, user, password):
    """smtplib's client stays open. One mechanism, once: its own login() tries all that it knows."""
    client.ehlo_or_helo_if_needed()
    code, text = client.docmd("AUTH", "PLAIN " + sasl_plain(user, password))
    return f"{code} {text.decode()}"


LOGINS = {"pop3": pop3_login, "imap": imap_login, "smtp": smtp_login}


def hang_up(client):
    """Leaves with the protocol's own words, so that the session is over when this returns."""
    try:
        (client.logout if hasattr(client, "logout") else client.quit)()
    except (OSError, EOFError, poplib.error_proto):
        client.close()


def log_in(sandbox, protocol, user, password, source=None):
    """A login over TLS, and out again. Returns what the server answered."""
    client = getattr(sandbox, protocol)(source)
    try:
        return LOGINS[protocol](client, user, password)
    finally:
        hang_up(client)


def sender(sandbox, user, password, source=None):
    """A submission client that has logged in."""
    client = sandbox.smtp(source)
    answer = smtp_login(client, user, password)
    assert is_accepted(answer), answer
    return client


class Submitted(NamedTuple):
    """What became of a message: the last command, and its answer."""

    command: str
    answer: str

    @property
    def accepted(self):
        return self.command == "DATA" and self.answer.startswith("250")


def compose(mail_from, subject, *headers):
    return "\r\n".join([f"From: <{mail_from}>", f"Subject: {subject}", *headers, "", "Hello.", ""])


def submit(client, mail_from, recipients, text):
    """Sends a message up to the first refusal; then the client may go on with another."""
    steps = [("MAIL", lambda: client.mail(mail_from))]
    steps += [("RCPT", lambda to=to: client.rcpt(to)) for to in recipients]
    for command, step in steps:
        code, answer = step()
        if code != 250:
            client.rset()
            return Submitted(command, f"{code} {answer.decode()}")
    code, answer = client.data(text)
    return Submitted("DATA", f"{code} {answer.decode()}")


def send(client, user, subject="hello", to=None):
    """A message from the user, to itself unless told otherwise."""
    return submit(client, user, [to or user], compose(user, subject))


@contextlib.contextmanager
def auth_client(sandbox):
    """A connection to Dovecot's auth service, as Postfix has it: (socket, lines)."""
    with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as lines:
        client.settimeout(40)
        client.connect(sandbox.auth_socket)
        client.sendall(b"VERSION\t1\t1\nCPID\t%d\n" % (threading.get_native_id()))
        while lines.readline() != b"DONE\n":
            pass
        yield client, lines


def auth_ask(client, number, user, password, address):
    client.sendall(f"AUTH\t{number}\tPLAIN\tservice=smtp\trip={address}\tsecured"
                   f"\tresp={sasl_plain(user, password)}\n".encode())


def auth_request(sandbox, wanted):
    """Asks one by one; wanted are (user, password) pairs. How long each took in seconds."""
    with auth_client(sandbox) as (client, lines):
        times = []
        for number, (user, password) in enumerate(wanted, 1):
            began = time.monotonic()
            auth_ask(client, number, user, password, sandbox.external_address)
            assert lines.readline().startswith(b"FAIL\t%d\t" % number)
            times.append(time.monotonic() - began)
        return times


def auth_answers(sandbox, wanted):
    """
    Asks all at once; wanted are (user, password, address). Any address will do, IPv6 too. Their
    answers, without what names one, and how many seconds each took.
    """
    with auth_client(sandbox) as (client, lines):
        asked, answers, seconds = [], [None] * len(wanted), [None] * len(wanted)

        def read():
            words = lines.readline().decode().rstrip("\n").split("\t")
            place = int(words[1]) - 1
            seconds[place] = time.monotonic() - asked[place]
            answers[place] = [words[0], *(word for word in words[2:]
                                          if not word.startswith(("user=", "original_user=")))]

        for number, one in enumerate(wanted):
            if number >= AT_ONCE:  # Dovecot stops reading when nobody reads what it says
                read()
            auth_ask(client, number + 1, *one)
            asked.append(time.monotonic())
        for _ in wanted[:AT_ONCE]:
            read()
        return answers, seconds


def auth_fail(sandbox, wanted):
    """The same for passwords that are wrong."""
    answers, _ = auth_answers(sandbox, wanted)
    assert all(answer[0] == "FAIL" for answer in answers)
