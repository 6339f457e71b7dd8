"""
Ways around the limits and the bounces that the sample configuration of Postfix closes, or says how
to close: what is written there is tried here as it stands.
"""

import re

import pytest

from bounces import dsn
from conftest import SOURCE, new_account, wait_until
from logins import compose, hang_up, send, sender, submit
from test_bounces import Sender

MAIN, MASTER = "postfix/etc/main.cf", "postfix/etc/master.cf"
WITHOUT_BOUNCE = r"550 5\.7\.1 .*: Sender address rejected: "
NOT_OWN = r"553 5\.7\.1 .*: Sender address rejected: not owned by user "


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """A sandbox whose main.cf and master.cf only these tests change."""
    return make_module_sandbox({"tier free": {"messages_per_minute": "unlimited",
                                              "messages_per_hour": "unlimited"}})


@pytest.fixture
def client(own, account):
    smtp = sender(own, account, own.on(account))
    yield smtp
    hang_up(smtp)


def sample_line(start):
    """A line that the sample holds ready behind a #."""
    with open(f"{SOURCE}/packaging/examples/postfix-main.cf", encoding="utf-8") as file:
        found = re.findall(rf"^#\s*({re.escape(start)}.*)$", file.read(), flags=re.MULTILINE)
    assert len(found) == 1, found
    return found[0]


def sample_services(first):
    """The lines of master.cf that the sample shows in a comment, from this service on."""
    with open(f"{SOURCE}/packaging/examples/postfix-master.cf", encoding="utf-8") as file:
        found = re.findall(rf"^(#   {first} .*\n(?:#   .*\n)+)", file.read(), flags=re.MULTILINE)
    assert len(found) == 1, found
    return re.sub("^#   ", "", found[0], flags=re.MULTILINE)


