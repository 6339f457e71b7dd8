"""
The owner's story in real mail programs: what works with the app password, and what each program
makes of a refusal and shows of its sentence.
"""

import glob
import os
import subprocess

import pytest

from conftest import new_account
from logins import HELP_URL, compose, send, sender

OFF = f"External access is off: your mail provider switched it off. Switch it on at {HELP_URL}"
NO_IMAP = f"IMAP is not available for this mailbox (free), see {HELP_URL}"
DEFERRED = "450 4.7.28 At most 5 messages a minute may be sent: try again in "

# The programs' exit statuses.
CURL_LOGIN_DENIED, CURL_SEND_FAILED = 67, 55
FETCHMAIL_NO_MAIL, FETCHMAIL_AUTHENTICATION, FETCHMAIL_LOCK_BUSY = 1, 3, 9
EX_DATAERR, EX_UNAVAILABLE, EX_NOPERM = 65, 69, 77
SWAKS_MAIL, SWAKS_LOGIN = 23, 28


def run(*words, text="", **environment):
    """The finished program; its output with what it said to stderr."""
    return subprocess.run([str(word) for word in words], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment})


class Programs:
    """The programs, set up for a user of a sandbox; each returns what became of it."""

    def __init__(self, sandbox, user, folder):
        self.sandbox, self.user, self.folder = sandbox, user, str(folder)

    def write(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(text)
        return path

    def curl(self, scheme, port, password, *words, text=""):
        login = self.write("curlrc", f'user = "{self.user}:{password}"\n')
        return run("curl", "--silent", "--show-error", "--verbose", "--config", login, "--cacert",
                   self.sandbox.ca_file, *words, f"{scheme}://localhost:{port}/", text=text)

    def curl_pop3(self, password, *words):
        return self.curl("pop3s", self.sandbox.pop3s_port, password, *words)

    def curl_imap(self, password, *words):
        return self.curl("imaps", self.sandbox.imaps_port, password, *words)

    def curl_smtp(self, password):
        return self.curl("smtps", self.sandbox.submissions_port, password, "--mail-from", self.user,
                         "--mail-rcpt", self.user, "--upload-file", "-",
                         text=compose(self.user, "by curl"))

    def fetchmail(self, password, protocol="pop3"):
        port = getattr(self.sandbox, f"{protocol}s_port")
        settings = self.write("fetchmailrc", f"""
poll localhost proto {protocol} port {port}
user "{self.user}" password "{password}"
ssl sslcertck sslcertfile "{self.sandbox.ca_file}"
mda "cat >>{self.folder}/fetched"
""")
        return run("fetchmail", "--fetchmailrc", settings, "--idfile", f"{self.folder}/ids",
                   "--pidfile", f"{self.folder}/pid", "--nosyslog", FETCHMAILHOME=self.folder,
                   HOME=self.folder)

    def fetched(self):
        with open(f"{self.folder}/fetched", encoding="utf-8") as file:
            return file.read()

    def mbsync(self, password):
        settings = self.write("mbsyncrc", f"""
IMAPStore far
Host localhost
Port {self.sandbox.imaps_port}
User {self.user}
Pass {password}
SSLType IMAPS
CertificateFile {self.sandbox.ca_file}

MaildirStore near
Path {self.folder}/near/
Inbox {self.folder}/near/INBOX

Channel all
Far :far:
Near :near:
Create Near
SyncState *
""")
        os.makedirs(f"{self.folder}/near", exist_ok=True)
        return run("mbsync", "--config", settings, "all", HOME=self.folder)

    def synced(self):
        return len(glob.glob(f"{self.folder}/near/INBOX/*/*U=*"))

    def msmtp(self, password):
        secret = self.write("password", password)
        return run("msmtp", "--host=localhost", f"--port={self.sandbox.submissions_port}",
                   "--tls=on", "--tls-starttls=off", f"--tls-trust-file={self.sandbox.ca_file}",
                   "--auth=on", f"--user={self.user}", f"--passwordeval=cat {secret}",
                   f"--from={self.user}", self.user, text=compose(self.user, "by msmtp"),
                   HOME=self.folder)

    def swaks(self, password, *words):
        settings = self.write("swaksrc", f"--auth-user {self.user}\n--auth-password {password}\n")
        return run("swaks", "--config", settings, "--server", f"localhost:"
                   f"{self.sandbox.submission_port}", "--tls", "--tls-verify", "--tls-ca-path",
                   self.sandbox.ca_file, "--auth", "PLAIN", "--from", self.user, "--to", self.user,
                   "--header", "Subject: by swaks", *words, HOME=self.folder)


@pytest.fixture
def programs(sandbox, account, tmp_path):
    return Programs(sandbox, account, tmp_path)


def deliver(sandbox, user, subject):
    with sandbox.mx() as client:
        client.sendmail("friend@remote.test", [user], compose("friend@remote.test", subject))
    sandbox.wait_for_mail(user, subject=subject)


def statuses(*finished):
    return [one.returncode for one in finished]


# The right password

def test_reading_with_the_app_password(sandbox, account, programs):
    sandbox.set(account, tier="paid")
    password = sandbox.on(account)
    deliver(sandbox, account, "to be read")
    done = programs.curl_pop3(password, "--request", "TOP 1 0")
    assert done.returncode == 0 and "Subject: to be read" in done.stdout
    done = programs.curl_imap(password, "--request", "STATUS INBOX (MESSAGES)")
    assert done.returncode == 0 and "STATUS INBOX (MESSAGES 1)" in done.stdout
    done = programs.mbsync(password)
    assert done.returncode == 0 and programs.synced() == 1, done.stdout
    for protocol in "imap", "pop3":
        deliver(sandbox, account, f"for {protocol}")
        done = programs.fetchmail(password, protocol)
        assert done.returncode == 0, done.stdout
        assert f"Subject: for {protocol}" in programs.fetched()


def test_sending_with_the_app_password(sandbox, account, programs):
    password = sandbox.on(account)
    for program in programs.curl_smtp, programs.msmtp, programs.swaks:
        done = program(password)
        assert done.returncode == 0, done.stdout
    subjects = [message["Subject"] for message in sandbox.wait_for_mail(account, 3)]
    assert sorted(subjects) == ["by curl", "by msmtp", "by swaks"]


def test_programs_come_from_outside(sandbox, account, programs):
    """They connect from 127.0.0.1, where webmail's password opens nothing."""
    sandbox.set(account, tier="paid")
    sandbox.on(account)
    webmail_password = sandbox.webmail_password(account)
    for program in programs.curl_pop3, programs.curl_imap, programs.curl_smtp:
        assert program(webmail_password).returncode == CURL_LOGIN_DENIED


# Refused

def test_wrong_password(account, programs, sandbox):
    """No program shows anything but that it is wrong (A9)."""
    sandbox.on(account)
    answers = {
        programs.curl_pop3: (CURL_LOGIN_DENIED, "-ERR [AUTH] Authentication failed."),
        programs.curl_imap: (CURL_LOGIN_DENIED, "NO [AUTHENTICATIONFAILED] Authentication failed."),
        programs.curl_smtp: (CURL_LOGIN_DENIED, "535 5.7.8 Error: authentication failed"),
        programs.fetchmail: (FETCHMAIL_AUTHENTICATION, "Authorization failure"),
        programs.mbsync: (1, "Authentication failed."),
        programs.msmtp: (EX_NOPERM, "authentication failed"),
        programs.swaks: (SWAKS_LOGIN, "535 5.7.8 Error: authentication failed"),
    }
    for program, (status, text) in answers.items():
        done = program("wrong")
        assert done.returncode == status and text in done.stdout, done.stdout
        assert "xternal access" not in done.stdout


def test_A9_access_off(account, programs, sandbox):
    """Every program that shows anything of the server's words shows the sentence."""
    password = sandbox.on(account)
    sandbox.off(account)
    answers = {
        programs.curl_pop3: (CURL_LOGIN_DENIED, f"-ERR [AUTH] {OFF}"),
        programs.curl_imap: (CURL_LOGIN_DENIED, f"NO [CONTACTADMIN] {OFF}"),
        programs.curl_smtp: (CURL_LOGIN_DENIED, f"535 5.7.8 Error: authentication failed: {OFF}"),
        programs.mbsync: (1, OFF),
        programs.msmtp: (EX_NOPERM, OFF),
        programs.swaks: (SWAKS_LOGIN, OFF),
    }
    for program, (status, text) in answers.items():
        done = program(password)
        assert done.returncode == status and text in done.stdout, done.stdout
    # fetchmail keeps the server's words to itself.
    assert programs.fetchmail(password).returncode == FETCHMAIL_AUTHENTICATION


def test_A8_no_imap(account, programs, sandbox):
    password = sandbox.on(account)
    for program, status in (programs.curl_imap, CURL_LOGIN_DENIED), (programs.mbsync, 1):
        done = program(password)
        assert done.returncode == status and NO_IMAP in done.stdout, done.stdout


def test_P1_too_soon(account, programs, sandbox):
    """fetchmail takes it for a busy mailbox, and not for a wrong password: it comes again."""
    password = sandbox.on(account)
    assert programs.fetchmail(password).returncode == FETCHMAIL_NO_MAIL
    done = programs.fetchmail(password)
    assert done.returncode == FETCHMAIL_LOCK_BUSY, done.stdout
    assert "Mail was checked a moment ago: try again in 28" in done.stdout
    done = programs.curl_pop3(password)
    assert done.returncode == CURL_LOGIN_DENIED
    assert "-ERR [LOGIN-DELAY] Mail was checked a moment ago" in done.stdout


def test_S1_deferred(account, programs, sandbox):
    """To each program a failure for now, with the sentence."""
    password = sandbox.on(account)
    with sender(sandbox, account, password) as client:
        assert all(send(client, account).accepted for _ in range(5))
    for program, status in ((programs.curl_smtp, CURL_SEND_FAILED),
                            (programs.msmtp, EX_UNAVAILABLE), (programs.swaks, SWAKS_MAIL)):
        done = program(password)
        assert done.returncode == status and DEFERRED in done.stdout, done.stdout
    assert sandbox.status(account)["access"] == "enabled"


@pytest.mark.parametrize("program, status", [("curl_smtp", CURL_SEND_FAILED),
                                             ("msmtp", EX_DATAERR), ("swaks", SWAKS_MAIL)])
def test_S2_at_the_limit(sandbox, programs, account, program, status):
    """For good, with the sentence; then the login itself is refused, with the reason."""
    sandbox.set(account, tier="hourly")
    password = sandbox.on(account)
    with sender(sandbox, account, password) as client:
        assert all(send(client, account).accepted for _ in range(15))
    done = getattr(programs, program)(password)
    assert done.returncode == status
    assert "At most 15 messages an hour may be sent: external access is now off" in done.stdout
    done = getattr(programs, program)(password)
    assert "External access is off: too many messages were sent within an hour" in done.stdout


def test_story_of_an_owner(sandbox, programs, account):
    """On, read, send, off by the owner, on again with another app password."""
    first = sandbox.on(account)
    deliver(sandbox, account, "welcome")
    assert programs.fetchmail(first).returncode == 0
    assert "Subject: welcome" in programs.fetched()
    assert programs.msmtp(first).returncode == 0
    sandbox.doveadm("postern", "off", "--reason", "owner", account)
    done = programs.msmtp(first)
    assert "it was switched off in webmail. Switch it on at" in done.stdout
    second = sandbox.on(account)
    assert statuses(programs.msmtp(first), programs.msmtp(second)) == [EX_NOPERM, 0]
    other = Programs(sandbox, new_account("other"), programs.folder)
    assert other.msmtp(second).returncode == EX_NOPERM
