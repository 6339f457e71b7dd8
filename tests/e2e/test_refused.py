"""
A full mailbox refuses the notice that access is off (D5): it is tried again, on proof of that
alone, until there is room, access is on again, the account is erased, or 30 days have passed. First
the rules, as common/decisions/*.lua state them; then in a whole site, where Dovecot keeps a quota.
"""

import os
import re
import signal
import time

import pytest

from bounces import dsn
from conftest import new_account, wait_until
from milter_client import ACCEPT, TEMPFAIL
from notice_return import DISCARD, internal_bounce, sealed_sender
from script_site import DAY, HOUR, MINUTE, START, loaded, private_redis, site
from test_hold import off_ago, subjects_of, system
from test_notice_names import NAME
from test_worker import (SUBJECTS, add_event, mail_of, open_entries, outbox_of, settle,
                         wait_until_idle)

__all__ = ["loaded", "private_redis", "site"]  # fixtures

ME = "a@example.org"
SETTINGS = {"worker": {"notice_lease": "2s"}}
QUOTA = """
protocol lmtp {
  mail_plugins = $mail_plugins quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100K
  quota_grace = 0
}
"""


# The rules

def switched_off(site, reason="owner"):
    site.on(ME)
    site.off(ME, reason=reason)
    site.redis.delete(site.key("outbox"))
    return f"{site.now}-0"


def tries(site):
    """What is in the outbox again."""
    return [(entry["reason"], int(entry["time"]) - START, entry["refused"])
            for entry in site.outbox() if entry["event"] == "again"]


def waits(site):
    """Until when, in milliseconds from now."""
    score = site.redis.zscore(site.key("refused"), ME)
    return None if score is None else int(score) - site.now


def test_d5_a_refused_notice_is_tried_again_after_growing_times(site):
    entry = switched_off(site)
    expected = [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 80 * MINUTE, 160 * MINUTE, 320 * MINUTE,
                6 * HOUR, 6 * HOUR]
    for number, interval in enumerate(expected, 1):
        assert site.refused(ME, entry) == ["waits", str(number), str(site.now + interval)]
        site.later(interval - 1)
        assert site.due(site.now, index="refused") == ["done", []]
        assert site.again(ME) == ["unchanged"]
        site.later(1)
        assert site.due(site.now, index="refused") == ["done", [ME]]
        assert site.again(ME) == ["done"]
        assert site.again(ME) == ["unchanged"]
        assert tries(site)[-1] == ("owner", 0, entry) and len(tries(site)) == number
        entry = f"{site.now}-0"


def test_d5_the_same_refusal_twice_counts_once(site):
    entry = switched_off(site)
    assert site.refused(ME, entry)[0] == "waits"
    site.later(MINUTE)
    assert site.refused(ME, entry) == ["known"]
    site.later(9 * MINUTE)
    assert site.again(ME) == ["done"]
    later = f"{site.now}-0"
    assert site.refused(ME, later)[:2] == ["waits", "2"]
    for known in entry, later:
        assert site.refused(ME, known) == ["known"]
    assert waits(site) == 20 * MINUTE


@pytest.mark.parametrize("what", ["on", "erased", "another reason", "30 days"])
def test_d5_a_refused_notice_is_given_up(site, what):
    entry = switched_off(site, "send-limit")
    assert site.refused(ME, entry)[0] == "waits"
    if what == "on":
        site.on(ME)
        assert waits(site) is None
    elif what == "erased":
        site.erase(ME)
        assert waits(site) is None
    elif what == "another reason":
        # Whoever is cracked hears of that.
        site.later(1000)
        site.off(ME, "compromised")
    else:
        site.at(START + 30 * DAY + 1)
    site.later(6 * HOUR)
    assert site.again(ME) in (["over"], ["unchanged"])
    assert waits(site) is None and tries(site) == []
    assert site.refused(ME, entry) == ["over"]
    assert waits(site) is None


def test_d5_nobody_is_told_of_an_older_switch_off(site):
    entry = switched_off(site)
    site.later(1000)
    assert site.on(ME)[0][0] == "done"
    assert site.refused(ME, entry) == ["over"]
    site.later(1000)
    site.off(ME)
    assert site.refused(ME, entry) == ["over"]
    assert site.refused(ME, f"{site.now}-0")[0] == "waits"
    assert site.refused("never@example.org", entry) == ["over"]


