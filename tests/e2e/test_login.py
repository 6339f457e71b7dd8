"""
Who is let in from outside, by POP3, IMAP and SMTP AUTH over TLS, and what everybody else is told
(A1 to A9, P1 to P3): the issue's table of what the client must see, row by row.
"""

import base64
import re
import statistics
import threading
import time

import pytest

from conftest import connect, new_account, wait_until
from logins import (GENERIC, HELP_URL, LOGINS, PROTOCOLS, access_off, auth_request, hang_up,
                    imap_login, is_accepted, log_in, pop3_login, refusal, sasl_plain, send, sender,
                    smtp_login, together)

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def paid(sandbox, account):
    """An account that may use every protocol, as often as it likes."""
    sandbox.set(account, tier="paid")
    return account


# Off, on, off again

@every_protocol
def test_A1_access_is_off_until_switched_on(sandbox, paid, protocol):
    assert sandbox.status(paid)["reason"] == "never-enabled"
    assert log_in(sandbox, protocol, paid, "abcd-efgh-ijkm-nopq") == GENERIC[protocol]
    password = sandbox.on(paid)
    assert is_accepted(log_in(sandbox, protocol, paid, password))


def test_A1_login_leaves_no_trace_of_an_account_never_heard_of(sandbox, account):
    for protocol in PROTOCOLS:
        log_in(sandbox, protocol, account, "secret")
    assert not list(sandbox.redis().scan_iter(f"*{account}*"))


@every_protocol
def test_A2_app_password_is_entered_as_people_do(sandbox, paid, protocol):
    password = sandbox.on(paid)
    for entered in (password.replace("-", ""), password.replace("-", " "), password.upper(),
                    f" {password} ", "-".join(password.replace("-", ""))):
        assert is_accepted(log_in(sandbox, protocol, paid, entered)), entered
    for entered in password[:-1], password + "a", password[::-1], "":
        assert log_in(sandbox, protocol, paid, entered) == GENERIC[protocol]


def test_A2_every_way_over_tls(sandbox, paid):
    """STARTTLS as well as TLS from the first byte, and LOGIN, which Outlook wants."""
    password = sandbox.on(paid)
    pop3 = sandbox.plain_pop3()
    pop3.stls(sandbox.tls)
    assert is_accepted(pop3_login(pop3, paid, password))
    imap = sandbox.plain_imap()
    imap.starttls(sandbox.tls)
    assert is_accepted(imap_login(imap, paid, password))
    smtp = sandbox.smtps()
    smtp.ehlo()
    assert smtp.docmd("AUTH", "LOGIN")[0] == 334
    assert smtp.docmd(base64.b64encode(paid.encode()).decode())[0] == 334
    assert smtp.docmd(base64.b64encode(password.encode()).decode())[0] == 235
    for client in pop3, imap, smtp:
        hang_up(client)


@every_protocol
def test_A3_off_ends_the_app_password_for_good(sandbox, paid, protocol):
    first = sandbox.on(paid)
    sandbox.off(paid)
    second = sandbox.on(paid)
    assert log_in(sandbox, protocol, paid, first) == GENERIC[protocol]
    assert is_accepted(log_in(sandbox, protocol, paid, second))


# Webmail and its password

@every_protocol
def test_A4_webmail_password_opens_nothing_from_outside(sandbox, paid, protocol):
    webmail_password = sandbox.webmail_password(paid)
    assert log_in(sandbox, protocol, paid, webmail_password) == GENERIC[protocol]
    sandbox.on(paid)
    assert log_in(sandbox, protocol, paid, webmail_password) == GENERIC[protocol]


@every_protocol
def test_A4_app_password_does_not_open_webmail(sandbox, paid, protocol):
    password = sandbox.on(paid)
    assert log_in(sandbox, protocol, paid, password, sandbox.internal_address) == GENERIC[protocol]
    assert is_accepted(log_in(sandbox, protocol, paid, password))


