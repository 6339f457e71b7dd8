"""Whether a session still holds (A3, A8, A10, D5): common/decisions/session.lua."""

import pytest

from script_site import DAY, FREE, HOUR, MINUTE, PAID, Tier, loaded, private_redis, site

__all__ = ["loaded", "private_redis", "site"]  # fixtures

ME, OTHER = "me@example.org", "other@example.org"


def hold(site, *sessions, **options):
    """h or o of each of the sessions of ME: (protocol, digest), or all three."""
    whole = [session if len(session) == 3 else (ME, *session) for session in sessions]
    word, letters = site.sessions(*whole, **options)
    assert word == "done"
    return letters


def test_a3_off_and_on(site):
    """What opened them tells, and no clock: all of it happens in one millisecond."""
    site.set(ME, tier="paid")
    _, before = site.on(ME)
    assert hold(site, ("imap", before), ("pop3", before)) == "hh"
    site.off(ME)
    assert hold(site, ("imap", before), ("pop3", before), ("imap", None)) == "ooo"
    _, after = site.on(ME)
    assert hold(site, ("imap", before), ("imap", after)) == "oh"


def test_a3_whatever_the_clock_does(site):
    """After a failover it may be behind what was before."""
    _, before = site.on(ME)
    site.off(ME)
    site.later(-HOUR)
    _, after = site.on(ME)
    assert hold(site, ("pop3", before), ("pop3", after)) == "oh"
    site.later(2 * HOUR)
    assert hold(site, ("pop3", before), ("pop3", after)) == "oh"


def test_a10_revoked(site):
    _, first = site.on(ME)
    _, second = site.password_add(ME)
    site.password_revoke(ME, 1)
    assert hold(site, ("pop3", first), ("pop3", second)) == "oh"


def test_a10_forgotten(site):
    """Only the newest of those that ended are remembered."""
    site.on(ME)
    digests = []
    for number in range(2, 12):
        digests.append(site.password_add(ME)[1])
        site.password_revoke(ME, number)
    assert hold(site, *(("pop3", digest) for digest in digests)) == "o" * 10


def test_a10_expired(site):
    site.on(ME)
    _, digest = site.password_add(ME, lasts=MINUTE)
    site.later(MINUTE - 1)
    assert hold(site, ("pop3", digest)) == "h"
    site.later(1)
    assert hold(site, ("pop3", digest)) == "o"


def test_a3_erased(site):
    """The numbers start again, and the digests don't."""
    _, before = site.on(ME)
    site.erase(ME)
    assert hold(site, ("pop3", before)) == "o"
    _, after = site.on(ME)
    assert hold(site, ("pop3", before), ("pop3", after)) == "oh"


def test_a8_protocols(site):
    site.set(ME, tier="paid")
    _, digest = site.on(ME)
    assert hold(site, ("imap", digest), ("pop3", digest)) == "hh"
    site.set(ME, tier="free")
    assert hold(site, ("imap", digest), ("pop3", digest), ("imap", None)) == "oho"
    # One that tiers don't name ends with what opened it.
    assert hold(site, ("", digest)) == "h"
    # The tier is the same, and the settings aren't.
    site.set(ME, tier="paid")
    assert hold(site, ("imap", digest), tiers=FREE + [Tier("paid", "pop3")]) == "o"


@pytest.mark.parametrize("change", ["on", "revoke", "expire"])
def test_d5_where_nobody_knows(site, change):
    """It may be of before, as long as somebody may be looking for what is."""
    site.on(ME)
    site.password_add(ME, lasts=DAY)
    site.later(HOUR)
    assert hold(site, ("pop3", None)) == "h"
    if change == "on":
        site.off(ME)
        site.on(ME)
    elif change == "revoke":
        site.password_revoke(ME, 1)
    else:
        site.later(DAY - HOUR)
    site.later(15 * MINUTE)
    assert hold(site, ("pop3", None), ("pop3", None)) == "oo"
    site.later(1)
    assert hold(site, ("pop3", None)) == "h"


def test_a1_never_on(site):
    assert hold(site, ("pop3", "7:1"), ("pop3", None)) == "oo"


def test_several_accounts(site):
    _, mine = site.on(ME)
    _, others = site.on(OTHER)
    site.off(ME)
    sessions = [(ME, "pop3", mine), (OTHER, "pop3", others), (ME, "pop3", others),
                (OTHER, "pop3", mine)]
    assert hold(site, *sessions) == "ohoo"


def test_no_account(site):
    """What somebody else has put in its place harms no other."""
    _, digest = site.on(OTHER)
    site.redis.set(site.key("account", ME), "nonsense")
    assert hold(site, (ME, "pop3", digest), (OTHER, "pop3", digest)) == "uh"


def test_no_mark(site):
    site.redis.flushall()
    site.at(site.now)
    assert site.sessions((ME, "pop3", "7:1"), tiers=PAID) == ["unavailable", "no mark"]
