"""
A switch-off reaches every session, also one that was being opened, and no other (D5, A10).

POSTERN_TRIES says how often each of the races is run (default: 4; a few at a time), as in
  POSTERN_TRIES=200 pytest tests/e2e/test_sessions.py -k survives
"""

import concurrent.futures
import contextlib
import imaplib
import os
import poplib
import signal
import subprocess
import threading
import time

import pytest

from conftest import new_account, wait_until
from doors import WORKER, http, http_rows
from test_worker import END_SECONDS, imap_login, is_alive, pop3_login, wait_for_end

TRIES = int(os.environ.get("POSTERN_TRIES", "4"))
TOGETHER = 8

# When nobody looks any more for what a switch-off has to end, and a moment.
LOOKED = 17
# How long Dovecot lets a POP3 login wait for another session's end, and a moment.
LOCK_WAIT = 13

UNLIMITED = {"logins_per_hour": "unlimited", "logins_per_day": "unlimited"}
SETTINGS = {
    "tier paid": {"protocols": "pop3 imap smtp", **UNLIMITED},
    "worker": {"notice_lease": "2s"},
}


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty"], worker=True)


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox(SETTINGS, ["--no-penalty"], worker=True)


def configure(own, *lines):
    """Adds lines to Dovecot's configuration, which win over what is there, and restarts it."""
    with open(f"{own.directory}/etc/dovecot.conf", "a", encoding="utf-8") as file:
        file.write("\n".join(["", *lines, ""]))
    own.restart("dovecot")
    # The worker has nothing to make up for when the test begins.
    own.restart("worker")
    own.wait_for_log("worker", "started", 2)


def paid(box, hint="paid"):
    """An account that may use IMAP too, with access on, and its app password."""
    user = new_account(hint)
    box.set(user, tier="paid")
    return user, box.on(user)


def restart_access(box, user):
    """Off and on in one request, as is done when an answer got lost; the new app password."""
    answers = http(box, ("posternOff", {"users": user}), ("posternOn", {"users": user}))
    return answers[1][1][0]["password"]


def sleep_until(moment):
    """For what must not happen until then."""
    time.sleep(max(0, moment - time.monotonic()))


class Clients:
    """Clients that log in together, each in a thread of its own, as they wait for the answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.threads = []
        self.logged_in = []
        self.sent = threading.Semaphore(0)

    def begin(self, login, *arguments):
        thread = threading.Thread(target=self._run, args=(login, *arguments))
        self.threads.append(thread)
        thread.start()

    def _run(self, login, *arguments):
        with contextlib.suppress(imaplib.IMAP4.error, poplib.error_proto, OSError, EOFError):
            client = login(*arguments, self.sent)
            with self.lock:
                self.logged_in.append(client)

    def wait_until_sent(self):
        """All have sent their password."""
        for _ in self.threads:
            self.sent.acquire()
        for _ in self.threads:
            self.sent.release()

    def survivors(self):
        for thread in self.threads:
            thread.join()
        return [client for client in self.logged_in if is_alive(client)]


def pop3_in_flight(box, user, password, source, sent):
    client = box.pop3(source)
    try:
        client.user(user)
    finally:
        sent.release()
    client.pass_(password)
    return client


def imap_in_flight(box, user, password, source, sent):
    try:
        client = box.imap(source)
    finally:
        sent.release()
    client.login(user, password)
    return client


def wait_for_logins(box, user, count):
    """Dovecot has handed so many over to mail processes."""
    box.wait_for_log("dovecot", f"Login: user=<{user}>", count)


def sources(count):
    """Dovecot lets each address have ten sessions of an account."""
    return [f"127.0.1.{1 + number // 8}" for number in range(count)]


def run_tries(one, *arguments):
    """Runs all tries, a few at a time, each with its number; what they return."""
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(lambda number: one(number, *arguments), range(TRIES)))


# What is done while logins are under way: each returns the app password that works then.

def off(box, user, _number):
    box.off(user)


def revoke(box, user, _number):
    box.doveadm("postern", "password", "revoke", "--number", "1", user)


def off_and_on(box, user, _number):
    return restart_access(box, user)


def race(number, box, change, pop3=0, imap=0, again=(imap_login, pop3_login)):
    """
    One who holds the mailbox's POP3 lock, and others who log in; then access changes. How many
    sessions of before are there when nobody looks for them any more, and how many of after aren't.
    """
    user, password = paid(box)
    clients, holder = Clients(), pop3_login(box, user, password)
    for source in sources(pop3):
        clients.begin(pop3_in_flight, box, user, password, source)
    for source in sources(imap):
        clients.begin(imap_in_flight, box, user, password, source)
    clients.logged_in.append(holder)
    clients.wait_until_sent()
    # Half of the time they wait for the lock, half of the time Dovecot has just got them.
    if number % 2 == 0 and pop3:
        wait_for_logins(box, user, 1 + pop3)
    done = time.monotonic()
    password = change(box, user, number)
    new = [] if password is None else [login(box, user, password) for login in again]
    sleep_until(done + LOOKED)
    return len(clients.survivors()), sum(not is_alive(client) for client in new)


@pytest.mark.parametrize("change, pop3, imap", [
    (off, 7, 0), (off, 0, 20), (revoke, 3, 0), (off_and_on, 7, 0), (off_and_on, 0, 20),
], ids=["off, seven wait for POP3's lock", "off, twenty IMAP logins",
        "revoke, three wait for POP3's lock", "off and on, seven wait for POP3's lock",
        "off and on, twenty IMAP logins"])
def test_d5_nothing_of_before_survives(box, change, pop3, imap):
    results = run_tries(race, box, change, pop3, imap)
    survivors, cut = (sum(column) for column in zip(*results))
    print(f"{TRIES} tries: {survivors} survivors, {cut} new sessions cut")
    assert (survivors, cut) == (0, 0)


def test_d5_nothing_survives_where_processes_go_on(own):
    """
    service_count: what waits for the lock isn't told from a process that waits for a client, so it
    ends when it has got the lock. Until then the owner's POP3 hears IN-USE (P2).
    """
    configure(own, "service pop3 {", "  service_count = 100", "}")
    results = run_tries(race, own, off_and_on, 7, 0, [imap_login])
    survivors, cut = (sum(column) for column in zip(*results))
    print(f"{TRIES} tries: {survivors} survivors, {cut} new sessions cut")
    assert (survivors, cut) == (0, 0)


FULL = 4
# Dovecot drops those who wait for a process when all are taken after ten seconds.
STUCK = 16


def children(own, name):
    """The pids of Dovecot's processes of that name."""
    lines = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(own.dovecot_pid)],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(line.split()[0]) for line in lines if line.split()[1:] == [f"dovecot/{name}"]}