@every_protocol
def test_A5_inside_the_sites_own_passdb_decides(sandbox, account, protocol):
    """Whatever external access is: never on, on, or off; and POP3 as often as webmail likes."""
    webmail_password = sandbox.webmail_password(account)
    for change in lambda _: None, sandbox.on, sandbox.off:
        change(account)
        assert is_accepted(log_in(sandbox, protocol, account, webmail_password,
                                  sandbox.internal_address))
    assert sandbox.status(account)[f"{protocol}_last_use"] == ""


def test_A4_only_plain_and_login_are_offered(sandbox):
    """A mechanism like CRAM-MD5 would need the password itself."""
    pop3, imap, smtp = sandbox.pop3(), sandbox.imap(), sandbox.smtp()
    smtp.ehlo()
    assert pop3.capa()["SASL"] == ["PLAIN", "LOGIN"]
    assert b"+OK" in pop3.welcome and b"<" not in pop3.welcome  # for APOP
    assert [name for name in imap.capabilities if name.startswith("AUTH=")] == \
        ["AUTH=PLAIN", "AUTH=LOGIN"]
    assert smtp.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
    assert smtp.docmd("AUTH", "CRAM-MD5")[0] == 535
    for client in pop3, imap, smtp:
        hang_up(client)


@every_protocol
def test_A4_nobody_logs_in_as_somebody_else(sandbox, paid, protocol):
    """RFC 4616: PLAIN may say whom to act as, besides whose password it is."""
    other = new_account("other")
    sandbox.set(other, tier="paid")
    sandbox.on(other)
    password = sandbox.on(paid)
    for wanted, accepted in (other, False), ("*", False), ("root", False), (paid, True):
        client = getattr(sandbox, protocol)()
        words = base64.b64encode(f"{wanted}\0{paid}\0{password}".encode()).decode()
        if protocol == "pop3":
            client.sock.sendall(f"AUTH PLAIN {words}\r\n".encode())
            answer = client.file.readline().decode().strip()
        elif protocol == "imap":
            kind, text = client.xatom("AUTHENTICATE", "PLAIN", words)
            answer = f"{kind} {text[0].decode()}"
        else:
            client.ehlo()
            code, text = client.docmd("AUTH", f"PLAIN {words}")
            answer = f"{code} {text.decode()}"
        assert is_accepted(answer) if accepted else answer == GENERIC[protocol], (wanted, answer)
        hang_up(client)


# A dovecot.conf that was put together carelessly

@pytest.fixture(scope="module")
def careless_site(make_module_sandbox):
    """
    The rules for what comes after Postern are left at Dovecot's defaults, which go on with the
    site's passdb; there are master users, as the sample has them; and CRAM-MD5 is offered.
    """
    own = make_module_sandbox(options=["--no-penalty"])
    path = f"{own.directory}/etc/dovecot-postern.conf"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text, count = re.subn(r"(?m)^  result_\w+ = return-fail\n", "", text)
    assert count == 2
    text = text.replace("auth_mechanisms = plain login", "auth_mechanisms = plain login cram-md5")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + """
auth_master_user_separator = *
passdb {
  driver = static
  args = password=master
  master = yes
  result_success = continue
}
""")
    own.restart("dovecot")
    return own


@every_protocol
def test_A4_no_carelessness_lets_the_webmail_password_in(careless_site, account, protocol):
    own, webmail_password = careless_site, careless_site.webmail_password(account)
    assert is_accepted(log_in(own, protocol, account, webmail_password, own.internal_address))
    assert log_in(own, protocol, account, webmail_password) == GENERIC[protocol]
    own.set(account, tier="paid")
    password = own.on(account)
    assert log_in(own, protocol, account, webmail_password) == GENERIC[protocol]
    assert is_accepted(log_in(own, protocol, account, password))
    own.wait_for_log("dovecot", "{ result_failure } should be return-fail")


