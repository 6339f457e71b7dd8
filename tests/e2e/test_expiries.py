"""
App passwords that expire (A10): what was opened with one ends with it. An SMTP connection sends
nothing more from that very moment, whether or not anybody has noticed yet; POP3 and IMAP sessions
end within a minute. First as common/decisions/*.lua state it, then on the wire.
"""

import random
import time

import pytest

from conftest import wait_until
from logins import is_accepted, log_in, send, sender
from script_site import DAY, START, Tier, loaded, private_redis, site
from test_connections import LOG_IN_AGAIN, mail
from test_worker import imap_login, is_alive, pop3_login, wait_for_end

__all__ = ["loaded", "private_redis", "site"]  # fixtures

ME = "a@example.org"
OPEN = [Tier("free")]  # a site without limits


def add(site, lasts, **options):
    """The digest of a new app password that lasts so many milliseconds."""
    answer, digest = site.password_add(ME, lasts=lasts, **options)
    assert answer[0] == "done"
    return digest


def ends(site):
    """When what was opened before has to end, as the workers are told."""
    return [int(entry["time"]) - START for entry in site.outbox() if entry["event"] == "end"]


def index(site):
    return {name: int(score) - START
            for name, score in site.redis.zrange(site.key("expiries"), 0, -1, withscores=True)}


@pytest.mark.parametrize("stage", ["mail", "message"])
def test_a10_connections_end_at_that_very_moment(site, stage):
    """Each of several in a row, though no worker looks."""
    site.on(ME)
    for lasts in 3000, 1000, 2000:
        add(site, lasts)
    for expiry in 1000, 2000, 3000:
        site.at(START + expiry - 1)
        began = site.now
        assert site.send(ME, stage, began=began, tiers=OPEN)[0] == "allow"
        site.later(1)
        for before in began, site.now:
            assert site.send(ME, stage, began=before, tiers=OPEN) == ["log-in-again"]
        assert site.send(ME, stage, began=site.now + 1, tiers=OPEN)[0] == "allow"
    assert ends(site) == [1000, 2000, 3000]


def test_a10_what_nobody_looked_at_for_long(site):
    """The newest expiry counts for connections, and all of them for what comes after."""
    site.on(ME)
    for lasts in 1000, 2000, 9000:
        add(site, lasts)
    site.later(5000)
    assert site.send(ME, began=START + 1500) == ["log-in-again"]
    assert site.send(ME, began=START + 2001)[0] == "allow"
    assert ends(site) == [2000]
    site.later(4000)
    assert site.send(ME, began=START + 8999) == ["log-in-again"]


def test_a10_workers_find_those_that_are_due(site):
    site.on(ME)
    site.on("b@example.org")
    for lasts in 2000, 1000, 3 * DAY:
        add(site, lasts)
    for expiry in 1000, 2000, 3 * DAY:
        site.at(START + expiry - 1)
        assert site.look_for_expired() == [] and index(site) == {ME: expiry}
        site.later(1)
        assert site.look_for_expired() == [ME]
        assert site.look_for_expired() == []
    assert ends(site) == [1000, 2000, 3 * DAY]
    assert index(site) == {}
    assert not site.redis.hexists(site.key("account", ME), "expires")


def test_a10_each_is_told_once_whoever_finds_it(site):
    site.on(ME)
    add(site, 1000)
    add(site, 2000)
    site.later(1000)
    site.send(ME)
    assert site.expire(ME) == ["none"]
    assert index(site) == {ME: 2000}
    site.later(1000)
    assert site.look_for_expired() == [ME]
    site.send(ME)
    site.password_add(ME)
    assert ends(site) == [1000, 2000]


def test_a10_adding_one_looks_at_the_others(site):
    """They count as ended from then on, so what they opened has to be seen to at the latest now."""
    site.on(ME)
    add(site, 1000)
    add(site, 5000)
    site.later(1000)
    add(site, 3000)
    assert ends(site) == [1000] and index(site) == {ME: 4000}
    assert site.send(ME, began=START + 1000) == ["log-in-again"]
    assert site.send(ME, began=START + 1001)[0] == "allow"


def test_a10_the_first_one_may_expire(site):
    _, digest = site.on(ME, lasts=1000)
    assert index(site) == {ME: 1000}
    site.later(1000)
    assert site.login(ME, digest, "smtp") == ["expired"]
    assert site.look_for_expired() == [ME]
    assert site.login(ME, digest, "smtp") == ["expired"]


def test_a10_a_revoked_one_does_not_expire(site):
    site.on(ME)
    add(site, 1000)
    add(site, 2000)
    site.password_revoke(ME, 2)
    site.later(1000)
    assert site.send(ME, began=START + 1)[0] == "allow"
    assert site.look_for_expired() == []
    site.later(1000)
    assert site.look_for_expired() == [ME]
    assert ends(site) == [0, 2000]


def test_a10_nothing_expires_while_access_is_off(site):
    site.on(ME)
    add(site, 1000)
    site.off(ME)
    site.later(1000)
    assert site.look_for_expired() == [] and index(site) == {}
    site.on(ME)
    add(site, 500)
    assert index(site) == {ME: 1500}
    assert ends(site) == []


def test_a10_one_made_by_an_older_version(site):
    """It is noted nowhere. The login that uses it makes up for that; others don't have to look."""
    _, forever = site.on(ME)
    digest = add(site, 2000)
    later = add(site, 9000)

    def forget():
        site.redis.delete(site.key("expiries"))
        site.redis.hdel(site.key("account", ME), "expires")

    forget()
    assert site.login(ME, forever, "smtp") == ["allow"]
    assert index(site) == {}
    assert site.login(ME, later, "smtp") == ["allow"]
    assert index(site) == {ME: 9000}
    assert site.login(ME, digest, "smtp") == ["allow"]
    assert index(site) == {ME: 2000}
    forget()
    site.password_add(ME)
    assert index(site) == {ME: 2000}
    site.later(2000)
    assert site.look_for_expired() == [ME]