def test_d5_what_waits_is_not_in_the_outbox(site):
    """A worker that had the entry is through with it; and what is known of it is short."""
    switched_off(site)
    stream = site.key("outbox")
    entry = site.redis.xadd(stream, {"v": "1", "event": "off", "account": ME},
                            id=f"{site.now}-18446744073709551615")
    site.redis.xgroup_create(stream, "notices", "0")
    site.redis.xreadgroup("notices", "dead", {stream: ">"})
    assert site.refused(ME, entry, "5.222.222")[0] == "waits"
    assert site.redis.xpending(stream, "notices")["pending"] == 0
    value = site.redis.hget(site.key("account", ME), "refused")
    assert value == f"{entry} 1 5.222.222" and len(value) < 64
    assert site.redis.object("encoding", site.key("account", ME)) == "listpack"


# In a whole site

@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    own = make_sandbox(SETTINGS, ["--no-penalty"], worker=True)
    with open(f"{own.directory}/etc/dovecot.conf", "a", encoding="utf-8") as file:
        file.write(QUOTA)
    own.restart("dovecot")
    return own


def webmail(own, user):
    client = own.imap(own.internal_address)
    client.login(user, own.webmail_password(user))
    client.select()
    return client


def fill(own, user):
    """As much mail as the mailbox holds."""
    text = f"Subject: filling\r\n\r\n{'x' * 76}\r\n".encode() + b"x" * 120000
    webmail(own, user).append("INBOX", None, None, text)


def make_room(own, user):
    client = webmail(own, user)
    _, (numbers,) = client.search(None, "SUBJECT", "filling")
    for number in numbers.split():
        client.store(number, "+FLAGS", r"\Deleted")
    client.expunge()


def full(own, user):
    """An account with access on, whose mailbox is full."""
    own.on(user)
    settle(own, user, 1)
    fill(own, user)


def refused_lines(own, user):
    return re.findall(rf"account={re.escape(user)} notice=refused-by-mailbox .*",
                      own.log("milter"))


def wait_for_refusals(own, user, count):
    wait_until(lambda: (own.let_go(), len(refused_lines(own, user)) >= count)[1],
               f"{count} refusals", 40)


def waiting(own, user):
    """When it is tried again."""
    return own.redis().zscore(f"{outbox_of(own, user).removesuffix('outbox')}refused", user)


def try_again(own, user):
    """It is time: a worker that starts looks at once."""
    key = f"{outbox_of(own, user).removesuffix('outbox')}refused"
    assert own.redis().zadd(key, {user: 1}, xx=True, ch=True) == 1
    own.restart("worker")


def test_d5_a_full_mailbox_gets_the_notice_when_there_is_room(own, account):
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    line, = refused_lines(own, account)
    assert re.fullmatch(rf"account={account} notice=refused-by-mailbox number=\d+\.\d+-0 "
                        r"status=5\.2\.2 verdict=waits queue_id=\w+", line)
    assert 590 < waiting(own, account) / 1000 - time.time() <= 600
    row = own.status(account)
    assert row["notice_refused"] == "1 time, status 5.2.2" and row["notice_again"]
    assert system(own)["refused notices"]["text"].startswith("To be tried again: 1")
    wait_until_idle(own)
    assert open_entries(own) == 0

    # Still full.
    try_again(own, account)
    wait_for_refusals(own, account, 2)
    assert 1190 < waiting(own, account) / 1000 - time.time() <= 1200
    assert own.status(account)["notice_refused"] == "2 times, status 5.2.2"

    make_room(own, account)
    try_again(own, account)
    wait_until(lambda: SUBJECTS["admin"] in subjects_of(own, account), "the notice", 40)
    wait_until_idle(own)
    assert subjects_of(own, account).count(SUBJECTS["admin"]) == 1
    assert waiting(own, account) is None
    # Its owner deletes it: that is no reason to send it again.
    client = webmail(own, account)
    client.store("1:*", "+FLAGS", r"\Deleted")
    client.expunge()
    own.restart("worker")
    wait_until_idle(own)
    assert mail_of(own, account) == [] and waiting(own, account) is None
    assert len(refused_lines(own, account)) == 2


def test_d5_the_bounce_of_a_notice_goes_nowhere(own, account):
    """There is no mailbox behind the notice's sender, and here any name has one."""
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    wait_until(lambda: "Mail queue is empty" in own.inside("mailq").stdout, "an empty queue")
    assert not [name for name in os.listdir(own.mail_home) if name.startswith("postern-notice")]
    assert "milter-discard" in own.log("postfix")


def test_d5_access_that_is_on_again_ends_it(own, account):
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    own.on(account)
    assert waiting(own, account) is None
    assert own.status(account)["notice_refused"] == ""
    make_room(own, account)
    own.restart("worker")
    wait_until_idle(own)
    assert SUBJECTS["admin"] not in subjects_of(own, account)


