"""The sandbox itself, and the mail site in it as webmail and other mail servers see it."""

import imaplib
import os
import poplib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from conftest import PROGRAM, SOURCE, Sandbox, run_sandbox, start_sandbox, wait_until

sys.path.insert(0, f"{SOURCE}/tests")
from sandbox_parts.merge import lay_over

MESSAGE = "From: {}\r\nTo: {}\r\nSubject: {}\r\n\r\nHello.\r\n"
PARTS = ["redis", "dovecot", "milter", "postfix", "remote"]  # and worker, where it is started


def send(client, sender, recipient, subject):
    with client:
        client.sendmail(sender, [recipient], MESSAGE.format(sender, recipient, subject))


def webmail_send(sandbox, sender, recipient, subject):
    client = sandbox.smtp(sandbox.internal_address)
    client.login(sender, sandbox.webmail_password(sender))
    send(client, sender, recipient, subject)


def processes_of(sandbox):
    """All processes that have the sandbox's folders mounted, by a way of our own."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
                if f"{os.path.realpath(sandbox.directory)}/" in file.read():
                    found.append(pid)
        except OSError:
            pass
    return found


@pytest.fixture
def folder():
    """A new folder whose parent only root may enter."""
    path = tempfile.mkdtemp()
    yield path
    shutil.rmtree(path)


def test_webmail_reads_over_pop3(sandbox, account):
    webmail_send(sandbox, account, account, "to myself")
    sandbox.wait_for_mail(account)
    client = sandbox.pop3(sandbox.internal_address)
    client.user(account)
    client.pass_(sandbox.webmail_password(account))
    assert client.stat()[0] == 1
    client.quit()


def test_webmail_reads_over_imap(sandbox, account):
    client = sandbox.imap(sandbox.internal_address)
    client.login(account, sandbox.webmail_password(account))
    assert client.select()[0] == "OK"
    client.logout()


def test_webmail_sends_over_submissions(sandbox, account):
    client = sandbox.smtps(sandbox.internal_address)
    client.login(account, sandbox.webmail_password(account))
    send(client, account, account, "submissions")
    assert sandbox.wait_for_mail(account)[0]["Subject"] == "submissions"


def test_webmail_starts_tls(sandbox, account):
    pop3 = sandbox.plain_pop3(sandbox.internal_address)
    pop3.stls(sandbox.tls)
    pop3.user(account)
    pop3.pass_(sandbox.webmail_password(account))
    pop3.quit()
    imap = sandbox.plain_imap(sandbox.internal_address)
    imap.starttls(sandbox.tls)
    imap.login(account, sandbox.webmail_password(account))
    imap.logout()


def test_no_password_without_tls(sandbox, account):
    with pytest.raises(poplib.error_proto, match="disallowed|disabled"):
        sandbox.plain_pop3().user(account)
    with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
        sandbox.plain_imap().login(account, "secret")
    with sandbox.plain_smtp() as client:
        client.ehlo()
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 530


def test_mail_from_elsewhere_arrives(sandbox, account):
    send(sandbox.mx(), "someone@remote.test", account, "from elsewhere")
    assert sandbox.wait_for_mail(account)[0]["Subject"] == "from elsewhere"


def test_port_25_relays_for_nobody(sandbox):
    for source in sandbox.external_address, sandbox.internal_address:
        with sandbox.mx(source) as client:
            client.ehlo()
            client.mail("someone@remote.test")
            assert client.rcpt("another@remote.test")[0] == 554


def test_port_25_offers_no_auth(sandbox):
    # While the milter is down everything passes there: a login would have no limits.
    for source in sandbox.external_address, sandbox.internal_address:
        with sandbox.mx(source) as client:
            client.ehlo()
            assert client.has_extn("starttls") and not client.has_extn("auth")
            client.starttls(context=sandbox.tls)
            client.ehlo()
            assert not client.has_extn("auth")
            assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 503


def test_submission_needs_a_login(sandbox, account):
    with sandbox.smtp(sandbox.internal_address) as client:
        client.ehlo()
        client.mail(account)
        assert client.rcpt("another@remote.test")[0] == 554


def test_remote_takes_mail(sandbox, account):
    webmail_send(sandbox, account, "friend@remote.test", account)
    assert sandbox.wait_for_remote_mail(subject=account)[0]["To"] == "friend@remote.test"


def test_remote_refuses_and_the_sender_learns(sandbox, account):
    webmail_send(sandbox, account, "nobody@reject.test", "no such person")
    bounce = sandbox.wait_for_mail(account)[0]
    assert bounce.get_content_type() == "multipart/report"
    assert "550 5.1.1" in bounce.as_string()


def test_environment_is_a_shell_file(sandbox):
    names = """
        POP3S_PORT IMAPS_PORT SUBMISSION_PORT SUBMISSIONS_PORT MX_PORT REDIS_SOCKET REDIS_PORT
        MILTER_SOCKET AUTH_SOCKET CA_FILE DOVEADM DOVEADM_HTTP_URL DOVEADM_API_KEY DOMAIN MAIL_HOME
        LOG_DIR EXTERNAL_ADDRESS INTERNAL_ADDRESS POP3_PORT IMAP_PORT LEGACY_ADDRESS
        LEGACY_POP3_PORT LEGACY_IMAP_PORT LEGACY_SUBMISSION_PORT REMOTE_SMTP_PORT REMOTE_MAIL
        SETTINGS_FILE SECRETS_FILE MOUNT_NS REDIS_PID MILTER_PID DOVECOT_PID"""
    script = f"""set -u; . "{sandbox.directory}/sandbox.env"
        for name in {" ".join(names.split())}; do
            eval ': "${{'$name':?}}"'
        done
        $DOVEADM -f flow postern status shell@example.test"""
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "shell@example.test" in done.stdout


def status(sandbox):
    """(exit status, the second word of each part's line)"""
    done = subprocess.run([PROGRAM, "status", sandbox.directory], capture_output=True, text=True,
                          check=False)
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    return done.returncode, [lines[part].split(",")[0] for part in PARTS]


def test_status_tells_what_runs_and_parts_restart(make_sandbox):
    own = make_sandbox()
    for number, part in enumerate(PARTS):
        assert status(own) == (0, ["runs"] * len(PARTS))
        os.kill(getattr(own, f"{part}_pid"), signal.SIGKILL)
        wait_until(lambda n=number: status(own)[1][n] == "does not run", f"the end of {part}")
        assert status(own)[0] == 1
        own.restart(part)
    assert status(own) == (0, ["runs"] * len(PARTS))


def test_stop_after_everything_was_killed_and_start_again(make_sandbox):
    own = make_sandbox()
    for part in PARTS:
        os.kill(getattr(own, f"{part}_pid"), signal.SIGKILL)
    os.kill(int(own.mount_ns.split("/")[2]), signal.SIGKILL)
    run_sandbox("stop", own.directory)
    assert processes_of(own) == []
    again = start_sandbox(own.directory)
    assert status(again)[0] == 0 and again.redis_pid != own.redis_pid


def test_two_side_by_side_and_one_stops_with_redis_frozen(sandbox, make_sandbox, account):
    own = make_sandbox()
    webmail_send(own, account, account, "in my own")
    own.wait_for_mail(account)
    assert not os.path.exists(f"{sandbox.mail_home}/{account.split('@')[0]}")
    os.kill(own.redis_pid, signal.SIGSTOP)
    run_sandbox("stop", own.directory)
    assert processes_of(own) == []
    assert status(sandbox)[0] == 0


def test_long_path_that_only_root_may_enter(folder, account):
    directory = f"{folder}/{'long-' * 30}/sandbox"
    os.makedirs(os.path.dirname(directory), mode=0o700)
    try:
        started = time.monotonic()
        own = start_sandbox(directory)
        assert time.monotonic() - started < 20
        webmail_send(own, account, account, "far down")
        own.wait_for_mail(account)
        run_sandbox("status", directory)
    finally:
        run_sandbox("stop", directory)


SAMPLE = """\
# What it is.
[one]
# Why a.
a = 1
#b = 2

# Why the other.
[two]
c = 3
  4
"""


@pytest.mark.parametrize("overrides, old, new", [
    ("", "", ""),
    ("[one]\na = 5\n", "a = 1", "a = 5"),
    ("[one]\na=5\n  6\n", "a = 1", "a=5\n  6"),
    ("[two]\nc: 5\n", "c = 3\n  4", "c: 5"),
    ("[two]\nc = 5\nc = 6\n", "c = 3\n  4", "c = 5\nc = 6"),
    ("[one]\nb = 5\n", "a = 1\n", "a = 1\nb = 5\n"),
    ("[three]\nd = 5\n", "  4\n", "  4\n\n[three]\nd = 5\n"),
    ("[two]\nnonsense\n", "  4\n", "  4\nnonsense\n"),
])
def test_settings_lie_over_the_sample(overrides, old, new):
    assert lay_over(SAMPLE, overrides) == SAMPLE.replace(old, new)


def failed_start(directory, *words):
    done = subprocess.run([PROGRAM, "start", directory, *words, *build_words()],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [name for name in os.listdir(directory) if name == "sandbox.env"] == []
    return done.stderr


def build_words():
    return ["--build", os.environ["POSTERN_BUILD"]] if "POSTERN_BUILD" in os.environ else []


def test_failed_start_says_why_and_leaves_nothing(folder):
    settings = f"{folder}/settings"
    with open(settings, "w", encoding="utf-8") as file:
        file.write("[tier free]\nmessages_per_hour = some\n")
    os.mkdir(f"{folder}/sandbox")
    said = failed_start(f"{folder}/sandbox", "--settings", settings)
    assert "messages_per_hour" in said
    own = Sandbox.__new__(Sandbox)
    own.directory = f"{folder}/sandbox"
    assert processes_of(own) == []


def test_start_leaves_other_peoples_folders_alone(folder):
    os.mkdir(f"{folder}/mail")
    assert "is in use: it has mail" in failed_start(folder)
    assert os.listdir(folder) == ["mail"]


def test_second_start_is_refused(sandbox):
    done = subprocess.run([PROGRAM, "start", sandbox.directory], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and "runs in" in done.stderr
    run_sandbox("status", sandbox.directory)


def test_without_mark_nothing_is_decided(make_sandbox, account):
    own = make_sandbox(options=["--no-init"])
    assert own.redis().dbsize() == 0
    client = own.pop3()
    client.user(account)
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        client.pass_("secret")
