"""
What an attacker tries from outside, and learns nothing from or gets nothing by: names that may
exist (A9), spellings of a name (A6), and doing many things at the same moment (S3, A3).
"""

import statistics

import pytest

from conftest import new_account
from logins import (access_off, auth_answers, auth_fail, compose, hang_up, is_accepted, log_in,
                    send, sender, smtp_login, submit, together)

FAILED = "FAIL"
TELLING = 0.1  # seconds, of Dovecot's two


def outside(number=0):
    return f"198.51.100.{1 + number}"


# Does this account exist, and is its access on? (A9)


@pytest.fixture
def kinds(sandbox, account):
    """What may be asked about, each with an address to ask from: nobody is to see a difference."""
    on, off, paid = new_account("on"), new_account("off"), new_account("paid")
    ended = sandbox.on(on)
    sandbox.off(on)
    password = sandbox.on(on)
    assert is_accepted(log_in(sandbox, "smtp", on, password, "127.0.77.1"))
    auth_fail(sandbox, [(on, f"guess-{number}", "127.0.78.1") for number in range(10)])
    assert sandbox.status(on)["shut_out"] == 1
    sandbox.set(paid, tier="paid")
    sandbox.on(off)
    sandbox.off(off)
    return {
        "never heard of": (account, "wrong", outside()),
        "never on, but with a tier": (paid, "wrong", outside()),
        "access off": (off, "wrong", outside()),
        "access on": (on, "wrong", outside()),
        "an ended app password": (on, ended, outside()),
        "the webmail password": (on, sandbox.webmail_password(on), outside()),
        "shut out": (on, "wrong", "127.0.78.7"),
        "shut out, the webmail password": (on, sandbox.webmail_password(on), "127.0.78.8"),
        "a network that logged in": (on, "wrong", "127.0.77.7"),
        "no account name": ("no..name", "wrong", outside()),
    }


def test_A9_350_interleaved_tries_of_each_kind(sandbox, kinds):
    """All look the same, and none takes longer than another."""
    wanted = [words for _ in range(350) for words in kinds.values()]
    answers, seconds = auth_answers(sandbox, wanted)
    assert all(answer == answers[0] for answer in answers), set(map(tuple, answers))
    assert answers[0][0] == FAILED
    medians = {name: statistics.median(seconds[place::len(kinds)])
               for place, name in enumerate(kinds)}
    assert max(medians.values()) - min(medians.values()) < TELLING, medians


@pytest.mark.parametrize("protocol", ["pop3", "imap", "smtp"])
def test_A9_a_network_that_is_shut_out_is_told_nothing(sandbox, kinds, protocol):
    answers = together(log_in, [(sandbox, protocol, user, password, address)
                                for user, password, address in kinds.values()
                                if address.startswith("127.")] +
                       [(sandbox, protocol, new_account(), "wrong")])
    assert len(set(answers)) == 1, answers


def test_A9_the_accounts_are_as_they_were(sandbox, kinds):
    """Asking about an account that is off, or isn't there, leaves nothing of it in Redis."""
    quiet = [kinds[name]
             for name in ("never heard of", "never on, but with a tier", "access off")]
    before = {user: sandbox.status(user) for user, _, _ in quiet}
    auth_fail(sandbox, [(user, f"guess-{number}", outside(network))
                        for user, _, _ in quiet for number in range(10) for network in range(20)])
    assert before == {user: sandbox.status(user) for user in before}
    stored = list(sandbox.redis().scan_iter("*:guesses:*"))
    assert not [key for key in stored if key.endswith(tuple(before))]
    assert not list(sandbox.redis().scan_iter(f"*{kinds['never heard of'][0]}*"))


# Another spelling (A6)


def spellings_of(name):
    """(what is entered, whether it is that account), for an account name@example.test."""
    same = [f"{name}@example.test", f"{name.upper()}@EXAMPLE.TEST", f"{name.title()}@Example.Test",
            f"{name}@example.TEST", name, name.upper(), f" {name}@example.test",
            f"{name}@example.test ", f"   {name}  "]
    other = [f"{name}@example.test.", f"{name}@.example.test", f"{name}@example..test",
             f"{name}@@example.test", f"{name}@example.test@example.test", f"@{name}@example.test",
             f"{name} @example.test", f"{name}@ example.test", f"{name}@", f"@{name}",
             f'"{name}"@example.test', f"<{name}@example.test>", f"{name}%example.test",
             f"{name}%40example.test", f"{name}@example.test%00", f"{name}@example.test\\0",
             f"{name}@example.test\x01", f"{name}@[127.0.0.1]", f"example.test!{name}",
             f".{name}@example.test", f"{name}.@example.test", f"{name}+tag@example.test",
             f"{name}-@example.test", f"{name.replace('e', chr(0x435))}@example.test",
             f"{name}\uff20example.test", f"{name}@ex\u00e4mple.test", f"{name}@example.test,x"]
    return [*((one, True) for one in same), *((one, False) for one in other)]


