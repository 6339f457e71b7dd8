"""postern-worker: ends sessions, mails owners, sweeps (D2, D5, A10)."""

import imaplib
import os
import poplib
import re
import signal
import time

import pytest

from conftest import WAIT_SECONDS, new_account, read_maildir, wait_until
from logins import auth_fail

SETTINGS = {
    "worker": {"notice_lease": "2s", "sweep_interval": "1s"},
    "tier unused": {"unused_after": "2s"},
    "tier watched": {"protocols": "imap", "wrong_passwords": "2", "wrong_password_networks": "3",
                     "on_break_in": "tell"},
}
SUBJECTS = {
    "owner": "External access to your mailbox is off",
    "admin": "Your mail provider has switched external access off",
    "send-limit": "External access is off: too many messages sent",
    "compromised": "External access is off: someone seems to be sending spam in your name",
    "passive": "External access is off: the mailbox has not been used",
    "unused": "External access is off: no mail program has used it",
    "connection-limit": "External access is off: a mail program logs in too often",
    "break-in": "External access is off: somebody tried to guess a password",
}


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty"], worker=True)


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox(SETTINGS, ["--no-penalty"], worker=True)


def pop3_login(box, user, password):
    client = box.pop3()
    client.user(user)
    client.pass_(password)
    return client


def imap_login(box, user, password, source=None):
    client = box.imap(source)
    client.login(user, password)
    return client


def is_alive(client):
    try:
        client.noop()
        return True
    except (imaplib.IMAP4.error, poplib.error_proto, OSError, EOFError):
        return False


# D5: within seconds; and with a sanitizer, whenever.
END_SECONDS = 15 if os.environ.get("POSTERN_SANDBOX_PRELOAD") else 2


def wait_for_end(client, seconds=END_SECONDS):
    deadline = time.monotonic() + seconds
    while is_alive(client):
        assert time.monotonic() < deadline, f"the session goes on after {seconds} s"
        time.sleep(0.02)


def sessions_of(box, user):
    """A POP3 and an IMAP session from outside, and one of webmail."""
    box.set(user, tier="paid")
    password = box.on(user)
    return (imap_login(box, user, password), pop3_login(box, user, password),
            imap_login(box, user, box.webmail_password(user), box.internal_address))


def mail_of(box, user):
    return read_maildir(box.maildir(user))


def outbox_of(box, user):
    client = box.redis()
    return next(f"postern:{{{number}}}:outbox" for number in range(64)
                if client.exists(f"postern:{{{number}}}:account:{user}"))


def add_event(box, user, **fields):
    """An entry as the scripts leave them."""
    entry = {"v": "1", "event": "off", "account": user, "time": str(int(time.time() * 1000)),
             "by": "postern", "from": "", "language": "", **fields}
    return box.redis().xadd(outbox_of(box, user), entry)


def open_entries(box):
    client = box.redis()
    streams = [f"postern:{{{number}}}:outbox" for number in range(64)]
    held = sum(client.zcard(f"postern:{{{number}}}:held") for number in range(64))
    return held + sum(group["pending"] + (group["lag"] or 0) for stream in streams
                      if client.exists(stream) for group in client.xinfo_groups(stream))


def wait_until_idle(box, seconds=WAIT_SECONDS):
    """All that the outboxes hold has been sent and has come in."""
    def is_idle():
        box.let_go()
        return open_entries(box) == 0

    wait_until(is_idle, "the outboxes to be empty", seconds)
    wait_until(lambda: "Mail queue is empty" in box.inside("mailq").stdout, "an empty queue")


def settle(box, user, count):
    """Waits for the mails, and for what should not come."""
    box.wait_for_notice(user, count)
    wait_until_idle(box)
    found = mail_of(box, user)
    assert len(found) == count, [message["Subject"] for message in found]
    return found


def last(messages):
    """The one sent last. Two that come in the same moment may be stored in either order."""
    return max(messages, key=lambda message: message["Message-ID"].split(".")[2])


# Sessions

def test_d5_off_ends_external_sessions(box, account):
    imap, pop3, webmail = sessions_of(box, account)
    box.off(account)
    wait_for_end(imap)
    wait_for_end(pop3)
    assert is_alive(webmail)


