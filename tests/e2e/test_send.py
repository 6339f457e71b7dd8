"""
What a login may send, and the trace that each message of it carries (S1 to S7, B1), through a real
Postfix: over submission with TLS, up to what arrives.
"""

import base64
import re
import struct

import pytest
import redis

from conftest import new_account, wait_until
from logins import (HELP_URL, PROTOCOLS, access_off, compose, hang_up, is_accepted, log_in, send,
                    sender, submit, together)

DEFERRED = re.compile(r"450 4\.7\.28 At most 5 messages a minute may be sent: try again in "
                      rf"(\d+) seconds, see {HELP_URL}")
AT_THE_LIMIT = ("550 5.7.28 At most 15 messages an hour may be sent: external access is now off, "
                f"switch it on again at {HELP_URL}")
RECEIPT_REFUSED = ("550 5.7.28 At most 15 messages an hour may be sent: this automatic message "
                   f"was refused, and external access stays on, see {HELP_URL}")
WAIT_FOR_THE_HOUR = re.compile(r"450 4\.7\.28 At most 15 messages an hour may be sent: try again "
                               rf"in 3[56]\d\d seconds, see {HELP_URL}")
OFF = "550 5.7.13 External access is off: {}. Switch it on at " + HELP_URL
OVER_THE_LIMIT = OFF.format("too many messages were sent within an hour")
SWITCHED_OFF = OFF.format("your mail provider switched it off")


@pytest.fixture
def start(sandbox, account):
    """start("hourly") logs the test's account in, with that tier, at submission."""
    clients = []

    def log_in_with(tier):
        sandbox.set(account, tier=tier)
        clients.append(sender(sandbox, account, sandbox.on(account)))
        return clients[-1]

    yield log_in_with
    for client in clients:
        hang_up(client)


def sent(sandbox, user):
    row = sandbox.status(user)
    return row["sent_last_minute"], row["sent_last_hour"]


def age(sandbox, user, seconds):
    """
    Lets time pass for what the account has sent: doc/architecture.md says how Redis keeps it, and
    that is quicker than to wait.
    """
    client = redis.Redis(port=sandbox.redis_port)
    key, = client.scan_iter(f"*:sent:{user}")
    log = client.get(key)
    entries = [log[at:at + 16] for at in range(0, len(log), 16)]
    times = [int.from_bytes(entry[:6], "big") - seconds * 1000 for entry in entries]
    client.set(key, b"".join(struct.pack(">Q", time)[2:] + entry[6:]
                             for time, entry in zip(times, entries)), keepttl=True)


def send_all(client, user, count):
    answers = [send(client, user, f"{user} {number}") for number in range(count)]
    assert [answer for answer in answers if not answer.accepted] == []


# The limits

def test_S1_sixth_message_in_a_minute_is_deferred(sandbox, account, start):
    """And nothing else happens: when the minute is over, it goes on."""
    client = start("free")
    send_all(client, account, 5)
    for _ in range(3):
        refused = send(client, account)
        assert refused.command == "MAIL"  # S7: before the message itself
        assert 45 <= int(DEFERRED.fullmatch(refused.answer)[1]) <= 60
    assert sandbox.status(account)["access"] == "enabled"
    assert sent(sandbox, account) == (5, 5)
    age(sandbox, account, 30)
    assert 15 <= int(DEFERRED.fullmatch(send(client, account).answer)[1]) <= 30
    age(sandbox, account, 31)
    send_all(client, account, 5)
    assert sent(sandbox, account) == (5, 10)
    sandbox.wait_for_mail(account, 10)


def test_S1_window_is_exact(sandbox, account, start):
    """Room comes back message by message, a minute after each: no bucket, no fixed minute."""
    client = start("free")
    for number in range(5):
        send_all(client, account, 1)
        age(sandbox, account, 5)
    # The oldest is now 25 s old.
    assert 30 <= int(DEFERRED.fullmatch(send(client, account).answer)[1]) <= 35
    age(sandbox, account, 36)
    send_all(client, account, 1)
    assert DEFERRED.fullmatch(send(client, account).answer)


