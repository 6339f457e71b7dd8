"""
Cracked accounts, on the whole site: what an account sent comes back and switches it off, and
nothing else does (B1 to B5).
"""

import concurrent.futures
import os
import re
import time

import pytest

from bounces import abuse_report, bring, dsn, network, words
from conftest import new_account, wait_until
from logins import compose, is_accepted, send, sender, smtp_login, submit

WITHIN_SECONDS = 2  # of the last bounce
FEEDBACK_ADDRESS = "fbl@example.test"


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """Free mailboxes send as much as they like here."""
    return make_module_sandbox({"milter": {"feedback_address": FEEDBACK_ADDRESS},
                                "tier free": {"messages_per_minute": "unlimited",
                                              "messages_per_hour": "unlimited"}}, worker=True)


class Sender:
    """An account that is on, and what it sends."""

    def __init__(self, sandbox, hint="sender"):
        self.sandbox, self.user = sandbox, new_account(hint)
        self.password = sandbox.on(self.user)

    def send(self, *recipients, mail_from=None):
        """One message to all of them."""
        client = sender(self.sandbox, self.user, self.password)
        subject = f"hello {time.monotonic_ns()}"
        sent = submit(client, mail_from or self.user, recipients, compose(self.user, subject))
        assert sent.accepted, sent
        client.quit()
        return subject

    def trace(self, recipients=1):
        """The trace of a message to so many, one of whom is the attacker."""
        others = [f"friend{i}@remote.test" for i in range(recipients - 1)]
        subject = self.send("attacker@remote.test", *others)
        return self.sandbox.wait_for_remote_mail(recipients, subject)[0]["Postern-Trace"]

    @property
    def status(self):
        return self.sandbox.status(self.user)

    @property
    def failures(self):
        return self.status["failures"]

    def lines(self):
        """Of the milter's log, about bounces."""
        return re.findall(rf"bounce=genuine account={re.escape(self.user)} .*",
                          self.sandbox.log("milter"))

    def wait_for_lines(self, count):
        return wait_until(lambda: self.lines()[:count] if len(self.lines()) >= count else None,
                          f"{count} bounces")


def line_of(own, queue_id):
    """What the milter logged of a message that it read."""
    found = wait_until(lambda: re.search(rf"bounce=.* queue_id={queue_id} .*", own.log("milter")),
                       f"a line about {queue_id}")
    return dict(word.split("=", 1) for word in found.group(0).split() if "=" in word)


def judged(own, text, recipient=None, source=None):
    """Has it brought, waits until it is in the mailbox (B5), and returns what the milter says."""
    recipient = recipient or new_account("reader")
    queue_id = bring(own, text, recipient, source)
    own.wait_for_mail(recipient)
    return line_of(own, queue_id)


# The whole story

def test_cracked_account(own):
    """B3, B4, B5, D5, D6"""
    spammer = Sender(own)
    open_session = sender(own, spammer.user, spammer.password)
    for i in range(9):
        spammer.send(f"nobody{i}@reject.test")
    assert all("verdict=counted" in line for line in spammer.wait_for_lines(9))
    assert spammer.status["access"] == "enabled"

    spammer.send("nobody9@reject.test")
    last = spammer.wait_for_lines(10)[9]
    began = time.monotonic()
    assert "verdict=compromised reason=compromised counted=1 score=10/10" in last
    status = spammer.status
    assert time.monotonic() - began < WITHIN_SECONDS
    assert (status["access"], status["reason"]) == ("disabled", "compromised")
    assert send(open_session, spammer.user).command == "MAIL"

    mails = own.wait_for_notice(spammer.user, 12)
    subjects = [str(mail["Subject"]) for mail in mails]
    assert sum(subject.startswith("Undelivered") for subject in subjects) == 10
    assert sum(subject.startswith("External access is off") for subject in subjects) == 1
    newest = own.doveadm("postern", "history", spammer.user)[0]
    assert (newest["what"], newest["detail"], newest["by"]) == ("off", "compromised", "postern")
    assert newest["evidence"].startswith("10 failures (score 10) of 10 messages to 1 domain ")
    assert "reject.test (5.1.1)" in newest["evidence"]

    refused = own.run_doveadm("postern", "on", spammer.user)
    assert refused.returncode != 0 and "change-password-first" in refused.stdout
    own.doveadm("postern", "password-changed", spammer.user)
    password = own.on(spammer.user)
    assert is_accepted(smtp_login(own.smtp(), spammer.user, password))
    assert spammer.failures == 0