@every_protocol
def test_A4_master_users_stay_inside(careless_site, account, protocol):
    own, support = careless_site, new_account("support")
    name = f"{account}*{support}"
    # From outside not even the master's own external access helps.
    app_password = own.on(support)
    assert is_accepted(log_in(own, protocol, name, "master", own.internal_address))
    own.on(account)
    for password in "wrong", app_password:
        assert log_in(own, protocol, name, password) == GENERIC[protocol]
    # To somebody who knows it, Dovecot says that the master's password was right, and no more.
    assert log_in(own, protocol, name, "master") == {
        "pop3": "-ERR [AUTH] Authorization failed",
        "imap": "NO [AUTHORIZATIONFAILED] Authorization failed",
        "smtp": GENERIC["smtp"],
    }[protocol]


def cram_md5(client, user, password):
    """imaplib's and smtplib's own, which both answer the challenge with an HMAC."""
    if hasattr(client, "login_cram_md5"):
        return client.login_cram_md5(user, password)[0] == "OK"
    client.ehlo()
    client.user, client.password = user, password
    return client.auth("CRAM-MD5", client.auth_cram_md5)[0] == 235


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
def test_A4_mechanisms_that_need_the_password_itself_stay_inside(careless_site, account, protocol):
    own = careless_site
    app_password = own.on(account)

    def succeeds(password, source):
        client = getattr(own, protocol)(source)
        try:
            return cram_md5(client, account, password)
        except (client.error if protocol == "imap" else OSError) as refused:
            assert "AUTHENTICATIONFAILED" in str(refused) or "535" in str(refused)
            return False
        finally:
            hang_up(client)

    webmail_password = own.webmail_password(account)
    assert succeeds(webmail_password, own.internal_address)
    assert not succeeds(webmail_password, own.external_address)
    assert not succeeds(app_password, own.external_address)


# The user name

@every_protocol
def test_A6_case_spaces_and_the_default_domain(sandbox, paid, protocol):
    password = sandbox.on(paid)
    name = paid.split("@")[0]
    for variant in (paid.upper(), name, name.upper(), f" {paid}", f"{paid}  ", f"  {name} ",
                    f"{name}@Example.TEST"):
        assert is_accepted(log_in(sandbox, protocol, variant, password)), variant
    for variant in f"{name}@example.org", f"{name}@", f"{name}x", f"{name} x":
        assert log_in(sandbox, protocol, variant, password) == GENERIC[protocol], variant


def test_A6_every_spelling_is_the_same_mailbox(sandbox, paid):
    """What Dovecot does behind the login, mail and locks, goes by the full name as well."""
    password = sandbox.on(paid)
    with sandbox.mx() as client:
        client.sendmail("friend@remote.test", [paid], "Subject: one\r\n\r\nHello.\r\n")
    sandbox.wait_for_mail(paid)
    for variant in paid.split("@")[0].upper(), f" {paid.upper()} ":
        client = sandbox.pop3()
        pop3_login(client, variant, password)
        assert client.stat()[0] == 1
        client.quit()


# TLS

def test_A7_no_password_is_asked_for_without_tls(sandbox, paid):
    password = sandbox.on(paid)
    pop3 = sandbox.plain_pop3()
    assert "USER" not in pop3.capa() and not pop3.capa().get("SASL")
    assert pop3_login(pop3, paid, password).startswith("-ERR")
    imap = sandbox.plain_imap()
    assert "LOGINDISABLED" in imap.capabilities
    assert imap_login(imap, paid, password).startswith("NO [PRIVACYREQUIRED]")
    smtp = sandbox.plain_smtp()
    smtp.ehlo()
    assert "auth" not in smtp.esmtp_features
    assert smtp_login(smtp, paid, password).startswith("530 5.7.0 Must issue a STARTTLS")
    for client in pop3, imap, smtp:
        hang_up(client)


def test_A7_pop3_refuses_at_user(sandbox, account):
    with connect("127.0.0.1", sandbox.pop3_port, sandbox.external_address) as plain, \
            plain.makefile("rb") as lines:
        lines.readline()
        for command in f"USER {account}", "AUTH PLAIN":
            plain.sendall(command.encode() + b"\r\n")
            assert lines.readline().startswith(b"-ERR")


