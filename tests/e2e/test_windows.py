"""
The rules as common/decisions/*.lua state them: access, app passwords, POP3 and sending. What
switches off by itself is in test_causes.py. See script_site.py for the Redis, the clock and the
calls.
"""

import itertools
import math
import random

import pytest
import redis

from script_site import (CLOCK, DAY, FORMAT, FREE, HOUR, LIST, MINUTE, PAID, START, Tier, limits,
                         loaded, private_redis, site)

__all__ = ["loaded", "private_redis", "site"]  # fixtures


# Access


def test_a1_an_account_never_heard_of_is_off_and_costs_nothing(site):
    assert site.login("new@example.org", "7:x") == ["wrong-password"]
    assert site.send("new@example.org") == ["off", "never-enabled"]
    assert site.off("new@example.org") == ["unchanged", "disabled", "never-enabled", "0"]
    assert site.status("new@example.org") == ["done", str(START), [], [], [], [], 0, 1]
    assert sorted(site.redis.keys()) == [CLOCK, site.key("mark")]


def test_a2_on_makes_one_password_that_opens(site):
    answer, digest = site.on("a@example.org")
    assert answer == ["done", "enabled", "", str(START)]
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.login("a@example.org", "7:other") == ["wrong-password"]
    assert site.login("b@example.org", digest) == ["wrong-password"]
    assert site.status("a@example.org")[3] == [["1", str(START), "0", "0", "*", "",
                                                str(START), "pop3", "192.0.2.1"]]


def test_a2_digests_under_an_older_key_open_too(site):
    _, digest = site.on("a@example.org", "3:old")
    assert site.login("a@example.org", ["7:new", digest, "1:oldest"]) == ["allow"]
    assert site.login("a@example.org", ["7:new", "1:oldest"]) == ["wrong-password"]


def test_a3_off_ends_every_password_and_on_makes_another(site):
    _, first = site.on("a@example.org")
    site.later(1000)
    assert site.off("a@example.org", "admin") == ["done", "disabled", "admin", str(START + 1000)]
    assert site.login("a@example.org", first) == ["off", "admin"]
    _, second = site.on("a@example.org")
    assert site.login("a@example.org", first) == ["wrong-password"]
    assert site.login("a@example.org", second) == ["allow"]


def test_a3_on_again_changes_nothing_and_says_so(site):
    _, first = site.on("a@example.org")
    site.later(1000)
    answer, second = site.on("a@example.org")
    assert answer == ["unchanged", "enabled", "", str(START)]
    assert site.login("a@example.org", second) == ["wrong-password"]
    assert site.login("a@example.org", first) == ["allow"]
    assert len(site.history("a@example.org")) == 1


def test_a3_on_asked_twice_about_the_same_password_is_done(site):
    """The answer to the first call may have got lost on its way."""
    _, digest = site.on("a@example.org")
    site.later(5)
    answer, _ = site.on("a@example.org", digest)
    assert answer == ["done", "enabled", "", str(START)]
    assert len(site.history("a@example.org")) == 1


def test_a3_off_again_changes_nothing(site):
    site.on("a@example.org")
    site.off("a@example.org", "owner")
    site.later(1000)
    assert site.off("a@example.org", "admin") == ["unchanged", "disabled", "owner", str(START)]
    assert len(site.history("a@example.org")) == 2


def test_a7_without_tls_only_the_exempt(site):
    _, digest = site.on("a@example.org")
    assert site.login("a@example.org", digest, secured=0) == ["tls-required"]
    assert site.login("a@example.org", "7:other", secured=0) == ["wrong-password"]
    assert site.set("a@example.org", tls="exempt")[0] == "done"
    assert site.login("a@example.org", digest, secured=0) == ["allow"]
    site.set("a@example.org", tls="required")
    assert site.login("a@example.org", digest, secured=0) == ["tls-required"]


def test_a8_protocols_of_the_tier(site):
    _, digest = site.on("a@example.org")
    assert site.login("a@example.org", digest, "imap") == ["protocol", "free"]
    assert site.login("a@example.org", digest, "smtp") == ["allow"]
    assert site.login("a@example.org", "7:other", "imap") == ["wrong-password"]
    site.set("a@example.org", tier="paid")
    assert site.login("a@example.org", digest, "imap") == ["allow"]
    site.set("a@example.org", tier="gone")
    assert site.login("a@example.org", digest, "imap") == ["protocol", "free"]


def test_a9_the_newest_five_ended_passwords_are_recognised(site):
    digests = []
    for _ in range(9):
        digests.append(site.on("a@example.org")[1])
        site.later(1000)
        site.off("a@example.org")
    for digest in digests[:4]:
        assert site.login("a@example.org", digest) == ["wrong-password"]
    for digest in digests[4:]:
        assert site.login("a@example.org", digest) == ["off", "owner"]
    assert [row[0] for row in site.status("a@example.org")[3]] == ["9", "8", "7", "6", "5"]
    assert site.login("a@example.org", "7:never") == ["wrong-password"]
    site.on("a@example.org")
    for digest in digests:
        assert site.login("a@example.org", digest) == ["wrong-password"]