def test_d5_others_stay(box, account):
    other = new_account("other")
    imap, pop3, _ = sessions_of(box, other)
    gone = sessions_of(box, account)
    box.off(account)
    wait_for_end(gone[0])
    wait_for_end(gone[1])
    assert is_alive(imap) and is_alive(pop3)


def test_a10_revoke_ends_sessions(box, account):
    imap, pop3, webmail = sessions_of(box, account)
    box.doveadm("postern", "password", "revoke", "--number", "1", account)
    wait_for_end(imap)
    wait_for_end(pop3)
    assert is_alive(webmail)


def test_d5_off_and_on_again(box, account):
    """The sessions from before go, the new ones stay."""
    imap, pop3, _ = sessions_of(box, account)
    box.off(account)
    password = box.on(account)
    wait_for_end(imap)
    wait_for_end(pop3)
    again = imap_login(box, account, password)
    time.sleep(1.5)
    assert is_alive(again)


def test_d5_missed_while_down(own, account):
    """What goes off while no worker runs is found when one starts."""
    imap, pop3, webmail = sessions_of(own, account)
    stays = sessions_of(own, new_account("stays"))
    os.kill(own.worker_pid, signal.SIGKILL)
    own.off(account)
    time.sleep(0.5)
    assert is_alive(imap) and is_alive(pop3)
    own.restart("worker")
    wait_for_end(imap)
    wait_for_end(pop3)
    assert is_alive(webmail) and all(is_alive(client) for client in stays)


def test_d5_missed_though_on(own, account):
    """So is what doesn't show in the account any more: off and on again, an app password's end."""
    revoked = new_account("revoked")
    gone = [*sessions_of(own, account)[:2], *sessions_of(own, revoked)[:2]]
    os.kill(own.worker_pid, signal.SIGKILL)
    own.off(account)
    own.on(account)
    own.doveadm("postern", "password", "revoke", "--number", "1", revoked)
    own.restart("worker")
    for client in gone:
        wait_for_end(client)


def test_d5_dovecot_away(own, account):
    """doveadm's API can't be reached: said once, and made up for."""
    def count(words):
        return own.log("worker").count(f"doveadm-sessions={words}")

    own.on(account)
    # Dovecot may have come up later than the worker.
    failed, works_again = count("failed"), count("works-again")
    own.inside("sh", "-c", f"kill {own.dovecot_pid}")
    wait_until(lambda: not os.path.exists(f"/proc/{own.dovecot_pid}"), "Dovecot's end")
    own.off(account)
    own.wait_for_log("worker", "doveadm-sessions=failed error=", failed + 1)
    time.sleep(2.5)
    assert count("failed") == failed + 1 and count("works-again") == works_again
    own.restart("dovecot")
    own.wait_for_log("worker", "doveadm-sessions=works-again", works_again + 1)


# Notices

def test_d5_each_reason(box, account):
    box.on(account)
    for reason in SUBJECTS:
        add_event(box, account, reason=reason)
    found = settle(box, account, 1 + len(SUBJECTS))
    subjects = sorted(message["Subject"] for message in found)
    expected = sorted([*SUBJECTS.values(), "External access to your mailbox is on"])
    for subject, beginning in zip(subjects, expected):
        assert subject.startswith(beginning), subjects


def test_d5_notice(box, account):
    box.on(account)
    box.off(account)
    found = last(settle(box, account, 2))
    assert found["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<postern-notice\+[0-9]+\.[0-9]+-0\.[0-9a-f]{24}@example\.test>",
                        found["Return-Path"])
    assert found["To"] == account
    assert found["Message-ID"].startswith("<postern.")
    assert "switched it off" in found.get_content()


def test_d5_language(box, account):
    box.on(account)
    box.set(account, language="et_EE")
    box.off(account)
    assert last(settle(box, account, 2))["Content-Language"] == "et"


def test_a10_password_added(box, account):
    box.on(account)
    box.doveadm("postern", "password", "add", "--label", "telefon ā", account)
    assert "telefon ā" in last(settle(box, account, 2)).get_content()