def legacy_login(sandbox, protocol, user, password):
    client = getattr(sandbox, f"legacy_{protocol}")()
    try:
        return LOGINS[protocol](client, user, password)
    finally:
        hang_up(client)


@every_protocol
def test_A7_legacy_address_is_for_exempt_accounts(sandbox, paid, protocol):
    password = sandbox.on(paid)
    tls_is_needed = refusal(protocol, "TLS is required: switch on TLS or SSL in the mail program, "
                            f"see {HELP_URL}", imap="[PRIVACYREQUIRED]")
    assert legacy_login(sandbox, protocol, paid, password) == tls_is_needed
    assert legacy_login(sandbox, protocol, paid, "wrong") == GENERIC[protocol]
    sandbox.set(paid, tls="exempt")
    assert is_accepted(legacy_login(sandbox, protocol, paid, password))
    assert legacy_login(sandbox, protocol, paid, "wrong") == GENERIC[protocol]
    assert is_accepted(log_in(sandbox, protocol, paid, password))
    sandbox.set(paid, tls="required")
    assert legacy_login(sandbox, protocol, paid, password) == tls_is_needed


@every_protocol
def test_A7_legacy_address_takes_tls_as_well(sandbox, paid, protocol):
    password = sandbox.on(paid)
    client = getattr(sandbox, f"legacy_{protocol}")()
    start_tls = {"pop3": lambda: client.stls(sandbox.tls),
                 "imap": lambda: client.starttls(sandbox.tls),
                 "smtp": lambda: client.starttls(context=sandbox.tls)}
    start_tls[protocol]()
    assert is_accepted(LOGINS[protocol](client, paid, password))
    hang_up(client)


# Protocols

def test_A8_free_has_no_imap(sandbox, account):
    password = sandbox.on(account)
    assert log_in(sandbox, "imap", account, password) == \
        f"NO [CONTACTADMIN] IMAP is not available for this mailbox (free), see {HELP_URL}"
    assert log_in(sandbox, "imap", account, "wrong") == GENERIC["imap"]
    assert is_accepted(log_in(sandbox, "pop3", account, password))
    assert is_accepted(log_in(sandbox, "smtp", account, password))


@every_protocol
def test_A8_each_protocol_says_so(sandbox, account, protocol):
    sandbox.set(account, tier=f"no-{protocol}")
    password = sandbox.on(account)
    for name in PROTOCOLS:
        answer = log_in(sandbox, name, account, password)
        if name == protocol:
            assert answer == refusal(name, f"{name.upper()} is not available for this mailbox "
                                     f"(no-{name}), see {HELP_URL}")
        else:
            assert is_accepted(answer)


# What is told, and what isn't

def switch_off_by_sending(sandbox, user, password):
    sandbox.set(user, tier="hourly")
    with sender(sandbox, user, password) as client:
        answers = [send(client, user) for _ in range(16)]
    assert answers[-1].answer.startswith("550 5.7.28")


@pytest.mark.parametrize("reason, why, switch_off", [
    ("owner", "it was switched off in webmail",
     lambda sandbox, user, _: sandbox.doveadm("postern", "off", "--reason", "owner", user)),
    ("admin", "your mail provider switched it off",
     lambda sandbox, user, _: sandbox.doveadm("postern", "off", user)),
    ("passive", "the mailbox has not been used for a long time",
     lambda sandbox, user, _: sandbox.set(user, activity="passive")),
    ("send-limit", "too many messages were sent within an hour", switch_off_by_sending),
], ids=["owner", "admin", "passive", "send-limit"])
def test_A9_reason_is_told_in_each_protocol(sandbox, account, reason, why, switch_off):
    password = sandbox.on(account)
    switch_off(sandbox, account, password)
    assert sandbox.status(account)["reason"] == reason
    for protocol in PROTOCOLS:
        assert log_in(sandbox, protocol, account, password) == access_off(protocol, why)
        assert log_in(sandbox, protocol, account, "wrong") == GENERIC[protocol]


