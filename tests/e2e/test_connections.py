"""
What an SMTP connection may still send when the app password that opened it has ended (A3, A10, B4):
nothing, whether or not it had sent before, and whatever has been switched on since.

Postfix keeps such connections open for hours, and nothing outside of it can end them. It tells a
milter of a connection before the client can log in, and shows it no login: so what counts is when
it began.
"""

import contextlib
import os
import signal
import smtplib
import threading
import time

import pytest

from conftest import wait_until
from logins import HELP_URL, hang_up, is_accepted, log_in, send, sender, together
from milter_client import CONTINUE, REPLY, MilterClient, reply_text

LOG_IN_AGAIN = ("421 4.7.0 Log in again: the app password of this connection may have ended, see "
                + HELP_URL)
TIERS = {
    "tier hourly": {"messages_per_minute": "unlimited", "logins_per_hour": "unlimited"},
    "tier open": {"messages_per_minute": "unlimited", "messages_per_hour": "unlimited",
                  "logins_per_hour": "unlimited"},
}


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(TIERS, ["--no-penalty"])


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    """Redis may be away for a second, and is waited for."""
    return make_sandbox({**TIERS, "redis": {"timeout": "10s"}}, ["--no-penalty"])


@pytest.fixture(name="connect")
def fixture_connect(box):
    """connect(account, password, 3) logs connections in, all at once, which then send nothing."""
    clients = []

    def log_in_silently(account, password, count=1):
        new = []
        for first in range(0, count, 25):
            new += together(sender, [(box, account, password)] * min(25, count - first))
        clients.extend(new)
        return new

    yield log_in_silently
    together(hang_up, [(client,) for client in clients])


def mail(client, user):
    """The answer to MAIL; after 421 Postfix has hung up."""
    code, text = client.docmd("MAIL", f"FROM:<{user}>")
    return f"{code} {text.decode()}"


def answers_to_mail(clients, user):
    """All ask at the same moment."""
    return together(mail, [(client, user) for client in clients])


def end_by_off(box, account, _):
    box.off(account)
    return box.on(account)


def end_by_revoke(box, account, password):
    box.doveadm("postern", "password", "revoke", "--number", "2", account)
    assert not is_accepted(log_in(box, "smtp", account, password))
    return box.doveadm("postern", "password", "add", account)[0]["password"]


@pytest.mark.parametrize("end", [end_by_off, end_by_revoke])
def test_A3_a_silent_connection_ends_with_its_app_password(box, account, connect, end):
    """It logged in and sent nothing, so nothing was heard of it before."""
    box.on(account)
    password = box.doveadm("postern", "password", "add", account)[0]["password"]
    client, = connect(account, password)
    fresh = end(box, account, password)
    assert mail(client, account) == LOG_IN_AGAIN
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    with sender(box, account, fresh) as new:
        assert send(new, account).accepted
    assert [message["Subject"] for message in box.wait_for_mail(account)] == ["hello"]


def test_A3_one_that_has_sent_ends_too(box, account, connect):
    """At MAIL, and at the end of a message that began before."""
    first, second = connect(account, box.on(account), 2)
    assert send(first, account).accepted
    assert second.mail(account)[0] == 250 and second.rcpt(account)[0] == 250
    end_by_off(box, account, None)
    assert mail(first, account) == LOG_IN_AGAIN
    code, text = second.data("Subject: late\r\n\r\nHello.\r\n")
    assert f"{code} {text.decode()}" == LOG_IN_AGAIN
    assert len(box.wait_for_mail(account)) == 1


def test_B4_fifteen_silent_connections_send_nothing(box, account, connect):
    """Of whoever cracked the mailbox, while its owner cleans up; nor do they switch it off."""
    box.set(account, tier="hourly")
    clients = connect(account, box.on(account), 15)
    box.doveadm("postern", "off", "--reason", "compromised", account)
    box.doveadm("postern", "password-changed", account)
    fresh = box.on(account)
    assert answers_to_mail(clients, account) == [LOG_IN_AGAIN] * 15
    with sender(box, account, fresh) as new:
        for _ in range(15):
            assert send(new, account).accepted
    row = box.status(account)
    assert (row["access"], row["sent_last_hour"]) == ("enabled", 15)


