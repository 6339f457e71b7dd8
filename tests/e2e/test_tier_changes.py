"""
An account whose tier loses a protocol (A8), because it gets another tier, or the site changes what
its tier is for: what was opened for it ends, and nobody is locked out of the rest. First as
common/decisions/*.lua state it, then on the wire.
"""

import os
import signal

import pytest

from logins import HELP_URL, is_accepted, log_in, refusal, send, sender
from script_site import FREE, PAID, START, Tier, loaded, private_redis, site
from test_connections import LOG_IN_AGAIN, mail
from test_worker import imap_login, is_alive, pop3_login, wait_for_end

__all__ = ["loaded", "private_redis", "site"]  # fixtures

ME = "a@example.org"
NO_SMTP = f"550 5.7.1 SMTP is not available for this mailbox (reader), see {HELP_URL}"
TIERS = [*FREE, *PAID, Tier("reader", "pop3,imap"), Tier("sender", "smtp"),
         Tier("twin", "pop3,imap,smtp")]


def ended(site):
    """Whether all that was opened before now has to end, and what is opened next doesn't."""
    answers = {site.send(ME, "mail", began=began, tiers=[Tier("free")])[0]
               for began in (site.now - 1, site.now)}
    assert len(answers) == 1
    assert site.send(ME, "mail", began=site.now + 1, tiers=[Tier("free")])[0] == "allow"
    told = any(entry["event"] == "end" and entry["time"] == str(site.now)
               for entry in site.outbox())
    assert told == (answers == {"log-in-again"})
    return told


@pytest.mark.parametrize("old, new, loses", [
    ("paid", "free", True), ("free", "paid", False), ("free", "free", False),
    ("paid", "reader", True), ("reader", "sender", True), ("sender", "twin", False),
    ("paid", "twin", False), ("twin", "paid", False), ("reader", "free", True),
    # A tier that the site hasn't got is free.
    ("gone", "free", False), ("paid", "gone", True), ("gone", "paid", False),
])
def test_a8_another_tier(site, old, new, loses):
    """Whoever loses a protocol logs in again; whoever only gains some isn't bothered."""
    site.set(ME, tiers=TIERS, tier=old)
    site.on(ME)
    site.later(10)
    site.set(ME, tiers=TIERS, tier=new)
    assert ended(site) == loses
    site.later(10)
    assert site.set(ME, tiers=TIERS, tier=new)[0] == "unchanged"
    assert not ended(site)


def test_a8_while_access_is_off(site):
    """There is nothing to end."""
    site.set(ME, tier="paid")
    site.set(ME, tier="free")
    assert site.outbox() == []
    site.set(ME, tier="paid")
    site.on(ME)
    site.later(10)
    site.set(ME, tier="free", activity="passive")
    assert [entry["event"] for entry in site.outbox()] == ["on", "off"]


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_a8_nothing_is_sent_without_smtp(site, stage):
    """Whenever the site has taken it away, and whoever asks to log in again or not."""
    _, digest = site.on(ME)
    reader = [Tier("free", "pop3,imap"), *PAID]
    for began in START, START + 1:
        assert site.send(ME, stage, began=began, tiers=reader) == ["protocol", "free"]
    assert site.login(ME, digest, "smtp", tiers=reader) == ["protocol", "free"]
    site.off(ME)
    assert site.send(ME, stage, tiers=reader) == ["off", "owner"]
    assert site.send(ME, "count", tiers=reader)[0] == "count"


def test_s5_a_hold_holds_limits_and_no_protocols(site):
    """Neither does one that had SMTP leave it, nor does one that hadn't keep it away."""
    tiers = [*PAID, Tier("reader", "pop3,imap", send=("messages", 1, 1, 0))]
    site.set(ME, tiers=tiers, tier="reader")
    site.on(ME)
    site.later(1)
    assert site.send(ME, tiers=tiers) == ["protocol", "reader"]
    site.set(ME, hold=60000, tiers=tiers, tier="paid")
    site.later(1)
    assert site.send(ME, began=site.now, tiers=tiers)[0] == "allow"
    assert site.send(ME, began=site.now, tiers=tiers)[0] == "defer"


# On the wire

@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox({"tier reader": {"protocols": "pop3 imap"}}, ["--no-penalty"],
                               worker=True)


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox({"tier reader": {"protocols": "pop3 imap smtp"}}, ["--no-penalty"],
                        worker=True)


def open_all(box, account, password):
    """Sessions of IMAP and POP3, and two SMTP connections, one of which sends something."""
    silent, used = (sender(box, account, password) for _ in range(2))
    assert send(used, account).accepted
    return imap_login(box, account, password), pop3_login(box, account, password), silent, used


def test_A8_from_paid_to_free(box, account):
    """IMAP is over, POP3 goes on, and SMTP after another login."""
    box.set(account, tier="paid")
    password = box.on(account)
    imap, pop3, silent, used = open_all(box, account, password)
    webmail = imap_login(box, account, box.webmail_password(account), box.internal_address)
    box.set(account, tier="free")
    assert mail(silent, account) == mail(used, account) == LOG_IN_AGAIN
    wait_for_end(imap, 60)
    assert log_in(box, "imap", account, password) == refusal(
        "imap", f"IMAP is not available for this mailbox (free), see {HELP_URL}")
    assert is_alive(webmail) and is_alive(pop3)
    with sender(box, account, password) as client:
        assert send(client, account).accepted


def test_A10_an_app_password_for_what_the_tier_has_lost(box, account):
    """It opens nothing any more, and nor does what it had opened stay."""
    box.set(account, tier="paid")
    box.on(account)
    row, = box.doveadm("postern", "password", "add", "--protocols", "imap", account)
    imap = imap_login(box, account, row["password"])
    box.set(account, tier="free")
    wait_for_end(imap, 60)
    for protocol in "pop3", "smtp":
        assert not is_accepted(log_in(box, protocol, account, row["password"]))
    # The protocol comes back with the tier, and the app password with it.
    box.set(account, tier="paid")
    assert is_accepted(log_in(box, "imap", account, row["password"]))


def test_A8_a_tier_that_never_sends(box, account):
    box.set(account, tier="paid")
    password = box.on(account)
    _, _, silent, used = open_all(box, account, password)
    box.set(account, tier="reader")
    assert mail(silent, account) == mail(used, account) == NO_SMTP
    assert log_in(box, "smtp", account, password) == refusal(
        "smtp", f"SMTP is not available for this mailbox (reader), see {HELP_URL}")
    assert box.status(account)["access"] == "enabled"


def test_A8_the_site_changes_a_tier(own, account):
    """The connections that are open are not asked to log in again: they hear why they may not."""
    own.set(account, tier="reader")
    password = own.on(account)
    _, _, silent, used = open_all(own, account, password)
    with open(own.settings_file, encoding="utf-8") as file:
        text = file.read()
    assert text.count("protocols = pop3 imap smtp\n") == 2  # of paid, and of reader
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.write(text.replace("protocols = pop3 imap smtp\n", "protocols = pop3 imap\n"))
    os.kill(own.milter_pid, signal.SIGUSR1)
    own.wait_for_log("milter", "settings reloaded")
    assert mail(silent, account) == mail(used, account) == NO_SMTP
