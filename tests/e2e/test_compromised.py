"""
Access that goes off because failures are counted, or because staff has seen a crack (B3, B4), in a
whole mail site: sessions, the notice, what support sees of it. The script is called as the milter
calls it; the rules themselves are in test_failures.py.
"""

import re
import time

import pytest

from conftest import new_account
from script_site import HOUR, Site, Tier
from test_accounts import export, partition_of, run_import
from doors import http_rows, support_rows
from test_doveadm import EX_USAGE, TIME
from test_worker import END_SECONDS, is_alive, mail_of, pop3_login, wait_until_idle

SETTINGS = {
    "worker": {"notice_lease": "2s"},
    "tier paid": {"failed_recipients": "50", "failed_recipients_window": "90m"},
    "tier list": {"failed_recipients": "unlimited", "failed_recipients_window": "7d"},
}
TIERS = [Tier("free", failure=(10, HOUR)), Tier("paid", failure=(50, 90 * 60000)), Tier("list")]
SUBJECT = "External access is off: someone seems to be sending spam in your name"


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty"], worker=True)


class PartitionSite(Site):
    """The scripts in a sandbox's Redis, with its clock, about one account."""

    def __init__(self, box, account):
        self.prefix = partition_of(account)
        super().__init__(box.redis())
        self.own_clock(False)

    def key(self, kind, account=None):
        return f"{self.prefix}:{kind}" + (f":{account}" if account else "")


def report(box, account, message, *failed, **more):
    return PartitionSite(box, account).failure(account, message, *failed, sent=int(time.time()),
                                               tiers=TIERS, **more)


def ten(site="reject.test"):
    return [f"r{number}@{site}" for number in range(10)]


# By itself


def test_b3_sessions_end_and_the_owner_is_told_once(box, account):
    box.doveadm("postern", "on", "--language", "en", account)
    row, = box.doveadm("postern", "password", "add", account)
    session = pop3_login(box, account, row["password"])
    assert report(box, account, 1, *ten())[0] == "compromised"
    deadline = time.monotonic() + END_SECONDS
    while is_alive(session):
        assert time.monotonic() < deadline, "the session goes on"
        time.sleep(0.02)
    box.wait_for_notice(account, 1, subject=SUBJECT)
    wait_until_idle(box)
    subjects = [message["Subject"] for message in mail_of(box, account)]
    assert subjects.count(SUBJECT) == 1
    row = box.status(account)
    assert (row["access"], row["reason"], row["password_change_needed"]) == \
        ("disabled", "compromised", "yes")


def test_b3_upgraded_from_send_limit_the_owner_is_told_of_both(box, account):
    box.on(account)
    PartitionSite(box, account).off(account, "send-limit", by="postern", address="")
    assert report(box, account, 1, *ten())[0] == "compromised"
    box.wait_for_notice(account, 1, subject=SUBJECT)
    wait_until_idle(box)
    subjects = [message["Subject"] for message in mail_of(box, account)]
    assert subjects.count(SUBJECT) == 1
    assert subjects.count("External access is off: too many messages sent") == 1


# What support sees


def test_status_shows_the_failures(box, account):
    box.on(account)
    report(box, account, 1, ("a@d.example", 2, "5.7.1"))
    report(box, account, 2, "b@e.example", reporter="@")
    report(box, account, 3, ("", 1, "-"), reporter="0a1b2c3d")
    row = box.status(account)
    assert (row["failed_recipients"], row["failed_recipients_window"]) == ("10", "1h")
    assert row["failures"] == 4
    third, second, first = row["failure_log"].split("; ")
    assert re.fullmatch(f"{TIME} to d.example status 5.7.1 weight 2 by own-queue", first)
    assert re.fullmatch(f"{TIME} to e.example status 5.1.1 weight 1 by own-host", second)
    assert re.fullmatch(f"{TIME} weight 1 by remote 0a1b2c3d", third)
    over_http, = http_rows(box, "posternStatus", users=account)
    assert over_http == row


@pytest.mark.parametrize("tier, limit, window", [("paid", "50", "90m"),
                                                 ("list", "unlimited", "7d")])
def test_status_shows_the_tiers_own_numbers(box, account, tier, limit, window):
    box.set(account, tier=tier)
    row = box.status(account)
    assert (row["failed_recipients"], row["failed_recipients_window"]) == (limit, window)


