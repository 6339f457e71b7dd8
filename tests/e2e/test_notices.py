"""
The notices that owners get (D5): `doveadm postern notice`, and sending through Postfix.
"""

import email.header
import email.policy
import os

import pytest

from conftest import new_account

EVENTS = ["owner", "admin", "send-limit", "compromised", "passive", "unused", "connection-limit",
          "break-in", "enabled", "password-added", "unused-warning",
          "break-in-attempt"]
EX_USAGE, EX_NOUSER, EX_TEMPFAIL, EX_CONFIG = 64, 67, 75, 78


def notice(sandbox, *words):
    row, = sandbox.doveadm("postern", "notice", *words)
    return row


def parsed(text):
    # The message is 8bit.
    return email.message_from_bytes(text.encode(), policy=email.policy.default)


def own_folder(sandbox):
    return f"{sandbox.directory}/etc/notices"


@pytest.mark.parametrize("event", EVENTS)
def test_shows_every_notice(sandbox, event):
    """D5"""
    row = notice(sandbox, event)
    assert (row["user"], row["status"]) == ("owner@example.test", "ok")
    message = parsed(row["message"])
    assert message["Content-Language"] == "en"
    assert "owner@example.test" in message.get_content()
    assert "https://webmail.example.org/external-access" in message.get_content()


@pytest.mark.parametrize("language", ["en", "et", "lv", "ru"])
def test_shows_every_language(sandbox, language):
    """D5"""
    message = parsed(notice(sandbox, "--language", language, "enabled")["message"])
    assert message["Content-Language"] == language
    assert "mail.example.test" in message.get_content()


def test_default_formatter_shows_the_message_as_it_is(sandbox):
    text = sandbox.doveadm("postern", "notice", "owner", formatter="pager")
    assert "\nstatus: ok\n" in text
    assert "\nSubject: External access to your mailbox is off\n" in text
    assert "message:" not in text


@pytest.mark.parametrize("user, group", [("root", "root"), ("nobody", "nogroup")])
def test_send(sandbox, account, user, group):
    """D5: through sendmail(1), with the empty sender, in the owner's language."""
    done = sandbox.doveadm_as(user, group, "-f", "tab", "postern", "notice", "--send",
                              "--language", "lv_LV", "--to", account, "break-in")
    assert done.returncode == 0 and f"\n{account}\tsent\t" in done.stdout, done.stderr
    message, = sandbox.wait_for_mail(account)
    assert message["Return-Path"] == "<>"
    assert message["From"] == "postmaster@example.test"
    assert message["To"] == account
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "lv"
    assert message["Message-ID"].startswith("<notice.")
    assert email.header.make_header(email.header.decode_header(message["Subject"])) == \
        "Ārējā pieeja ir izslēgta: kāds mēģināja uzminēt paroli"
    text = message.get_payload(decode=True).decode("utf-8")
    assert account in text and "https://webmail.example.org/external-access" in text


@pytest.mark.parametrize("words, status, text", [
    ([], EX_USAGE, "event: expected one of owner, admin, "),
    (["never-enabled"], EX_USAGE, "event: expected one of owner, admin, "),
    (["--language", "../../etc", "owner"], EX_USAGE, "language: expected a language tag"),
    (["--send", "owner"], EX_USAGE, "to: expected an account to send to"),
    (["--to", "a b", "owner"], EX_NOUSER, "the account name is not an address"),
])
def test_mistakes_in_the_call(sandbox, words, status, text):
    done = sandbox.run_doveadm("postern", "notice", *words)
    assert done.returncode == status
    assert text in done.stdout + done.stderr


def test_own_templates_settings_and_failures(make_sandbox):
    """A site's own words come first; a mistake in them, or no mail system, is told."""
    sandbox = make_sandbox({"notices": {"from": "noreply@example.test",
                                        "reply_to": "help@example.test",
                                        "default_language": "et",
                                        "mail_server": "pop.example.test"},
                            "worker": {"sendmail": "/mnt/postern/etc/sendmail"}})
    account = new_account("notices")
    os.makedirs(f"{own_folder(sandbox)}/example.test/et")
    own = f"{own_folder(sandbox)}/example.test/et/enabled.txt"
    with open(own, "w", encoding="utf-8") as file:
        file.write("Subject: Tere {account}\n\nServer {mail_server}, parool {number}, {label}\n")
    message = parsed(notice(sandbox, "--to", account, "enabled")["message"])
    assert (message["From"], message["Reply-To"]) == ("noreply@example.test", "help@example.test")
    assert (message["Subject"], message["Content-Language"]) == (f"Tere {account}", "et")
    assert message.get_content() == "Server pop.example.test, parool 1, Thunderbird\n"

    row, = sandbox.run_doveadm("postern", "notice", "--send", "--to", account, "enabled",
                               formatter="tab").stdout.splitlines()[1:]
    assert row.startswith(f"{account}\tunavailable\tsendmail: /mnt/postern/etc/sendmail can't be")
    with open(f"{sandbox.directory}/etc/sendmail", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\necho 'queue file write error' >&2\nexit 75\n")
    os.chmod(f"{sandbox.directory}/etc/sendmail", 0o755)
    done = sandbox.run_doveadm("postern", "notice", "--send", "--to", account, "enabled",
                               formatter="tab")
    assert done.returncode == EX_TEMPFAIL
    assert "\tunavailable\tsendmail: exit status 75: queue file write error" in done.stdout

    with open(own, "a", encoding="utf-8") as file:
        file.write("{lable}\n")
    done = sandbox.run_doveadm("postern", "notice", "enabled")
    assert done.returncode == EX_CONFIG
    assert "/mnt/postern/etc/notices/example.test/et/enabled.txt:4: expected one of " in done.stderr