def test_one_message_to_ten(own):
    """B3: failed recipients are what counts, not messages."""
    spammer = Sender(own)
    spammer.send(*[f"nobody{i}@reject.test" for i in range(10)])
    line, = spammer.wait_for_lines(1)
    assert "verdict=compromised" in line and "failed=10" in line and "by=own-queue" in line


def test_refused_as_spam_weighs_double(own):
    spammer = Sender(own)
    for i in range(5):
        text = dsn(spammer.trace(), f"a{i}@site{i}.test", status="5.7.1", reply="550 5.7.1 spam")
        judged(own, text, source=network(i))
    assert spammer.status["reason"] == "compromised"


def test_abuse_reports(own):
    """B3: five complaints from five networks, about five messages."""
    spammer = Sender(own)
    for i in range(5):
        assert spammer.status["access"] == "enabled" and spammer.failures == 2 * i
        text = abuse_report(spammer.trace(), recipient=f"someone@provider{i}.test")
        assert judged(own, text, source=network(i))["form"] == "feedback"
    assert spammer.status["reason"] == "compromised"


def test_abuse_reports_about_nobody(own):
    """No domain is known: they are no proof alone."""
    spammer = Sender(own)
    for i in range(6):
        judged(own, abuse_report(spammer.trace()), source=network(i))
    assert spammer.status["access"] == "enabled" and spammer.failures == 12


def test_abuse_report_with_a_sender(own):
    """To the site's address for them; elsewhere mail with a sender isn't read."""
    user = Sender(own)
    reports = [abuse_report(user.trace(), headers=[f"Subject: report {i}"]) for i in range(2)]
    reader = new_account("reader")
    bring(own, reports[0], reader, mail_from="<feedback@remote.test>")
    own.wait_for_mail(reader)
    assert user.failures == 0
    queue_id = bring(own, reports[1], FEEDBACK_ADDRESS.upper(), mail_from="<feedback@remote.test>")
    assert line_of(own, queue_id)["verdict"] == "counted"
    own.wait_for_mail(FEEDBACK_ADDRESS)
    assert user.failures == 2


def test_sender_address_does_not_matter(own):
    """B2: the bounce of mail under a foreign name goes to nobody, and is counted all the same."""
    spammer = Sender(own)
    spammer.send("nobody@reject.test", mail_from="somebody.else@elsewhere.test")
    assert "verdict=counted" in spammer.wait_for_lines(1)[0]


def test_nobody_can_wish_bounces_away(own):
    """A message with NOTIFY=NEVER would fail in silence."""
    spammer = Sender(own)
    client = sender(own, spammer.user, spammer.password)
    client.mail(spammer.user)
    assert client.docmd("RCPT", "TO:<nobody@reject.test> NOTIFY=NEVER")[0] == 501
    client.close()


# Whatever doesn't prove a failure

@pytest.mark.parametrize("action, status", [("delayed", "4.4.1"), ("delivered", "2.0.0"),
                                            ("relayed", "2.0.0"), ("expanded", "2.0.0"),
                                            ("failed", "4.4.7"), ("delayed", "5.1.1")])
def test_no_failure(own, action, status):
    user = Sender(own)
    line = judged(own, dsn(user.trace(), "a@remote.test", action=action, status=status, reply="x"))
    assert line["verdict"] == "no-failure" and user.failures == 0


@pytest.mark.parametrize("text", ["I am on vacation. user unknown", "Please confirm your message.",
                                  "Hello.", "Your message is delayed: 451 4.4.1 try later"])
def test_words_of_no_failure(own, text):
    user = Sender(own)
    assert judged(own, words(user.trace(), text))["verdict"] == "no-failure"
    assert user.failures == 0


@pytest.mark.parametrize("make", [
    lambda trace: dsn(None, "a@remote.test"),
    lambda trace: dsn(trace[:-1], "a@remote.test"),
    lambda trace: dsn(trace[:-1] + ("A" if trace[-1] != "A" else "B"), "a@remote.test"),
    lambda trace: dsn(trace.swapcase(), "a@remote.test"),
    lambda trace: dsn("A" * 83, "a@remote.test"),
    lambda trace: words(None, f"user unknown\r\n\r\nhe wrote Postern-Trace: {trace}"),
    lambda trace: f"Postern-Trace: {trace}\r\nSubject: user unknown\r\n\r\n550 5.1.1 unknown\r\n",
], ids=["none", "cut", "altered", "other case", "made up", "in a sentence", "its own header"])
def test_unproven(own, make):
    """B2"""
    user = Sender(own)
    line = judged(own, make(user.trace()))
    assert line["bounce"] == "unproven" and user.failures == 0