def test_status_and_history_show_the_evidence(box, account):
    box.on(account)
    report(box, account, 1, *ten())
    evidence = ("10 failures (score 10) of 1 message to 1 domain in 0 s, by own-queue 10: "
                "reject.test (5.1.1)")
    newest, before = box.doveadm("postern", "history", account)
    assert (newest["what"], newest["detail"], newest["by"]) == ("off", "compromised", "postern")
    assert re.fullmatch(re.escape(evidence).replace(r"\ 0\ s", " [0-9] s"), newest["evidence"])
    assert (before["what"], before["evidence"]) == ("on", "")
    row = box.status(account)
    assert row["history"].split("; ")[0].endswith(
        f" off compromised by postern on {newest['evidence']}")
    assert len(row["failure_log"].split("; ")) == 10
    assert support_rows(box, "posternHistory", users=account) == [newest, before]


def test_b4_on_begins_to_count_anew(box, account):
    """What led to the switch-off still stands there for support."""
    box.on(account)
    report(box, account, 1, *ten())
    box.doveadm("postern", "password-changed", account)
    box.on(account)
    row = box.status(account)
    assert (row["access"], row["failures"]) == ("enabled", 0)
    assert row["failure_log"].count("to reject.test status 5.1.1 weight 1 by own-queue") == 10


def test_export_carries_the_evidence_and_no_failures(box, account):
    box.on(account)
    report(box, account, 1, *ten())
    before = box.status(account)
    line = export(box, account)
    box.doveadm("postern", "erase", account)
    assert not list(box.redis().scan_iter(f"*:failures:{account}"))
    assert run_import(box, line)[1] == 0
    after = box.status(account)
    assert after["history"] == before["history"] and "reject.test" in after["history"]
    assert (after["reason"], after["failures"], after["failure_log"]) == ("compromised", 0, "")


def test_import_forgets_the_failures_of_before(box, account):
    box.on(account)
    line = export(box, account)
    report(box, account, 1, *ten())
    assert run_import(box, line)[1] == 0
    row = box.status(account)
    assert (row["access"], row["failures"], row["failure_log"]) == ("enabled", 0, "")


def test_erase_forgets_the_failures(box, account):
    box.on(account)
    report(box, account, 1, *ten()[:3])
    box.doveadm("postern", "erase", account)
    assert not list(box.redis().scan_iter(f"*{account}"))


# By staff


def test_b4_off_for_a_crack(box, account):
    password = box.on(account)
    row, = box.doveadm("postern", "off", "--reason", "compromised", "--by", "anna", account)
    assert (row["status"], row["access"], row["reason"]) == ("disabled", "disabled", "compromised")
    assert "webmail password has to be changed" in row["text"]
    assert box.status(account)["password_change_needed"] == "yes"
    with pytest.raises(Exception, match="somebody else seems to have sent mail"):
        pop3_login(box, account, password)
    box.wait_for_notice(account, 1, subject=SUBJECT)
    assert box.run_doveadm("postern", "on", account).returncode != 0
    box.doveadm("postern", "password-changed", account)
    box.on(account)


def test_b4_off_for_a_crack_while_off_for_something_else(box, account):
    box.on(account)
    box.off(account)
    row, = http_rows(box, "posternOff", users=account, reason="compromised", by="anna")
    assert (row["status"], row["reason"]) == ("disabled", "compromised")
    row, = http_rows(box, "posternOff", users=account, reason="compromised", by="anna")
    assert (row["status"], row["reason"]) == ("already-disabled", "compromised")
    row, = http_rows(box, "posternOff", users=account, reason="owner")
    assert (row["status"], row["reason"]) == ("already-disabled", "compromised")
    details = [row["detail"] for row in box.doveadm("postern", "history", account)]
    assert details[:2] == ["compromised", "admin"]
    box.wait_for_notice(account, 1, subject=SUBJECT)


@pytest.mark.parametrize("reason", ["break-in", "send-limit", "never-enabled", "Compromised"])
def test_off_for_what_is_found_out(box, reason):
    user = new_account()
    done = box.run_doveadm("postern", "off", "--reason", reason, user)
    assert done.returncode == EX_USAGE
    assert "reason: expected owner, admin or compromised" in done.stderr