def take_all_processes(own):
    """Until the function that this returns is called, logins wait without a session."""
    filler, password = paid(own)
    clients = [imap_login(own, filler, password) for _ in range(FULL)]

    def release():
        for client in clients:
            client.logout()

    return release


def stop_the_process(own):
    """The one that waits for clients; Dovecot makes no other as long as that is there."""
    pid, = wait_until(lambda: children(own, "imap"), "an imap process")
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def hold_all(own, hold, users):
    """Logs all of them in, while none gets a session: the clients, and what lets them go on."""
    release, clients = hold(own), Clients()
    for user, password in users:
        clients.begin(imap_in_flight, own, user, password, None)
    clients.wait_until_sent()
    wait_until(lambda: all(own.status(user)["imap_last_use"] for user, _ in users),
               "all logins to be decided")
    return clients, release


@pytest.mark.parametrize("line, hold, seconds", [
    (f"process_limit = {FULL}", take_all_processes, 0.5),
    (f"process_limit = {FULL}", take_all_processes, 4.5),
    ("process_min_avail = 1", stop_the_process, STUCK),
], ids=["for a moment", "for longer", "for longer than anybody looks"])
def test_d5_nothing_survives_a_full_imap_service(own, line, hold, seconds):
    """Logins are decided, and wait for a process."""
    configure(own, "service imap {", f"  {line}", "}")
    survivors = cut = tried = 0
    while tried < TRIES:
        victims = [paid(own) for _ in range(min(20, TRIES - tried))]
        clients, release = hold_all(own, hold, victims)
        done = time.monotonic()
        users = {"users": [user for user, _ in victims]}
        answers = http(own, ("posternOff", users), ("posternOn", users))
        sleep_until(done + seconds)
        release()
        new = [imap_login(own, row["user"], row["password"]) for row in answers[1][1][:FULL]]
        sleep_until(done + seconds + LOOKED)
        survivors += len(clients.survivors())
        cut += sum(not is_alive(client) for client in new)
        tried += len(victims)
        for client in new:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                client.logout()
    print(f"{tried} tries: {survivors} survivors, {cut} new sessions cut")
    assert (survivors, cut) == (0, 0)


