"""
What switches access off by itself, on the wire: D1 to D4, the gate of B4 behind a break-in, and
what single app passwords (A10) open. The windows themselves are in test_causes.py and
test_guesses.py.
"""

import re
import time

import pytest

from conftest import DoveadmFailed, new_account, wait_until
from logins import (GENERIC, HELP_URL, PROTOCOLS, access_off, auth_fail, is_accepted, log_in,
                    refusal, send, sender, together)

TOO_OFTEN = "a mail program logged in far too often"
BREAK_IN = "somebody tried many wrong passwords"

TIERS = {
    "tier few": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "logins_per_hour": "6"},
    "tier day": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "logins_per_day": "4"},
    "tier wary": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "wrong_passwords": "6",
                  "wrong_password_networks": "4"},
    "tier open": {"protocols": "pop3 imap smtp", "pop3_interval": "0", "wrong_passwords": "6",
                  "wrong_password_networks": "4", "on_break_in": "tell"},
    "tier ten": {"protocols": "pop3 imap smtp", "pop3_interval": "0"},
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


def guesses(own, account, count, networks, first=0, protocol="smtp"):
    """From each network as many different wrong passwords, all at once."""
    return together(log_in, [
        (own, protocol, account, f"guess-{number}", f"127.0.{network}.{1 + number}")
        for network in networks for number in range(first, first + count)])


def smtp_guesses(own, account, count, networks):
    """The same as Postfix asks, for many of them."""
    auth_fail(own, [(account, f"guess-{number}", f"127.0.{network}.{1 + number}")
                    for network in networks for number in range(count)])


FOUR = range(100, 104)


def login_lines(own, account, words):
    """How often Dovecot's log has such a line of the passdb about the account."""
    return own.log("dovecot").count(f"postern: account={account} protocol=smtp {words} rip=")


