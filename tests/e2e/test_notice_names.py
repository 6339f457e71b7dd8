"""
What a notice is called (D5): its Message-ID and its sender are sealed, so nobody else can make a
message that is taken for it, and `doveadm postern notice delivered` says whether it is there.
"""

import os
import re
import signal

import pytest

from conftest import new_account, read_maildir, wait_until
from doors import WORKER, http, http_rows
from test_worker import add_event, mail_of, outbox_of, settle, wait_until_idle

EX_USAGE, EX_NOUSER, EX_TEMPFAIL = 64, 67, 75
SETTINGS = {"worker": {"notice_lease": "2s"}}
NAME = re.compile(r"<postern\.(\d+\.\d+-\d+)\.[0-9a-f]{32}@example\.test>")


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(SETTINGS, ["--no-penalty"], worker=True)


@pytest.fixture(name="own")
def fixture_own(make_sandbox):
    return make_sandbox(SETTINGS, ["--no-penalty"], worker=True)


def delivered(box, user, number):
    """What it says, and its exit status."""
    done = box.run_doveadm("postern", "notice", "delivered", user, number, formatter="tab")
    rows = [line.split("\t") for line in done.stdout.splitlines()[1:]]
    return rows[0][2] if rows else done.stderr, done.returncode


def noticed(box, user):
    """Has a notice sent: its number."""
    box.on(user)
    notice, = settle(box, user, 1)
    return NAME.fullmatch(notice["Message-ID"])[1]


def message(user, subject, message_id):
    return (f"From: <stranger@remote.test>\r\nTo: <{user}>\r\nSubject: {subject}\r\n"
            f"Message-ID: {message_id}\r\n\r\nHello\r\n")


def bring(box, sender, user, subject, message_id):
    """From outside, to port 25."""
    with box.mx() as client:
        client.sendmail(sender, [user], message(user, subject, message_id))


# doveadm postern notice delivered

def test_d5_delivered_says_yes_wherever_it_is(box, account):
    number = noticed(box, account)
    assert delivered(box, account, number) == ("yes", 0)
    assert http_rows(box, "posternNoticeDelivered", WORKER, account=account, number=number) == [
        {"user": account, "number": number, "status": "yes",
         "text": "The notice is in the mailbox."}]
    webmail = box.imap(box.internal_address)
    webmail.login(account, box.webmail_password(account))
    webmail.create("Trash.2026")
    webmail.select()
    assert webmail.copy("1", "Trash.2026")[0] == "OK"
    webmail.store("1", "+FLAGS", r"\Deleted")
    webmail.expunge()
    assert delivered(box, account, number) == ("yes", 0)
    webmail.select("Trash.2026")
    webmail.store("1", "+FLAGS", r"\Deleted")
    webmail.expunge()
    assert delivered(box, account, number) == ("no", 0)


def test_d5_delivered_finds_that_notice_alone(box, account):
    """Neither another one, nor a message that has its Message-ID as a part of its own."""
    number = noticed(box, account)
    name = mail_of(box, account)[0]["Message-ID"]
    webmail = box.imap(box.internal_address)
    webmail.login(account, box.webmail_password(account))
    webmail.select()
    webmail.store("1", "+FLAGS", r"\Deleted")
    webmail.expunge()
    for made_up in f"<x{name[1:]}", f"{name} {name}", name.replace(".test>", ".test.x>"):
        assert webmail.append("INBOX", None, None,
                              message(account, "x", made_up).encode())[0] == "OK"
    webmail.append("INBOX", None, None, f"Subject: x\r\nX-Message-ID: {name}\r\n\r\n".encode())
    assert delivered(box, account, number) == ("no", 0)
    webmail.append("INBOX", None, None, message(account, "x", name).encode())
    assert delivered(box, account, number) == ("yes", 0)


def test_d5_delivered_takes_no_query(box, account):
    """An account and a notice's number, and nothing else."""
    number = noticed(box, account)
    for name in "*", "*@example.test", "a b", f"{account},{account}":
        assert delivered(box, name, number) == ("invalid-user", EX_NOUSER)
    partition, entry = number.split(".")
    for other in ("", number + "x", f"{number} OR ALL", f"{(int(partition) + 1) % 64}.{entry}",
                  mail_of(box, account)[0]["Message-ID"], f"{partition}.{entry}*", "ALL"):
        assert delivered(box, account, other) == ("invalid", EX_USAGE)
    for parameters in ({}, {"account": account}, {"number": number},
                       {"account": None, "number": number}):
        row, = http_rows(box, "posternNoticeDelivered", WORKER, **parameters)
        assert row["status"] == "invalid"


def test_d5_delivered_leaves_the_process_as_it_was(box, account):
    """It reads a mailbox as its owner: what comes next over the connection is root's again."""
    number = noticed(box, account)
    other = new_account("other")
    its_number = noticed(box, other)
    calls = [["posternNoticeDelivered", {"account": name, "number": its}]
             for name, its in ((account, number), (other, its_number), (account, number))]
    answers = http(box, *calls, door=WORKER)
    assert [rows[0]["status"] for _, rows in answers] == ["yes"] * 3