def test_d4_told_once_of_a_break_in_attempt(box, account):
    """Access stays on, as do its sessions; a second one within the month takes six networks."""
    box.set(account, tier="watched", language="lv")
    imap = imap_login(box, account, box.on(account))

    def guess(networks):
        auth_fail(box, [(account, f"guess-{number}", f"127.0.{network}.1")
                        for network in networks for number in range(2)])

    guess(range(100, 103))
    found = last(settle(box, account, 2))
    assert found["Content-Language"] == "lv"
    assert found["Subject"] == "Kāds mēģināja uzminēt Jūsu pastkastes paroli"
    guess(range(100, 108))
    assert is_alive(imap) and box.status(account)["access"] == "enabled"
    settle(box, account, 2)
    guess(range(108, 109))
    settle(box, account, 3)
    box.wait_for_log("worker", f"account={account} notice=sent event=break-in ", 2)
    assert is_alive(imap)


def test_d5_unknown_version(box, account):
    """It harms nothing, and stays for a newer worker."""
    box.on(account)
    settle(box, account, 1)
    entry = add_event(box, account, v="2", event="off", reason="owner")
    add_event(box, account, reason="owner")
    box.wait_for_notice(account, 2)
    box.wait_for_log("worker", "notice=unknown")
    stream = outbox_of(box, account)

    def pending():
        rows = box.redis().xpending_range(stream, "notices", "-", "+", 10)
        return [row["message_id"] for row in rows]

    wait_until(lambda: pending() == [entry], "the other one to be done")
    box.redis().xack(stream, "notices", entry)


def test_d5_two_workers(own):
    """One of them sends."""
    second = ["setpriv", f"--reuid={own.worker_user}", f"--regid={own.worker_user}",
              "--clear-groups", "/mnt/postern/bin/postern-worker", "--foreground", "--settings",
              "/mnt/postern/etc/postern.conf"]
    own.inside("sh", "-c", f"{' '.join(second)} >/mnt/postern/log/second.log 2>&1 & echo $!")
    own.wait_for_log("second", "started")
    accounts = [new_account("two") for _ in range(20)]
    for user in accounts:
        own.on(user)
        own.off(user)
    for user in accounts:
        own.wait_for_notice(user, 2)
    wait_until_idle(own)
    assert [len(mail_of(own, user)) for user in accounts] == [2] * len(accounts)
    counts = [own.log(part).count("notice=sent") for part in ("worker", "second")]
    assert sum(counts) == 2 * len(accounts) and min(counts) > 0, counts


def test_d5_redis_restart(own, account):
    imap, _, _ = sessions_of(own, account)
    settle(own, account, 1)
    own.restart("redis")
    own.wait_for_log("worker", "redis-events=works-again")
    own.off(account)
    wait_for_end(imap, 4)
    settle(own, account, 2)


def set_sendmail(own, path):
    """Another sendmail from now on."""
    with open(own.settings_file, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("sendmail =")]
    at = lines.index("[worker]\n")
    lines.insert(at + 1, f"sendmail = {path}\n")
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.writelines(lines)
    read_again = own.log("worker").count("settings reloaded")
    os.kill(own.worker_pid, signal.SIGUSR1)
    own.wait_for_log("worker", "settings reloaded", read_again + 1)


@pytest.mark.parametrize("what, script", [
    ("missing", None),
    ("failing", "#!/bin/sh\necho no room >&2\nexit 75\n"),
    ("slow", "#!/bin/sh\nexec sleep 60\n"),
    ("sends and dies", "#!/bin/sh\n/usr/sbin/sendmail \"$@\"\nkill -9 $$\n"),
])
def test_d5_sendmail_mended(own, account, what, script):
    """Said once; the notice comes once, when sendmail works again."""
    path = f"{own.directory}/bin/sendmail"
    if script is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        os.chmod(path, 0o755)
    set_sendmail(own, "/mnt/postern/bin/sendmail")
    own.on(account)
    own.wait_for_log("worker", "sendmail=failed error=")
    time.sleep(1)
    assert own.log("worker").count("sendmail=failed") == 1
    assert len(mail_of(own, account)) == (what == "sends and dies")
    set_sendmail(own, "/usr/sbin/sendmail")
    settle(own, account, 1)