def test_S2_sixteenth_message_in_an_hour_switches_off(sandbox, account, start):
    """With the usual limits: five in each of three minutes, then one more."""
    client = start("free")
    for _ in range(3):
        send_all(client, account, 5)
        age(sandbox, account, 61)
    assert send(client, account) == ("MAIL", AT_THE_LIMIT)
    row = sandbox.status(account)
    assert (row["access"], row["reason"]) == ("disabled", "send-limit")
    assert send(client, account) == ("MAIL", OVER_THE_LIMIT)  # S6: the same connection
    assert len(sandbox.wait_for_mail(account, 15)) == 15


def receipt(client, user):
    """What a mail program answers by itself: without a sender."""
    return submit(client, "", [user], compose(user, "read"))


def test_S2_automatic_receipts_switch_nothing_off(sandbox, account, start):
    """Whoever mails the owner can make a mail program send them. They count for the limits."""
    client = start("hourly")
    send_all(client, account, 14)
    assert receipt(client, account).accepted
    for _ in range(3):
        assert receipt(client, account) == ("MAIL", RECEIPT_REFUSED)
    assert sent(sandbox, account) == (15, 15)
    # The owner's own fifteenth has to wait for the receipt, and is no offence.
    refused = send(client, account)
    assert refused.command == "MAIL" and WAIT_FOR_THE_HOUR.fullmatch(refused.answer)
    assert sandbox.status(account)["access"] == "enabled"
    age(sandbox, account, 3601)
    send_all(client, account, 15)
    assert receipt(client, account) == ("MAIL", RECEIPT_REFUSED)
    assert sandbox.status(account)["access"] == "enabled"
    assert send(client, account) == ("MAIL", AT_THE_LIMIT)


@pytest.mark.parametrize("mail_from", ["<>", "<MAILER-DAEMON>", '<"">', '<"a b"@remote.test>',
                                       "<@remote.test:a@remote.test>"])
def test_S2_whatever_may_pass_for_no_sender_is_a_receipt(sandbox, account, start, mail_from):
    """A login that sends everything so gets no more through than others, and isn't switched off."""
    client = start("hourly")
    accepted = 0
    for _ in range(20):
        code, text = client.docmd("MAIL", f"FROM:{mail_from}")
        if code == 250 and client.rcpt(account)[0] == 250:
            accepted += client.data(compose(account, "hello"))[0] == 250
        else:
            assert f"{code} {text.decode()}" == RECEIPT_REFUSED
            client.rset()
    assert accepted == 15
    assert sandbox.status(account)["access"] == "enabled"


def test_S2_person_is_told_at_the_next_login(sandbox, account):
    sandbox.set(account, tier="hourly")
    password = sandbox.on(account)
    with sender(sandbox, account, password) as client:
        send_all(client, account, 15)
        assert send(client, account).answer == AT_THE_LIMIT
    for protocol in PROTOCOLS:
        assert log_in(sandbox, protocol, account, password) == \
            access_off(protocol, "too many messages were sent within an hour")


def test_S2_switching_on_again_does_not_reset_the_hour(sandbox, account, start):
    client = start("hourly")
    send_all(client, account, 15)
    assert send(client, account).answer == AT_THE_LIMIT
    client = start("hourly")
    assert send(client, account).answer == AT_THE_LIMIT
    client = start("hourly")
    age(sandbox, account, 3601)
    send_all(client, account, 1)


def test_S1_comes_before_S2(sandbox, account, start):
    """A message that is too soon is deferred, even when it would be one too many for the hour."""
    client = start("free")
    for number in range(3):
        if number:
            age(sandbox, account, 61)
        send_all(client, account, 5)
    assert DEFERRED.fullmatch(send(client, account).answer)
    assert sandbox.status(account)["access"] == "enabled"