def test_mail_of_webmail_has_no_trace(own):
    """A5, B1: it fails, and counts for nobody."""
    user = new_account("webmail")
    with own.mx(own.internal_address) as client:
        client.sendmail("<>", [user], compose(user, "hello"))
    own.wait_for_mail(user)
    assert f"account={user}" not in own.log("milter")


# Attacks: somebody who got mail from the victim has traces that open (B2)

def test_replayed(own):
    """Each pair of message and recipient once, from wherever and in whatever form it comes."""
    victim = Sender(own)
    trace = victim.trace()
    for i in range(4):
        judged(own, dsn(trace, "attacker@remote.test"), source=network(i))
        judged(own, words(trace, "<attacker@remote.test>: 550 unknown user"), source=network(i))
    assert victim.failures == 1


def test_no_more_recipients_than_the_message_had(own):
    victim = Sender(own)
    trace = victim.trace(2)
    for i in range(8):
        judged(own, dsn(trace, *[f"r{i}x{j}@site{i}{j}.test" for j in range(9)]), source=network(i))
    assert victim.failures == 2


def test_one_site_counts_once(own):
    """Whatever it knows: here every message that the victim sent within the hour."""
    victim = Sender(own)
    for trace in [victim.trace() for _ in range(12)]:
        judged(own, dsn(trace, f"{trace[5:9]}@{trace[9:13]}.test", status="5.7.1"),
               source="127.77.77.1")
    assert victim.status["access"] == "enabled" and victim.failures == 2


def test_three_messages_and_three_domains(own):
    """One message and ten networks are not enough, nor are two with two domains."""
    victim = Sender(own)
    trace = victim.trace(20)
    for i in range(20):
        judged(own, dsn(trace, f"r{i}@remote{i % 2}.test"), source=network(i))
    other = victim.trace(1)
    judged(own, dsn(other, "a@remote0.test"), source=network(30))
    assert victim.status["access"] == "enabled" and victim.failures >= 10
    judged(own, dsn(victim.trace(), "a@remote2.test"), source=network(31))
    assert victim.status["reason"] == "compromised"


def test_recipients_whose_names_look_like_headers(own):
    """They stand in what Postfix says of its failures, each at the beginning of a line."""
    victim, spammer = Sender(own, "victim"), Sender(own, "spammer")
    hidden = [f'"{"a" * 74} {line}z"@reject.test'
              for line in [f"Postern-Trace: {victim.trace(10)} ", "Received: y "]]
    client = sender(own, spammer.user, spammer.password)
    client.mail(spammer.user)
    for recipient in [*hidden, *[f"nobody{i}@reject.test" for i in range(6)]]:
        assert client.docmd("RCPT", f"TO:<{recipient}>")[0] == 250
    assert client.data(compose(spammer.user, "hello"))[0] == 250
    client.close()
    line, = spammer.wait_for_lines(1)
    assert "by=own-queue" in line and "counted=8 " in line
    assert victim.failures == 0 and not victim.lines()


def test_forged_as_our_own(own):
    """Our own Postfix's word counts ten at once; nobody gets it by writing like it."""
    victim = Sender(own)
    trace = victim.trace(10)
    sent = own.wait_for_remote_mail(1)
    queue_ids = re.findall(r"ESMTPSA id (\S+)", "".join(str(mail) for mail in sent))
    for queue_id in queue_ids[-3:]:
        line = judged(own, dsn(trace, *[f"r{i}@reject.test" for i in range(10)],
                               queue_id=queue_id, reporter="mail.example.test"))
        assert line["by"] == "remote"
    assert victim.failures == 1


@pytest.mark.parametrize("way", ["webmail", "sendmail"])
def test_copies_that_come_back(own, way):
    """A user here sends the victim's message on, as it is, to ten who don't exist."""
    victim, attacker = Sender(own), new_account("attacker")
    copy = "\r\n".join(["Received: from mail.example.test by mx.remote.test; today",
                        f"Postern-Trace: {victim.trace(10)}", "Subject: copy", "", "Hello.", ""])
    recipients = [f"nobody{i}@reject.test" for i in range(10)]
    if way == "webmail":
        with own.plain_smtp(own.internal_address) as client:
            client.starttls(context=own.tls)
            client.login(attacker, own.webmail_password(attacker))
            client.sendmail(attacker, recipients, copy)
    else:
        done = own.inside("sendmail", "-C", "/mnt/postern/postfix/etc", "-f", attacker,
                          *recipients, stdin=None, input=copy)
        assert done.returncode == 0, done.stderr
    line, = victim.wait_for_lines(1)
    assert "by=own-host" in line and "counted=1 " in line
    assert victim.failures == 1