def test_d5_retaken_notice_waits_for_dovecot(own, account):
    """Whether it was sent can't be found out: it is left for later."""
    own.on(account)
    settle(own, account, 1)
    stream = outbox_of(own, account)
    client = own.redis()
    os.kill(own.worker_pid, signal.SIGSTOP)
    entry = add_event(own, account, reason="owner")
    client.xreadgroup("notices", "dead", {stream: ">"})
    os.kill(own.dovecot_pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(f"/proc/{own.dovecot_pid}"), "Dovecot's end")
    os.kill(own.worker_pid, signal.SIGCONT)
    own.wait_for_log("worker", "notice-search=failed")
    assert client.xpending_range(stream, "notices", "-", "+", 10)[0]["message_id"] == entry
    own.restart("dovecot")
    settle(own, account, 2)


def test_d5_slow_search(own, account):
    """A search that takes most of the lease doesn't put the notice off for ever."""
    own.on(account)
    settle(own, account, 1)
    stream = outbox_of(own, account)
    with open(f"{own.directory}/bin/postqueue", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nsleep 0.4\nexec /usr/sbin/postqueue \"$@\"\n")
    os.chmod(f"{own.directory}/bin/postqueue", 0o755)
    os.symlink("/usr/sbin/sendmail", f"{own.directory}/bin/sendmail")
    set_sendmail(own, "/mnt/postern/bin/sendmail")
    os.kill(own.worker_pid, signal.SIGSTOP)
    add_event(own, account, reason="owner")
    own.redis().xreadgroup("notices", "dead", {stream: ">"})
    os.kill(own.worker_pid, signal.SIGCONT)
    settle(own, account, 2)


# The sweep

def test_d2_sweep(box, account):
    box.set(account, tier="unused")
    password = box.on(account)
    client = pop3_login(box, account, password)
    wait_until(lambda: box.status(account)["reason"] == "unused", "the sweep")
    wait_for_end(client)
    assert "unused" in box.log("worker")
    settle(box, account, 2)


# The program

def run_worker(own, *words):
    return own.inside("/mnt/postern/bin/postern-worker", *words)


def test_check(own):
    settings = ("--settings", "/mnt/postern/etc/postern.conf")
    assert run_worker(own, *settings, "--check").returncode == 0
    with open(f"{own.directory}/etc/notices-shipped/en/owner.txt", "a", encoding="utf-8") as file:
        file.write("{no_such_variable}\n")
    done = run_worker(own, *settings, "--check")
    assert done.returncode == 78 and "owner.txt" in done.stderr, done
    os.kill(own.worker_pid, signal.SIGUSR1)
    own.wait_for_log("worker", "keeping the old settings: ")


def test_stops_at_once(own):
    begun = time.monotonic()
    os.kill(own.worker_pid, signal.SIGTERM)
    own.wait_for_log("worker", "postern-worker: stopped")
    assert time.monotonic() - begun < 3
    assert not own.redis().exists("postern:{0}:workers")


# What operations see

def system(box):
    return {row["what"].split(" ")[0] if row["what"].startswith("worker ") else row["what"]: row
            for row in box.doveadm("postern", "system")}


def test_system(own, account):
    rows = system(own)
    assert {name: row["status"] for name, row in rows.items()} == {
        "redis": "ok", "worker": "ok", "notices": "ok", "refused notices": "ok", "unused": "ok"}
    own.on(account)
    settle(own, account, 1)
    os.kill(own.worker_pid, signal.SIGSTOP)
    add_event(own, account, reason="owner")
    assert system(own)["notices"]["text"].startswith("Waiting: 1,")
    os.kill(own.worker_pid, signal.SIGKILL)
    name = next(iter(own.redis().hgetall("postern:{0}:workers")))
    own.redis().hset("postern:{0}:workers", name, f"{int(time.time() * 1000) - 40000} 5 0 ")
    rows = own.doveadm("postern", "system")
    assert [row["status"] for row in rows[:3]] == ["ok", "away", "none"]
    own.redis().flushall()
    done = own.run_doveadm("postern", "system")
    assert done.returncode == 75, done
