"""
What switches access off by itself (D2, D3), the gate behind it (B4), single app passwords (A10)
and erasing, as common/decisions/*.lua state them. See script_site.py for the Redis, the clock and
the calls. Break-ins (D4) are in test_guesses.py.
"""

import random

import pytest

from script_site import (DAY, FREE, HOUR, MINUTE, START, Tier, loaded, private_redis, site)

__all__ = ["loaded", "private_redis", "site"]  # fixtures

WEEK = 7 * DAY
ME = "a@example.org"


def events(site):
    return [(entry["event"], entry.get("reason", "")) for entry in site.outbox()]


# App passwords


def test_a10_several_work_each_alone(site):
    _, first = site.on(ME)
    (answer, phone) = site.password_add(ME, label="my phone")
    assert answer == ["done", "enabled", "", str(START), "2"]
    assert site.login(ME, first, "smtp") == site.login(ME, phone, "smtp") == ["allow"]
    site.later(1)
    assert site.password_revoke(ME, 1) == ["done", "enabled", "never-enabled", str(START), "1"]
    assert site.login(ME, first, "smtp") == ["wrong-password"]
    assert site.login(ME, phone, "smtp") == ["allow"]
    assert site.password_revoke(ME, 1)[0] == "unchanged"
    assert site.password_revoke(ME, 9)[0] == "unknown"
    assert [row[1:3] for row in site.history(ME)] == [
        ("password-revoke", "1"), ("password-add", "2"), ("on", "")]
    assert events(site) == [("on", ""), ("password", ""), ("end", "")]
    assert site.outbox()[1]["label"] == "my phone"


def test_a10_one_that_is_asked_for_twice_is_made_once(site):
    site.on(ME)
    answer, digest = site.password_add(ME)
    assert site.password_add(ME, digest=digest)[0] == answer
    assert len(site.status(ME)[3]) == 2 and len(site.outbox()) == 2


def test_a10_twenty_at_most_and_none_while_off(site):
    assert site.password_add(ME)[0] == ["off", "disabled", "never-enabled", "0", "0"]
    site.on(ME)
    for number in range(2, 21):
        assert site.password_add(ME)[0][4] == str(number)
    assert site.password_add(ME)[0][::4] == ["too-many", "20"]
    site.password_revoke(ME, 7)
    assert site.password_add(ME)[0][::4] == ["done", "21"]
    site.off(ME)
    assert site.password_add(ME)[0][:3] == ["off", "disabled", "owner"]
    assert [row[0] for row in site.status(ME)[3]] == ["21", "20", "19", "18", "17"]


def test_a10_protocols_of_its_own_within_those_of_the_tier(site):
    site.on(ME)
    _, sends = site.password_add(ME, protocols="smtp,imap")
    assert site.login(ME, sends, "pop3") == ["scope"]
    assert site.login(ME, sends, "imap") == ["protocol", "free"]
    assert site.login(ME, sends, "smtp") == ["allow"]


def test_a10_an_expired_one_says_so_while_access_is_on(site):
    site.on(ME)
    _, digest = site.password_add(ME, lasts=1000)
    assert site.login(ME, digest, "smtp") == ["allow"]
    site.later(999)
    assert site.login(ME, digest, "smtp") == ["allow"]
    site.later(1)
    assert site.login(ME, digest, "smtp") == ["expired"]
    site.off(ME)
    assert site.login(ME, digest, "smtp") == ["off", "owner"]


def test_a10_last_use_of_each(site):
    """Random logins of three passwords; after each, all three say their last use."""
    generator = random.Random(7)
    site.set(ME, tier="paid")
    digests = [site.on(ME)[1], site.password_add(ME)[1], site.password_add(ME)[1]]
    expected = {number: [] for number in ("1", "2", "3")}
    for step in range(300):
        site.later(1000)
        number = generator.randrange(3)
        protocol = generator.choice(("pop3", "imap", "smtp"))
        address = f"192.0.2.{step % 200}"
        assert site.login(ME, digests[number], protocol, address=address) == ["allow"]
        expected[str(number + 1)] = [str(site.now), protocol, address]
        assert {row[0]: row[6:] for row in site.status(ME)[3]} == expected


def test_a10_expired_ones_make_room(site):
    site.on(ME)
    for _ in range(19):
        assert site.password_add(ME, lasts=1000)[0][0] == "done"
    assert site.password_add(ME)[0][0] == "too-many"
    site.later(1000)
    assert site.password_add(ME)[0][::4] == ["done", "21"]
    assert len(site.status(ME)[3]) == 7  # two that work, and the newest five that have ended