def test_d5_a_login_that_waited_is_looked_at_again(own):
    """
    It fails for the moment if it doesn't hold any more, and if Redis is unavailable. Dovecot closes
    the connection then, as after other failures between a login and its session.
    """
    configure(own, "service imap {", "  process_min_avail = 1", "}")
    for what, verdict in ("off", "over"), ("away", "unavailable"), ("on", None):
        user, password = paid(own, what)
        clients, release = hold_all(own, stop_the_process, [(user, password)])
        decided = time.monotonic()
        if what == "off":
            own.off(user)
        sleep_until(decided + 3.5)
        if what == "away":
            os.kill(own.redis_pid, signal.SIGSTOP)
        try:
            release()
            assert len(clients.survivors()) == (verdict is None)
        finally:
            os.kill(own.redis_pid, signal.SIGCONT)
        if verdict:
            own.wait_for_log("dovecot", f"postern: account={user} protocol=imap verdict={verdict} "
                                        "waited=")


# The right sessions, and only these

def test_d5_new_sessions_stay(box, account):
    """The owner's, from the moment on at which access is on again, however often they look."""
    box.set(account, tier="paid")
    old = imap_login(box, account, box.on(account))
    password = restart_access(box, account)
    done, new = time.monotonic(), []
    while time.monotonic() < done + LOOKED:
        new.append(imap_login(box, account, password,
                              f"127.0.1.{1 + len(new) // 8}"))
        time.sleep(0.3)
    assert not is_alive(old)
    assert all(is_alive(client) for client in new)


def test_a10_revoke_ends_what_it_opened(box, account):
    """And leaves what another app password opened, and what it does later."""
    box.set(account, tier="paid")
    first = box.on(account)
    second = box.doveadm("postern", "password", "add", account)[0]["password"]
    gone = [imap_login(box, account, first), pop3_login(box, account, first)]
    stays = [imap_login(box, account, second), imap_login(box, account, second, "127.0.1.1")]
    done = time.monotonic()
    box.doveadm("postern", "password", "revoke", "--number", "1", account)
    for client in gone:
        wait_for_end(client)
    stays.append(pop3_login(box, account, second))
    sleep_until(done + LOOKED)
    assert all(is_alive(client) for client in stays)


def test_d5_webmail_stays(box, account):
    """Also where it waits for the POP3 lock with the others."""
    box.set(account, tier="paid")
    password = box.on(account)
    webmail = imap_login(box, account, box.webmail_password(account), box.internal_address)
    clients, holder = Clients(), pop3_login(box, account, password)
    waiting = Clients()
    waiting.begin(pop3_in_flight, box, account, box.webmail_password(account),
                  box.internal_address)
    clients.begin(pop3_in_flight, box, account, password, None)
    wait_for_logins(box, account, 4)
    box.off(account)
    wait_for_end(holder)
    assert len(waiting.survivors()) == 1
    assert not clients.survivors()
    assert is_alive(webmail)


def time_to_end(box, addresses):
    """Seconds until the last of an account's sessions from so many addresses has ended."""
    user, password = paid(box)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        clients = list(pool.map(lambda number: imap_login(box, user, password,
                                                          f"127.0.2.{1 + number}"),
                                range(addresses)))
    box.off(user)
    begun = time.monotonic()
    for client in clients:
        wait_for_end(client, 15)
    return time.monotonic() - begun


def test_d5_many_addresses_end_like_one(box):
    one = min(time_to_end(box, 1) for _ in range(3))
    many = min(time_to_end(box, 150) for _ in range(2))
    print(f"1 address: {one:.3f} s, 150 addresses: {many:.3f} s")
    # What is left of the difference is the end of 150 processes on two cores.
    assert many < one + END_SECONDS
    assert box.log("worker").count("sessions=ended count=150") >= 2


def test_d5_auth_reloaded_in_between(own, account):
    """What opened a session is known for as long as it goes on, where a reload doesn't end it."""
    configure(own, "shutdown_clients = no")
    own.set(account, tier="paid")
    password = own.on(account)
    other = own.doveadm("postern", "password", "add", account)[0]["password"]
    old = [imap_login(own, account, password), pop3_login(own, account, password)]
    stays = imap_login(own, account, other)
    auth = children(own, "auth")
    own.doveadm("reload", formatter=None)
    imap_login(own, account, other).logout()
    wait_until(lambda: children(own, "auth") - auth, "another auth process")
    done = time.monotonic()
    own.doveadm("postern", "password", "revoke", "--number", "1", account)
    for client in old:
        wait_for_end(client)
    sleep_until(done + LOOKED)
    assert is_alive(stays)