def test_A9_sentence_is_short_and_ascii(sandbox, account):
    """RFC 2449: a line of POP3 has at most 512 bytes."""
    password = sandbox.on(account)
    sandbox.off(account)
    for protocol in PROTOCOLS:
        answer = log_in(sandbox, protocol, account, password)
        assert answer.isascii() and answer.isprintable() and len(answer) < 200


@every_protocol
def test_A9_newest_five_ended_passwords_are_remembered(sandbox, paid, protocol):
    passwords = []
    for _ in range(7):
        passwords.append(sandbox.on(paid))
        sandbox.off(paid)
    told = access_off(protocol, "your mail provider switched it off")
    logins = [(sandbox, protocol, paid, password) for password in passwords]
    assert together(log_in, logins) == [GENERIC[protocol]] * 2 + [told] * 5
    # While access is on, an ended password is a wrong one.
    sandbox.on(paid)
    assert set(together(log_in, logins)) == {GENERIC[protocol]}


def wire_answer(sandbox, protocol, user, password):
    """The bytes of a refusal as they come, until the server has nothing more to say."""
    client = getattr(sandbox, protocol)()
    try:
        if protocol == "smtp":
            client.ehlo()
            client.send(f"AUTH PLAIN {sasl_plain(user, password)}\r\nQUIT\r\n")
        elif protocol == "pop3":
            client.sock.sendall(f"USER {user}\r\nPASS {password}\r\nQUIT\r\n".encode())
        else:
            client.sock.sendall(f'a LOGIN "{user}" "{password}"\r\nb LOGOUT\r\n'.encode())
        seen = b""
        while piece := client.sock.recv(4096):
            seen += piece
        return seen
    finally:
        client.sock.close()


@every_protocol
def test_A9_all_that_is_not_told_looks_the_same(sandbox, paid, protocol):
    """To the last byte."""
    ended = sandbox.on(paid)
    sandbox.off(paid)
    working = sandbox.on(paid)
    stranger, free = new_account("stranger"), new_account("free")
    sandbox.on(free)
    tries = [
        (paid, "wrong"), (paid, sandbox.webmail_password(paid)), (paid, ended),
        (stranger, "wrong"), (stranger, sandbox.webmail_password(stranger)), (stranger, working),
        (free, "wrong"), ("*", working), (f"{paid}*{paid}", working), ("no body", "wrong"),
        ("x" * 200, "wrong"), (f"{paid}@example.test", working), (f"..{paid}", "wrong"),
        (f"{paid}%s", "wrong"), ("postern:{17}:mark", "wrong"),
    ]
    seen = together(wire_answer, [(sandbox, protocol, *words) for words in tries])
    assert GENERIC[protocol].encode() in seen[0]
    assert set(seen) == {seen[0]}, list(zip(tries, seen))


# What is asked and noted of a wrong password where access is on (D4).
NOTED = r"[GS]ET postern:\S+:guesses:|HGET postern:\S+:account:\S+ nets$"


def test_A9_time_tells_nothing(sandbox, account):
    """
    Dovecot answers failures together, at its own pace; and before that Redis looks at the same,
    seen here as the very commands, for an account that is there, and one that isn't. (Where access
    is on it then notes the wrong password (D4), microseconds that Dovecot's pace hides.)
    """
    sandbox.on(account)
    strangers = new_account("stranger")
    kinds = [(account, "wrong"), (account, sandbox.webmail_password(account)), (strangers, "wrong")]
    times = list(zip(*[iter(auth_request(sandbox, kinds * 3))] * len(kinds)))
    medians = [statistics.median(column) for column in zip(*times)]
    assert max(medians) - min(medians) < 0.1, medians
    with sandbox.redis().monitor() as monitor:
        auth_request(sandbox, kinds)
        sandbox.redis().ping()
        commands = []
        for seen in monitor.listen():
            if seen["command"] == "PING":
                break
            if any(name in seen["command"] for name in (account, strangers)) and \
                    not re.match(NOTED, seen["command"]):
                words = seen["command"].replace(account, "NAME").replace(strangers, "NAME")
                # Digests, attempts and partitions differ, and their length doesn't.
                commands.append(len(words) if words.startswith("EVALSHA") else
                                re.sub(r"\{\d+\}|app:\S+", "", words))
    assert len(commands) == 2 * len(kinds), commands
    assert len(set(commands[1::2])) == 1, commands