def test_d5_a_change_of_keys_sends_none_twice(own, account):
    """It was refused under the old key, waits through the change, and comes once."""
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    own.doveadm("postern", "key", "add")
    own.restart("milter")
    try_again(own, account)
    wait_for_refusals(own, account, 2)
    make_room(own, account)
    own.doveadm("postern", "key", "add")
    try_again(own, account)
    wait_until(lambda: SUBJECTS["admin"] in subjects_of(own, account), "the notice", 40)
    wait_until_idle(own)
    assert subjects_of(own, account).count(SUBJECTS["admin"]) == 1


def test_d5_a_worker_that_dies_while_it_tries_again_sends_one(own, account):
    """The second attempt is an entry of the outbox like all others, with a lease."""
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    make_room(own, account)
    with open(f"{own.directory}/bin/sendmail", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n/usr/sbin/sendmail \"$@\"\nkill -9 $PPID\nsleep 1\n")
    os.chmod(f"{own.directory}/bin/sendmail", 0o755)
    os.symlink("/usr/sbin/postqueue", f"{own.directory}/bin/postqueue")
    with open(own.settings_file, encoding="utf-8") as file:
        sample = file.read()
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.write(re.sub(r"^sendmail = .*", "sendmail = /mnt/postern/bin/sendmail", sample,
                          flags=re.MULTILINE))
    try_again(own, account)
    wait_until(lambda: not os.path.exists(f"/proc/{own.worker_pid}/exe"), "the worker's death", 40)
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.write(sample)
    own.restart("worker")
    own.wait_for_log("worker", f"account={account} notice=was-sent event=again")
    wait_until_idle(own)
    assert subjects_of(own, account).count(SUBJECTS["admin"]) == 1


def test_d5_a_refusal_waits_for_redis(own, account):
    """The milter can't tell Redis: Postfix keeps the bounce until it can."""
    full(own, account)
    postfix = "/mnt/postern/postfix/etc"
    own.inside("postconf", "-c", postfix, "defer_transports=lmtp")
    own.inside("postfix", "-c", postfix, "reload")
    own.off(account)
    wait_until(lambda: (own.let_go(), "postern-notice+" in own.inside("mailq").stdout)[1],
               "the notice in the queue", 40)
    wait_until_idle_but_queue(own)
    os.kill(own.redis_pid, signal.SIGSTOP)
    own.inside("postconf", "-c", postfix, "defer_transports=")
    own.inside("postfix", "-c", postfix, "reload")
    own.inside("postqueue", "-c", postfix, "-f")
    wait_until(lambda: "verdict=unavailable" in "".join(refused_lines(own, account)),
               "the milter to fail", 40)
    os.kill(own.redis_pid, signal.SIGCONT)
    wait_until(lambda: (own.inside("postqueue", "-c", postfix, "-f"), waiting(own, account))[1],
               "the refusal", 60, 1)
    wait_until(lambda: "Mail queue is empty" in own.inside("mailq").stdout, "an empty queue")
    assert own.status(account)["notice_refused"].startswith("1 time, ")


def wait_until_idle_but_queue(own):
    wait_until(lambda: open_entries(own) == 0, "the outboxes to be empty")


# Who can make a notice come again

def number_and_sender(own, user):
    """Of a notice that has come: its owner can read them."""
    notice = mail_of(own, user)[-1]
    return NAME.fullmatch(notice["Message-ID"])[1], notice["Return-Path"].strip("<>")