def test_d5_found_without_its_entry(own, account):
    """An event that nobody has told the worker of: it looks at all who are logged in."""
    own.set(account, tier="paid")
    old = imap_login(own, account, own.on(account))
    off_user, off_password = paid(own)
    is_off = imap_login(own, off_user, off_password)
    os.kill(own.worker_pid, signal.SIGKILL)
    new = imap_login(own, account, restart_access(own, account))
    own.off(off_user)
    client = own.redis()
    for partition in range(64):
        client.delete(f"postern:{{{partition}}}:outbox")
    own.restart("worker")
    wait_for_end(old)
    wait_for_end(is_off)
    assert is_alive(new)


def test_a8_a_tier_loses_a_protocol(own, account):
    """By the settings: the worker is told to read them again."""
    own.set(account, tier="paid")
    password = own.on(account)
    imap, pop3 = imap_login(own, account, password), pop3_login(own, account, password)
    with open(own.settings_file, encoding="utf-8") as file:
        text = file.read()
    assert text.count("protocols = pop3 imap smtp\n") == 1
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.write(text.replace("protocols = pop3 imap smtp\n", "protocols = pop3 smtp\n"))
    os.kill(own.worker_pid, signal.SIGUSR1)
    wait_for_end(imap)
    assert is_alive(pop3)


# Other ways to run Dovecot

def test_d5_processes_that_serve_one_after_the_other(own):
    """service_count: a new session in a process that has served an old one is a new one."""
    configure(own, "service imap {", "  service_count = 100", "  process_limit = 2", "}")
    user, password = paid(own)
    imap_login(own, user, password).logout()
    password = restart_access(own, user)
    done = time.monotonic()
    new, webmail = (imap_login(own, user, password),
                    imap_login(own, user, own.webmail_password(user), own.internal_address))
    sleep_until(done + LOOKED)
    assert is_alive(new) and is_alive(webmail)
    own.off(user)
    wait_for_end(new)
    assert is_alive(webmail)


def test_d5_processes_that_serve_several(own):
    """client_limit: Dovecot 2.3 can't end one of them. An old one ends, whatever ends with it."""
    configure(own, "service imap {", "  client_limit = 10", "  service_count = 0",
              "  process_limit = 1", "}")
    user, password = paid(own)
    old = imap_login(own, user, password)
    other, other_password = paid(own)
    shares = imap_login(own, other, other_password)
    own.off(user)
    wait_for_end(old)
    assert not is_alive(shares)
    again = imap_login(own, other, other_password)
    own.off(user)
    sleep_until(time.monotonic() + LOOKED)
    assert is_alive(again)


def test_d5_hibernation(own):
    """What hibernates is in one process, without what opened it: an old one ends all the same."""
    configure(own, "protocol imap {", "  imap_hibernate_timeout = 1 s", "}",
              "service imap-hibernate {", "  unix_listener imap-hibernate {", "    mode = 0666",
              "  }", "}", "service imap {", "  unix_listener imap-master {", "    user = mail",
              "  }", "}")
    user, password = paid(own)
    old = imap_login(own, user, password)
    old.select()
    old.send(b"a IDLE\r\n")
    assert old.readline().startswith(b"+ idling")
    wait_until(lambda: hibernating(own), "the session to hibernate")
    restart_access(own, user)
    old.sock.settimeout(LOOKED)
    while old.readline():
        pass
    assert not hibernating(own)


def hibernating(own):
    """Whether anybody's session is in the process for those that hibernate."""
    pids = subprocess.run(["pgrep", "-P", str(own.dovecot_pid), "-f", "imap-hibernate"],
                          capture_output=True, text=True, check=False).stdout.split()
    return any(pid in row["pids"] for row in own.doveadm("who") for pid in pids)


def test_site_prefetches(own, account):
    """What the site's passdb says of a user for the userdb "prefetch" comes through."""
    with open(f"{own.directory}/etc/dovecot.conf", encoding="utf-8") as file:
        text = file.read()
    mail = f"{own.directory}/mail/elsewhere"
    text = text.replace("args = password=webmail-%n",
                        "args = password=webmail-%n userdb_uid=mail userdb_gid=mail"
                        " userdb_home=/mnt/postern/mail/elsewhere")
    text = text.replace("userdb {\n", "userdb {\n  driver = prefetch\n}\nuserdb {\n", 1)
    with open(f"{own.directory}/etc/dovecot.conf", "w", encoding="utf-8") as file:
        file.write(text)
    own.restart("dovecot")
    imap_login(own, account, own.webmail_password(account), own.internal_address).select()
    assert os.path.isdir(mail)
    own.set(account, tier="paid")
    imap_login(own, account, own.on(account)).select()
    assert os.path.isdir(f"{own.mail_home}/{account.split('@')[0]}")