def test_d5_delivered_tells_when_it_cannot_tell(own, account):
    number = noticed(own, account)
    os.chmod(f"{own.maildir(account)}/cur", 0)
    os.chmod(f"{own.maildir(account)}/new", 0)
    assert delivered(own, account, number) == ("unavailable", EX_TEMPFAIL)
    with open(f"{own.directory}/etc/dovecot.conf", encoding="utf-8") as file:
        text = file.read()
    with open(f"{own.directory}/etc/dovecot.conf", "w", encoding="utf-8") as file:
        file.write(re.sub(r"userdb \{.*?\n\}", "userdb {\n  driver = passwd-file\n"
                          "  args = /mnt/postern/etc/users\n}", text, flags=re.DOTALL))
    with open(f"{own.directory}/etc/users", "w", encoding="ascii") as file:
        file.write("somebody@example.test::65534:65534::/nonexistent::\n")
    os.chmod(f"{own.directory}/etc", 0o755)
    own.restart("dovecot")
    assert delivered(own, account, number) == ("unknown-user", EX_NOUSER)
    own.inside("sh", "-c", f"kill {own.dovecot_pid}")
    wait_until(lambda: not os.path.exists(f"/proc/{own.dovecot_pid}"), "Dovecot's end")
    assert delivered(own, account, number)[1] == EX_TEMPFAIL


# A notice that may have been sent before

def held_by_a_dead_worker(own, user):
    """A notice that a worker took, which then died: whether it has sent it isn't known. The entry,
    and whoever lets the worker of now look."""
    stream = outbox_of(own, user)
    os.kill(own.worker_pid, signal.SIGSTOP)
    entry = add_event(own, user, reason="owner")
    own.redis().xreadgroup("notices", "dead", {stream: ">"})
    return re.search(r"\{(\d+)\}", stream)[1], entry


def go_on(own):
    os.kill(own.worker_pid, signal.SIGCONT)


def test_d5_guessed_message_ids_stop_no_notice(own, account):
    """A stranger mails forty guesses of a notice's Message-ID to port 25."""
    own.on(account)
    settle(own, account, 1)
    partition, entry = held_by_a_dead_worker(own, account)
    born = int(entry.split("-")[0])
    for guess in range(born - 20, born + 20):
        bring(own, "", account, "a guess", f"<postern.{partition}.{guess}-0@example.test>")
    own.wait_for_mail(account, 40, subject="a guess")
    go_on(own)
    wait_until_idle(own, 40)
    assert "notice=was-sent" not in own.log("worker")
    assert len(mail_of(own, account)) == 42


def test_d5_a_sent_notice_is_found_after_a_change_of_keys(own, account):
    """It was sent under the old key, and its worker died before it could say so."""
    own.on(account)
    settle(own, account, 1)
    with open(f"{own.directory}/bin/sendmail", "w", encoding="utf-8") as file:
        # When it has sent it, nobody hears of it: the worker is stopped, and then killed.
        file.write("#!/bin/sh\n/usr/sbin/sendmail \"$@\"\nkill -9 $PPID\nsleep 1\n")
    os.chmod(f"{own.directory}/bin/sendmail", 0o755)
    os.symlink("/usr/sbin/postqueue", f"{own.directory}/bin/postqueue")
    use_sendmail(own, "/mnt/postern/bin/sendmail")
    pid = own.worker_pid
    add_event(own, account, reason="owner")
    wait_until(lambda: (own.let_go(), not os.path.exists(f"/proc/{pid}/exe"))[1],
               "the worker's death", 40)
    own.wait_for_mail(account, 2)
    own.doveadm("postern", "key", "add")
    use_sendmail(own, "/usr/sbin/sendmail")
    own.restart("worker")
    own.wait_for_log("worker", "notice=was-sent")
    wait_until_idle(own)
    assert len(mail_of(own, account)) == 2


def use_sendmail(own, path):
    """From the worker's next start on."""
    with open(own.settings_file, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith("sendmail =")]
    lines.insert(lines.index("[worker]\n") + 1, f"sendmail = {path}\n")
    with open(own.settings_file, "w", encoding="utf-8") as file:
        file.writelines(lines)
    own.restart("worker")


def test_d5_a_stranger_in_the_queue_delays_no_notice(own, account):
    """Mail without a sender that hangs in the queue for the account."""
    own.on(account)
    settle(own, account, 1)
    own.inside("postconf", "-c", "/mnt/postern/postfix/etc", "defer_transports=lmtp")
    own.inside("postfix", "-c", "/mnt/postern/postfix/etc", "reload")
    bring(own, "", account, "hangs", "<hangs@remote.test>")
    wait_until(lambda: '"deferred"' in own.inside("postqueue", "-j").stdout, "a deferred message")
    own.inside("postsuper", "-c", "/mnt/postern/postfix/etc", "-h", "ALL")
    own.inside("postconf", "-c", "/mnt/postern/postfix/etc", "defer_transports=")
    own.inside("postfix", "-c", "/mnt/postern/postfix/etc", "reload")
    held_by_a_dead_worker(own, account)
    go_on(own)
    own.wait_for_notice(account, 2)
    assert "hangs" not in [mail["Subject"] for mail in read_maildir(own.maildir(account))]