# POP3


def test_p1_interval_to_the_millisecond(site):
    _, digest = site.on("a@example.org")
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.login("a@example.org", digest) == ["too-soon", 285]
    site.at(START + 284000)
    assert site.login("a@example.org", digest) == ["too-soon", 1]
    site.at(START + 284001)
    assert site.login("a@example.org", digest) == ["too-soon", 1]
    site.at(START + 284999)
    assert site.login("a@example.org", digest) == ["too-soon", 1]
    site.at(START + 285000)
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.login("a@example.org", digest) == ["too-soon", 285]


def test_p1_a_check_too_soon_starts_no_new_interval(site):
    _, digest = site.on("a@example.org")
    site.login("a@example.org", digest)
    for minute in range(1, 5):
        site.at(START + minute * 60000)
        assert site.login("a@example.org", digest)[0] == "too-soon"
    site.at(START + 285000)
    assert site.login("a@example.org", digest) == ["allow"]


def test_p1_other_protocols_and_wrong_passwords_are_not_delayed(site):
    _, digest = site.on("a@example.org")
    site.login("a@example.org", digest)
    assert site.login("a@example.org", digest, "smtp") == ["allow"]
    assert site.login("a@example.org", digest, "smtp") == ["allow"]
    assert site.login("a@example.org", "7:other") == ["wrong-password"]
    site.set("a@example.org", tier="paid")
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.login("a@example.org", digest) == ["allow"]


def test_p1_an_attempt_asked_about_twice_is_no_second_check(site):
    _, digest = site.on("a@example.org")
    assert site.login("a@example.org", digest, attempt="one") == ["allow"]
    site.later(2000)
    assert site.login("a@example.org", digest, attempt="one") == ["allow"]
    assert site.login("a@example.org", digest, attempt="two") == ["too-soon", 285]


def test_p1_a_clock_that_went_back_locks_nobody_out(site):
    _, digest = site.on("a@example.org")
    site.login("a@example.org", digest)
    site.at(START - HOUR)
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.login("a@example.org", digest) == ["too-soon", 285]
    site.set("a@example.org", tier="paid")
    site.at(START - 2 * HOUR)
    assert site.login("a@example.org", digest) == ["allow"]


def test_p3_last_use_of_each_protocol(site):
    _, digest = site.on("a@example.org")
    site.set("a@example.org", tier="paid")
    for number, protocol in enumerate(("pop3", "imap", "smtp")):
        site.at(START + number)
        site.login("a@example.org", digest, protocol, attempt="x", address=f"192.0.2.{number}")
        site.login("a@example.org", "7:other", protocol, address="203.0.113.1")
    facts = site.status("a@example.org")[2]
    facts = dict(zip(facts[::2], facts[1::2]))
    for number, protocol in enumerate(("pop3", "imap", "smtp")):
        assert facts["seen:" + protocol] == f"{START + number} 192.0.2.{number} x 1"


# Sending


def test_s1_the_sixth_in_a_minute_waits(site):
    site.on("a@example.org")
    for second in range(5):
        site.at(START + second * 1000)
        assert site.send("a@example.org") == ["allow", 0]
    assert site.send("a@example.org") == ["defer", 56, 5, "messages", "minute"]
    assert site.send("a@example.org", "mail") == ["defer", 56, 5, "messages", "minute"]
    site.at(START + MINUTE - 1)
    assert site.send("a@example.org") == ["defer", 1, 5, "messages", "minute"]
    site.at(START + MINUTE)
    assert site.send("a@example.org") == ["allow", 0]
    assert site.send("a@example.org") == ["defer", 1, 5, "messages", "minute"]
    assert [row[1] for row in site.history("a@example.org")] == ["on"]


def send_fifteen(site, account):
    """Five in a burst, each minute."""
    for minute in range(3):
        site.at(START + minute * MINUTE)
        for _ in range(5):
            assert site.send(account) == ["allow", 0]
    site.later(MINUTE)


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_s2_the_sixteenth_in_an_hour_switches_off(site, stage):
    _, digest = site.on("a@example.org")
    send_fifteen(site, "a@example.org")
    site.at(START + HOUR - 1000)
    assert site.send("a@example.org", stage) == ["limit", 15, "messages"]
    assert site.send("a@example.org", stage) == ["off", "send-limit"]
    assert site.login("a@example.org", digest) == ["off", "send-limit"]
    assert site.history("a@example.org")[0] == (str(START + HOUR - 1000), "off", "send-limit",
                                                "postern", "")


def test_s2_an_hour_later_there_is_room(site):
    site.on("a@example.org")
    send_fifteen(site, "a@example.org")
    site.at(START + HOUR)
    assert site.send("a@example.org") == ["allow", 0]


