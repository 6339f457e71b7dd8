"""
Wrong passwords (D4), as common/decisions/login.lua counts them: which networks are shut out, when
that is an attempt to break in, and what it costs. See script_site.py for the Redis, the clock and
the calls.
"""

import random

import pytest

from script_site import (DAY, HOUR, MINUTE, START, Tier, loaded, network_of, private_redis, site)

__all__ = ["loaded", "private_redis", "site"]  # fixtures

SECOND = 1000
MONTH = 30 * DAY
ME = "a@example.org"
HOME, AWAY = "203.0.113.9", "198.51.100.9"
PLACES = [HOME, AWAY, "2001:db8:5::1", "192.0.2.9"]
WRONG, BEFORE, NOW, DISABLE, TELL = (["wrong-password", *more] for more in (
    [], ["before"], ["now"], ["disable"], ["tell"]))


def events(site):
    return [(entry["event"], entry.get("reason", "")) for entry in site.outbox()]


def shut_out(site, account=ME):
    """What support sees of it: networks and times, newest first."""
    return [tuple(row) for row in site.status(account)[5]]


def everything(site):
    """All that Redis has, byte by byte; but for the clock."""
    return {key: site.redis.dump(key) for key in site.redis.keys() if key != "clock"}


# One network


def test_d4_ten_different_from_one_network(site):
    _, digest = site.on(ME)
    for number in range(9):
        assert site.guess(ME, number, f"192.0.2.{number}") == WRONG
    assert shut_out(site) == []
    site.later(5 * SECOND)
    assert site.guess(ME, 9, "192.0.2.250") == NOW
    assert shut_out(site) == [("192.0.2.0/24", str(site.now))]
    assert site.login(ME, digest, address=HOME) == ["allow"]
    assert events(site) == [("on", "")]


@pytest.mark.parametrize("limit", [1, 2, 200])
def test_d4_as_many_as_the_tier_says(site, limit):
    site.on(ME)
    tiers = [Tier("free", wrong=(limit, 10))]
    assert [site.guess(ME, number, AWAY, tiers=tiers) for number in range(limit + 1)] == [
        *[WRONG] * (limit - 1), NOW, BEFORE]


@pytest.mark.parametrize("one, same, other, text", [
    ("192.0.2.1", "192.0.2.255", "192.0.3.1", "192.0.2.0/24"),
    ("2001:db8:1::1", "2001:db8:1:ffff::2", "2001:db8:2::1", "2001:db8:1::/48"),
    ("2001:db8::1", "2001:db8:0:1::", "2001:db8:1::", "2001:db8::/48"),
    ("2001::1", "2001:0:0:1::", "2001:1::", "2001::/48"),
    ("2001:0:5::1", "2001:0:5:9::", "2001:0:6::", "2001:0:5::/48"),
])
def test_d4_networks(site, one, same, other, text):
    """A /24, or the /48 that whoever has IPv6 is given whole."""
    site.on(ME)
    for number in range(9):
        site.guess(ME, number, one)
    assert site.guess(ME, 9, other) == WRONG
    assert site.guess(ME, 9, same) == NOW
    assert [network for network, _ in shut_out(site)] == [text]


def test_d4_a_network_that_others_entries_spell(site):
    """The end of a network and the digest behind it are the bytes of another network."""
    site.on(ME)
    assert site.guess(ME, 0, "2001:db8:2001::1") == WRONG  # 0 is digested to aaaa
    assert [site.guess(ME, number, "2001:6161:6161::1") for number in range(10)] == [
        *[WRONG] * 9, NOW]
    assert [network for network, _ in shut_out(site)] == ["2001:6161:6161::/48"]


def test_d4_one_wrong_password_a_thousand_times_is_one(site):
    """From one network or from many: a stale password in a phone that moves."""
    site.on(ME)
    for number in range(1000):
        site.later(100)
        assert site.guess(ME, 1, f"192.0.{number % 50}.1") == WRONG
    assert shut_out(site) == []


def test_d4_the_same_again_writes_nothing(site):
    site.on(ME)
    site.guess(ME, 1, AWAY)
    before = everything(site)
    site.later(10 * MINUTE)
    assert site.guess(ME, 1, AWAY) == WRONG
    assert everything(site) == before