# POP3

def too_soon(answer):
    """The seconds in a refusal for coming too soon; 0 if it is none."""
    told = re.fullmatch(r"-ERR \[LOGIN-DELAY\] Mail was checked a moment ago: "
                        r"try again in (\d+) seconds", answer)
    return int(told[1]) if told else 0


def test_P1_one_check_in_five_minutes(sandbox, account):
    password = sandbox.on(account)
    assert log_in(sandbox, "pop3", account, "wrong") == GENERIC["pop3"]
    assert is_accepted(log_in(sandbox, "pop3", account, password))
    for _ in range(3):
        assert 240 < too_soon(log_in(sandbox, "pop3", account, password)) <= 285
    assert log_in(sandbox, "pop3", account, "wrong") == GENERIC["pop3"]
    assert is_accepted(log_in(sandbox, "smtp", account, password))
    other = new_account("other")
    assert is_accepted(log_in(sandbox, "pop3", other, sandbox.on(other)))


def test_P1_opens_again_less_the_grace(sandbox, account):
    """4 s with 1 s of grace: refusals in between don't put it off."""
    sandbox.set(account, tier="quick")
    password = sandbox.on(account)
    began = time.monotonic()
    assert is_accepted(log_in(sandbox, "pop3", account, password))
    logged_in = time.monotonic()
    answers = []

    def opens():
        answers.append((log_in(sandbox, "pop3", account, password), time.monotonic()))
        return is_accepted(answers[-1][0])

    wait_until(opens, "the next POP3 check", 10)
    *refused, (_, opened) = answers
    assert opened - began > 3 and refused[-1][1] - logged_in < 3.5
    assert 1 <= too_soon(refused[0][0]) <= 3
    assert all(too_soon(answer) > 0 for answer, _ in refused)


def test_P1_the_seconds_told_are_enough(sandbox, account):
    sandbox.set(account, tier="quick")
    password = sandbox.on(account)
    assert is_accepted(log_in(sandbox, "pop3", account, password))
    until = time.monotonic() + too_soon(log_in(sandbox, "pop3", account, password))
    wait_until(lambda: time.monotonic() > until, "what we were told to wait for")
    assert is_accepted(log_in(sandbox, "pop3", account, password))


def test_P1_paid_has_no_interval(sandbox, paid):
    password = sandbox.on(paid)
    assert all(is_accepted(log_in(sandbox, "pop3", paid, password)) for _ in range(5))


def test_P1_many_at_once_are_one(sandbox, account):
    """Exactly one of twenty that come together gets in."""
    password = sandbox.on(account)
    clients = [sandbox.pop3() for _ in range(20)]
    answers = together(pop3_login, [(client, account, password) for client in clients])
    for client in clients:
        hang_up(client)
    assert sorted(is_accepted(answer) for answer in answers) == [False] * 19 + [True]
    assert all(is_accepted(answer) or too_soon(answer) for answer in answers)


def test_P2_one_session_at_a_time(sandbox, paid):
    """Dovecot waits 10 s for the first session to end before it says so."""
    password = sandbox.on(paid)
    first = sandbox.pop3()
    assert is_accepted(pop3_login(first, paid, password))
    second = sandbox.pop3()
    assert pop3_login(second, paid, password).startswith("-ERR [IN-USE] ")
    hang_up(second)
    other = new_account("other")
    assert is_accepted(log_in(sandbox, "pop3", other, sandbox.on(other)))
    assert first.stat()[0] == 0
    first.quit()
    assert is_accepted(log_in(sandbox, "pop3", paid, password))