def test_s2_switching_on_again_does_not_empty_the_window(site):
    site.on("a@example.org")
    send_fifteen(site, "a@example.org")
    assert site.send("a@example.org") == ["limit", 15, "messages"]
    site.on("a@example.org")
    assert site.send("a@example.org") == ["limit", 15, "messages"]
    site.at(START + HOUR + MINUTE)
    site.on("a@example.org")
    for _ in range(5):
        assert site.send("a@example.org") == ["allow", 0]


def test_s3_a_burst_over_the_hour_s_edge(site):
    """A counter for each hour of the clock would let 30 through."""
    site.on("a@example.org")
    tiers = limits("messages", 0, 15, 0)
    for burst in (START + HOUR - 1000, START + HOUR + 1000):
        site.at(burst)
        verdicts = [site.send("a@example.org", tiers=tiers)[0] for _ in range(15)]
    assert verdicts == ["limit"] + 14 * ["off"]


def test_s4_a_message_asked_about_twice_is_charged_once(site):
    site.on("a@example.org")
    for _ in range(20):
        assert site.send("a@example.org", message=42) == ["allow", 0]
    assert site.send("a@example.org", "count") == ["count", 1, 1]
    for message in range(4):
        site.send("a@example.org", message=message)
    assert site.send("a@example.org", message=42) == ["allow", 0]
    assert site.send("a@example.org", message=43)[0] == "defer"


def test_s4_at_mail_nothing_is_charged(site):
    site.on("a@example.org")
    for _ in range(20):
        assert site.send("a@example.org", "mail") == ["allow", 0]
    assert site.send("a@example.org", "count") == ["count", 0, 0]


# Automatic receipts: S2


OWN, RECEIPT = 1, 0


def send_fifteen_of(site, account, kinds):
    """One each twenty seconds; whether it has a sender says what it is."""
    for kind in kinds:
        site.later(20000)
        assert site.send(account, sender=kind) == ["allow", 0]
    assert site.send(account, "count") == ["count", 3, 15]


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_s2_a_receipt_over_the_limit_changes_nothing(site, stage):
    """Whoever gets a mail program to send it switches nobody off; the owner's own one does."""
    site.on("a@example.org")
    send_fifteen_of(site, "a@example.org", [OWN] * 15)
    site.later(20000)
    for _ in range(5):
        assert site.send("a@example.org", stage, sender=RECEIPT) == ["receipt", 15, "messages"]
    assert site.redis.hget(site.key("account", "a@example.org"), "access") == "enabled"
    assert site.send("a@example.org", "count") == ["count", 2, 15]
    assert site.send("a@example.org", stage) == ["limit", 15, "messages"]
    assert site.send("a@example.org", stage, sender=RECEIPT) == ["off", "send-limit"]


def test_s2_receipts_that_fit_count(site):
    """For all limits, and nobody sends sixteen; but they don't switch the owner off either."""
    site.on("a@example.org")
    for _ in range(5):
        assert site.send("a@example.org", sender=RECEIPT)[0] == "allow"
    for kind in RECEIPT, OWN:
        assert site.send("a@example.org", sender=kind)[:3] == ["defer", 60, 5]


@pytest.mark.parametrize("receipts", [1, 8, 15])
def test_s2_receipts_have_filled_the_hour(site, receipts):
    """What is the owner's own waits for them, and is no offence before it is too much by itself."""
    site.on("a@example.org")
    send_fifteen_of(site, "a@example.org", [RECEIPT] * receipts + [OWN] * (15 - receipts))
    wait = (HOUR - 14 * 20000) // 1000
    for stage in "mail", "message":
        assert site.send("a@example.org", stage) == ["defer", wait, 15, "messages", "hour"]
    site.later(HOUR - 14 * 20000)
    assert site.send("a@example.org") == ["allow", 0]
    assert site.send("a@example.org")[0] == ("limit" if receipts == 1 else "defer")


def test_s2_receipts_of_many_recipients(site):
    """It is their charge that counts."""
    tiers = limits("recipients", 0, 20, 0)
    site.on("a@example.org")
    assert site.send("a@example.org", recipients=12, sender=RECEIPT, tiers=tiers)[0] == "allow"
    assert site.send("a@example.org", recipients=8, tiers=tiers)[0] == "allow"
    assert site.send("a@example.org", recipients=13, tiers=tiers)[0] == "limit"
    site.on("a@example.org")
    assert site.send("a@example.org", recipients=12, tiers=tiers)[0] == "defer"
    assert site.send("a@example.org", sender=RECEIPT, tiers=tiers)[0] == "receipt"


def test_s2_the_same_receipt_again(site):
    site.on("a@example.org")
    for _ in range(20):
        assert site.send("a@example.org", message=7, sender=RECEIPT) == ["allow", 0]
    assert site.send("a@example.org", "count") == ["count", 1, 1]