def test_a10_what_is_forgotten_leaves_nothing(site):
    """Of many app passwords over the years no field stays, whatever each of them was used for."""
    site.set(ME, tier="paid")
    for number in range(30):
        _, digest = site.on(ME)
        for protocol in ("pop3", "imap", "smtp")[:1 + number % 3]:
            assert site.login(ME, digest, protocol) == ["allow"]
        site.off(ME)
    kept = {str(number) for number in range(26, 31)}
    fields = site.redis.hkeys(site.key("account", ME))
    assert {field[5:] for field in fields if field.startswith("used:")} <= kept
    assert len([field for field in fields if field.startswith("app:")]) == 5


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_a3_a_connection_of_before_logs_in_again(site, stage):
    """The app password that opened it has ended, though another one works by now."""
    site.on(ME)
    site.later(10000)
    began = site.now
    assert site.send(ME, stage, began=began)[0] == "allow"
    site.later(1)
    site.off(ME)
    assert site.send(ME, stage, began=began) == ["off", "owner"]
    site.later(1)
    site.on(ME)
    for before in began, site.now - 1, site.now:
        assert site.send(ME, stage, began=before) == ["log-in-again"]
    began = site.now + 1
    site.later(1000)
    site.password_add(ME)
    assert site.send(ME, stage, began=began)[0] == "allow"
    site.password_revoke(ME, 2)
    assert site.send(ME, stage, began=began) == ["log-in-again"]
    assert site.send(ME, stage, began=site.now) == ["log-in-again"]
    assert site.send(ME, stage, began=site.now + 1)[0] == "allow"


def test_a3_a_clock_that_was_a_day_ahead(site):
    """Nobody has to log in again for all of that day: but for once, as nobody knows better."""
    _, digest = site.on(ME)
    site.at(START + DAY)
    site.off(ME)
    site.on(ME)
    old = site.now + 1
    site.later(2)
    assert site.send(ME, began=old)[0] == "allow"
    site.password_add(ME)
    site.password_revoke(ME, 2)
    site.at(START + MINUTE)
    began = site.now
    assert site.send(ME, began=began) == ["log-in-again"]
    for before in began, old:
        assert site.send(ME, began=before) == ["log-in-again"]
    site.later(5)
    assert site.send(ME, began=began + 1)[0] == "allow"
    # What began by the wrong clock is not new because of that.
    assert site.send(ME, began=old) == ["log-in-again"]


def test_a3_a_connection_of_before_costs_the_owner_nothing(site):
    """Neither a place in the windows, nor access where these are full."""
    site.on(ME)
    began = site.now
    for number in range(15):
        site.later(20000)
        assert site.send(ME)[0] == "allow"
    site.off(ME)
    site.on(ME)
    assert site.send(ME, "mail", began=began) == ["log-in-again"]
    assert site.send(ME, began=began) == ["log-in-again"]
    assert site.send(ME, "count") == ["count", 3, 15]
    assert site.redis.hget(site.key("account", ME), "access") == "enabled"


# Connection limit


def test_d3_the_121st_login_in_an_hour(site):
    _, digest = site.on(ME)
    for _ in range(120):
        site.later(1)
        assert site.login(ME, digest, "smtp") == ["allow"]
    assert site.login(ME, digest, "smtp") == ["off", "connection-limit"]
    assert site.login(ME, digest, "smtp") == ["off", "connection-limit"]
    assert events(site)[1:] == [("off", "connection-limit")]


def test_d3_what_is_refused_or_repeated_does_not_count(site):
    _, digest = site.on(ME)
    site.login(ME, digest, "pop3")
    for _ in range(300):
        assert site.login(ME, digest, "pop3")[0] == "too-soon"
        assert site.login(ME, digest, "imap")[0] == "protocol"
        assert site.login(ME, digest, "smtp", secured=0)[0] == "tls-required"
        assert site.login(ME, digest, "smtp", attempt="same") == ["allow"]


def test_d3_switching_on_again_begins_anew(site):
    _, digest = site.on(ME)
    for _ in range(121):
        site.login(ME, digest, "smtp")
    _, digest = site.on(ME)
    for _ in range(120):
        assert site.login(ME, digest, "smtp") == ["allow"]


