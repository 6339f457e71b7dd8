"""D5: once, not twice, not never, whatever crashes: the worker is killed again and again."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

from conftest import new_account, wait_until
from test_worker import mail_of, wait_until_idle

SLOW = bool(os.environ.get("POSTERN_SANDBOX_PRELOAD"))
ACCOUNTS = 60 if SLOW else 500
KILLS = 25 if SLOW else 200


class Killer:
    """Starts a worker and kills it at some moment, over and over."""

    def __init__(self, box):
        self.box = box
        self.random = random.Random(5)
        self.log = open(f"{box.log_dir}/killed.log", "ab")
        self.kills = 0
        self.startup = self.time_startup()

    def time_startup(self):
        """How many seconds a worker takes to begin: with a sanitizer ten times as many."""
        begun = time.monotonic()
        process = self.start()
        wait_until(lambda: "started" in self.said(), "a worker to start", 20, 0.01)
        process.kill()
        process.wait()
        return time.monotonic() - begun

    def said(self):
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def start(self):
        return subprocess.Popen(
            [*self.box.nsenter.split(), "/mnt/postern/bin/postern-worker", "--foreground",
             "--settings", "/mnt/postern/etc/postern.conf"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd="/")

    def run(self):
        for _ in range(KILLS):
            process = self.start()
            # From the first instruction to a few notices: of a switch-off that is long ago, one
            # look for sessions is enough.
            time.sleep(self.random.choice([0, self.startup, self.startup]) +
                       self.random.choice([0.02, 0.2, 1]) * self.random.random() + 0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.kills += 1
        self.log.close()


@pytest.fixture(name="box")
def fixture_box(make_sandbox):
    return make_sandbox({"worker": {"notice_lease": "1s"}}, ["--no-penalty"])


def test_d5_once_whatever_is_killed(box):
    accounts = [new_account("once") for _ in range(ACCOUNTS)]
    box.doveadm("postern", "on", *accounts)
    client = box.redis()
    for number in range(64):
        # Only the notices of the switch-off count.
        client.delete(f"postern:{{{number}}}:outbox")
    killer = Killer(box)
    thread = threading.Thread(target=killer.run)
    thread.start()
    for begin in range(0, ACCOUNTS, 20):
        box.doveadm("postern", "off", *accounts[begin:begin + 20])
    thread.join()
    assert killer.kills == KILLS
    box.restart("worker")
    wait_until(lambda: all(mail_of(box, user) for user in accounts), "a notice for each", 60)
    wait_until_idle(box)
    numbers = [len(mail_of(box, user)) for user in accounts]
    assert (min(numbers), max(numbers)) == (1, 1), numbers
    # The kills were no mere pauses: some notices were looked for, and some had been sent.
    said = killer.said() + box.log("worker")
    # (The few workers of a slow build live mostly while the notices still wait for the sessions.)
    assert SLOW or said.count("notice=was-sent") > 0
    assert said.count("notice=sent") >= ACCOUNTS - said.count("notice=was-sent")