def test_s4_counting_recipients(site):
    site.on("a@example.org")
    tiers = limits("recipients", 10, 25, 8)
    assert site.send("a@example.org", recipients=9, tiers=tiers) == ["too-many-recipients", 8]
    assert site.send("a@example.org", recipients=8, tiers=tiers) == ["allow", 8]
    too_soon = ["defer", 60, 10, "recipients", "minute"]
    assert site.send("a@example.org", recipients=3, tiers=tiers) == too_soon
    assert site.send("a@example.org", recipients=2, tiers=tiers) == ["allow", 8]
    assert site.send("a@example.org", "mail", tiers=tiers) == too_soon
    site.later(MINUTE)
    assert site.send("a@example.org", recipients=8, tiers=tiers) == ["allow", 8]
    site.later(MINUTE)
    assert site.send("a@example.org", "count", tiers=tiers) == ["count", 0, 18]
    assert site.send("a@example.org", recipients=7, tiers=tiers) == ["allow", 8]
    site.later(MINUTE)
    assert site.send("a@example.org", recipients=1, tiers=tiers) == ["limit", 25, "recipients"]


def test_s4_no_message_waits_for_room_that_never_comes(site):
    """Without a limit for one message, the window's own size is one."""
    site.on("a@example.org")
    tiers = limits("recipients", 10, 6, 0)
    assert site.send("a@example.org", recipients=7, tiers=tiers) == ["too-many-recipients", 6]
    assert site.send("a@example.org", recipients=6, tiers=tiers) == ["allow", 6]


def test_s5_paid_has_no_limits_and_keeps_no_log(site):
    site.on("a@example.org")
    site.set("a@example.org", tier="paid")
    for _ in range(50):
        assert site.send("a@example.org") == ["allow", 0]
    assert not site.redis.exists(site.key("sent", "a@example.org"))
    assert site.send("a@example.org", "count") == ["count", 0, 0]


def test_s5_a_hold_after_an_upgrade(site):
    site.on("a@example.org")
    assert site.set("a@example.org", hold=2 * HOUR, tier="paid")[0] == "done"
    for _ in range(5):
        assert site.send("a@example.org") == ["allow", 0]
    assert site.send("a@example.org") == ["defer", 60, 5, "messages", "minute"]
    site.at(START + 2 * HOUR - 1)
    for _ in range(5):
        assert site.send("a@example.org") == ["allow", 0]
    assert site.send("a@example.org")[0] == "defer"
    site.at(START + 2 * HOUR)
    for _ in range(20):
        assert site.send("a@example.org") == ["allow", 0]


def test_s5_a_second_upgrade_does_not_end_the_hold(site):
    tiers = FREE + PAID + [Tier("gold")]
    site.on("a@example.org")
    site.set("a@example.org", hold=HOUR, tier="paid")
    site.set("a@example.org", hold=HOUR, tier="gold")
    for _ in range(5):
        site.send("a@example.org", tiers=tiers)
    assert site.send("a@example.org", tiers=tiers)[0] == "defer"
    site.later(HOUR)
    assert site.send("a@example.org", tiers=tiers) == ["allow", 0]


def test_s5_the_same_tier_again_starts_no_hold(site):
    site.on("a@example.org")
    site.set("a@example.org", tier="paid")
    assert site.set("a@example.org", hold=HOUR, tier="paid")[0] == "unchanged"
    for _ in range(20):
        assert site.send("a@example.org") == ["allow", 0]


def test_s5_a_downgrade_ends_the_hold(site):
    site.on("a@example.org")
    site.set("a@example.org", hold=HOUR, tier="paid")
    site.set("a@example.org", tier="free")
    facts = site.status("a@example.org")[2]
    assert not {"tier", "held_tier", "held_until"} & set(facts[::2])


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_s6_off_or_blocked_nothing_is_accepted(site, stage):
    _, digest = site.on("a@example.org")
    site.set("a@example.org", sending="blocked")
    assert site.send("a@example.org", stage) == ["blocked"]
    assert site.login("a@example.org", digest) == ["allow"]
    site.set("a@example.org", sending="allowed")
    assert site.send("a@example.org", stage) == ["allow", 0]
    site.off("a@example.org", "admin")
    assert site.send("a@example.org", stage) == ["off", "admin"]
    site.set("a@example.org", tier="paid")
    assert site.send("a@example.org", stage) == ["off", "admin"]


def test_b1_a_long_name_stands_behind_its_reference(site):
    name, reference = "x" * 50 + "@example.org", "0123456789abcdef" * 2
    site.on(name)
    site.send(name, "mail", reference=reference)
    assert not site.redis.exists(site.key("traced"))
    site.send(name, reference=reference)
    site.send(name, reference=reference)
    assert site.redis.hgetall(site.key("traced")) == {reference: name}


# The site's word, and what is kept


