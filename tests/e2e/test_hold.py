"""
The notice that access is off waits until all sessions are ended (D5): who is in the mailbox when it
comes would delete it. On all hosts, and not for ever.
"""

import os
import re
import signal
import socket
import threading
import time

import pytest

from conftest import NOTICE_SECONDS, new_account, wait_until
from test_worker import (SUBJECTS, add_event, imap_login, is_alive, mail_of, outbox_of, settle,
                         wait_until_idle)

# From the switch-off to the mailbox, when all hosts answer.
IN_TIME = 40
# How often a worker looks for the sessions of a switch-off, at the last after 15 s.
PASSES = 6
SETTINGS = {"worker": {"notice_lease": "2s"}}


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty"], worker=True)


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox(SETTINGS, ["--no-penalty"], worker=True)


def subjects_of(box, user):
    return [mail["Subject"] for mail in mail_of(box, user)]


def wait_for_off(box, user, seconds=NOTICE_SECONDS, reason="admin"):
    wait_until(lambda: SUBJECTS[reason] in subjects_of(box, user), "the notice", seconds)


class Thief(threading.Thread):
    """A session that deletes whatever comes into the mailbox, as soon as it is there."""

    def __init__(self, box, user, password, address):
        super().__init__(daemon=True)
        self.client = box.imap(address)
        self.client.login(user, password)
        self.client.select()
        self.deleted = 0

    def run(self):
        try:
            while True:
                self.wait_for_mail()
                self.client.store("1:*", "+FLAGS", r"\Deleted")
                _, numbers = self.client.expunge()
                self.deleted += sum(number is not None for number in numbers)
        except (OSError, EOFError, self.client.error):
            pass

    def wait_for_mail(self):
        self.client.send(b"x IDLE\r\n")
        while b" EXISTS" not in (line := self.client.readline()):
            if not line:
                raise EOFError
        self.client.send(b"DONE\r\n")
        while not (line := self.client.readline()).startswith(b"x "):
            if not line:
                raise EOFError


def addresses(count):
    return [f"127.0.{1 + number // 200}.{1 + number % 200}" for number in range(count)]


@pytest.mark.parametrize("count", [40, 60])
@pytest.mark.parametrize("again", range(3))
def test_d5_sessions_that_delete_mail_delete_no_notice(box, account, count, again):
    """A thief with many addresses, IDLE in each: the notice comes when all are gone."""
    box.set(account, tier="paid")
    password = box.on(account)
    settle(box, account, 1)
    thieves = [Thief(box, account, password, address) for address in addresses(count)]
    for thief in thieves:
        thief.start()
    begun = time.monotonic()
    box.off(account)
    wait_for_off(box, account, seconds=IN_TIME)
    taken = time.monotonic() - begun
    assert not any(thief.is_alive() for thief in thieves)
    wait_until_idle(box)
    assert SUBJECTS["admin"] in subjects_of(box, account)
    assert taken < IN_TIME


class Pop3Thief(threading.Thread):
    """Logs in by POP3 again and again, and deletes what there is."""

    def __init__(self, box, user, password, address):
        super().__init__(daemon=True)
        self.box, self.user, self.password, self.address = box, user, password, address
        self.off = False

    def run(self):
        while not self.off:
            try:
                self.delete_all()
            except Exception as error:  # pylint: disable=broad-except
                self.off = "External access is off" in str(error)

    def delete_all(self):
        client = self.box.pop3(self.address)
        client.user(self.user)
        client.pass_(self.password)
        for number in range(1, client.stat()[0] + 1):
            client.dele(number)
        client.quit()


@pytest.mark.parametrize("again", range(3))
def test_d5_pop3_logins_that_wait_delete_no_notice(box, account, again):
    """One session holds the mailbox, and seven logins wait behind it."""
    box.set(account, tier="paid")
    password = box.on(account)
    settle(box, account, 1)
    holder = box.pop3()
    holder.user(account)
    holder.pass_(password)
    thieves = [Pop3Thief(box, account, password, address) for address in addresses(7)]
    for thief in thieves:
        thief.start()
    time.sleep(1)
    box.off(account)
    wait_for_off(box, account, seconds=IN_TIME)
    for thief in thieves:
        thief.join(30)
    wait_until_idle(box)
    assert SUBJECTS["admin"] in subjects_of(box, account)