def sample_option(start):
    """A line -o that the master.cf sample shows in a comment."""
    with open(f"{SOURCE}/packaging/examples/postfix-master.cf", encoding="utf-8") as file:
        found = re.findall(rf"^#( +-o {re.escape(start)})$", file.read(), flags=re.MULTILINE)
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def with_lines(own):
    """with_lines({MAIN: [line, ...], ...}) adds lines to files, and restarts Postfix."""
    before = {}
    for name in MAIN, MASTER:
        with open(f"{own.directory}/{name}", encoding="utf-8") as file:
            before[name] = file.read()

    def add(files):
        for name, lines in files.items():
            with open(f"{own.directory}/{name}", "a", encoding="utf-8") as file:
                file.write("\n".join(["", *lines, ""]))
        own.restart("postfix")

    yield add
    for name, text in before.items():
        with open(f"{own.directory}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    own.restart("postfix")


@pytest.fixture
def with_main(with_lines):
    """with_main("name = value", ...) adds lines to main.cf, and restarts Postfix."""
    return lambda *lines: with_lines({MAIN: lines})


@pytest.mark.parametrize("mail_from", [
    "double-bounce@mail.example.test", "Double-Bounce@Mail.Example.Test", "double-bounce",
    '"double-bounce"@mail.example.test', "@a.test:double-bounce@mail.example.test"])
def test_sender_address_whose_mail_never_bounces(client, account, mail_from):
    refused = submit(client, mail_from, [account], compose(account, "hidden"))
    assert refused.command == "RCPT" and re.match(WITHOUT_BOUNCE, refused.answer)


def submit_as(client, mail_from, recipient, text):
    """smtplib would mend the sender's address."""
    assert client.docmd("MAIL", f"FROM:{mail_from}")[0] == 250
    assert client.rcpt(recipient)[0] == 250
    assert client.data(text)[0] == 250


@pytest.mark.parametrize("mail_from", ["<>", '<"">', "< >", "<()>", "<(x)>", "(c)<>", "(a@b)<>",
                                       "<;>", "<@a.test:>", "<(a@b.test)>", "<a:;>", "a@b.test:;",
                                       "<mailer-daemon@mail.example.test>",
                                       "<MAILER-DAEMON@Mail.Example.Test.>", "<mailer-daemon>"])
def test_no_sender_address(own, client, account, mail_from):
    """Receipts have none. The account is told what fails, as with any other."""
    code, _ = client.docmd("MAIL", f"FROM:{mail_from}")
    client.rset()
    if code != 250:
        return
    submit_as(client, mail_from, "nobody@reject.test", compose(account, "receipt"))
    assert "Undelivered" in own.wait_for_mail(account)[0]["Subject"]
    submit_as(client, mail_from, "friend@remote.test", compose(account, account))
    assert own.wait_for_remote_mail(1, account)[0]["Return-Path"] == f"<{account}>"


@pytest.mark.parametrize("mail_from", ["<x@y.test>", "<Bob.Smith+1=2@sub.y.test>",
                                       "<a@[192.0.2.1]>"])
def test_sender_address_stays(own, client, account, mail_from):
    submit_as(client, mail_from, "friend@remote.test", compose(account, account))
    assert own.wait_for_remote_mail(1, account)[0]["Return-Path"] == mail_from


def test_sender_address_of_a_stranger_bounces(own, client, account):
    """To the stranger, but out of this Postfix, which shows it to the milter."""
    assert submit(client, "stranger@remote.test", ["nobody@reject.test"],
                  compose(account, account)).accepted
    wait_until(lambda: any(account in mail.as_string() for mail in own.wait_for_remote_mail()),
               "the bounce at the stranger's")


def test_nobody_asks_for_no_bounce(client, account):
    client.ehlo()
    assert not client.has_extn("dsn")
    client.mail(account)
    assert client.docmd("RCPT", f"TO:<{account}> NOTIFY=NEVER")[0] == 501
    client.rset()


def test_filter_before_the_queue_takes_no_login(own, with_main, account):
    """It would have the message before the milter sees it. Here nobody would answer."""
    with_main("smtpd_proxy_filter = 127.0.0.1:1")
    client = sender(own, account, own.on(account))
    assert send(client, account).accepted
    assert own.wait_for_mail(account)[0]["Postern-Trace"]
    hang_up(client)


def login_mismatch():
    return ("postern_sender_restrictions = permit_mynetworks, check_sender_access "
            "inline:{{double-bounce@ = 550 x}}, " + sample_line("reject_sender_login_mismatch"))


def test_sender_address_of_somebody_else(own, with_main, account):
    with_main(login_mismatch(), sample_line("smtpd_sender_login_maps = regexp"))
    client = sender(own, account, own.on(account))
    for other in new_account(), "stranger@remote.test":
        refused = submit(client, other, [account], compose(account, "as another"))
        assert refused.command == "RCPT" and re.match(NOT_OWN, refused.answer)
    assert submit(client, account.upper(), [account], compose(account, "as myself")).accepted
    hang_up(client)


def test_sender_address_of_an_alias(own, with_main, account):
    with_main(f"virtual_alias_maps = inline:{{alias@example.test={account}}}", login_mismatch(),
              sample_line("smtpd_sender_login_maps = unionmap"))
    client = sender(own, account, own.on(account))
    assert submit(client, "alias@example.test", [account], compose(account, "as alias")).accepted
    assert send(client, account).accepted
    refused = submit(client, new_account(), [account], compose(account, "as another"))
    assert re.match(NOT_OWN, refused.answer)
    hang_up(client)


def sendmail(own, user, to):
    return own.inside("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                      "sendmail", "-f", to, to, stdin=None, input=compose(to, "by hand"))


def test_sendmail_is_for_those_who_are_named(own, with_main, account):
    with_main(sample_line("authorized_submit_users"))
    refused = sendmail(own, "www-data", account)
    assert refused.returncode != 0 and "not allowed to submit mail" in refused.stderr
    assert sendmail(own, "root", account).returncode == 0
    own.wait_for_mail(account)


# What can pass for a bounce, and what keeps one from being read

def forge(own, victim):
    """What a user of this host can write who has got a message of the victim's to ten."""
    subject = victim.send(*[f"friend{i}@remote.test" for i in range(10)])
    mail = own.wait_for_remote_mail(10, subject)[0]
    queue_id = re.search(r"ESMTPSA id (\S+)", str(mail)).group(1)
    text = dsn(mail["Postern-Trace"], *[f"r{i}@reject.test" for i in range(10)],
               queue_id=queue_id, reporter="mail.example.test")
    reader = new_account("reader")
    done = own.inside("setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups",
                      "sendmail", "-f", "<>", reader, stdin=None, input=text.replace("\r\n", "\n"))
    assert done.returncode == 0, done.stderr
    own.wait_for_mail(reader)


def test_forged_through_sendmail(own):
    """It counts for nothing, and arrives (B2, B5)."""
    victim = Sender(own)
    forge(own, victim)
    assert not victim.lines() and victim.failures == 0
    victim.send("nobody@reject.test")
    line, = victim.wait_for_lines(1)
    assert "by=own-queue" in line and "counted=1 " in line


def test_pickup_has_to_be_kept_away(own, with_lines):
    """The same with Postfix's own line, which wins if it is left behind the sample's: so the test
    above forges well."""
    with_lines({MASTER: ["pickup unix n - y 60 1 pickup"]})
    victim = Sender(own)
    forge(own, victim)
    line, = victim.wait_for_lines(1)
    assert "by=own-queue" in line and "verdict=compromised" in line


def test_sendmail_asks_the_milters_of_the_site(own, with_lines, account):
    """Behind its own cleanup: here one that isn't there, and refuses nothing for now."""
    away = sample_option("non_smtpd_milters=$site_milters")
    with_lines({MAIN: ["site_milters = {inet:127.0.0.1:1,default_action=tempfail}"],
                MASTER: ["cleanup-sendmail unix n - y - 0 cleanup", away]})
    assert sendmail(own, "root", account).returncode == 0
    own.wait_for_log("postfix", "connect to Milter service inet:127.0.0.1:1")


# A rule against forged bounces, as many sites have.
CHECKS = "header_checks = regexp:{{/^Subject: Undelivered Mail/ REJECT}}"


def test_header_checks_keep_bounces_back(own, with_main):
    """Why check warns of them: the message is tried again for as long as the queue keeps it."""
    with_main(CHECKS)
    user = Sender(own)
    user.send("nobody@reject.test")
    own.wait_for_log("postfix", f"from=<> to=<{user.user}>: 5.7.1 message content rejected")
    own.wait_for_log("postfix", "status=deferred (bounce failed)")
    assert not user.lines()


def test_header_checks_leave_bounces_alone(own, with_lines):
    """With the sample's lines, if these stand in place of Postfix's own."""
    with_lines({MAIN: [CHECKS], MASTER: [sample_services("bounce")]})
    user = Sender(own)
    user.send("nobody@reject.test")
    assert "by=own-queue" in user.wait_for_lines(1)[0]
    assert "Undelivered" in own.wait_for_mail(user.user)[0]["Subject"]
    said = {row["check"]: row["status"] for row in own.doveadm("postern", "check")}
    assert (said["postfix-bounces"], said["postfix-bounces-checks"]) == ("ok", "ok")