def test_d1_passive_switches_off(site):
    _, digest = site.on("a@example.org")
    site.later(1000)
    assert site.set("a@example.org", activity="passive") == ["done", "disabled", "passive",
                                                             str(START + 1000)]
    assert site.login("a@example.org", digest) == ["off", "passive"]
    assert [row[1:3] for row in site.history("a@example.org")] == [
        ("off", "passive"), ("set", "activity=passive"), ("on", "")]
    assert site.set("a@example.org", activity="passive")[0] == "unchanged"


def test_d1_only_the_site_s_word_switches_off(site):
    """An owner who switches on again is not switched off by whatever is set next."""
    site.set("a@example.org", activity="passive")
    _, digest = site.on("a@example.org")
    assert site.set("a@example.org", language="et")[:2] == ["done", "enabled"]
    assert site.login("a@example.org", digest) == ["allow"]
    assert site.set("a@example.org", activity="passive")[:3] == ["done", "disabled", "passive"]


def test_set_stores_no_defaults(site):
    assert site.set("a@example.org", tier="free", activity="active", tls="required",
                    sending="allowed") == ["unchanged", "disabled", "never-enabled", "0"]
    assert site.memory("a@example.org") == 0
    site.set("a@example.org", tier="paid", tls="exempt")
    site.set("a@example.org", tier="free", tls="required")
    assert not site.redis.exists(site.key("account", "a@example.org"))


@pytest.mark.parametrize("actor, kept", [("a", 14), ("webmail", 13), ("w" * 64, 8)])
def test_d6_history_says_who_and_is_bounded(site, actor, kept):
    """At least the newest eight changes, and more while they are short."""
    for number in range(15):
        site.at(START + number * 1000)
        site.on("a@example.org", by=actor, address=f"192.0.2.{number}")
        site.off("a@example.org", by="anna", address="")
    history = site.history("a@example.org")
    assert len(history) == kept
    assert history[0] == (str(START + 14000), "off", "owner", "anna", "")
    assert history[1] == (str(START + 14000), "on", "", actor, "192.0.2.14")
    assert [list(row) for row in history] == site.status("a@example.org")[4]


# Redis that isn't ours


EVERY_CALL = {
    "login": lambda site: site.login("a@example.org", "7:x"),
    "on": lambda site: site.on("a@example.org")[0],
    "off": lambda site: site.off("a@example.org"),
    "set": lambda site: site.set("a@example.org", tier="paid"),
    "status": lambda site: site.status("a@example.org"),
    "send, at MAIL": lambda site: site.send("a@example.org", "mail"),
    "send, message": lambda site: site.send("a@example.org"),
    "send, count": lambda site: site.send("a@example.org", "count"),
}


@pytest.mark.parametrize("name", EVERY_CALL)
def test_without_the_mark_all_is_unavailable(site, name):
    _, _ = site.on("a@example.org")
    before = site.redis.hgetall(site.key("account", "a@example.org"))
    site.redis.delete(site.key("mark"))
    assert EVERY_CALL[name](site) == ["unavailable", "no mark"]
    for foreign in ("2", "", "1 ", "postern"):
        site.redis.set(site.key("mark"), foreign)
        assert EVERY_CALL[name](site) == ["unavailable", "unknown format"]
    site.redis.delete(site.key("mark"))
    site.redis.hset(site.key("mark"), "1", "1")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        EVERY_CALL[name](site)
    assert site.redis.hgetall(site.key("account", "a@example.org")) == before


def test_init_marks_once_and_overwrites_nothing(site):
    assert site.init() == ["was"]
    site.redis.set(site.key("mark"), "2")
    assert site.init() == ["foreign"]
    assert site.redis.get(site.key("mark")) == "2"
    site.redis.delete(site.key("mark"))
    assert site.init() == ["marked"]
    assert site.redis.get(site.key("mark")) == FORMAT


@pytest.mark.parametrize("kind", ["account", "sent", "history"])
def test_a_key_of_a_wrong_type_is_an_error_and_lets_nothing_through(site, kind):
    _, digest = site.on("a@example.org")
    site.redis.delete(site.key(kind, "a@example.org"))
    site.redis.lpush(site.key(kind, "a@example.org"), "x")
    needs = {
        "account": EVERY_CALL.values(),
        "sent": [EVERY_CALL[name] for name in EVERY_CALL if name.startswith("send")],
        "history": [EVERY_CALL[name] for name in ("off", "status")],
    }
    for call in needs[kind]:
        with pytest.raises(redis.ResponseError):
            call(site)
    with pytest.raises(redis.ResponseError) if kind == "account" else nothing_raised():
        assert site.login("b@example.org", digest) == ["wrong-password"]
        site.login("a@example.org", digest)