def test_a10_moved_to_another_redis(site):
    """What is open there was opened before; the expiries come along with the app passwords."""
    site.on(ME)
    add(site, 1000)
    add(site, 5000)
    site.later(1000)
    site.password_revoke(ME, 1)
    fields, history = site.export_fields(ME)
    assert not {"revoked", "expires"} & set(fields)
    assert site.import_fields(ME, fields, history) == ["unchanged"]
    site.redis.delete(site.key("account", ME), site.key("expiries"))
    site.later(10)
    assert site.import_fields(ME, fields, history) == ["done"]
    assert site.import_fields(ME, fields, history) == ["unchanged"]
    assert site.export_fields(ME) == (fields, history)
    assert index(site) == {ME: 5000}
    assert site.send(ME, began=site.now) == ["log-in-again"]
    assert site.send(ME, began=site.now + 1)[0] == "allow"
    # Exports of before had more.
    assert site.import_fields(ME, {**fields, "revoked": str(START)}, history) == ["unchanged"]
    site.import_fields(ME, {"access": "disabled", "since": str(START)}, "")
    assert index(site) == {}


def test_a10_erasing_leaves_no_expiry(site):
    site.on(ME)
    add(site, 1000)
    site.erase(ME)
    assert index(site) == {}


@pytest.mark.parametrize("seed", range(20))
def test_a10_no_dead_one_ever_sends(site, seed):
    """
    Whatever happens in whatever order: a connection sends if, and only if, no app password of the
    account has ended since it began. And the workers are told of each end, at the latest at their
    next look.
    """
    chance = random.Random(seed)
    alive, dead, told = {}, [START], []  # numbers and expiries; moments; events
    numbers = 1
    site.on(ME)
    for _ in range(300):
        site.later(chance.choice((0, 1, 1, 7, 100, 900)))
        expired = [expiry for expiry in alive.values() if expiry <= site.now]
        dead += expired
        alive = {number: expiry for number, expiry in alive.items() if expiry > site.now}
        what = chance.choice(("message", "message", "mail", "add", "revoke", "look", "off"))
        if what in ("message", "mail"):
            began = site.now - chance.choice((0, 1, 5, 500, 2000))
            answer = site.send(ME, what, began=began, tiers=OPEN)
            assert (answer == ["log-in-again"]) == (began <= max(dead)), (site.now, began, dead)
        elif what == "add" and len(alive) < 15:
            lasts = chance.choice((1, 50, 1000, 3000))
            add(site, lasts)
            numbers += 1
            alive[numbers] = site.now + lasts
        elif what == "revoke" and alive:
            number = chance.choice(list(alive))
            assert site.password_revoke(ME, number)[0] == "done"
            del alive[number]
            dead.append(site.now)
        elif what == "look":
            site.look_for_expired()
            told = ends(site)
            assert not dead[1:] or max(told) + START >= max(dead[1:])
        elif what == "off" and chance.random() < 0.2:
            site.off(ME)
            site.on(ME)
            numbers += 1
            alive, dead = {}, [site.now]


# On the wire

@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox({"tier paid": {"messages_per_minute": "unlimited"}},
                               ["--no-penalty"], worker=True)


def add_expiring(box, account, lasts):
    """A new app password, and how to wait for its end."""
    begun = time.monotonic()
    row, = box.doveadm("postern", "password", "add", "--expires", f"{lasts}s", account)
    return row["password"], lambda: wait_until(
        lambda: time.monotonic() - begun > lasts + 0.5, "the expiry", lasts + 5)


def test_A10_smtp_connections_end_when_it_expires(box, account):
    """At MAIL, and at the end of a message; also one that had sent nothing."""
    box.set(account, tier="paid")
    forever = box.on(account)
    password, wait_for_expiry = add_expiring(box, account, 4)
    silent, used, begun = (sender(box, account, password) for _ in range(3))
    assert send(used, account).accepted
    assert begun.mail(account)[0] == 250 and begun.rcpt(account)[0] == 250
    wait_for_expiry()
    assert mail(silent, account) == mail(used, account) == LOG_IN_AGAIN
    code, text = begun.data("Subject: late\r\n\r\nHello.\r\n")
    assert f"{code} {text.decode()}" == LOG_IN_AGAIN
    assert not is_accepted(log_in(box, "smtp", account, password))
    with sender(box, account, forever) as client:
        assert send(client, account).accepted
    assert len(box.wait_for_mail(account, 2, subject="hello")) == 2


def test_A10_sessions_end_within_a_minute_of_the_expiry(box, account):
    """Those of POP3 and IMAP; not webmail's, nor what another app password has opened."""
    box.set(account, tier="paid")
    other = imap_login(box, account, box.on(account))
    password, wait_for_expiry = add_expiring(box, account, 4)
    imap, pop3 = imap_login(box, account, password), pop3_login(box, account, password)
    webmail = imap_login(box, account, box.webmail_password(account), box.internal_address)
    assert is_alive(imap) and is_alive(pop3)
    wait_for_expiry()
    wait_for_end(imap, 60)
    wait_for_end(pop3, 60)
    assert is_alive(webmail) and is_alive(other)
    box.wait_for_log("worker", f"account={account} app_password=expired")
    assert box.status(account)["access"] == "enabled"