def test_ten_thousand_forgeries(own):
    """B2, B5: nothing counts, everything is delivered, and the milter is none the bigger."""
    victim, reader = Sender(own), new_account("reader")
    trace = victim.trace()
    forged = ["".join(reversed(trace)), "A" + trace[1:], trace[:40] + "A" + trace[41:]]
    text = words(None, "550 5.1.1 user unknown") + "".join(
        f"\r\nReceived: by mx\r\nPostern-Trace: {forged[i % 3]}\r\n" for i in range(1000))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bring(own, text, reader), range(10)))
    own.wait_for_mail(reader, 10)
    assert victim.failures == 0 and not victim.lines()


# Bounces that nobody would make by accident: they are delivered, and nothing else happens (B5)

def nested(depth):
    return "".join(f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n"
                   for i in range(depth)) + "\r\nhello\r\n"


MIXED = "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n"
SHAPES = {
    "truncated": lambda whole: whole[:len(whole) // 2],
    "no final boundary": lambda whole: whole.replace("--=_bounce--\r\n", ""),
    "a lying charset": lambda whole: whole.replace("text/plain", "text/plain; charset=utf-16"),
    "a lying encoding": lambda whole: whole.replace(
        "message/rfc822", "message/rfc822\r\nContent-Transfer-Encoding: base64"),
    "CR only": lambda whole: "Subject: x\r\n\r\n" + whole.replace("\r\n", "\r") + "\r\n",
    "NUL bytes": lambda whole: whole.replace("a", "\0"),
    "a thousand parts in each other": lambda whole: nested(1000),
    "a thousand parts": lambda whole: MIXED + "--x\r\n\r\n" * 1000 + whole,
    "headers by the thousand": lambda whole: "".join(f"X-{i}: y\r\n" for i in range(5000)) + whole,
    "headers of a part": lambda whole: MIXED + "--x\r\n" + "a:\r\n" * 200000,
    "messages in each other": lambda whole: "Content-Type: message/rfc822\r\n\r\n" * 1000 + whole,
    "groups in each other": lambda whole: (
        "Content-Type: message/rfc2822\r\n\r\nTo: a@b,\r\n"
        + " x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:x:\r\n" * 20000 + "\r\n"),
    "nothing but lines": lambda whole: "Subject: x\r\n\r\n" + "\r\n" * 1000000,
    "8 MB": lambda whole: whole + (" ".join(["text"] * 12) + "\r\n") * 131072,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_hostile(own, shape):
    user, reader, milter = Sender(own), new_account("reader"), own.milter_pid
    text = SHAPES[shape](dsn(user.trace(), "a@remote.test"))
    queue_id = bring(own, text, reader)
    assert line_of(own, queue_id)["bounce"] in ("genuine", "unproven")
    # Python's parser of messages takes fewer parts in each other.
    arrived = f"{own.mail_home}/{reader.split('@')[0]}/Maildir/new"
    wait_until(lambda: os.path.isdir(arrived) and os.listdir(arrived), "the message")
    own.reload()
    assert own.milter_pid == milter and os.path.exists(f"/proc/{milter}")
    assert user.failures <= 1


# Looking at a bounce

def test_read(own):
    """--read tells what would count, and counts nothing."""
    user = Sender(own)
    text = dsn(user.trace(), "a@remote.test", "b@remote.test", status="5.7.1")
    command = ["/mnt/postern/bin/postern-milter", "-c", "/mnt/postern/etc/postern.conf", "--read",
               "-"]
    done = own.inside(*command, stdin=None, input=text)
    assert done.returncode == 0, done.stderr
    assert f"genuine: yes\naccount: {user.user}\n" in done.stdout
    assert "says: a delivery status (RFC 3464)\n" in done.stdout
    assert "failed: b@remote.test status 5.7.1 weight 2\n" in done.stdout
    assert user.failures == 0
    done = own.inside(*command, stdin=None, input=dsn(None, "a@remote.test"))
    assert done.stdout.startswith("genuine: no")
    assert own.inside(*command[:-1], "/nowhere").returncode == 66


# Whatever fails here

def test_redis_is_down(make_sandbox):
    """B5: bounces come through, uncounted, and the log says so."""
    down = make_sandbox()
    user = Sender(down)
    trace = user.trace()
    down.redis().shutdown(nosave=True)
    line = judged(down, dsn(trace, "a@remote.test"))
    assert line["verdict"] == "unavailable"
