"""
Ways around the limits and the bounces that the sample configuration of Postfix closes, or says how
to close: what is written there is tried here as it stands.
"""

import re

import pytest

from conftest import SOURCE, new_account, wait_until
from logins import compose, hang_up, send, sender, submit

MAIN = "postfix/etc/main.cf"
WITHOUT_BOUNCE = r"550 5\.7\.1 .*: Sender address rejected: "
NOT_OWN = r"553 5\.7\.1 .*: Sender address rejected: not owned by user "


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """A sandbox whose main.cf only these tests change."""
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


@pytest.fixture
def with_main(own):
    """with_main("name = value", ...) adds lines to main.cf, and reloads Postfix."""
    path = f"{own.directory}/{MAIN}"
    with open(path, encoding="utf-8") as file:
        before = file.read()

    def add(*lines):
        with open(path, "a", encoding="utf-8") as file:
            file.write("\n".join(["", *lines, ""]))
        own.restart("postfix")

    yield add
    with open(path, "w", encoding="utf-8") as file:
        file.write(before)
    own.restart("postfix")


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


@pytest.mark.parametrize("mail_from", ["<>", '<"">', "< >", "<()>", "<(x)>", "(c)<>", "(a@b)<>", "<;>",
                                       "<@a.test:>", "<(a@b.test)>", "<a:;>", "a@b.test:;"])
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


@pytest.mark.parametrize("mail_from", ["<x@y.test>", "<Bob.Smith+1=2@sub.y.test>", "<a@[192.0.2.1]>"])
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