def test_d5_only_proof_counts(own, account):
    own.on(account)
    settle(own, account, 1)
    off_ago(own, account, 20)
    wait_until(lambda: SUBJECTS["admin"] in subjects_of(own, account), "the notice", 40)
    other = new_account("other")
    own.on(other)
    settle(own, other, 1)
    off_ago(own, other, 20)
    wait_until(lambda: SUBJECTS["admin"] in subjects_of(own, other), "the notice", 40)
    number, sender = number_and_sender(own, account)
    assert sender == sealed_sender(own, account, number)
    made_up = re.sub(r"\.[0-9a-f]{24}@", ".0123456789abcdef01234567@", sender)
    another = re.sub(r"\.(\d+)-0\.", lambda found: f".{int(found[1]) + 1}-0.", sender)

    def refuse(address, to, **options):
        return internal_bounce(own, address, dsn(None, to, **options))

    # Another account's, a made-up one, another notice's, no failure, no recipient at all.
    for answer in (refuse(sender, other), refuse(made_up, account), refuse(another, account),
                   refuse(sender, account, action="delayed"),
                   refuse(sender, account, headers=["Received: from x by y; today"]),
                   refuse(sender, "nobody"), refuse("postern-notice@example.test", account),
                   internal_bounce(own, sender, "Subject: x\r\n\r\nfailed")):
        assert answer == ACCEPT
    # From outside, whatever it says.
    with own.mx() as client:
        client.sendmail("", [sender], dsn(None, account))
    own.wait_for_log("milter", "bounce=unproven form=status", 2)
    assert waiting(own, account) is None and waiting(own, other) is None
    assert refused_lines(own, account) == []

    # Postfix's own word about that very notice.
    assert refuse(sender.upper(), account, status="4.2.2") == DISCARD
    assert waiting(own, account) is not None and waiting(own, other) is None
    assert f"number={number} status=4.2.2 verdict=waits" in refused_lines(own, account)[0]
    assert refuse(sender, account) == DISCARD
    assert "verdict=known" in refused_lines(own, account)[1]
    own.on(account)
    assert refuse(sender, account) == DISCARD
    assert "verdict=over" in refused_lines(own, account)[2]
    os.kill(own.redis_pid, signal.SIGSTOP)
    assert refuse(sender, account) == TEMPFAIL
    os.kill(own.redis_pid, signal.SIGCONT)


def test_d5_a_notice_that_came_all_the_same_is_not_sent_again(own, account):
    """An alias led it to two mailboxes, and one of them was full."""
    own.on(account)
    settle(own, account, 1)
    entry = off_ago(own, account, 20)
    wait_until(lambda: SUBJECTS["admin"] in subjects_of(own, account), "the notice", 40)
    _, sender = number_and_sender(own, account)
    assert internal_bounce(own, sender, dsn(None, account)) == DISCARD
    assert waiting(own, account) is not None and entry in sender
    try_again(own, account)
    own.wait_for_log("worker", f"account={account} notice=was-sent event=again")
    wait_until_idle(own)
    assert subjects_of(own, account).count(SUBJECTS["admin"]) == 1


def test_d5_what_waits_holds_no_outbox_up(own, account):
    """The stream is trimmed past a notice that waits."""
    full(own, account)
    own.off(account)
    wait_for_refusals(own, account, 1)
    wait_until_idle(own)
    stream = outbox_of(own, account)
    assert own.redis().xpending(stream, "notices")["pending"] == 0
    assert add_event(own, account, event="end")
    assert waiting(own, account) is not None


def exempt_from_quota(own):
    """As doc/operations.md tells: an LMTP listener without the quota, for notices alone."""
    # No other sandbox has this number, and nothing of this one listens there at that address.
    port = own.pop3_port
    with open(f"{own.directory}/etc/dovecot.conf", "a", encoding="utf-8") as file:
        file.write(f"""
service lmtp {{
  inet_listener notices {{
    address = 127.0.0.7
    port = {port}
  }}
}}
local 127.0.0.7 {{
  plugin {{
    quota_rule2 = INBOX:ignore
  }}
}}
""")
    own.restart("dovecot")
    with open(f"{own.directory}/postfix/etc/postern-notices", "w", encoding="ascii") as file:
        file.write(r"/^Message-ID: <postern\.[0-9]+\.[0-9]+-[0-9]+\.[0-9a-f]{32}@/ "
                   f"FILTER lmtp:inet:127.0.0.7:{port}\n")
    path = f"{own.directory}/postfix/etc/master.cf"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    service = re.search(r"^cleanup-sendmail .*\n  -o non_smtpd_milters=\n", text, re.MULTILINE)[0]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(
            service, service + "  -o header_checks=regexp:/etc/postfix/postern-notices\n"))
    own.inside("postfix", "-c", "/mnt/postern/postfix/etc", "reload")


def test_d5_a_site_can_exempt_the_notice_from_the_quota(own, account):
    exempt_from_quota(own)
    full(own, account)
    own.off(account)
    wait_until(lambda: (own.let_go(), SUBJECTS["admin"] in subjects_of(own, account))[1],
               "the notice", 40)
    assert refused_lines(own, account) == []
    # Nobody else's mail comes in that way.
    with own.mx() as client:
        client.sendmail("a@remote.test", [account], "Subject: stranger\r\nMessage-ID: "
                        f"<postern.1.1764028800000-0.{'0' * 32}@example.test>\r\n\r\nx\r\n")
    wait_until(lambda: "said: 552 5.2.2" in own.log("postfix"), "a refusal")
    assert "stranger" not in subjects_of(own, account)