def test_D4_break_in_and_its_gate(own, account):
    """4 networks, with 6 wrong passwords each."""
    password = on(own, account, "wary")
    assert guesses(own, account, 6, FOUR[:3]) == [GENERIC["smtp"]] * 18
    assert guesses(own, account, 5, FOUR[3:]) == [GENERIC["smtp"]] * 5
    for protocol in PROTOCOLS:
        assert is_accepted(log_in(own, protocol, account, password))
    assert guesses(own, account, 1, FOUR[3:], 5) == [GENERIC["smtp"]]
    for protocol in PROTOCOLS:
        assert log_in(own, protocol, account, password) == access_off(protocol, BREAK_IN)
    history = own.status(account)["history"].split("; ")[0]
    assert re.fullmatch(r"\S+ off break-in by postern on 4 networks shut out in \d+ s, 6 wrong "
                        "passwords each(, |: |127.0.10[0-3].0/24)+", history)
    own.wait_for_log("dovecot", f"postern: account={account} protocol=smtp verdict=wrong-password "
                                "shut_out=now break_in=disable rip=127.0.103.6")
    assert login_lines(own, account, "verdict=wrong-password shut_out=now") == 3
    assert login_lines(own, account, "verdict=wrong-password") == 20
    # B4
    with pytest.raises(DoveadmFailed) as failed:
        own.on(account)
    assert failed.value.status == 69 and "change-password-first" in failed.value.output
    assert own.doveadm("postern", "password-changed", "--by", "webmail", account)[0]["status"] == \
        "noted"
    assert is_accepted(log_in(own, "pop3", account, own.on(account)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_D4_a_right_password_from_a_network_that_is_shut_out(own, account, protocol):
    """Let in, and nothing more is held against the network, on any protocol."""
    password = on(own, account, "wary")
    assert guesses(own, account, 8, FOUR[:3], protocol=protocol) == [GENERIC[protocol]] * 24
    line = f"postern: account={account} protocol={protocol} verdict="
    own.wait_for_log("dovecot", line + "wrong-password shut_out=before", 6)
    assert is_accepted(log_in(own, protocol, account, password, "127.0.100.200"))
    own.wait_for_log("dovecot", line + "allow shut_out=ended rip=127.0.100.200")
    guesses(own, account, 8, FOUR[:1], 10)
    smtp_guesses(own, account, 6, FOUR[3:])
    assert is_accepted(log_in(own, protocol, account, password))


def test_D4_status_tells_who_is_shut_out(own, account):
    on(own, account, "open")
    smtp_guesses(own, account, 6, FOUR[:2])
    auth_fail(own, [(account, f"guess-{number}", "2001:db8:7::1") for number in range(6)])
    status = own.status(account)
    assert (status["wrong_passwords"], status["wrong_password_networks"]) == ("6", "4")
    assert (status["shut_out"], status["break_ins"]) == (3, 0)
    networks = status["shut_out_networks"].split("; ")
    assert re.fullmatch(r"2001:db8:7::/48 since (\S+)T(\S+)Z until (\S+)T\2Z", networks[0])
    assert sorted(line.split()[0] for line in networks[1:]) == ["127.0.100.0/24", "127.0.101.0/24"]
    smtp_guesses(own, account, 6, FOUR[2:3])
    status = own.status(account)
    assert (status["wrong_password_networks"], status["shut_out"], status["break_ins"]) == \
        ("8", 4, 1)
    assert own.doveadm("postern", "password-changed", account)[0]["status"] == "not-needed"
    status = own.status(account)
    assert (status["wrong_password_networks"], status["shut_out"], status["shut_out_networks"]) == \
        ("8", 0, "")


def test_D4_a_stranger_needs_more_networks_each_time(own, account):
    """4, then 8 and 16 and 32 and no more, although the webmail password was changed in between."""
    password = on(own, account, "wary")
    first = 104
    for needed in (4, 8, 16, 32, 32):
        networks = range(first, first + needed)
        first += needed
        smtp_guesses(own, account, 6, networks[:-1])
        assert is_accepted(log_in(own, "imap", account, password))
        smtp_guesses(own, account, 6, networks[-1:])
        assert log_in(own, "imap", account, password) == access_off("imap", BREAK_IN)
        own.doveadm("postern", "password-changed", account)
        password = own.on(account)


def test_D4_all_at_once(own, account):
    """Forty clients in ten networks, which all guess at the same moment: one attempt, told once."""
    own.set(account, tier="ten")
    password = own.on(account)
    smtp_guesses(own, account, 9, range(110, 120))
    assert is_accepted(log_in(own, "imap", account, password))
    tries = [(own, "imap", account, f"last-{number}", f"127.0.{110 + number % 10}.1")
             for number in range(40)]
    assert set(together(log_in, tries)) == {GENERIC["imap"]}
    assert log_in(own, "imap", account, password) == access_off("imap", BREAK_IN)
    rows = own.doveadm("postern", "history", account)
    assert [row["detail"] for row in rows if row["what"] == "off"] == ["break-in"]
    partition = re.search(r"\{(\d+)\}", next(own.redis().scan_iter(f"*:account:{account}")))[1]
    told = [entry for _, entry in own.redis().xrange(f"postern:{{{partition}}}:outbox")
            if entry["account"] == account and entry["event"] == "off"]
    assert len(told) == 1


def test_D4_told_and_left_on(own, account):
    password = on(own, account, "open")
    smtp_guesses(own, account, 6, FOUR)
    assert is_accepted(log_in(own, "imap", account, password))
    status = own.status(account)
    assert status["access"] == "enabled"
    assert " break-in told by postern on 4 networks shut out in " in status["history"]
    own.wait_for_log("dovecot", "verdict=wrong-password shut_out=now break_in=tell rip=127.0.103.6")


def test_D4_staff_can_force_the_gate(own, account):
    on(own, account, "wary")
    smtp_guesses(own, account, 6, FOUR)
    assert own.doveadm("postern", "on", "--force", "--by", "anna", account)[0]["password"]
    assert " on forced by anna" in own.status(account)["history"]


def test_D4_not_from_three_networks_nor_by_one_stale_password(own, account):
    password = on(own, account, "wary")
    smtp_guesses(own, account, 10, FOUR[:3])
    auth_fail(own, [(account, "stale", f"127.0.{120 + number % 50}.1") for number in range(1000)])
    assert is_accepted(log_in(own, "imap", account, password))


def test_D4_ipv6_by_48(own, account):
    """As Postfix asks: 200 networks of /64 in one /48 are one."""
    password = on(own, account, "wary")
    auth_fail(own, [(account, f"guess-{number}", f"2001:db8:1:{number:x}::1")
                    for number in range(200)])
    assert is_accepted(log_in(own, "imap", account, password))
    for network in range(2, 5):
        auth_fail(own, [(account, f"guess-{number}", f"2001:db8:{network}::1")
                        for number in range(6)])
    assert log_in(own, "imap", account, password) == access_off("imap", BREAK_IN)
    assert "2001:db8:4::/48, 2001:db8:3::/48, 2001:db8:2::/48, 2001:db8:1::/48" in \
        own.status(account)["history"]


def test_D4_the_webmail_password_from_outside_is_one_wrong_password(own, account):
    password = on(own, account, "wary")
    auth_fail(own, [(account, own.webmail_password(account), f"127.0.{100 + number % 5}.1")
                    for number in range(200)])
    assert is_accepted(log_in(own, "imap", account, password))


def test_D4_a_site_can_turn_it_off(own, account):
    password = on(own, account, "calm")
    smtp_guesses(own, account, 10, FOUR)
    assert is_accepted(log_in(own, "imap", account, password))


def test_D4_nobody_else_is_touched(own, account):
    """Guesses at a stranger's account whose access is off, or that isn't there, change nothing."""
    bystander = new_account("bystander")
    password = on(own, bystander, "wary")
    own.set(account, tier="wary")
    smtp_guesses(own, account, 6, FOUR)
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
        f"This app password is not for {protocol.upper()}: get another one at {HELP_URL}")
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
        protocol, f"This app password has expired: get a new one at {HELP_URL}", imap="[EXPIRED]")
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