class nothing_raised:
    """So that it reads like pytest.raises()."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


@pytest.mark.parametrize("size", [1, 19, 21, 39, 301, 10000])
def test_a_log_of_garbage_lets_nothing_through(site, size):
    """It reads as sent far in the future, or can't be read: in both cases it blocks, and ages."""
    site.on("a@example.org")
    site.redis.set(site.key("sent", "a@example.org"), b"x" * size)
    try:
        assert site.send("a@example.org")[0] in ("defer", "limit")
    except redis.ResponseError as error:
        assert "user_script" in str(error)


# Exact windows against a model


class Model:
    """What S1, S2 and S4 say, told by looking at every charge there was."""

    def __init__(self, counted, a_minute, an_hour, a_message):
        self.counted = counted
        self.a_minute, self.an_hour, self.a_message = a_minute, an_hour, a_message
        self.on = True
        self.charges = []  # (time, message, charge, whether it has a sender)

    def window(self, now, length, own=False):
        return sum(charge for when, _, charge, sender in self.charges
                   if now - length < when and (sender or not own))

    def wait(self, now, length, limit, charge):
        """Seconds until the charge would fit, found by trying each moment at which one ages."""
        for when, _, _, _ in self.charges:
            moment = when + length
            if moment > now and self.window(moment, length) + charge <= limit:
                return math.ceil((moment - now) / 1000)
        raise AssertionError("never")

    def send(self, now, stage, message, recipients, sender=1):
        recipients_matter = self.counted == "recipients"
        allowed = min((limit for limit in (self.a_message,) + (
            (self.a_minute, self.an_hour) if recipients_matter else ()) if limit), default=0)
        longest = HOUR if self.an_hour else MINUTE
        if stage == "count":
            return ["count", self.window(now, MINUTE), self.window(now, HOUR)]
        if not self.on:
            return ["off", "send-limit"]
        charge = recipients if recipients_matter and stage == "message" else 1
        if stage == "message" and allowed and recipients > allowed:
            return ["too-many-recipients", allowed]
        if stage == "message" and any(
                message == row[1] and row[0] > now - longest for row in self.charges):
            return ["allow", allowed]
        if self.a_minute and self.window(now, MINUTE) + charge > self.a_minute:
            return ["defer", self.wait(now, MINUTE, self.a_minute, charge), self.a_minute,
                    self.counted, "minute"]
        if self.an_hour and self.window(now, HOUR) + charge > self.an_hour:
            if not sender:
                return ["receipt", self.an_hour, self.counted]
            if self.window(now, HOUR, own=True) + charge <= self.an_hour:
                return ["defer", self.wait(now, HOUR, self.an_hour, charge), self.an_hour,
                        self.counted, "hour"]
            self.on = False
            return ["limit", self.an_hour, self.counted]
        if stage == "message":
            # No charge is older than the one before, even if the clock has been put back.
            when = max(now, self.charges[-1][0] if self.charges else now)
            self.charges = [row for row in self.charges if row[0] > now - longest]
            self.charges.append((when, message, charge, sender))
        return ["allow", allowed]


MODEL_LIMITS = [
    ("messages", 5, 15, 0),
    ("messages", 0, 15, 0),
    ("messages", 5, 0, 3),
    ("messages", 1, 1, 0),
    ("messages", 9, 200, 0),
    ("messages", 60, 60, 0),
    ("recipients", 10, 40, 0),
    ("recipients", 0, 30, 12),
    ("recipients", 20, 0, 0),
    ("recipients", 100, 1000, 50),
]
SENDS = 100000
BATCH = 1000


class Story:
    """One account's random life: steps of time that like edges, bursts, and messages repeated."""

    def __init__(self, number, generator):
        self.account = f"model{number}@example.org"
        self.counted, self.a_minute, self.an_hour, _ = MODEL_LIMITS[number]
        self.tiers = limits(*MODEL_LIMITS[number])
        self.model = Model(*MODEL_LIMITS[number])
        self.random = generator
        self.now = START
        # About three times what the limits let through.
        self.pace = max(length // limit for limit, length in
                        ((self.a_minute, MINUTE), (self.an_hour, HOUR)) if limit) * 3 // 2
        self.messages = itertools.count(number << 32)
        self.recent = [(0, 1)]

    def step(self):
        draw = self.random.random()
        if draw < 0.45:
            return
        if draw < 0.92:
            self.now += self.random.randrange(1, self.pace)
        elif draw < 0.93 or not self.model.charges:
            self.now += self.random.randrange(1, HOUR)
        else:
            when, _, _, _ = self.random.choice(self.model.charges)
            length = HOUR if self.random.random() < 0.1 else MINUTE
            self.now = max(self.now, when + length + self.random.choice((-1, 0, 0, 1)))

    def next_send(self):
        """(stage, message, recipients, whether it has a sender, expected answer)"""
        draw = self.random.random()
        stage = "count" if draw < 0.03 else "mail" if draw < 0.13 else "message"
        if self.random.random() < 0.1:
            message, sender = self.random.choice(self.recent[-8:])
        else:
            message, sender = next(self.messages), int(self.random.random() < 0.9)
        self.recent.append((message, sender))
        recipients = self.random.choice((1, 1, 1, 2, 3, 7, 12, 13, 51))
        expected = self.model.send(self.now, stage, message, recipients, sender)
        return stage, message, recipients, sender, expected