@pytest.mark.parametrize("count", [50, 200])
def test_S3_parallel_senders_get_exactly_fifteen_through(sandbox, account, count):
    """All are connected and logged in; then everybody sends at the same moment."""
    sandbox.set(account, tier="hourly")
    password = sandbox.on(account)
    clients = []
    for _ in range(0, count, 25):
        clients += together(sender, [(sandbox, account, password)] * 25)
    answers = together(send, [(client, account, f"{number}") for number, client in
                              enumerate(clients)])
    together(hang_up, [(client,) for client in clients])
    accepted = [number for number, answer in enumerate(answers) if answer.accepted]
    assert len(accepted) == 15, answers
    assert {answer.answer for answer in answers if not answer.accepted} == \
        {AT_THE_LIMIT, OVER_THE_LIMIT}
    assert [answer.answer for answer in answers].count(AT_THE_LIMIT) == 1
    assert sandbox.status(account)["reason"] == "send-limit"
    arrived = sandbox.wait_for_mail(account, 15)
    assert sorted(int(message["Subject"]) for message in arrived) == accepted


def test_S3_parallel_senders_within_a_minute(sandbox, account):
    """The usual limits: five, and the others may come again."""
    password = sandbox.on(account)
    clients = together(sender, [(sandbox, account, password)] * 20)
    answers = together(send, [(client, account) for client in clients])
    together(hang_up, [(client,) for client in clients])
    assert sum(answer.accepted for answer in answers) == 5
    assert all(answer.accepted or DEFERRED.fullmatch(answer.answer) for answer in answers)
    assert sandbox.status(account)["access"] == "enabled"
    assert len(sandbox.wait_for_mail(account, 5)) == 5


# What counts

def test_S4_what_the_client_aborts_does_not_count(sandbox, account, start):
    client = start("free")
    for _ in range(7):
        assert client.mail(account)[0] == 250
        client.rset()
    for _ in range(7):
        assert client.mail(account)[0] == 250
        assert client.rcpt(account)[0] == 250
        assert client.docmd("HELO", "again")[0] == 250
    assert sent(sandbox, account) == (0, 0)
    send_all(client, account, 5)
    assert DEFERRED.fullmatch(send(client, account).answer)


def test_S4_what_breaks_off_does_not_count(sandbox, account):
    """Seven connections that end in the middle of a message."""
    password = sandbox.on(account)
    for _ in range(7):
        client = sender(sandbox, account, password)
        client.mail(account)
        client.rcpt(account)
        assert client.docmd("DATA")[0] == 354
        client.send(compose(account, "half"))
        client.close()
    sandbox.wait_for_log("postfix", "lost connection after DATA", 7)
    assert sent(sandbox, account) == (0, 0)
    with sender(sandbox, account, password) as client:
        send_all(client, account, 5)
    assert len(sandbox.wait_for_mail(account, 5)) == 5


def test_S4_what_we_refuse_does_not_count(sandbox, account, start):
    client = start("free")
    code, answer = client.mail(account, ["SIZE=99999999"])
    assert (code, answer[:5]) == (552, b"5.3.4")
    client.rset()
    too_big = compose(account, "big") + ("x" * 998 + "\r\n") * 10300
    refused = submit(client, account, [account], too_big)
    assert (refused.command, refused.answer[:9]) == ("DATA", "552 5.3.4")
    client.mail(account)
    assert client.rcpt("not an address")[0] >= 500
    assert client.docmd("DATA")[0] == 554  # no valid recipients
    client.rset()
    assert sent(sandbox, account) == (0, 0)
    send_all(client, account, 5)
    assert DEFERRED.fullmatch(send(client, account).answer)


def test_S4_several_recipients_are_one_message(sandbox, account, start):
    client = start("free")
    others = [new_account("other") for _ in range(20)]
    assert submit(client, account, others, compose(account, "to all")).accepted
    assert sent(sandbox, account) == (1, 1)
    for other in others:
        sandbox.wait_for_mail(other)


