"""
What switches access off by itself, on the wire: D1 to D4, the gate of B4 behind a break-in, and
what single app passwords (A10) open. The windows themselves are in test_causes.py.
"""

import time

import pytest

from conftest import DoveadmFailed, new_account, wait_until
from logins import (GENERIC, HELP_URL, PROTOCOLS, access_off, is_accepted, log_in, refusal, send,
                    sender, together)

TOO_OFTEN = "a mail program logged in far too often"
BREAK_IN = "somebody tried many wrong passwords"

TIERS = {
    "tier few": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "logins_per_hour": "6"},
    "tier day": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "logins_per_day": "4"},
    "tier wary": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "wrong_passwords": "6"},
    "tier calm": {"protocols": "pop3 imap smtp", "pop3_interval": "0",
                  "wrong_passwords": "unlimited"},
}


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    return make_module_sandbox(TIERS, ["--no-penalty"])


def on(own, account, tier):
    own.set(account, tier=tier)
    return own.on(account)


def test_D1_passive(own, account):
    password = on(own, account, "paid")
    own.set(account, activity="passive")
    for protocol in PROTOCOLS:
        assert log_in(own, protocol, account, password) == access_off(
            protocol, "the mailbox has not been used for a long time")
    own.set(account, activity="active")
    assert own.status(account)["access"] == "disabled"
    assert is_accepted(log_in(own, "pop3", account, own.on(account)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_D3_one_login_too_many_in_an_hour(own, account, protocol):
    password = on(own, account, "few")
    for number in range(6):
        assert is_accepted(log_in(own, PROTOCOLS[number % 3], account, password))
    assert log_in(own, protocol, account, password) == access_off(protocol, TOO_OFTEN)
    status = own.status(account)
    assert (status["access"], status["reason"]) == ("disabled", "connection-limit")
    assert " off connection-limit by postern" in status["history"]
    assert is_accepted(log_in(own, protocol, account, own.on(account)))


def test_D3_exactly_across_connections(own, account):
    password = on(own, account, "few")
    answers = together(log_in, [(own, "imap", account, password)] * 20)
    assert sum(map(is_accepted, answers)) == 6
    assert {answer for answer in answers if not is_accepted(answer)} == {
        access_off("imap", TOO_OFTEN)}


def test_D3_in_a_day(own, account):
    password = on(own, account, "day")
    for _ in range(4):
        assert is_accepted(log_in(own, "smtp", account, password))
    assert log_in(own, "smtp", account, password) == access_off("smtp", TOO_OFTEN)


def test_D3_sessions_that_had_logged_in_send_nothing_more(own, account):
    password = on(own, account, "few")
    with sender(own, account, password) as client:
        assert send(client, account).accepted
        for _ in range(6):
            log_in(own, "smtp", account, password)
        assert send(client, account).answer.startswith("550 5.7.13 ")


def guesses(own, account, count, networks, first=0):
    return [log_in(own, "smtp", account, f"guess-{number}", f"127.0.{100 + number % networks}.1")
            for number in range(first, first + count)]


def test_D4_break_in_and_its_gate(own, account):
    password = on(own, account, "wary")
    assert guesses(own, account, 5, 3) == [GENERIC["smtp"]] * 5
    assert is_accepted(log_in(own, "imap", account, password))
    assert guesses(own, account, 1, 3, 5) == [GENERIC["smtp"]]
    for protocol in PROTOCOLS:
        assert log_in(own, protocol, account, password) == access_off(protocol, BREAK_IN)
    # B4
    with pytest.raises(DoveadmFailed) as failed:
        own.on(account)
    assert failed.value.status == 69 and "change-password-first" in failed.value.output
    assert own.doveadm("postern", "password-changed", "--by", "webmail", account)[0]["status"] == \
        "noted"
    assert is_accepted(log_in(own, "pop3", account, own.on(account)))


def test_D4_staff_can_force_the_gate(own, account):
    on(own, account, "wary")
    guesses(own, account, 6, 3)
    assert own.doveadm("postern", "on", "--force", "--by", "anna", account)[0]["password"]
    assert " on forced by anna" in own.status(account)["history"]


def test_D4_not_from_two_networks_nor_by_one_stale_password(own, account):
    password = on(own, account, "wary")
    guesses(own, account, 10, 2)
    for number in range(10):
        log_in(own, "imap", account, "stale", f"127.0.{100 + number}.1")
    # It came from ten networks, and counts for the first of them alone.
    assert is_accepted(log_in(own, "imap", account, password))
    log_in(own, "imap", account, "a third network", "127.0.200.1")
    assert log_in(own, "imap", account, password) == access_off("imap", BREAK_IN)


def test_D4_the_webmail_password_from_outside_is_one_wrong_password(own, account):
    password = on(own, account, "wary")
    for number in range(20):
        log_in(own, "imap", account, own.webmail_password(account), f"127.0.{100 + number % 5}.1")
    assert is_accepted(log_in(own, "imap", account, password))


def test_D4_a_site_can_turn_it_off(own, account):
    password = on(own, account, "calm")
    guesses(own, account, 20, 5)
    assert is_accepted(log_in(own, "imap", account, password))


def test_D4_nobody_else_is_touched(own, account):
    """Guesses at a stranger's account whose access is off, or that isn't there, change nothing."""
    bystander = new_account("bystander")
    password = on(own, bystander, "wary")
    own.set(account, tier="wary")
    guesses(own, account, 20, 5)
    assert own.status(account)["reason"] == "never-enabled"
    assert is_accepted(log_in(own, "imap", bystander, password))


# A10


def add(own, account, *options):
    row, = own.doveadm("postern", "password", "add", *options, account)
    assert row["status"] == "added"
    return row["password"], row["number"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_A10_not_for_this_protocol(own, account, protocol):
    on(own, account, "calm")
    others = ",".join(name for name in PROTOCOLS if name != protocol)
    password, _ = add(own, account, "--protocols", others)
    assert log_in(own, protocol, account, password) == refusal(
        protocol,
        f"This app password is not for {protocol.upper()}: make another one at {HELP_URL}")
    for other in others.split(","):
        assert is_accepted(log_in(own, other, account, password))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_A10_expired(own, account, protocol):
    first = on(own, account, "calm")
    password, _ = add(own, account, "--expires", "1500ms")
    made = time.monotonic()
    assert is_accepted(log_in(own, protocol, account, password))
    wait_until(lambda: time.monotonic() - made > 1.5, "the expiry")
    assert log_in(own, protocol, account, password) == refusal(
        protocol, f"This app password has expired: make a new one at {HELP_URL}", imap="[EXPIRED]")
    assert is_accepted(log_in(own, protocol, account, first))


def test_A10_revoked_alone(own, account):
    first = on(own, account, "calm")
    password, number = add(own, account, "--label", "lost phone")
    own.doveadm("postern", "password", "revoke", "--number", str(number), account)
    for protocol in PROTOCOLS:
        assert log_in(own, protocol, account, password) == GENERIC[protocol]
        assert is_accepted(log_in(own, protocol, account, first))


def test_A3_smtp_connections_end_with_their_app_password(own, account):
    """Postfix's sessions can't be ended from outside: the next message is."""
    password = on(own, account, "calm")
    with sender(own, account, password) as client:
        assert send(client, account).accepted
        own.off(account)
        assert send(client, account).answer.startswith("550 5.7.13 ")
        fresh = own.on(account)
        assert client.mail(account) == (
            421, b"4.7.0 Log in again: the app password of this connection may have ended, see "
            + HELP_URL.encode())
    with sender(own, account, fresh) as client:
        assert send(client, account).accepted
        _, number = add(own, account)
        assert send(client, account).accepted
        own.doveadm("postern", "password", "revoke", "--number", str(number), account)
        assert client.mail(account)[0] == 421
    with sender(own, account, fresh) as client:
        assert send(client, account).accepted