@pytest.mark.parametrize("length, limit", [(HOUR, 40), (DAY, 40)])
def test_d3_never_early_and_at_most_a_step_late(site, length, limit):
    """Against a list of all logins."""
    generator = random.Random(length)
    logins = (limit, 0) if length == HOUR else (0, limit)
    tiers = [Tier("free", logins=logins)]
    _, digest = site.on(ME)
    made, offs = [], 0
    for _ in range(6000):
        step = 5000 if generator.random() < 0.01 else generator.randrange(400)
        site.later(step * length // 10000)
        answer = site.login(ME, digest, "smtp", tiers=tiers)
        made.append(site.now)
        whole = sum(site.now - length < when for when in made)
        surely = sum(when // (length // 8) > site.now // (length // 8) - 8 for when in made)
        if answer == ["allow"]:
            assert surely <= limit
        else:
            assert answer == ["off", "connection-limit"] and whole > limit
            _, digest = site.on(ME)
            made, offs = [], offs + 1
    assert offs > 20


def test_d3_a_clock_that_jumps_back_locks_nobody_out(site):
    _, digest = site.on(ME)
    for _ in range(119):
        site.login(ME, digest, "smtp")
    site.later(-2 * HOUR)
    assert [site.login(ME, digest, "smtp")[0] for _ in range(100)] == ["allow"] * 100


def test_d3_tiers_and_none(site):
    _, digest = site.on(ME)
    site.set(ME, tier="paid")
    for _ in range(600):
        assert site.login(ME, digest, "imap") == ["allow"]
    assert site.login(ME, digest, "imap") == ["off", "connection-limit"]
    unlimited = [Tier("free")]
    _, digest = site.on(ME)
    for _ in range(1500):
        assert site.login(ME, digest, "smtp", tiers=unlimited) == ["allow"]


# The gate


def test_b4_on_waits_for_a_new_webmail_password(site):
    site.on(ME)
    site.later(1000)
    site.break_in(ME)
    assert site.on(ME)[0] == ["gated", "disabled", "break-in", str(START + 1000)]
    site.later(1000)
    assert site.password_changed(ME) == ["done", "disabled", "break-in", str(START + 1000)]
    assert site.password_changed(ME)[0] == "unchanged"
    answer, digest = site.on(ME)
    assert answer[:2] == ["done", "enabled"] and site.login(ME, digest) == ["allow"]
    assert [row[1] for row in site.history(ME)] == ["on", "password-changed", "off", "on"]


def test_b4_a_change_before_the_switch_off_does_not_count(site):
    assert site.password_changed(ME) == ["unchanged", "disabled", "never-enabled", "0"]
    assert site.memory(ME) == 0
    site.on(ME)
    assert site.password_changed(ME)[:2] == ["unchanged", "enabled"]
    site.break_in(ME)
    assert site.on(ME)[0][0] == "gated"
    site.password_changed(ME)
    site.on(ME)
    site.break_in(ME, 20)
    assert site.on(ME)[0][0] == "gated"


@pytest.mark.parametrize("reason", ["owner", "admin", "send-limit", "passive", "unused",
                                    "connection-limit"])
def test_b4_staff_has_seen_a_crack_though_access_is_off(site, reason):
    site.on(ME)
    site.off(ME, reason)
    site.later(1000)
    assert site.off(ME, "compromised", by="anna") == ["done", "disabled", "compromised",
                                                      str(site.now)]
    assert site.history(ME)[0] == (str(site.now), "off", "compromised", "anna", "192.0.2.7")
    assert events(site)[1:] == [("off", reason), ("off", "compromised")]
    assert site.off(ME, "compromised")[0] == "unchanged"
    assert site.on(ME)[0][0] == "gated"


def test_b4_staff_has_seen_a_crack_though_access_was_never_on(site):
    """Of the mailbox itself, say."""
    assert site.off(ME, "compromised")[0] == "done"
    assert site.on(ME)[0][0] == "gated"


@pytest.mark.parametrize("first", ["compromised", "break-in"])
def test_b4_staff_sees_what_is_known(site, first):
    """An open gate stays open: the answer may only have got lost."""
    site.on(ME)
    site.off(ME, first)
    site.password_changed(ME)
    assert site.off(ME, "compromised")[:3] == ["unchanged", "disabled", first]
    assert site.on(ME)[0][0] == "done"


@pytest.mark.parametrize("reason", ["owner", "admin"])
def test_b4_other_reasons_do_not_open_the_gate(site, reason):
    site.on(ME)
    site.off(ME, "compromised")
    assert site.off(ME, reason)[:3] == ["unchanged", "disabled", "compromised"]
    assert site.on(ME)[0][0] == "gated"


def test_b4_staff_can_force_it_and_the_history_says_so(site):
    site.on(ME)
    site.break_in(ME)
    assert site.on(ME, force=1)[0][:2] == ["done", "enabled"]
    assert site.history(ME)[0][1:3] == ("on", "forced")
    site.off(ME)
    assert site.on(ME, force=1)[0][0] == "done"
    assert site.history(ME)[0][1:3] == ("on", "")


@pytest.mark.parametrize("reason", ["owner", "admin", "send-limit", "passive", "unused"])
def test_b4_no_gate_behind_other_reasons(site, reason):
    site.on(ME)
    site.off(ME, reason)
    assert site.on(ME)[0][0] == "done"


# The sweep

REST = 60 * DAY


def sweep(site, **more):
    """What one sweep does: {account: verdict}."""
    names = site.due(site.now - REST + more.get("warning", 0))[1]
    rest = REST - more.get("warning", 0)
    return {name: site.unused(name, rest, **more)[0] for name in names}


def test_d2_two_months_after_switching_on(site):
    site.on(ME)
    site.later(60 * DAY - 1)
    assert sweep(site) == {}
    site.later(1)
    assert sweep(site) == {ME: "unused"}
    assert site.status(ME)[2][:2] and events(site)[1:] == [("off", "unused")]
    assert site.due(site.now + 1000 * DAY)[1] == []


def test_d2_two_months_after_the_last_pop3_login(site):
    _, digest = site.on(ME)
    site.later(50 * DAY)
    site.login(ME, digest)
    site.later(10 * DAY)
    assert sweep(site) == {ME: "used"}
    assert sweep(site) == {}  # looked at once, until it is time
    site.later(50 * DAY - 1)
    assert sweep(site) == {}
    site.later(1)
    assert sweep(site) == {ME: "unused"}


def test_d2_smtp_is_no_use_and_imap_is_where_the_tier_has_it(site):
    for account, tier in (("free@example.org", "free"), ("paid@example.org", "paid")):
        site.set(account, tier="paid")
        _, digest = site.on(account)
        site.later(10 * DAY)
        assert site.login(account, digest, "smtp") == ["allow"]
        assert site.login(account, digest, "imap") == ["allow"]
        site.set(account, tier=tier)
    site.at(START + 65 * DAY)
    assert sweep(site) == {"free@example.org": "unused"}
    site.at(START + 80 * DAY - 1)
    assert sweep(site) == {"paid@example.org": "used"}
    site.later(1)
    assert sweep(site) == {"paid@example.org": "unused"}


def test_d2_looking_changes_nothing(site):
    site.on(ME)
    site.later(61 * DAY)
    before = site.redis.dump(site.key("account", ME)), site.redis.dump(site.key("unused"))
    assert site.unused(ME, REST, only_look=1)[0] == "unused"
    assert site.unused(ME, REST, only_look=1, time=START + DAY)[0] == "used"
    assert before == (site.redis.dump(site.key("account", ME)), site.redis.dump(site.key("unused")))
    assert site.unused(ME, REST, time=START + 60 * DAY)[0] == "unused"


def test_d2_tiers_of_other_lengths_and_none(site):
    tiers = [Tier("free", unused=60 * DAY), Tier("long", unused=90 * DAY), Tier("ever")]
    for tier in ("free", "long", "ever"):
        site.set(tier, tier=tier)
        site.on(tier)
    site.later(60 * DAY)
    assert sweep(site, tiers=tiers) == {"free": "unused", "long": "used", "ever": "never"}
    assert sweep(site, tiers=tiers) == {}
    site.later(30 * DAY)
    assert sweep(site, tiers=tiers) == {"long": "unused"}
    site.later(30 * DAY)
    assert sweep(site, tiers=tiers) == {"ever": "never"}


def test_d2_a_shorter_tier_counts_at_once(site):
    tiers = [Tier("free", unused=60 * DAY), Tier("long", unused=365 * DAY)]
    site.set(ME, tier="long")
    site.on(ME)
    site.later(60 * DAY)
    assert sweep(site, tiers=tiers) == {ME: "used"}
    site.set(ME, tier="free")
    assert sweep(site, tiers=tiers) == {ME: "unused"}


def test_d2_a_warning_once_a_month_before(site):
    warning = {"warning": 30 * DAY}
    _, digest = site.on(ME)
    site.later(30 * DAY)
    assert sweep(site, **warning) == {ME: "warned"}
    assert sweep(site, **warning) == {}
    assert site.outbox()[-1]["event"] == "warning"
    assert site.outbox()[-1]["until"] == str(START + 60 * DAY)
    site.later(10 * DAY)
    site.login(ME, digest)
    site.later(20 * DAY)
    assert sweep(site, **warning) == {ME: "used"}
    site.later(10 * DAY)
    assert sweep(site, **warning) == {ME: "warned"}
    site.later(30 * DAY)
    assert sweep(site, **warning) == {ME: "unused"}
    assert events(site) == [("on", ""), ("warning", ""), ("warning", ""), ("off", "unused")]


def test_d2_an_account_that_is_off_leaves_the_index(site):
    site.on(ME)
    site.redis.hset(site.key("account", ME), "access", "disabled")  # as no script leaves it
    site.later(60 * DAY)
    assert sweep(site) == {ME: "off-before"}
    assert sweep(site) == {}


def test_d2_in_pages(site):
    names = [f"user{number}@example.org" for number in range(25)]
    for name in names:
        site.on(name)
    site.later(REST)
    pages = [site.due(site.now - REST, skip, 10)[1] for skip in (0, 10, 20, 30)]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert sorted(sum(pages, [])) == sorted(names)


# What workers are told, and what is kept


def test_d5_every_switch_off_is_told_once(site):
    site.set(ME, language="et_EE")
    _, digest = site.on(ME)
    for reason in ("owner", "admin"):
        site.off(ME, reason)
        site.off(ME, reason)
        site.on(ME)
    site.set(ME, activity="passive")
    assert events(site) == [("on", ""), ("off", "owner"), ("on", ""), ("off", "admin"), ("on", ""),
                            ("off", "passive")]
    assert site.outbox()[1] == {"v": "1", "event": "off", "account": ME, "time": str(START),
                                "by": "doveadm", "from": "192.0.2.7", "language": "et_EE",
                                "reason": "owner"}


def test_erase_leaves_no_trace(site):
    name, reference = "x" * 50 + "@example.org", "0123456789abcdef" * 2
    site.set(name, tier="paid")
    _, digest = site.on(name)
    site.login(name, digest)
    site.login(name, "7:wrong", address="198.51.100.1")
    site.send(name, reference=reference, tiers=FREE)
    site.off(name)
    site.on("b@example.org")
    assert site.erase(name, reference) == ["done", "disabled", "never-enabled", "0"]
    assert not [key for key in site.redis.keys() if name in key]
    assert not site.redis.hgetall(site.key("traced")) and not site.redis.zscore(
        site.key("unused"), name)
    assert [entry["account"] for entry in site.outbox()] == ["b@example.org"]
    assert site.erase(name, reference)[0] == "unchanged"
    assert site.status(name)[2:] == [[], [], [], [], 0, 1]


def test_erase_ends_the_sessions_of_an_account_with_access_on(site):
    site.on(ME)
    site.erase(ME)
    assert events(site) == [("end", "")]
    assert site.due(site.now + 1000 * DAY)[1] == []


def test_memory_of_an_account_with_everything(site):
    """At most 1,500 bytes with three app passwords, a full history and a filled window."""
    account, client = "andrejs.berzins@example.org", "192.100.200.100"
    digests = [site.on(account, by="webmail", address=client)[1],
               *(site.password_add(account, label=label)[1] for label in ("My phone", "Laptop"))]
    for digest in digests:
        site.later(MINUTE)
        assert site.login(account, digest, "smtp", attempt="0123", address=client) == ["allow"]
    site.login(account, digests[0], "pop3", attempt="0123", address=client)
    for number in range(20):
        site.set(account, sending=("blocked", "allowed")[number % 2])
    for _ in range(15):
        assert site.send(account)[0] == "allow"
        site.later(MINUTE)
    assert site.redis.object("encoding", site.key("account", account)) == "listpack"
    assert len(site.history(account)) >= 8
    sizes = {kind: site.redis.memory_usage(site.key(kind, account), samples=0)
             for kind in ("account", "history", "sent")}
    print(f"\n{site.memory(account)} bytes: {sizes}")
    assert site.memory(account) <= 1500