def test_site_lists_its_users(own):
    """`doveadm -A` asks the userdbs that can tell."""
    users = [new_account("listed") for _ in range(3)]
    with open(f"{own.directory}/etc/users", "w", encoding="utf-8") as file:
        file.writelines(f"{user}::8:8::/mnt/postern/mail/{user}::\n" for user in users)
    configure(own, "userdb {", "  driver = passwd-file", "  args = /mnt/postern/etc/users", "}")
    assert own.doveadm("user", "*", formatter=None).split() == users


# The command

def end(box, *words):
    return box.doveadm("postern", "sessions", "end", *words)


def test_command(sandbox, account):
    """Without a worker."""
    other = new_account("other")
    sandbox.set(account, tier="paid")
    password = sandbox.on(account)
    clients = [imap_login(sandbox, account, password) for _ in range(3)]
    assert end(sandbox, account, other) == [
        {"user": account, "status": "done", "ended": 0, "text": "No session had to end."},
        {"user": other, "status": "done", "ended": 0, "text": "No session had to end."}]
    sandbox.off(account)
    rows = end(sandbox, other, account.upper())
    assert [(row["user"], row["ended"]) for row in rows] == [(other, 0), (account, 3)]
    assert rows[1]["text"] == "3 sessions were ended."
    for client in clients:
        wait_for_end(client)
    assert end(sandbox, account)[0]["ended"] == 0


def test_command_of_all(own, account):
    os.kill(own.worker_pid, signal.SIGKILL)
    own.set(account, tier="paid")
    client = imap_login(own, account, own.on(account))
    user, password = paid(own)
    stays = imap_login(own, user, password)
    assert end(own, "--all") == []
    own.off(account)
    assert end(own, "--all") == [
        {"user": account, "status": "done", "ended": 1, "text": "One session was ended."}]
    wait_for_end(client)
    assert is_alive(stays)


def test_command_waits_for_a_login(own, account):
    """
    Where processes go on, what waits for POP3's lock can't be told from one that waits for a
    client: it ends when it has got the lock, and until then the command says that it waits.
    """
    configure(own, "service pop3 {", "  service_count = 100", "}")
    os.kill(own.worker_pid, signal.SIGKILL)
    own.set(account, tier="paid")
    password = own.on(account)
    webmail = own.pop3(own.internal_address)
    webmail.user(account)
    webmail.pass_(own.webmail_password(account))
    clients = Clients()
    clients.begin(pop3_in_flight, own, account, password, None)
    wait_for_logins(own, account, 2)
    own.off(account)
    row, = end(own, account)
    assert (row["status"], row["ended"]) == ("waiting", 0)
    webmail.quit()
    wait_until(lambda: end(own, account)[0]["ended"] == 1, "the waiting login to be ended")
    assert not clients.survivors()


@pytest.mark.parametrize("mask", ["*", "*@example.test", "127.0.0.0/8", "", "?"])
def test_command_takes_no_masks(sandbox, mask):
    rows = http_rows(sandbox, "posternSessionsEnd", door=WORKER, users=[mask])
    assert [(row["status"], row["ended"]) for row in rows] == [("invalid-user", 0)]


def test_command_cuts_no_good_session(sandbox, account):
    """However often it is called: also right after access was on again."""
    sandbox.set(account, tier="paid")
    sandbox.on(account)
    client = imap_login(sandbox, account, restart_access(sandbox, account))
    for _ in range(20):
        http(sandbox, ("posternSessionsEnd", {"users": [account]}),
             ("posternSessionsEnd", {"all": True}), door=WORKER)
    assert is_alive(client)


def test_command_mistakes(sandbox, account):
    def status(*words):
        return sandbox.run_doveadm("postern", "sessions", "end", *words).returncode

    assert status() == 64
    assert status("--all", account) == 64
    assert status("no@account@here") == 67
    done = sandbox.doveadm_as("nobody", "nogroup", "postern", "sessions", "end", account)
    assert done.returncode != 0


def test_command_without_redis(own, account):
    own.set(account, tier="paid")
    client = imap_login(own, account, own.on(account))
    os.kill(own.redis_pid, signal.SIGSTOP)
    try:
        done = own.run_doveadm("postern", "sessions", "end", account)
    finally:
        os.kill(own.redis_pid, signal.SIGCONT)
    assert done.returncode == 75 and "status=unavailable" in done.stdout
    assert is_alive(client)