def test_S4_site_may_count_recipients(sandbox, account, start):
    client = start("recipients")
    others = [new_account("other") for _ in range(17)]
    assert submit(client, account, others[:10], compose(account, "ten")).accepted
    assert sent(sandbox, account) == (10, 10)
    # More than a whole window holds could never be sent by waiting.
    refused = submit(client, account, others, compose(account, "seventeen"))
    assert (refused.command, refused.answer) == \
        ("RCPT", f"452 4.5.3 A message may have at most 15 recipients, see {HELP_URL}")
    assert submit(client, account, others[:5], compose(account, "five")).accepted
    assert sent(sandbox, account) == (15, 15)
    assert send(client, account).answer.startswith("550 5.7.28 At most 15 ")
    assert sandbox.status(account)["reason"] == "send-limit"


def test_S4_recipients_that_would_go_over_are_refused_whole(sandbox, account, start):
    """Charged once the whole message is here: at MAIL its recipients aren't known (S7)."""
    client = start("recipients")
    others = [new_account("other") for _ in range(10)]
    assert submit(client, account, others, compose(account, "ten")).accepted
    refused = submit(client, account, others, compose(account, "ten more"))
    assert refused.command == "DATA" and refused.answer.startswith("550 5.7.28")
    assert sandbox.status(account)["access"] == "disabled"
    sandbox.wait_for_mail(others[0])
    assert len(sandbox.wait_for_mail(others[9])) == 1


def test_S4_recipients_per_message(sandbox, account, start):
    client = start("narrow")
    others = [new_account("other") for _ in range(5)]
    client.mail(account)
    answers = [client.rcpt(other) for other in others]
    assert [code for code, _ in answers] == [250] * 3 + [452] * 2
    assert answers[3][1].decode() == \
        f"4.5.3 A message may have at most 3 recipients, see {HELP_URL}"
    # RFC 5321 section 4.5.3.1.10: the client sends to those that were taken, and the rest later.
    assert client.data(compose(account, "to three"))[0] == 250
    assert submit(client, account, others[3:], compose(account, "to the rest")).accepted
    assert sent(sandbox, account) == (2, 2)
    for other in others:
        sandbox.wait_for_mail(other)


@pytest.mark.parametrize("tier, most", [("free", 100), ("paid", None)])
def test_S4_a_free_mailbox_writes_to_a_hundred_at_once(account, start, tier, most):
    """Else 15 messages an hour would be 15,000 recipients: Postfix takes 1,000 of each."""
    client = start(tier)
    client.mail(account)
    codes = [client.rcpt(f"friend{number}@remote.test")[0] for number in range(102)]
    accepted = most or 102
    assert codes == [250] * accepted + [452] * (102 - accepted)
    client.rset()


def test_limits_hold_whatever_the_sender_address(sandbox, account, start):
    client = start("free")
    bare = account.split("@")[0]
    for mail_from in account, "", account.upper(), "stranger@remote.test", f"{bare}@Example.Test":
        assert submit(client, mail_from, [account], compose(account, "mixed")).accepted
    for mail_from in account, "stranger@remote.test", account.upper(), "":
        refused = submit(client, mail_from, [account], compose(account, "sixth"))
        assert refused.command == "MAIL" and DEFERRED.fullmatch(refused.answer)


def test_limits_hold_across_spellings_ports_and_connections(sandbox, account):
    """One login is one account, however it is written and wherever it comes in."""
    sandbox.set(account, tls="exempt")
    password = sandbox.on(account)
    clients = [sandbox.smtp(), sandbox.smtps(), sandbox.legacy_smtp(),
               sandbox.smtp("127.0.0.41"), sandbox.smtps("127.0.0.42")]
    names = [account, account.upper(), account.split("@")[0], f" {account}", account]
    for client, name in zip(clients, names):
        client.ehlo()
        client.login(name, password)
        assert send(client, account).accepted
    for client in clients:
        assert DEFERRED.fullmatch(send(client, account).answer)
        hang_up(client)