def test_s1_to_s4_100000_random_sends_against_a_brute_force_model(site):
    generator = random.Random(20)
    stories = [Story(number, generator) for number in range(len(MODEL_LIMITS))]
    verdicts = {}
    charged = {story.account: [] for story in stories}
    for story in stories:
        site.on(story.account)
    sends = 0
    while sends < SENDS:
        batch, pipe = [], site.redis.pipeline(transaction=False)
        clock = None
        for _ in range(BATCH):
            if sends % 100 == 0:
                story = generator.choice(stories)
            sends += 1
            story.step()
            if story.now != clock:
                clock = story.now
                pipe.set(CLOCK, clock)
                batch.append(None)
            if not story.model.on and generator.random() < 0.3:
                story.model.on = True
                site.on(story.account, to=pipe)
                batch.append(None)
            asked = story.next_send()
            site.send(story.account, *asked[:3], sender=asked[3], tiers=story.tiers,
                      began=story.now + 1, to=pipe)
            batch.append((story, story.now, *asked))
        for asked, answer in zip(batch, pipe.execute()):
            if asked is None:
                continue
            story, now, stage, message, recipients, _, expected = asked
            if stage == "count" and not story.an_hour:
                answer[2] = expected[2] = None  # nobody keeps account of an hour without a limit
            assert answer == expected, (story.tiers, now - START, stage, message, recipients)
            verdicts[answer[0]] = verdicts.get(answer[0], 0) + 1
            if stage == "message" and answer[0] == "allow":
                charged[story.account].append(
                    (now, message, recipients if story.counted == "recipients" else 1))
    print(f"\n{sends} sends: {verdicts}")
    assert set(verdicts) == {"allow", "defer", "limit", "receipt", "off", "too-many-recipients",
                             "count"}
    assert min(verdicts.values()) > 300
    for story in stories:
        assert_no_window_overfull(charged[story.account], story)


def assert_no_window_overfull(allowed, story):
    """Counts what Redis let through, past the model; a repeat within the window is none."""
    longest = HOUR if story.an_hour else MINUTE
    last, sent = {}, []
    for now, message, charge in allowed:
        if message in last and last[message] > now - longest:
            continue
        last[message] = now
        sent.append((now, charge))
    assert len(sent) > 100
    reached = False
    for limit, length in ((story.a_minute, MINUTE), (story.an_hour, HOUR)):
        first = total = most = 0
        for now, charge in sent:
            total += charge
            while sent[first][0] <= now - length:
                total -= sent[first][1]
                first += 1
            most = max(most, total)
        assert limit == 0 or most <= limit, (story.tiers, length)
        reached |= most == limit
    assert reached, "the test never came to a limit"


def test_s3_a_clock_that_jumps_back(site):
    """After a failover the clock may be some seconds behind: what was charged still counts."""
    generator = random.Random(21)
    tiers = limits("messages", 5, 40, 0)
    model = Model("messages", 5, 40, 0)
    site.on("a@example.org")
    since = site.now
    for message in range(3000):
        site.later(generator.choice((0, 0, 5000, 20000, 40000, -1000, -15000)))
        if not model.on:
            model.on = True
            site.on("a@example.org")
            since = site.now
        answer = site.send("a@example.org", message=message, tiers=tiers)
        if answer == ["log-in-again"]:
            # Once: whether the connection began before access was on can't be told (A3).
            assert site.now < since
            since = site.now
            answer = site.send("a@example.org", message=message, tiers=tiers)
        assert answer == model.send(site.now, "message", message, 1)


def test_s3_a_clock_that_was_a_day_ahead(site):
    """What was charged in those minutes holds nobody up when the clock is right again."""
    site.on("a@example.org")
    site.later(DAY)
    for _ in range(5):
        assert site.send("a@example.org")[0] == "allow"
    assert site.send("a@example.org")[0] == "defer"
    site.later(-DAY)
    for _ in range(5):
        assert site.send("a@example.org")[0] == "allow"
    assert site.send("a@example.org")[0] == "defer"


def test_s3_running_totals_wrap_around(site):
    """The log's totals are 24 bits; an account that sends for ever gets past them."""
    site.on("a@example.org")
    tiers = limits("recipients", 10000, 10000, 0)
    site.send("a@example.org", message=1, recipients=3, tiers=tiers)
    key = site.key("sent", "a@example.org")
    raw = redis.Redis(unix_socket_path=site.redis.connection_pool.connection_kwargs["path"])
    log = raw.get(key)
    assert log[11:14] == (3).to_bytes(3, "big")
    raw.set(key, log[:11] + (2**24 - 2).to_bytes(3, "big") + log[14:])
    assert site.send("a@example.org", message=2, recipients=6000, tiers=tiers)[0] == "allow"
    assert site.send("a@example.org", "count", tiers=tiers) == ["count", 6003, 6003]
    assert site.send("a@example.org", recipients=3998, tiers=tiers)[0] == "defer"
    assert site.send("a@example.org", recipients=3997, tiers=tiers)[0] == "allow"