def test_A6_36_spellings(sandbox, account):
    """Each is that account, with all its limits, or none at all."""
    sandbox.set(account, tier="paid")
    password = sandbox.on(account)
    spellings = spellings_of(account.split("@")[0])
    assert len(spellings) == 36
    answers, _ = auth_answers(sandbox, [(one, password, outside()) for one, _ in spellings])
    for (one, is_same), answer in zip(spellings, answers):
        assert answer[0] == ("OK" if is_same else FAILED), one
    assert len({tuple(answer) for answer in answers if answer[0] == FAILED}) == 1
    keys = list(sandbox.redis().scan_iter(f"*{account.split('@')[0]}*"))
    assert {key.split(":")[2:][-1] for key in keys} == {account}
    # Guesses are counted together, and access that is off is so for all of them.
    same = [one for one, is_same in spellings if is_same]
    auth_fail(sandbox, [(same[number % len(same)], f"guess-{number}", "192.0.2.1")
                        for number in range(10)])
    assert sandbox.status(account)["shut_out_networks"].startswith("192.0.2.0/24 since ")
    sandbox.off(account)
    auth_fail(sandbox, [(one, password, outside()) for one, _ in spellings])


# A sixteenth message (S3)


def held(client, user):
    """A message that lacks its end; what ends it."""
    client.mail(user)
    client.rcpt(user)
    assert client.docmd("DATA")[0] == 354
    client.send(compose(user, "held"))
    return lambda: client.docmd(".")


def addressed(client, user):
    client.mail(user)
    client.rcpt(user)
    return lambda: client.data(compose(user, "addressed"))


def begun(client, user):
    client.mail(user)
    return lambda: (client.rcpt(user), client.data(compose(user, "begun")))[1]


def refused_first(client, user):
    """Each has had a message refused before, which counts for nothing."""
    client.mail(user)
    assert client.rcpt("not an address")[0] >= 500
    client.rset()
    return addressed(client, user)


def whole(client, user, count=1):
    def run():
        submitted = submit(client, user, [user] * count, compose(user, "whole"))
        return int(submitted.answer[:3]) if not submitted.accepted else 250, b""
    return run


SHAPES = {
    "whole": whole,
    "from the recipients on": begun,
    "from the text on": addressed,
    "only the end": held,
    "to many": lambda client, user: whole(client, user, 10),
    "after a refusal": refused_first,
}


@pytest.mark.parametrize("shape", [*SHAPES, "two app passwords", "beside some that give up"])
def test_S3_eight_shapes_of_a_race(sandbox, account, shape):
    """Forty connections do the last of it at the same moment, and fifteen messages get through."""
    sandbox.set(account, tier="hourly")
    passwords = [sandbox.on(account)]
    if shape == "two app passwords":
        passwords.append(sandbox.doveadm("postern", "password", "add", account)[0]["password"])
    clients = []
    for _ in range(2):
        clients += together(sender, [(sandbox, account, passwords[number % len(passwords)])
                                     for number in range(20)])
    prepare = SHAPES.get(shape, addressed)
    ready = [prepare(client, account) for client in clients]
    if shape == "beside some that give up":
        ready[::2] = [lambda client=client: client.rset() and (0, b"") for client in clients[::2]]
    answers = together(lambda last: last(), [(last,) for last in ready])
    together(hang_up, [(client,) for client in clients])
    assert [code for code, _ in answers].count(250) == 15, answers
    assert sandbox.status(account)["reason"] == "send-limit"


# A login beside a switch-off (A3)


def test_A3_320_races_of_a_login_with_off(sandbox, account):
    """Whoever was let in came before it: afterwards nobody is, and nothing more is sent."""
    sandbox.set(account, tier="paid")
    for turn in range(20):
        password = sandbox.on(account)
        clients = together(sandbox.smtp, [()] * 16)
        results = together(lambda work, *words: work(*words),
                           [(smtp_login, client, account, password) for client in clients] +
                           [(sandbox.off, account)])
        assert results[-1]["status"] == "disabled"
        told = access_off("smtp", "your mail provider switched it off")
        assert set(results[:-1]) <= {told, *filter(is_accepted, results[:-1])}, turn
        assert log_in(sandbox, "smtp", account, password) == told
        for client, result in zip(clients, results):
            if is_accepted(result):
                assert send(client, account).answer.startswith("550 5.7.13 ")
        together(hang_up, [(client,) for client in clients])