def test_A3_a_hundred_at_once(box, account, connect):
    """Of a hundred of before none passes, and of a hundred new ones each does."""
    box.set(account, tier="open")
    clients = connect(account, box.on(account), 100)
    fresh = end_by_off(box, account, None)
    assert answers_to_mail(clients, account) == [LOG_IN_AGAIN] * 100
    clients = connect(account, fresh, 100)
    assert {answer[:3] for answer in answers_to_mail(clients, account)} == {"250"}


def test_A3_whoever_switches_on_may_send_at_once(box, account):
    """Nobody who logs in afterwards is asked to do it again, however soon."""
    box.set(account, tier="open")
    for _ in range(20):
        password = box.on(account)
        with sender(box, account, password) as client:
            assert mail(client, account).startswith("250 ")
        box.off(account)


# What the milter makes of a slow Redis

@contextlib.contextmanager
def milter_connection(box):
    """A connection that begins now, as Postfix tells of it."""
    with MilterClient(box.milter_socket, timeout=30) as client:
        client.negotiate()
        client.connect()
        yield client


def outcome(answer):
    code, data = answer[:2]
    return reply_text(data)[:3] if code == REPLY else {CONTINUE: "250"}[code]


def let_pass(seconds):
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > seconds, "time to pass")


@contextlib.contextmanager
def stalled(pid, seconds):
    """The process does nothing while the block runs, and for so many seconds after it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
        let_pass(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def under_way(*calls):
    """Calls them all, in threads. What is returned waits for them, and returns their answers."""
    answers = [None] * len(calls)

    def run(place):
        answers[place] = calls[place]()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(calls))]
    for thread in threads:
        thread.start()

    def finish():
        for thread in threads:
            thread.join()
        return answers

    return finish


def while_redis_is_stalled(box, seconds, *calls):
    """The answers to calls that are all under way meanwhile."""
    with stalled(box.redis_pid, seconds):
        finish = under_way(*calls)
    return finish()


@pytest.mark.parametrize("seconds", [0.2, 1])
def test_A3_a_slow_answer_makes_no_connection_younger(own, account, seconds):
    """However long Redis lets the question wait: not at MAIL, and not at the end of a message."""
    own.set(account, tier="open")
    own.on(account)
    with contextlib.ExitStack() as stack:
        silent, begun = (stack.enter_context(milter_connection(own)) for _ in range(2))
        assert outcome(begun.mail(account)) == "250" and outcome(begun.rcpt()) == "250"
        end_by_off(own, account, None)
        new = stack.enter_context(milter_connection(own))
        answers = while_redis_is_stalled(own, seconds, lambda: outcome(silent.mail(account)),
                                         lambda: outcome(begun.end("BEGUN")),
                                         lambda: outcome(new.mail(account)))
        assert answers == ["421", "421", "250"]
        assert outcome(new.rcpt()) == "250"
        assert while_redis_is_stalled(own, seconds, lambda: outcome(new.end("NEW"))) == ["250"]
    assert own.status(account)["access"] == "enabled"


def test_A3_what_ends_while_redis_is_slow(own, account):
    """The revocation and the message wait for Redis together: it is refused, or was first."""
    own.set(account, tier="open")
    own.on(account)
    for number in range(2, 7):
        own.doveadm("postern", "password", "add", account)
        with milter_connection(own) as client:
            answer, _ = while_redis_is_stalled(
                own, 0.3, lambda client=client: outcome(client.mail(account)),
                lambda number=number: own.doveadm("postern", "password", "revoke", "--number",
                                                  str(number), account))
            assert answer in ("250", "421")
            if answer == "250":
                assert outcome(client.rcpt()) == "250"
                assert outcome(client.end(f"RACE{number}")) == "421"


def test_A3_a_slow_answer_sends_no_new_connection_away(own, account):
    """Redis has answered, and the milter is held up: that makes the connection look older."""
    own.set(account, tier="open")
    with milter_connection(own) as client:
        own.on(account)
        assert outcome(client.mail(account)) == "421"
    own.off(account)
    own.on(account)
    with milter_connection(own) as client:
        with contextlib.ExitStack() as stack:
            with stalled(own.redis_pid, 0):
                finish = under_way(lambda: outcome(client.mail(account)))
                let_pass(0.3)  # the milter has asked, over a connection that it had, and waits
                stack.enter_context(stalled(own.milter_pid, 1))
        assert finish() == ["250"]