def test_d4_the_own_ended_passwords_do_not_count(site):
    _, ended = site.on(ME)
    site.off(ME)
    site.on(ME)
    for number in range(9):
        site.guess(ME, number, AWAY)
    before = everything(site)
    for _ in range(10):
        assert site.login(ME, ended, address=AWAY) == WRONG
    assert everything(site) == before
    assert site.guess(ME, 9, AWAY) == NOW
    assert site.login(ME, ended, address=AWAY) == WRONG


def test_d4_within_an_hour(site):
    """To the second: the tenth that comes an hour after the first is one of nine."""
    site.on(ME)
    for number in range(9):
        assert site.guess(ME, number, AWAY) == WRONG
        site.later(SECOND)
    site.at(START + HOUR)
    assert site.guess(ME, 9, AWAY) == WRONG  # 1 to 9
    site.at(START + HOUR + 999)
    assert site.guess(ME, 10, AWAY) == NOW  # 1 to 10
    other = "192.0.2.1"
    for number in range(300):
        site.later(HOUR // 9 + SECOND)
        assert site.guess(ME, number, other) == WRONG


def test_d4_a_shut_out_network_counts_and_costs_nothing(site):
    site.on(ME)
    assert site.shut_out(ME, AWAY) == NOW
    before = everything(site)
    for number in range(1000):
        site.later(10 * SECOND)
        assert site.guess(ME, number, AWAY) == BEFORE
    assert everything(site) == before
    site.at(START + DAY - 1)
    assert site.guess(ME, 1000, AWAY) == BEFORE
    site.later(1)
    assert site.guess(ME, 1000, AWAY) == WRONG


def test_d4_for_as_long_as_the_tier_says(site):
    site.on(ME)
    for address, length in ((AWAY, MINUTE), (HOME, 7 * DAY)):
        tiers = [Tier("free", wrong=(3, 10), shut_out=length)]
        began = site.now
        assert site.shut_out(ME, address, 3, tiers=tiers) == NOW
        site.at(began + length - 1)
        assert site.guess(ME, 9, address, tiers=tiers) == BEFORE
        site.later(1)
        assert site.guess(ME, 9, address, tiers=tiers) == WRONG


def test_d4_shut_out_again_is_one_network(site):
    """With a short shut_out a network can be shut out often within a day."""
    site.on(ME)
    tiers = [Tier("free", wrong=(3, 4), shut_out=MINUTE)]
    for _ in range(100):
        site.later(MINUTE)
        assert site.shut_out(ME, AWAY, 3, tiers=tiers) == NOW
    assert len(shut_out(site)) == 1
    for third in (1, 2):
        assert site.shut_out(ME, f"192.0.{third}.1", 3, tiers=tiers) == NOW
    assert site.shut_out(ME, "192.0.3.1", 3, tiers=tiers) == DISABLE


# What is right


@pytest.mark.parametrize("address", [AWAY, "2001:db8:1::1"])
def test_d4_a_right_password_is_let_in_and_ends_it(site, address):
    _, digest = site.on(ME)
    site.shut_out(ME, address)
    site.shut_out(ME, "192.0.2.1")
    assert site.login(ME, digest, "smtp", address=address) == ["allow", "ended"]
    assert [network for network, _ in shut_out(site)] == ["192.0.2.0/24"]
    assert site.login(ME, digest, "smtp", address=address) == ["allow"]


def test_d4_it_counts_for_no_attempt_any_more(site):
    _, digest = site.on(ME)
    for number in range(9):
        site.shut_out(ME, f"198.0.{number}.1")
    assert site.login(ME, digest, "smtp", address="198.0.4.1") == ["allow", "ended"]
    assert site.shut_out(ME, "198.0.9.1") == NOW
    assert site.shut_out(ME, "198.0.10.1") == DISABLE


def test_d4_only_a_login_ends_it(site):
    """What is refused for another reason isn't let in."""
    _, digest = site.on(ME)
    site.shut_out(ME, AWAY)
    assert site.login(ME, digest, "imap", address=AWAY)[0] == "protocol"
    assert site.login(ME, digest, "smtp", secured=0, address=AWAY)[0] == "tls-required"
    assert len(shut_out(site)) == 1


def test_d4_a_network_that_logged_in_is_never_shut_out(site):
    _, digest = site.on(ME)
    assert site.login(ME, digest, "smtp", address="192.0.2.1") == ["allow"]
    before = everything(site)
    for day in range(30):
        site.at(START + day * DAY)
        for number in range(30):
            assert site.guess(ME, 100 * day + number, "192.0.2.77") == WRONG
    site.at(START + MONTH - 1)
    assert site.shut_out(ME, "192.0.2.77") == WRONG
    assert everything(site) == before
    site.at(START + MONTH + DAY)
    assert site.shut_out(ME, "192.0.2.77") == NOW


def test_d4_whose_guesses_of_before_are_forgotten(site):
    _, digest = site.on(ME)
    for number in range(9):
        site.guess(ME, number, AWAY)
    site.login(ME, digest, "smtp", address=AWAY)
    assert not site.redis.exists(site.key("guesses", ME))


def test_d4_of_switching_off_networks_that_logged_in_are_remembered(site):
    _, digest = site.on(ME)
    site.login(ME, digest, "smtp", address=AWAY)
    site.login(ME, digest, "smtp", address=HOME)
    networks = stored(site)
    site.off(ME)
    assert stored(site) == networks and not field(site, "logins")
    _, digest = site.on(ME)
    assert site.shut_out(ME, AWAY) == WRONG
    site.later(DAY)
    site.login(ME, digest, "smtp", address=HOME)
    assert known(site) == [network_of(HOME), network_of(AWAY)] and not field(site, "nets")


def field(site, name):
    return site.redis.execute_command("HGET", site.key("account", ME), name, NEVER_DECODE=[]) or b""


def stored(site):
    """The networks as they stand there, 8 bytes each: behind the counts of logins, and alone."""
    first, others = field(site, "logins")[44:], field(site, "nets")
    assert len(first) <= 16 and len(others) <= 64 and (len(first) + len(others)) % 8 == 0
    assert not others or len(first) in (0, 16)
    return first + others


def known(site):
    """The networks that the account has logged in from, newest first."""
    raw = stored(site)
    return [raw[at:at + 6] for at in range(0, len(raw), 8)]


def test_d4_the_ten_newest_networks_are_remembered(site):
    site.set(ME, tier="paid")
    _, digest = site.on(ME)
    addresses = [f"192.0.{number}.1" for number in range(20)]
    for count, address in enumerate(addresses, 1):
        assert site.login(ME, digest, "imap", address=address) == ["allow"]
        assert known(site) == list(map(network_of, addresses[count - 1::-1][:10]))
    assert site.shut_out(ME, addresses[10]) == WRONG
    assert site.shut_out(ME, addresses[9]) == NOW
    assert site.login(ME, digest, "imap", address=addresses[9]) == ["allow", "ended"]
    assert known(site) == list(map(network_of, [addresses[9], *addresses[:-10:-1]]))
    assert site.redis.object("encoding", site.key("account", ME)) == "listpack"


@pytest.mark.parametrize("places", [PLACES[:count] for count in (1, 2, 3, 4)])
def test_d4_they_are_written_once_a_day(site, places):
    site.set(ME, tier="paid")
    _, digest = site.on(ME)
    at = START // DAY * DAY + 12 * HOUR
    days = []
    for step in range(60):
        site.at(at + step * HOUR)
        address = places[step % len(places)]
        before = stored(site)
        site.login(ME, digest, "imap", address=address)
        if stored(site) != before:
            days.append((site.now // DAY - at // DAY, address))
    assert days == [(day, address) for day in range(3) for address in places]
    site.later(MONTH + 2 * DAY)
    site.login(ME, digest, "imap", address=HOME)
    assert known(site) == [network_of(HOME)]


def test_d4_a_thief_in_many_networks_makes_no_owner_lose(site):
    """Who has an app password can push the owner's networks off the list, and little follows."""
    site.set(ME, tier="paid")
    _, digest = site.on(ME)
    site.login(ME, digest, "imap", address=HOME)
    for number in range(100):
        site.login(ME, digest, "imap", address=f"192.0.{number}.1")
    assert len(known(site)) == 10
    assert site.shut_out(ME, HOME) == NOW
    assert site.login(ME, digest, "imap", address=HOME) == ["allow", "ended"]


# The attempt


def test_d4_ten_networks_within_a_day(site):
    _, digest = site.on(ME)
    for number in range(9):
        site.later(HOUR)
        assert site.shut_out(ME, f"192.0.{number}.1") == NOW
    assert site.login(ME, digest, address=HOME) == ["allow"]
    site.later(10 * HOUR)
    assert site.shut_out(ME, "2001:db8:5::1") == DISABLE
    assert site.login(ME, digest, address=HOME) == ["off", "break-in"]
    assert site.guess(ME, 1, "192.0.77.1") == WRONG
    assert events(site) == [("on", ""), ("off", "break-in")]
    assert not site.redis.exists(site.key("guesses", ME))
    assert site.history(ME)[0] == (
        str(site.now), "off", "break-in", "postern", "",
        "10 networks shut out in 18 h, 10 wrong passwords each: 2001:db8:5::/48, 192.0.8.0/24, "
        "192.0.7.0/24, 192.0.6.0/24, 192.0.5.0/24, 192.0.4.0/24, and 4 more")


@pytest.mark.parametrize("networks, third", [(1, 1), (2, 255), (8, 255), (20, 255)])
def test_d4_evidence_fits(site, networks, third):
    site.on(ME)
    tiers = [Tier("free", wrong=(1, networks))]
    for number in range(networks):
        site.guess(ME, 0, f"198.255.{200 + number}.{third}", tiers=tiers)
    evidence = site.history(ME)[0][5]
    assert len(evidence) <= 160 and ";" not in evidence and evidence.isascii()
    shown = [word for word in evidence.replace(",", "").split() if word.endswith("/24")]
    more = int(evidence.split()[-2]) if evidence.endswith(" more") else 0
    assert len(shown) + more == networks


def test_d4_nine_and_a_wait(site):
    """To the second: the first no longer counts when the tenth comes a day later."""
    site.on(ME)
    for number in range(9):
        site.shut_out(ME, f"192.0.{number}.1")
        site.later(SECOND)
    site.at(START + DAY)
    assert site.shut_out(ME, "192.0.100.1") == NOW
    # 1 to 8 and this one.
    assert site.shut_out(ME, "192.0.101.1") == DISABLE
    assert "10 networks shut out in 23 h" in site.history(ME)[0][5]


def test_d4_who_is_shut_out_for_longer_counts_for_a_day(site):
    tiers = [Tier("free", "pop3,smtp", wrong=(10, 10), shut_out=7 * DAY)]
    _, digest = site.on(ME)
    site.break_in(ME, 9, tiers=tiers)
    site.at(START + DAY)
    assert site.shut_out(ME, "192.0.100.1", tiers=tiers) == NOW
    assert len(shut_out(site)) == 10 and site.login(ME, digest, address=HOME) == ["allow"]
    assert site.break_in(ME, 9, 1, tiers=tiers) == DISABLE


def test_d4_who_is_shut_out_stays_no_evidence_by_guessing_on(site):
    _, digest = site.on(ME)
    for number in range(9):
        site.shut_out(ME, f"192.0.{number}.1")
    for _ in range(24):
        site.later(HOUR - SECOND)
        for number in range(9):
            site.guess(ME, site.now // SECOND % 10000, f"192.0.{number}.1")
    site.at(START + DAY)
    assert site.shut_out(ME, "192.0.100.1") == NOW
    assert site.login(ME, digest, address=HOME) == ["allow"]


def test_d4_one_network_where_a_site_wants_it(site):
    _, digest = site.on(ME)
    assert site.guess(ME, 1, AWAY, tiers=[Tier("free", wrong=(1, 1))]) == DISABLE
    assert site.login(ME, digest, address=HOME) == ["off", "break-in"]


def test_d4_each_further_one_needs_twice_as_many(site):
    """Eight times at most; a month after the last it starts again."""
    site.on(ME)
    for round_, needed in enumerate((10, 20, 40, 80, 80, 80)):
        site.later(DAY)
        assert [site.shut_out(ME, f"198.{round_}.{number}.1") for number in range(needed)] == [
            *[NOW] * (needed - 1), DISABLE]
        site.password_changed(ME)
        assert site.on(ME)[0][0] == "done"
    assert len([event for event in events(site) if event == ("off", "break-in")]) == 6
    last = site.now
    site.at(last + MONTH - 1)
    assert site.break_in(ME, 10, 100) == NOW
    site.password_changed(ME)
    site.at(last + MONTH)
    assert site.break_in(ME, 10, 101) == DISABLE


@pytest.mark.parametrize("reason", ["owner", "admin", "unused", "compromised"])
def test_d4_that_is_remembered_whatever_switches_off(site, reason):
    site.on(ME)
    site.break_in(ME)
    site.on(ME, force=1)
    site.off(ME, reason)
    site.on(ME, force=1)
    assert site.break_in(ME) == NOW
    assert site.break_in(ME, 10, 1) == DISABLE


def test_d4_erased_it_begins_anew(site):
    site.on(ME)
    site.break_in(ME)
    site.erase(ME)
    site.on(ME)
    assert site.break_in(ME) == DISABLE


def test_d4_a_new_webmail_password_ends_all(site):
    site.on(ME)
    for number in range(9):
        site.shut_out(ME, f"192.0.{number}.1")
    assert site.password_changed(ME)[:2] == ["unchanged", "enabled"]
    assert site.history(ME)[0][1] == "password-changed"
    assert shut_out(site) == [] and not site.redis.exists(site.key("guesses", ME))
    assert site.password_changed(ME)[:2] == ["unchanged", "enabled"]
    assert [row[1] for row in site.history(ME)] == ["password-changed", "on"]
    assert site.shut_out(ME, "192.0.100.1") == NOW
    assert site.guess(ME, 1, "192.0.0.1") == WRONG


def test_d4_switching_on_ends_all(site):
    site.on(ME)
    for number in range(9):
        site.shut_out(ME, f"192.0.{number}.1")
    site.off(ME)
    site.on(ME)
    assert shut_out(site) == []
    assert site.shut_out(ME, "192.0.100.1") == NOW


def test_d4_told_and_left_on(site):
    tiers = [Tier("free", "pop3,smtp", wrong=(10, 10), on_break_in="tell")]
    site.set(ME, language="et")
    _, digest = site.on(ME)
    assert site.break_in(ME, tiers=tiers) == TELL
    assert site.login(ME, digest, address=HOME) == ["allow"]
    assert events(site) == [("on", ""), ("break-in", "")]
    assert site.outbox()[-1] == {"v": "1", "event": "break-in", "account": ME, "language": "et",
                                 "time": str(site.now), "by": "postern", "from": ""}
    assert site.history(ME)[0][1:5] == ("break-in", "told", "postern", "")
    assert site.history(ME)[0][5].startswith("10 networks shut out in 0 s, 10 wrong passwords ")
    # They stay shut out, and count for no second one.
    assert site.guess(ME, 1, "198.0.3.1") == BEFORE and len(shut_out(site)) == 10
    assert [site.shut_out(ME, f"192.0.{number}.1", tiers=tiers) for number in range(20)] == [
        *[NOW] * 19, TELL]
    assert len(events(site)) == 3 and len(shut_out(site)) == 30


def test_d4_told_no_more_by_a_network_that_logs_in(site):
    """Which networks have been told of stays right when one of them goes."""
    tiers = [Tier("free", "pop3,smtp", wrong=(2, 3), on_break_in="tell")]
    _, digest = site.on(ME)
    assert site.shut_out(ME, "198.0.3.1", 2, tiers=tiers) == NOW
    assert site.break_in(ME, 2, limit=2, tiers=tiers) == TELL
    assert site.login(ME, digest, "smtp", address="198.0.1.1", tiers=tiers) == ["allow", "ended"]
    answers = [site.shut_out(ME, f"192.0.{number}.1", 2, tiers=tiers) for number in range(6)]
    assert answers == [*[NOW] * 5, TELL]


# What it costs


def test_d4_costs_nothing_where_access_is_off(site):
    site.break_in(ME, 3)
    assert site.memory(ME) == 0
    site.on(ME)
    site.off(ME)
    before = everything(site)
    site.break_in(ME, 3)
    assert everything(site) == before


def test_d4_a_site_can_turn_it_off(site):
    _, digest = site.on(ME)
    before = everything(site)
    assert site.break_in(ME, tiers=[Tier("free")]) == WRONG
    assert everything(site) == before
    assert site.login(ME, digest, address=HOME) == ["allow"]


def test_d4_memory_is_bounded(site):
    """By nobody with any number of networks: 15 kB, and for an hour only."""
    site.on(ME)
    tiers = [Tier("free", wrong=(200, 20), shut_out=MONTH)]
    for number in range(4000):
        site.guess(ME, number, f"198.{number // 250}.{number % 250}.1", tiers=tiers)
    key = site.key("guesses", ME)
    assert site.redis.strlen(key) == 4 + 1000 * 14
    assert HOUR - SECOND < site.redis.pttl(key) <= HOUR
    site.later(HOUR)
    site.guess(ME, 1, "192.0.2.1")
    assert site.redis.strlen(key) == 4 + 14


def test_d4_memory_of_shut_outs_is_bounded(site):
    """In 30 days' shut-outs, and where the owner is told again and again."""
    site.on(ME)
    tiers = [Tier("free", wrong=(1, 3), shut_out=MONTH, on_break_in="tell")]
    told = [site.guess(ME, 0, f"198.{number // 250}.{number % 250}.1", tiers=tiers)
            for number in range(1000)].count(TELL)
    assert told == 3 + (1000 - 3 - 6 - 12) // 24
    assert site.redis.strlen(site.key("guesses", ME)) <= 4 + 200 * 10
    assert MONTH - MINUTE < site.redis.pttl(site.key("guesses", ME)) <= MONTH


def test_d4_a_flood_of_other_networks_hides_none(site):
    """One guess in a hundred is enough to be seen, however many networks make the others."""
    site.on(ME)
    others = iter(range(10**6))
    for number in range(9):
        for _ in range(90):
            other = next(others)
            site.guess(ME, 5, f"198.{other // 250}.{other % 250}.1")
        assert site.guess(ME, number, AWAY) == WRONG
    assert site.guess(ME, 9, AWAY) == NOW


def test_d4_no_one_can_sit_in_the_log(site):
    """A log full of the guesses of those who wait at nine keeps nobody else out of it."""
    site.on(ME)
    for other in range(112):
        assert site.shut_out(ME, f"198.1.{other}.1", 9) == WRONG
    assert site.redis.strlen(site.key("guesses", ME)) == 4 + 1000 * 14
    assert site.shut_out(ME, AWAY) == NOW


def test_d4_many_networks_with_few_guesses_are_no_attempt(site):
    """Never early: a thousand networks that try nine each."""
    _, digest = site.on(ME)
    for number in range(9):
        for other in range(1000):
            assert site.guess(ME, number, f"198.{other // 250}.{other % 250}.1") == WRONG
    assert site.login(ME, digest, address=HOME) == ["allow"]


def test_d4_side_by_side_as_one_after_the_other(site):
    """All networks guess at once, as many as an attempt can need: it takes ten guesses of each."""
    site.on(ME)
    for needed in (10, 20, 40, 80):
        answers = [site.guess(ME, number, f"198.{needed}.{other}.1")
                   for number in range(10) for other in range(needed)]
        assert answers == [*[WRONG] * (9 * needed), *[NOW] * (needed - 1), DISABLE]
        site.password_changed(ME)
        site.on(ME)


def test_d4_a_clock_that_jumps_back(site):
    """Nothing breaks, and nothing lasts longer than it would have from now on."""
    _, digest = site.on(ME)
    site.later(DAY)
    for number in range(9):
        site.guess(ME, number, "192.0.2.1")
    site.shut_out(ME, AWAY)
    site.login(ME, digest, "smtp", address=HOME)
    site.later(-DAY)
    assert site.guess(ME, 9, "192.0.2.1") == NOW
    assert site.guess(ME, 9, AWAY) == BEFORE
    assert site.login(ME, digest, "smtp", address=HOME) == ["allow"]
    assert site.login(ME, digest, "smtp", address=AWAY) == ["allow", "ended"]


# Against the rule, told otherwise


class Model:
    """D4 in a few lines: all that was tried is kept, and each question looks at all of it."""

    def __init__(self, limit, enough, length, tells):
        self.limit, self.enough, self.length, self.tells = limit, enough, length, tells
        self.known, self.attempts = {}, []
        self.forget()

    def forget(self):
        self.tried, self.shut, self.told = [], {}, set()

    def right(self, now, network):
        was_shut = network in self.shut and now < self.shut[network] + max(self.length, DAY)
        self.known[network] = now // DAY
        self.shut.pop(network, None)
        self.tried = [one for one in self.tried if one[0] != network]
        return was_shut

    def wrong(self, now, network, password):
        second = now // SECOND * SECOND
        if self.known.get(network, -100) + 30 >= now // DAY:
            return WRONG
        if network in self.shut and now < self.shut[network] + self.length:
            return BEFORE
        recent = {one[1] for one in self.tried if one[0] == network and now < one[2] + HOUR}
        if password in recent:
            return WRONG
        self.tried.append((network, password, second))
        if len(recent) + 1 < self.limit:
            return WRONG
        self.tried = [one for one in self.tried if one[0] != network]
        self.shut[network] = second
        self.told.discard(network)
        new = [one for one, when in self.shut.items() if now < when + DAY and one not in self.told]
        run = 0
        for earlier, later in zip(self.attempts, [*self.attempts[1:], now]):
            run = run + 1 if later < earlier + MONTH else 0
        if len(new) < self.enough * min(2 ** run, 8):
            return NOW
        self.attempts.append(now)
        self.told.update(self.shut)
        return TELL if self.tells else DISABLE


@pytest.mark.parametrize("limit, enough, length, on_break_in", [
    (3, 3, DAY, "disable"), (3, 2, DAY, "tell"), (2, 3, 2 * HOUR, "disable"),
    (4, 2, 3 * DAY, "tell"), (1, 2, 30 * MINUTE, "tell")])
def test_d4_as_the_rule_says(site, limit, enough, length, on_break_in):
    """Random guesses, logins and changes of the webmail password, hours and days apart."""
    generator = random.Random(limit * 1000 + enough)
    tiers = [Tier("free", "pop3,smtp", wrong=(limit, enough), shut_out=length,
                  on_break_in=on_break_in)]
    model = Model(limit, enough, length, on_break_in == "tell")
    addresses = [f"192.0.{number}.1" for number in range(20)] + [
        f"2001:db8:{number}::1" for number in range(20)]
    _, digest = site.on(ME)
    seen = []
    for _ in range(12000):
        step = generator.random()
        site.later(generator.choice((1, 400, 5 * SECOND, 10 * MINUTE)))
        if step < 0.003:
            site.later(generator.choice((HOUR, 6 * HOUR, DAY, 10 * DAY, 20 * DAY, 31 * DAY)))
        address = generator.choice(addresses)
        if step > 0.999:
            site.password_changed(ME)
            model.forget()
        elif step > 0.998 and len(model.known) < 7:
            was_shut = model.right(site.now, address)
            assert site.login(ME, digest, "smtp", address=address, tiers=tiers) == [
                "allow", *["ended"] * was_shut]
        else:
            password = generator.randrange(2 * limit)
            expected = model.wrong(site.now, address, password)
            assert site.guess(ME, password, address, tiers=tiers) == expected
            seen.append(expected[-1])
            if expected == DISABLE:
                site.password_changed(ME)
                _, digest = site.on(ME)
                model.forget()
    assert min(map(seen.count, ("before", "now", on_break_in))) >= 5