def test_P2_next_session_waits_for_the_first_to_end(sandbox, paid):
    password = sandbox.on(paid)
    first, second = sandbox.pop3(), sandbox.pop3()
    assert is_accepted(pop3_login(first, paid, password))
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(pop3_login(second, paid, password)))
    waiting.start()
    wait_until(lambda: sandbox.log("dovecot").count(f"pop3-login: Info: Login: user=<{paid}>") == 2,
               "the second login to have passed")
    assert not answers
    first.quit()
    waiting.join()
    assert is_accepted(answers[0])
    hang_up(second)


def test_P3_last_use_of_each_protocol(sandbox, paid):
    password = sandbox.on(paid)
    before = sandbox.status(paid)
    for protocol, source in zip(PROTOCOLS, ["127.0.0.21", "127.0.0.22", "127.0.0.23"]):
        assert before[f"{protocol}_last_use"] == ""
        log_in(sandbox, protocol, paid, "wrong", "127.0.0.9")
        assert is_accepted(log_in(sandbox, protocol, paid, password, source))
        row = sandbox.status(paid)
        assert re.fullmatch(TIME, row[f"{protocol}_last_use"])
        assert row[f"{protocol}_address"] == source
        assert before == {**row, **{name: before[name] for name in row
                                    if name.startswith(f"{protocol}_") or
                                    name in ("app_passwords", "unused_ends")}}
        assert f"({protocol} from {source})" in row["app_passwords"]
        before = row


def test_P3_refused_logins_are_no_use(sandbox, account):
    password = sandbox.on(account)
    assert is_accepted(log_in(sandbox, "pop3", account, password, "127.0.0.21"))
    log_in(sandbox, "pop3", account, password, "127.0.0.22")
    log_in(sandbox, "imap", account, password, "127.0.0.22")
    row = sandbox.status(account)
    assert (row["pop3_address"], row["imap_last_use"]) == ("127.0.0.21", "")


# Delays: Dovecot's own, which stay for wrong passwords and come for nothing else

@pytest.fixture(scope="module")
def delaying(make_module_sandbox):
    return make_module_sandbox()


def timed(function, *arguments):
    began = time.monotonic()
    return function(*arguments), time.monotonic() - began


def test_P1_policy_refusals_delay_nobody_behind_the_address(delaying):
    """Ten of each kind from one address, as from an office or a mobile network."""
    own, source = delaying, "127.0.0.31"
    off, hasty, bystander = new_account("off"), new_account("hasty"), new_account("bystander")
    off_password, hasty_password, password = own.on(off), own.on(hasty), own.on(bystander)
    own.off(off)
    assert is_accepted(log_in(own, "pop3", hasty, hasty_password, source))
    for _ in range(10):
        for protocol in PROTOCOLS:
            answer, seconds = timed(log_in, own, protocol, off, off_password, source)
            assert answer.startswith(access_off(protocol, "your")[:20]) and seconds < 1
        answer, seconds = timed(log_in, own, "pop3", hasty, hasty_password, source)
        assert too_soon(answer) and seconds < 1
        answer, seconds = timed(log_in, own, "imap", hasty, hasty_password, source)
        assert "IMAP is not available" in answer and seconds < 1
    for protocol in "pop3", "smtp":
        answer, seconds = timed(log_in, own, protocol, bystander, password, source)
        assert is_accepted(answer) and seconds < 1


def test_A9_wrong_passwords_keep_dovecots_delays(delaying, account):
    """For themselves, and for the address: the other test could see a delay if there was one."""
    own, source = delaying, "127.0.0.32"
    password = own.on(account)
    answer, seconds = timed(log_in, own, "pop3", account, "wrong", source)
    assert answer == GENERIC["pop3"] and seconds > 1.4
    answer, seconds = timed(log_in, own, "smtp", account, password, source)
    assert is_accepted(answer) and seconds > 1.4
    answer, seconds = timed(log_in, own, "smtp", account, password, "127.0.0.33")
    assert is_accepted(answer) and seconds < 1