# Other tiers

def test_S5_paid_has_no_limits(sandbox, account, start):
    send_all(start("paid"), account, 25)
    assert sandbox.status(account)["access"] == "enabled"
    sandbox.wait_for_mail(account, 25)


def test_S5_upgrade_lets_go_at_once(sandbox, account, start):
    client = start("free")
    send_all(client, account, 5)
    assert DEFERRED.fullmatch(send(client, account).answer)
    sandbox.set(account, tier="paid")
    send_all(client, account, 20)


def test_S5_site_may_hold_the_limits_after_an_upgrade(sandbox, account, start):
    client = start("free")
    send_all(client, account, 5)
    sandbox.set(account, tier="held")
    assert DEFERRED.fullmatch(send(client, account).answer)
    assert sandbox.status(account)["held_tier"] == "free"
    # Not too often: after twenty refusals Postfix hangs up.
    wait_until(lambda: send(client, account).accepted, "the hold's end", 10, 0.3)
    send_all(client, account, 20)
    assert sandbox.status(account)["held_tier"] == ""


# Off, and blocked

def test_S6_nothing_passes_on_connections_that_logged_in_before(sandbox, account, start):
    client = start("free")
    sandbox.off(account)
    assert send(client, account) == ("MAIL", SWITCHED_OFF)
    late = start("free")
    assert late.mail(account)[0] == 250 and late.rcpt(account)[0] == 250
    sandbox.off(account)
    # Too late for MAIL, early enough for the message.
    code, answer = late.data(compose(account, "late"))
    assert f"{code} {answer.decode()}" == SWITCHED_OFF
    assert send(late, account) == ("MAIL", SWITCHED_OFF)
    assert send(start("free"), account).accepted
    assert [message["Subject"] for message in sandbox.wait_for_mail(account)] == ["hello"]


def test_S6_sending_alone_may_be_blocked(sandbox, account):
    sandbox.set(account, tier="paid")
    password = sandbox.on(account)
    with sender(sandbox, account, password) as client:
        sandbox.set(account, sending="blocked")
        assert send(client, account) == (
            "MAIL", "550 5.7.1 Sending from this mailbox is blocked by your mail provider, "
            f"see {HELP_URL}")
        for protocol in PROTOCOLS:
            assert is_accepted(log_in(sandbox, protocol, account, password))
        assert sandbox.status(account)["access"] == "enabled"
        sandbox.set(account, sending="allowed")
        assert send(client, account).accepted


def test_S7_charge_is_made_when_the_message_is_here(sandbox, account):
    """Six have begun while there was room for five: the last to be complete is deferred."""
    password = sandbox.on(account)
    clients = together(sender, [(sandbox, account, password)] * 6)
    for client in clients:
        assert client.mail(account)[0] == 250 and client.rcpt(account)[0] == 250
    assert sent(sandbox, account) == (0, 0)
    answers = [client.data(compose(account, "begun"))[0] for client in clients[:5]]
    assert answers == [250] * 5 and sent(sandbox, account) == (5, 5)
    code, answer = clients[5].data(compose(account, "begun"))
    assert DEFERRED.fullmatch(f"{code} {answer.decode()}")
    age(sandbox, account, 61)
    assert send(clients[5], account).accepted
    for client in clients:
        hang_up(client)


# Webmail

def test_A5_webmail_is_not_counted(sandbox, account):
    """From inside there are no limits, even while access is off, and no trace."""
    with sender(sandbox, account, sandbox.webmail_password(account),
                sandbox.internal_address) as client:
        send_all(client, account, 20)
    assert sent(sandbox, account) == (0, 0)
    messages = sandbox.wait_for_mail(account, 20)
    assert not any("Postern-Trace" in message for message in messages)
    with sender(sandbox, account, sandbox.on(account)) as client:
        send_all(client, account, 5)
        assert DEFERRED.fullmatch(send(client, account).answer)