# Figures

CPU_MAX = 60  # microseconds


def test_redis_cpu_per_decision(site):
    """Microseconds of server CPU in EVALSHA: Redis's own clock, three tiers, 200 accounts."""
    tiers = FREE + PAID + LIST
    site.own_clock(False)
    try:
        accounts = [f"user{number}@example.org" for number in range(200)]
        digests = {account: site.on(account)[1] for account in accounts}
        figures = {
            "login": measure(site, accounts, lambda account, to: site.login(
                account, digests[account], "smtp", tiers=tiers, to=to)),
            "login, wrong password": measure(site, accounts, lambda account, to: site.login(
                account, "7:x", "smtp", tiers=tiers, to=to)),
            "at MAIL": measure(site, accounts, lambda account, to: site.send(
                account, "mail", tiers=tiers, to=to)),
            "message": measure(site, accounts, lambda account, to: site.send(
                account, tiers=tiers, to=to)),
        }
        site.set("user0@example.org", tier="list")
        fill_log(site, "user0@example.org", 200)
        figures["at MAIL, after 200 in an hour"] = measure(
            site, ["user0@example.org"], lambda account, to: site.send(
                account, "mail", tiers=tiers, to=to))
    finally:
        site.own_clock(True)
    print("\n" + ", ".join(f"{name}: {usec:.1f} µs" for name, usec in figures.items()))
    # The target is 25 on a machine with nothing else to do.
    assert max(figures.values()) < CPU_MAX


def cpu_microseconds(site):
    usage = site.redis.info("cpu")
    return (usage["used_cpu_user_main_thread"] + usage["used_cpu_sys_main_thread"]) * 1e6


def measure(site, accounts, call):
    """
    The least of five rounds, and of more if the machine has other things to do. Each is measured
    twice: the time that Redis counts for the command goes on while other processes have the CPU,
    and its CPU time counts reading, parsing and answering as well. The command costs no more than
    either.
    """
    rounds = []
    while len(rounds) < 10 or len(rounds) < 50 and min(rounds) >= CPU_MAX:
        pipe = site.redis.pipeline(transaction=False)
        for account in itertools.islice(itertools.cycle(accounts), 1000):
            call(account, pipe)
        site.redis.config_resetstat()
        before = cpu_microseconds(site)
        pipe.execute()
        rounds.append((cpu_microseconds(site) - before) / 1000)
        rounds.append(site.redis.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])
    return min(rounds)


def fill_log(site, account, entries):
    seconds, microseconds = site.redis.time()
    oldest = seconds * 1000 + microseconds // 1000 - HOUR + 5 * MINUTE
    log = b"".join((oldest + place * 300).to_bytes(6, "big") + place.to_bytes(5, "big") +
                   (place + 1).to_bytes(3, "big") + (1).to_bytes(2, "big")
                   for place in range(entries))
    site.redis.set(site.key("sent", account), log)


@pytest.mark.parametrize("owner, client", [
    ("192.100.200.100", "192.100.200.100"),
    ("", "2001:db8:1234:5678:9abc:def0:1234:5678"),
], ids=["IPv4", "IPv6"])
def test_memory_per_account(site, owner, client):
    """At most 600 bytes with access on and in use, and none for those never switched on."""
    account = "andrejs.berzins@example.org"
    _, digest = site.on(account, by="webmail", address=owner)
    switched_on = site.memory(account)
    for protocol in ("pop3", "smtp"):
        assert site.login(account, digest, protocol, attempt="0123",
                          address=client) == ["allow"]
    assert site.redis.object("encoding", site.key("account", account)) == "listpack"
    in_use = site.memory(account)
    send_fifteen(site, account)
    print(f"\n{switched_on} bytes when switched on, {in_use} in use, "
          f"{site.memory(account)} for an hour after 15 messages")
    assert in_use <= 600


def test_memory_of_an_account_never_switched_on(site):
    site.login("never@example.org", "7:x")
    site.send("never@example.org")
    site.off("never@example.org")
    site.status("never@example.org")
    assert site.memory("never@example.org") == 0


def test_memory_of_an_account_stays_bounded(site):
    for number in range(100):
        _, digest = site.on("a@example.org", by="b" * 64, address="f" * 64)
        site.login("a@example.org", digest, address="2001:db8:1234:5678:9abc:def0:1234:5678")
        site.off("a@example.org", by="b" * 64, address="f" * 64)
        site.later(HOUR)
        if number == 20:
            before = site.memory("a@example.org")
    assert site.memory("a@example.org") <= before + 64