def test_d5_the_notice_that_access_is_on_comes_after_that_it_was_off(box, account):
    box.on(account)
    settle(box, account, 1)
    box.off(account)
    box.on(account)
    wait_until(lambda: len(mail_of(box, account)) == 3, "three notices", NOTICE_SECONDS)
    log = box.log("worker")
    sent = sorted(mail_of(box, account), key=lambda mail: log.index(mail["Message-ID"]))
    assert [mail["Subject"] for mail in sent].index(SUBJECTS["admin"]) == 1


# Hosts

class Host:
    """Another host: a worker of another host name, and the same Dovecot."""

    def __init__(self, box, name):
        self.box, self.name, self.log = box, name, f"{name}-worker"
        self.start()

    def start(self):
        worker = ["setpriv", "--reuid", self.box.worker_user, "--regid", self.box.worker_user,
                  "--clear-groups", "/mnt/postern/bin/postern-worker", "--foreground",
                  "--settings", "/mnt/postern/etc/postern.conf"]
        words = (f"hostname {self.name}; {' '.join(worker)} >>/mnt/postern/log/{self.log}.log 2>&1 "
                 "& echo $!")
        started = self.box.log(self.log).count(" started")
        done = self.box.inside("unshare", "--uts", "sh", "-c", words)
        self.pid = int(done.stdout)
        self.box.wait_for_log(self.log, " started", started + 1)
        wait_until(lambda: self.row, f"{self.name}'s word")

    @property
    def row(self):
        """What Redis knows of its worker: name and value."""
        rows = self.box.redis().hgetall("postern:{0}:workers")
        return next((row for row in rows.items() if row[0].startswith(f"{self.name}:{self.pid}:")),
                    None)

    def signal(self, number):
        os.kill(self.pid, number)

    def die(self):
        self.signal(signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{self.pid}/exe"), f"{self.name}'s end")

    def fall_silent(self):
        """It was last heard of 31 s ago."""
        name, value = self.row
        _, rest = value.split(" ", 1)
        self.box.redis().hset("postern:{0}:workers", name, f"{now() - 31000} {rest}")


def now():
    return int(time.time() * 1000)


def off_ago(box, user, seconds):
    """A switch-off of so many seconds ago, of which nobody has been told yet."""
    stream = outbox_of(box, user)
    client = box.redis()
    time_ = now() - 1000 * seconds
    client.hset(f"{stream.removesuffix('outbox')}account:{user}",
                mapping={"access": "disabled", "reason": "admin", "since": str(time_)})
    return add_event(box, user, reason="admin", time=str(time_))


def is_held(box, entry):
    client = box.redis()
    return any(client.zscore(f"postern:{{{number}}}:held", entry) for number in range(64))


def system(box):
    return {row["what"]: row for row in box.doveadm("postern", "system")}


def test_d5_all_hosts_have_ended_the_sessions_first(own, account):
    own.on(account)
    settle(own, account, 1)
    host = Host(own, "host-two")
    host.signal(signal.SIGSTOP)
    entry = off_ago(own, account, 20)
    # This host is through at once, and the other one can't be.
    wait_until(lambda: any(own.redis().zcard(f"postern:{{{number}}}:ended")
                           for number in range(64)), "this host's word")
    assert is_held(own, entry) and len(mail_of(own, account)) == 1
    host.signal(signal.SIGCONT)
    wait_for_off(own, account, seconds=IN_TIME)
    assert "sessions=unseen" not in own.log("worker") + own.log(host.log)
    assert own.status(account)["sessions_unseen"] == ""
    assert "host host-two" not in system(own)
    host.signal(signal.SIGTERM)


def test_d5_a_dead_host_holds_the_notice_for_two_minutes(own, account):
    own.on(account)
    settle(own, account, 1)
    host = Host(own, "host-two")
    host.die()
    entry = off_ago(own, account, 105)
    wait_until(lambda: is_held(own, entry), "the entry to be held")
    host.fall_silent()
    time.sleep(3)
    assert is_held(own, entry)
    wait_for_off(own, account, seconds=IN_TIME)
    own.wait_for_log("worker", f'account={account} sessions=unseen hosts="host-two"')
    # 120 seconds after the switch-off, and not sooner.
    assert 120 <= now() / 1000 - int(own.redis().hget(
        f"{outbox_of(own, account).removesuffix('outbox')}account:{account}", "since")) / 1000
    wait_until(lambda: own.status(account)["sessions_unseen"] == "host-two", "status")
    row = system(own)["host host-two"]
    assert row["status"] == "unseen"
    assert "switch-offs: 1, the first at" in row["text"]
    own.on(account)
    assert own.status(account)["sessions_unseen"] == ""


def test_d5_a_host_that_comes_back_is_no_longer_waited_for(own, account):
    """Its worker crashed, and another one has begun in its place."""
    own.on(account)
    settle(own, account, 1)
    host = Host(own, "host-two")
    host.die()
    entry = off_ago(own, account, 20)
    wait_until(lambda: is_held(own, entry), "the entry to be held")
    host.start()
    wait_for_off(own, account, seconds=IN_TIME)
    assert "sessions=unseen" not in own.log("worker") + own.log(host.log)
    # Nor is one that has ended in good order.
    host.signal(signal.SIGTERM)
    wait_until(lambda: not host.row, "its end")
    other = new_account("other")
    own.on(other)
    settle(own, other, 1)
    off_ago(own, other, 20)
    wait_for_off(own, other, seconds=IN_TIME)
    assert "sessions=unseen" not in own.log("worker") + own.log(host.log)


def test_d5_a_dovecot_that_does_not_answer_holds_the_notice(own, account):
    """The worker can't end sessions there; mail may come in all the same, by another way."""
    own.on(account)
    settle(own, account, 1)
    block_doveadm(own)
    entry = off_ago(own, account, 105)
    wait_until(lambda: is_held(own, entry), "the entry to be held")
    wait_for_off(own, account, seconds=IN_TIME)
    own.wait_for_log("worker", f'account={account} sessions=unseen hosts="{socket.gethostname()}"')


def test_d5_a_busy_process_holds_the_notice(box, account):
    """
    It was told to end, and ends when it is through with what its client has sent ahead: until then
    that may delete the notice.
    """
    client = imap_login(box, account, on_and_settled(box, account))
    pid = session_pid(box, account)
    os.kill(pid, signal.SIGSTOP)
    try:
        box.off(account)
        told = f"account={account} sessions=ended"
        # After the last of the looks it goes on looking, each second. (A worker that has just
        # started looks at everybody, twice.)
        wait_until(lambda: box.log("worker").count(told) > PASSES + 4, "more looks", IN_TIME)
        assert SUBJECTS["admin"] not in subjects_of(box, account)
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for_off(box, account, seconds=IN_TIME)
    assert not is_alive(client)
    assert f"account={account} sessions=unseen" not in box.log("worker")


def on_and_settled(box, user):
    password = box.on(user)
    settle(box, user, 1)
    box.set(user, tier="paid")
    return password


def session_pid(box, user):
    pid, = re.findall(r"\d+", box.doveadm("who", user)[0]["pids"])
    return int(pid)


def block_doveadm(own):
    """doveadm's API isn't there for the worker any more."""
    with open(own.settings_file, encoding="utf-8") as file:
        text = re.sub(r"^doveadm_url = .*", "doveadm_url = http://127.0.0.1:9/doveadm/v1",
                      file.read(), flags=re.MULTILINE)
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.write(text)
    read_again = own.log("worker").count("settings reloaded")
    os.kill(own.worker_pid, signal.SIGUSR1)
    own.wait_for_log("worker", "settings reloaded", read_again + 1)
    # What is under way goes by the old ones.
    other = new_account("other")
    own.on(other)
    off_ago(own, other, 20)
    own.wait_for_log("worker", "doveadm-sessions=failed")