def test_mail_from_elsewhere_is_not_counted_nor_traced(sandbox, account):
    with sandbox.mx() as client:
        for number in range(7):
            client.sendmail("friend@remote.test", [account], compose("friend@remote.test", "hi"))
    messages = sandbox.wait_for_mail(account, 7)
    assert not any("Postern-Trace" in message for message in messages)


# The trace

def raw_trace(message):
    """The header's lines as they came, with their line ends as SMTP has them."""
    values = message.get_all("Postern-Trace", [])
    assert len(values) == 1, values
    return f"Postern-Trace: {values[0]}\r\n"


def test_B1_each_message_carries_one_trace(sandbox, account, start):
    client = start("paid")
    for number in range(3):
        assert send(client, account, account, f"friend{number}@remote.test").accepted
    traces = [raw_trace(message)
              for message in sandbox.wait_for_remote_mail(3, subject=account)]
    assert len(set(traces)) == 3
    for trace in traces:
        assert len(trace) <= 100 and re.fullmatch(r"Postern-Trace: [\x21-\x7e]+\r\n", trace)


@pytest.mark.parametrize("local_part", ["a", "andrejs.b", "x" * 37, "x" * 64])
def test_B1_trace_tells_nobody_whose_it_is(sandbox, local_part):
    """Neither its bytes nor its size."""
    name = (local_part + new_account("").strip("-").split("@")[0])[-64:]
    user = f"{name}@example.test"
    sandbox.set(user, tier="paid")
    with sender(sandbox, user, sandbox.on(user)) as client:
        assert send(client, user, name, "friend@remote.test").accepted
    trace = raw_trace(sandbox.wait_for_remote_mail(subject=name)[0])
    assert len(trace) == 100
    value = trace.split()[1]
    opened = base64.urlsafe_b64decode(value + "=")
    assert name[:4].encode() not in opened and name[:4] not in value


def test_B1_traces_brought_along_are_removed(sandbox, account, start):
    client = start("paid")
    mine = ["Postern-Trace: forged", "POSTERN-TRACE: forged", "postern-trace:forged",
            "Postern-Trace:\r\n\tforged\r\n over lines", "X-Postern-Trace: stays",
            "Postern-Tracer: stays", "Postern-Trace: forged"]
    text = compose(account, account, *mine) + "\r\nPostern-Trace: stays, for it is the body\r\n"
    assert submit(client, account, ["friend@remote.test"], text).accepted
    message, = sandbox.wait_for_remote_mail(subject=account)
    assert "forged" not in message.as_string()
    assert message["X-Postern-Trace"] == message["Postern-Tracer"] == "stays"
    assert "Postern-Trace: stays" in message.get_payload()
    assert len(raw_trace(message)) == 100


def test_B1_forwarded_message_gets_a_trace_of_its_own(sandbox, account, start):
    """Somebody else's valid trace doesn't survive: no one can write in another's name."""
    client = start("paid")
    assert send(client, account, f"first {account}", "friend@remote.test").accepted
    stolen = raw_trace(sandbox.wait_for_remote_mail(subject=f"first {account}")[0]).strip()
    thief = new_account("thief")
    with sender(sandbox, thief, sandbox.on(thief)) as other:
        text = compose(thief, f"second {account}", stolen)
        assert submit(other, thief, ["friend@remote.test"], text).accepted
    second = sandbox.wait_for_remote_mail(subject=f"second {account}")[0]
    assert raw_trace(second).strip() != stolen


def test_B1_trace_stands_above_the_senders_headers(sandbox, account, start):
    """Some MTAs return only the first headers of what they refuse."""
    assert send(start("paid"), account, account, "friend@remote.test").accepted
    names = sandbox.wait_for_remote_mail(subject=account)[0].keys()
    assert names.index("Postern-Trace") < names.index("From")
