"""
The `doveadm postern` commands for many accounts, and for what is around a single one: history,
list, export and import, the sweep (D2), the gate after a break-in (B4), app passwords one by one
(A10).
"""

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import time

import pytest

from conftest import Pop3, new_account, wait_until
from doors import http, http_rows, support_rows
from test_doveadm import (EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_USAGE, FORMATTERS, PASSWORD, TIME,
                          rows_and_status)

EX_NOINPUT, EX_UNAVAILABLE, EX_CANTCREAT = 66, 69, 73

DAY = 24 * 3600 * 1000
PASSWORD_FIELD = "app:1:abcdefghijklmnopqrstuv"


def now():
    """Milliseconds since 1970, as Redis counts them."""
    return int(time.time() * 1000)


def stamp(milliseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def record(user, history=(), **fields):
    """An account as export writes it; a colon in a field's name is written __."""
    return {"v": 1, "account": user, "history": list(history),
            "fields": {name.replace("__", ":"): str(value) for name, value in fields.items()}}


def switched_on(user, days_ago=0, history=(), **fields):
    return record(user, history, access="enabled", since=now() - days_ago * DAY, **fields)


def lines(*records):
    return "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in records)


def run_import(sandbox, text, *options):
    """Rows and exit status."""
    done = sandbox.run_doveadm("postern", "import", *options, formatter="json", stdin=None,
                               input=text)
    return json.loads(done.stdout or "[]"), done.returncode


def put(sandbox, *records):
    rows, status = run_import(sandbox, lines(*records))
    assert status == 0, rows


def export(sandbox, *users):
    done = sandbox.run_doveadm("postern", "export", *users)
    assert done.returncode == 0, done.stderr
    return done.stdout


def account_key(user):
    """The name's FNV-1a hash is part of the stored format."""
    value = 2166136261
    for byte in user.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return f"postern:{{{value % 64}}}:account:{user}"


def partition_of(user):
    """What the keys of its partition begin with."""
    return account_key(user).split(":account:")[0]


def new_tier():
    return "t" + secrets.token_hex(4)


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """A sandbox where nobody else's accounts are."""
    return make_module_sandbox({"tier never": {"unused_after": "0", "protocols": "pop3 imap"}},
                               ["--no-penalty", "--redis-auth"])


@pytest.fixture
def empty(own):
    """The same, without any accounts."""
    client = own.redis()
    for key in client.scan_iter("postern:*"):
        if not key.endswith(":mark"):
            client.delete(key)
    return own


# Every command in every formatter

@pytest.mark.parametrize("formatter", FORMATTERS)
@pytest.mark.parametrize("words, expected", [
    (["history"], "doveadm:"),
    (["password", "list"], "working"),
    (["password", "add", "--label", "phone"], "added"),
    (["password", "revoke", "--number", "1"], "revoked"),
    (["password-changed"], "not-needed"),
    (["erase"], "erased"),
])
def test_formatters(sandbox, account, formatter, words, expected):
    sandbox.on(account)
    text = sandbox.doveadm("postern", *words, account, formatter=formatter)
    if formatter == "json":
        text = json.dumps(text)
    assert account in text and expected in text


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_formatters_of_what_is_about_all(empty, account, formatter):
    put(empty, switched_on(account, 61))
    for words, expected in [(["list"], account), (["sweep", "--dry-run"], account),
                            (["import", "/dev/null"], "imported")]:
        text = empty.doveadm("postern", *words, formatter=formatter)
        assert expected in (json.dumps(text) if formatter == "json" else text)


# History

def test_history(sandbox, account):
    """D6"""
    sandbox.doveadm("postern", "on", "--by", "webmail", "--from", "192.0.2.7", account)
    sandbox.set(account, tier="paid", by="anna")
    sandbox.doveadm("postern", "off", "--reason", "owner", "--by", "webmail", account)
    rows = sandbox.doveadm("postern", "history", account)
    assert [(row["what"], row["detail"], row["by"], row["from"]) for row in rows] == [
        ("off", "owner", "webmail", ""), ("set", "tier=paid", "anna", ""),
        ("on", "", "webmail", "192.0.2.7")]
    for row in rows:
        assert (row["user"], row["status"]) == (account, "ok") and re.fullmatch(TIME, row["time"])
    assert support_rows(sandbox, "posternHistory", users=account) == rows


def test_history_of_nobody(sandbox, account):
    rows, status = rows_and_status(sandbox, "postern", "history", account, "*")
    assert status == EX_NOUSER
    assert [(row["user"], row["status"]) for row in rows] == [("*", "invalid-user")]


# Set and status

def test_hold_of_its_own(sandbox, account):
    """S5"""
    sandbox.set(account, tier="paid", hold="2d")
    row = sandbox.status(account)
    assert (row["tier"], row["held_tier"], row["messages_per_hour"]) == ("paid", "free", "15")
    assert row["held_until"][:10] in (stamp(now() + 2 * DAY)[:10], stamp(now() + 2 * DAY - 9)[:10])
    other = new_account()
    sandbox.set(other, tier="held", hold="0")
    assert sandbox.status(other)["held_tier"] == ""


@pytest.mark.parametrize("options, expected", [
    ({"hold": "2d"}, "hold: expected together with a tier"),
    ({"hold": "2d", "tls": "exempt"}, "hold: expected together with a tier"),
    ({"tier": "paid", "hold": "2"}, "hold: expected a duration"),
    ({"tier": "paid", "hold": ""}, "hold: expected a duration"),
    ({"tier": "paid", "hold": "1000d"}, "hold: expected a duration"),
])
def test_hold_refused(sandbox, account, options, expected):
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    done = sandbox.run_doveadm("postern", "set", *words, account)
    assert done.returncode == EX_USAGE and expected in done.stderr
    row, = support_rows(sandbox, "posternSet", users=account, **options)
    assert row["status"] == "invalid" and expected in row["text"]
    assert sandbox.status(account)["tier"] == "free"


def test_status_of_what_is_new(own, account):
    """B4, D2, D3"""
    row = own.status(account)
    assert (row["logins_per_hour"], row["logins_per_day"]) == ("120", "1000")
    assert (row["unused_ends"], row["password_change_needed"]) == ("", "no")
    since = now() - 10 * DAY
    put(own, record(account, access="enabled", since=since))
    assert own.status(account)["unused_ends"] == stamp(since + 60 * DAY)
    used = now() - 5 * DAY
    put(own, record(account, access="enabled", since=since, seen__pop3=f"{used} 192.0.2.1 x 1",
                    seen__imap=f"{used + DAY} 192.0.2.1 x 1"))
    assert own.status(account)["unused_ends"] == stamp(used + 60 * DAY)
    own.set(account, tier="paid")
    row = own.status(account)
    assert row["unused_ends"] == stamp(used + 61 * DAY)
    assert (row["logins_per_hour"], row["logins_per_day"]) == ("600", "5000")
    own.set(account, tier="never")
    assert own.status(account)["unused_ends"] == ""


# List

def test_list(sandbox):
    tier, users = new_tier(), [new_account("list") for _ in range(4)]
    used = now() - DAY
    put(sandbox,
        switched_on(users[0], 3, tier=tier, language="et", seen__pop3=f"{used} 192.0.2.1 x 1"),
        record(users[1], access="disabled", since=used, reason="send-limit", tier=tier),
        record(users[2], access="disabled", since=used, reason="owner", tier=tier,
               sending="blocked", activity="passive"),
        record(users[3], tier=tier))
    rows = {row["user"]: row for row in sandbox.doveadm("postern", "list", "--tier", tier)}
    assert sorted(rows) == sorted(users)
    assert re.fullmatch(TIME, rows[users[0]].pop("since"))
    assert rows[users[0]] == {
        "user": users[0], "status": "ok", "access": "enabled", "reason": "", "tier": tier,
        "activity": "active", "sending": "allowed", "language": "et", "pop3_last_use": stamp(used),
        "imap_last_use": "", "smtp_last_use": "", "cursor": "", "text": ""}
    assert (rows[users[2]]["activity"], rows[users[2]]["sending"]) == ("passive", "blocked")
    assert rows[users[3]]["reason"] == "never-enabled" and rows[users[3]]["since"] == ""
    for words, expected in [(["--state", "enabled"], users[:1]),
                            (["--state", "disabled"], users[1:]),
                            (["--reason", "send-limit"], users[1:2]),
                            (["--reason", "never-enabled"], users[3:]),
                            (["--state", "enabled", "--reason", "owner"], [])]:
        found = sandbox.doveadm("postern", "list", "--tier", tier, *words)
        assert sorted(row["user"] for row in found) == sorted(expected)


@pytest.mark.parametrize("option, value, expected", [
    ("state", "on", "state: expected"),
    ("state", "", "state: expected"),
    ("reason", "weather", "reason: expected"),
    ("limit", "0", "limit: expected a number from 1 to 1000"),
    ("limit", "1001", "limit: expected"),
    ("limit", "-1", "limit: expected"),
    ("limit", "99999999999999999999", "limit: expected"),
    ("limit", "1x", "limit: expected"),
    ("cursor", "", "cursor: expected"),
    ("cursor", "-1", "cursor: expected"),
    ("cursor", "0 MATCH *", "cursor: expected"),
    ("cursor", "1\r\nFLUSHALL", "cursor: expected"),
    ("cursor", "18446744073709551616", "cursor: expected"),
    ("cursor", "9" * 10000, "cursor: expected"),
])
def test_list_mistakes(sandbox, option, value, expected):
    done = sandbox.run_doveadm("postern", "list", f"--{option}", value)
    assert done.returncode == EX_USAGE and expected in done.stderr
    row, = support_rows(sandbox, "posternList", **{option: value})
    assert row["status"] == "invalid" and expected in row["text"]


def test_list_takes_a_cursor_that_nobody_gave(sandbox):
    rows = support_rows(sandbox, "posternList", cursor="18446744073709551615", tier=new_tier())
    assert rows == []


@pytest.mark.parametrize("filters", [{}, {"state": "enabled"}, {"reason": "owner"}])
def test_list_pages_over_http(empty, filters):
    users = [f"page{i}@example.test" for i in range(200)]
    put(empty, *[switched_on(user) if i % 4 else
                 record(user, access="disabled", since=1, reason="owner")
                 for i, user in enumerate(users)])
    wanted = users if not filters else \
        [user for i, user in enumerate(users) if bool(i % 4) == ("state" in filters)]
    seen, cursor, pages = [], None, 0
    while True:
        rows = support_rows(empty, "posternList", limit=20, cursor=cursor, **filters)
        more = rows.pop() if rows and rows[-1]["status"] == "more" else None
        assert {row["status"] for row in rows} <= {"ok"} and len(rows) <= 30
        seen += [row["user"] for row in rows]
        pages += 1
        if not more:
            break
        cursor = more["cursor"]
    assert sorted(set(seen)) == sorted(wanted)
    assert pages >= len(wanted) / 30


def test_what_is_no_account(empty, account):
    """Keys of another type, of strange names, and in the wrong partition."""
    client = empty.redis()
    put(empty, switched_on(account))
    client.set(account_key("broken@example.test"), "not a hash")
    client.hset("postern:{3}:account:UPPER@example.test", "access", "enabled")
    client.hset("postern:{64}:account:a@example.test", "access", "enabled")
    client.hset("postern:{0}:history:account:x", "access", "enabled")
    client.hset(account_key("odd@example.test"), mapping={"tier": "a\n\x1bb", "since": "-1",
                                                          "reason": "weather"})
    rows, status = rows_and_status(empty, "postern", "list")
    assert status == EX_DATAERR
    found = {row["user"]: row for row in rows}
    assert sorted(found) == sorted([account, "broken@example.test", "odd@example.test"])
    assert found["broken@example.test"]["status"] == "broken"
    assert found["odd@example.test"]["tier"].isprintable()
    done = empty.run_doveadm("postern", "export")
    assert done.returncode == EX_DATAERR and "broken@example.test" in done.stderr
    assert sorted(json.loads(line)["account"] for line in done.stdout.splitlines()) == \
        sorted([account, "odd@example.test"])
    rows, status = run_import(empty, done.stdout)
    assert status == EX_DATAERR
    assert {row["user"]: row["status"] for row in rows} == \
        {"odd@example.test": "broken", "": "imported"}


# Export and import

def login(sandbox, user, password):
    client = sandbox.pop3()
    client.user(user)
    client.pass_(password)
    client.quit()


def test_move(sandbox, account):
    """What is exported and imported is the same account: its app password logs in."""
    password = sandbox.on(account)
    http_rows(sandbox, "posternPasswordAdd", users=account, label="Jüri telefon", protocols="smtp",
              expires="90d")
    sandbox.set(account, tier="quick", language="et", tls="exempt", hold="1d")
    with sandbox.smtps() as client:
        client.login(account, password)
    login(sandbox, account, password)
    before = sandbox.status(account)
    passwords = sandbox.doveadm("postern", "password", "list", account)
    line = export(sandbox, account)
    assert json.loads(line)["account"] == account and len(line.splitlines()) == 1
    sandbox.doveadm("postern", "erase", account)
    assert sandbox.status(account)["access"] == "disabled"
    rows, status = run_import(sandbox, line)
    assert status == 0
    assert [(row["line"], row["status"]) for row in rows] == [(1, "imported")]
    after = sandbox.status(account)
    before.pop("pop3_wait"), after.pop("pop3_wait")
    assert after == before
    assert sandbox.doveadm("postern", "password", "list", account) == passwords
    assert json.loads(export(sandbox, account)) == json.loads(line)
    with sandbox.smtps() as client:
        client.login(account, password)
    assert sandbox.redis().zscore(f"{partition_of(account)}:unused", account) is not None


def test_import_twice(sandbox, account):
    put(sandbox, switched_on(account, 3, language="et"))
    line = export(sandbox, account)
    client = sandbox.redis()
    before = client.hgetall(account_key(account))
    rows, status = run_import(sandbox, line)
    assert status == 0 and "0 accounts were imported, 1 were already the same" in rows[-1]["text"]
    assert client.hgetall(account_key(account)) == before


def test_import_replaces_everything(sandbox, account):
    sandbox.on(account)
    sandbox.set(account, tier="paid", tls="exempt")
    put(sandbox, record(account, ["5\tset\ttier=quick\tanna\t"], tier="quick"))
    row = sandbox.status(account)
    assert (row["access"], row["tier"], row["tls"], row["app_passwords"]) == \
        ("disabled", "quick", "required", "")
    assert row["history"] == "1970-01-01T00:00:05Z set tier=quick by anna"
    partition = partition_of(account)
    assert sandbox.redis().zscore(f"{partition}:unused", account) is None
    assert any(fields.get("event") == "end" and fields.get("account") == account
               for _, fields in sandbox.redis().xrange(f"{partition}:outbox"))


def test_import_of_one_account_twice_in_a_file(sandbox, account):
    put(sandbox, record(account, tier="paid"), record(account, tier="quick"))
    assert sandbox.status(account)["tier"] == "quick"


BROKEN = [
    ("no JSON", "hello\n", "expected JSON"),
    ("an empty line", "\n", "expected JSON"),
    ("a NUL", '{"v":1,\0}\n', "expected JSON"),
    ("a long line", '{"v":1,"account":"' + "a" * 70000 + '"}\n', "at most 65536 bytes"),
    ("deep brackets", "[" * 60000 + "\n", "expected JSON"),
    ("an unknown field", record("x@example.test", color="red"), "fields: expected only"),
    ("no access word", record("x@example.test", access="yes", since=5), "access: expected"),
    ("a working password while off", record("x@example.test", numbers=1,
                                            **{PASSWORD_FIELD: "1 5 0 0 *"}),
     "none that works while access is off"),
    ("another key's name", record("a}:mark@example.test", tier="paid"), "the account name"),
    ("a history with escape codes", record("x@example.test", ["5\ton\t\x1b[2J\tb\t"]), "history:"),
    ("version 2", {**record("x@example.test", tier="paid"), "v": 2}, "v: expected 1"),
]


@pytest.mark.parametrize("line, expected", [row[1:] for row in BROKEN],
                         ids=[row[0] for row in BROKEN])
def test_import_of_a_broken_line(sandbox, line, expected):
    """It is named by its number, and the others are imported."""
    users = [new_account("import") for _ in range(2)]
    rows, status = run_import(sandbox, lines(record(users[0], tier="paid"), line,
                                             record(users[1], tier="quick")))
    assert status == EX_DATAERR
    assert [(row["line"], row["status"]) for row in rows] == [(2, "broken"), (3, "imported")]
    assert expected in rows[0]["text"]
    assert [sandbox.status(user)["tier"] for user in users] == ["paid", "quick"]
    assert sandbox.status("x@example.test")["tier"] == "free"


def test_import_of_a_file_cut_short(sandbox, account):
    text = lines(record(account, tier="paid"), record("x@example.test", tier="paid"))[:-10]
    rows, status = run_import(sandbox, text)
    assert status == EX_DATAERR
    assert [(row["line"], row["status"]) for row in rows] == [(2, "broken"), (2, "imported")]


def test_import_from_a_file(sandbox, account, tmp_path):
    tmp_path.joinpath("accounts").write_text(lines(record(account, tier="paid")), encoding="utf-8")
    sandbox.doveadm("postern", "import", str(tmp_path / "accounts"))
    assert sandbox.status(account)["tier"] == "paid"
    done = sandbox.run_doveadm("postern", "import", str(tmp_path / "nothing"))
    assert done.returncode == EX_NOINPUT and "No such file" in done.stderr
    rows, status = rows_and_status(sandbox, "postern", "import", str(tmp_path))
    assert (status, rows[0]["status"]) == (EX_NOINPUT, "unreadable")


def test_import_goes_on_where_it_stopped(sandbox):
    users = [new_account("resume") for _ in range(3)]
    text = lines("broken\n", *[record(user, tier="paid") for user in users])
    rows, status = run_import(sandbox, text, "--skip", "2")
    assert status == 0 and "2 accounts were imported" in rows[-1]["text"]
    assert [sandbox.status(user)["tier"] for user in users] == ["free", "paid", "paid"]
    for skip in "0", "-1", "x", "99999999999999999999":
        done = sandbox.run_doveadm("postern", "import", "--skip", skip)
        assert done.returncode == EX_USAGE and "skip: expected" in done.stderr


def test_export_of_nobody(sandbox, account):
    put(sandbox, record(account, tier="paid"))
    done = sandbox.run_doveadm("postern", "export", new_account(), account, "*")
    assert done.returncode == EX_NOUSER
    assert "Redis knows nothing" in done.stderr and "the account name" in done.stderr
    assert json.loads(done.stdout)["account"] == account


def test_export_to_a_full_disk(sandbox, account):
    put(sandbox, record(account, tier="paid"))
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = sandbox.run_doveadm("postern", "export", account, capture_output=False, stdout=full,
                                   stderr=subprocess.PIPE)
    assert done.returncode == EX_CANTCREAT and "could not be written" in done.stderr


def test_files_stay_off_http(make_sandbox):
    """Even where every command is allowed."""
    own = make_sandbox()
    assert http(own, ["posternExport", {}]) == [("error", {"type": "unAuthorized", "exitCode": 0})]
    path = f"{own.directory}/etc/dovecot-postern.conf"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub("(?m)^ *doveadm_allowed_commands.*$", "", text))
    own.restart("dovecot")
    for command, parameters in [("posternExport", {}), ("posternImport", {"file": "/etc/passwd"})]:
        row, = http_rows(own, command, **parameters)
        assert row["status"] == "invalid" and "command line" in row["text"]
    assert http_rows(own, "posternSweep")[-1]["status"] == "swept"


# How much memory it takes

# A small process in between: what this one holds would count as its child's.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def peak_of(sandbox, words, source, target):
    """Kilobytes of a doveadm that reads the file source and writes target."""
    with open(source, "rb") as stdin, open(target, "wb") as stdout:
        done = subprocess.run(["/usr/bin/python3", "-c", MEASURE,
                               *shlex.split(sandbox.doveadm_command), "-f", "tab", *words],
                              stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True,
                              check=True)
    return int(done.stderr.split()[-1])


def test_memory_stays_bounded(empty, tmp_path):
    """Twenty thousand accounts take hardly more than two hundred."""
    path, out = tmp_path / "accounts", tmp_path / "out"
    peaks = {}
    for count in 200, 20000:
        history = ["5\ton\t\tanna\t"] * 8
        path.write_text(lines(*[switched_on(f"user{i}@example.test", 0, history, language="et")
                                for i in range(count)]), encoding="utf-8")
        for word in "import", "list", "export":
            peaks[word, count] = peak_of(empty, ["postern", word], path, out)
            if word != "import":
                text = out.read_text(encoding="utf-8")
                assert len(set(re.findall("user[0-9]+@example.test", text))) == count
    if "POSTERN_SANDBOX_PRELOAD" not in os.environ:  # sanitizers keep what was freed
        for word in "import", "list", "export":
            assert peaks[word, 20000] < peaks[word, 200] + 3000, peaks
    # An answer over HTTP has an end.
    rows = support_rows(empty, "posternList")
    assert 1000 <= len(rows) <= 1100 and rows[-1]["status"] == "more"


# When there is no answer

def test_list_and_export_without_marks(make_sandbox):
    """An empty Redis is an outage, and no site without accounts."""
    own = make_sandbox(options=["--no-init"])
    rows, status = rows_and_status(own, "postern", "list")
    assert (status, rows[0]["status"]) == (EX_TEMPFAIL, "unavailable")
    done = own.run_doveadm("postern", "export")
    assert done.returncode == EX_TEMPFAIL and "doveadm postern init" in done.stderr
    rows, status = run_import(own, lines(record("a@example.test", tier="paid")))
    assert status == EX_TEMPFAIL
    assert [row["status"] for row in rows] == ["unavailable", "stopped"]
    rows, status = rows_and_status(own, "postern", "sweep")
    assert (status, [row["status"] for row in rows]) == (EX_TEMPFAIL, ["unavailable"])


def test_redis_away(make_sandbox, account):
    own = make_sandbox()
    os.kill(own.redis_pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(own.redis_socket), "Redis to end")
    for words in ["list"], ["history", account], ["sweep"], ["sweep", "--dry-run"]:
        rows, status = rows_and_status(own, "postern", *words)
        assert (status, [row["status"] for row in rows]) == (EX_TEMPFAIL, ["unavailable"])
        assert rows[0]["text"].startswith("Redis at ")
    done = own.run_doveadm("postern", "export")
    assert (done.returncode, done.stdout) == (EX_TEMPFAIL, "")
    rows, status = run_import(own, lines("broken\n", record(account, tier="paid"), "broken\n"))
    assert status == EX_TEMPFAIL
    assert [(row["line"], row["status"]) for row in rows] == \
        [(1, "broken"), (2, "unavailable"), (2, "stopped")]
    assert "--skip 1" in rows[-1]["text"]
    own.restart("redis")
    rows, status = run_import(own, lines("broken\n", record(account, tier="paid")), "--skip", "1")
    assert status == 0 and own.status(account)["tier"] == "paid"


# Sweep

def test_sweep(empty):
    """D2"""
    old, used, imap, paid, never, off, young = users = [new_account("sweep") for _ in range(7)]
    yesterday = now() - DAY
    put(empty, switched_on(old, 61), switched_on(used, 61, seen__pop3=f"{yesterday} 192.0.2.1 x 1"),
        switched_on(imap, 61, seen__imap=f"{yesterday} 192.0.2.1 x 1"),
        switched_on(paid, 61, seen__imap=f"{yesterday} 192.0.2.1 x 1", tier="paid"),
        switched_on(never, 1000, tier="never"),
        record(off, access="disabled", since=5, reason="owner"), switched_on(young, 59))
    dry = empty.doveadm("postern", "sweep", "--dry-run")
    assert {row["user"]: row["status"] for row in dry} == \
        {old: "would-disable", imap: "would-disable", "": "dry-run"}
    assert dry[-1]["status"] == "dry-run" and "2 accounts would go off" in dry[-1]["text"]
    assert [empty.status(user)["access"] for user in users].count("enabled") == 6
    rows = empty.doveadm("postern", "sweep")
    found = {row["user"]: row for row in rows}
    assert {user: row["status"] for user, row in found.items()} == \
        {old: "disabled", imap: "disabled", "": "swept"}
    assert found[old]["ends"] == stamp(now() - DAY)[:10] + found[old]["ends"][10:]
    assert re.fullmatch(TIME, found[old]["last_use"])
    row = empty.status(old)
    assert (row["access"], row["reason"], row["by"]) == ("disabled", "unused", "postern")
    rows = empty.doveadm("postern", "sweep")
    assert len(rows) == 1 and "0 accounts were looked at" in rows[0]["text"]
    later = empty.doveadm("postern", "sweep", "--dry-run", "--as-of", "+2d")
    assert [row["user"] for row in later[:-1]] == [young]
    later = empty.doveadm("postern", "sweep", "--dry-run", "--as-of", stamp(now() + 70 * DAY))
    assert sorted(row["user"] for row in later[:-1]) == sorted([young, used, paid])


def test_sweep_warns(make_sandbox, account):
    """D2: once for each last use."""
    own = make_sandbox({"notices": {"unused_warning": "7d"}})
    put(own, switched_on(account, 55), switched_on("young@example.test", 50))
    for words, expected in [(["--dry-run"], "would-warn"), ([], "warned")]:
        row, end = own.doveadm("postern", "sweep", *words)
        assert (row["user"], row["status"]) == (account, expected)
        assert "1 owners" in end["text"]
    assert len(own.doveadm("postern", "sweep")) == 1
    rows = own.doveadm("postern", "sweep", "--dry-run", "--as-of", "+6d")
    assert {row["user"]: row["status"] for row in rows[:-1]} == \
        {account: "would-disable", "young@example.test": "would-warn"}


def test_sweep_of_many(empty):
    """More than a batch of one partition, in steps, and some that stay."""
    partition = partition_of("a0@example.test")
    users = [f"a{i}@example.test" for i in range(15000)]
    users = [user for user in users if account_key(user).startswith(partition + ":")][:220]
    put(empty, *[switched_on(user, 61) for user in users])
    client = empty.redis()
    client.zadd(f"{partition}:unused", {"not an account": 1, "b@example.test": 2})
    assert len(empty.doveadm("postern", "sweep", "--dry-run")) == 221
    assert len(empty.doveadm("postern", "sweep", "--limit", "10")) == 11
    client.delete(account_key(users[100]))
    client.set(account_key(users[100]), "not a hash")
    rows, status = rows_and_status(empty, "postern", "sweep")
    assert status in (EX_TEMPFAIL, 0)
    statuses = [row["status"] for row in rows]
    assert statuses.count("disabled") + statuses.count("unavailable") == 210
    assert statuses[-1] == "swept"


@pytest.mark.parametrize("words, expected", [
    (["--as-of", "+60d"], "as-of: expected only together with dry-run"),
    (["--dry-run", "--as-of", "tomorrow"], "as-of: expected a time"),
    (["--dry-run", "--as-of", ""], "as-of: expected a time"),
    (["--dry-run", "--as-of", "+"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "+60"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "+99999999999d"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "2027-02-30"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "2027-1-31"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "2027-01-31T12:00:00"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "2027-01-31T12:00:00Zx"], "as-of: expected a time"),
    (["--dry-run", "--as-of", "1960-01-31"], "as-of: expected a time"),
    (["--limit", "0"], "limit: expected"),
])
def test_sweep_mistakes(own, words, expected):
    done = own.run_doveadm("postern", "sweep", *words)
    assert done.returncode == EX_USAGE and expected in done.stderr


# The gate after a break-in

@pytest.mark.parametrize("reason", ["break-in", "compromised"])
def test_gate(sandbox, account, reason):
    """B4"""
    put(sandbox, record(account, access="disabled", since=now() - DAY, reason=reason))
    assert sandbox.status(account)["password_change_needed"] == "yes"
    rows, status = rows_and_status(sandbox, "postern", "on", account)
    assert (status, rows[0]["status"], rows[0]["password"]) == \
        (EX_UNAVAILABLE, "change-password-first", "")
    row, = http_rows(sandbox, "posternOn", users=account)
    assert row["status"] == "change-password-first" and "webmail password" in row["text"]
    row, = http_rows(sandbox, "posternPasswordChanged", users=account, by="webmail")
    assert (row["status"], row["access"], row["reason"]) == ("noted", "disabled", reason)
    assert sandbox.status(account)["password_change_needed"] == "no"
    row, = http_rows(sandbox, "posternPasswordChanged", users=account)
    assert row["status"] == "not-needed"
    login(sandbox, account, sandbox.on(account))
    whats = [row["what"] for row in sandbox.doveadm("postern", "history", account)]
    assert whats == ["on", "password-changed"]


def test_gate_counts_for_one_switch_off(sandbox, account):
    """B4: a change of before is no change since."""
    put(sandbox, record(account, access="disabled", since=now() - DAY, reason="break-in"))
    sandbox.doveadm("postern", "password-changed", account)
    sandbox.on(account)
    # As any switch-off would, but for what it does about the change itself.
    sandbox.redis().hset(account_key(account), mapping={"access": "disabled", "reason": "break-in"})
    assert rows_and_status(sandbox, "postern", "on", account)[1] == EX_UNAVAILABLE


def test_gate_forced(sandbox, account):
    """B4: support may know better; the history says so."""
    put(sandbox, record(account, access="disabled", since=now() - DAY, reason="break-in"))
    row, = sandbox.doveadm("postern", "on", "--force", "--by", "anna", account)
    assert PASSWORD.fullmatch(row["password"])
    newest = sandbox.doveadm("postern", "history", account)[0]
    assert (newest["what"], newest["detail"], newest["by"]) == ("on", "forced", "anna")
    other = new_account()
    put(sandbox, record(other, access="disabled", since=now() - DAY, reason="break-in"))
    assert http_rows(sandbox, "posternOn", users=other, force=True)[0]["status"] == "enabled"


# App passwords, each alone

def add(sandbox, user, **options):
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    row, = sandbox.doveadm("postern", "password", "add", *words, user)
    assert row["status"] == "added" and PASSWORD.fullmatch(row["password"])
    return row["password"]


def refusal(client, user, password):
    with pytest.raises(Exception) as refused:
        if isinstance(client, Pop3):
            client.user(user)
            client.pass_(password)
        else:
            client.login(user, password)
    return str(refused.value)


def test_app_passwords(sandbox, account):
    """A10"""
    first = sandbox.doveadm("postern", "on", "--label", "Ülo telefon", account)[0]["password"]
    sandbox.set(account, tier="quick")
    second = add(sandbox, account, label="ноутбук", protocols="imap,smtp", expires="90d")
    with sandbox.smtps() as client:
        client.login(account, second)
    login(sandbox, account, first)
    assert refusal(sandbox.pop3(), account, second)
    rows = sandbox.doveadm("postern", "password", "list", account)
    assert [(row["number"], row["label"], row["protocols"], row["state"]) for row in rows] == \
        [(2, "ноутбук", "imap,smtp", "working"), (1, "Ülo telefon", "", "working")]
    assert [(row["last_use_protocol"], row["last_use_address"]) for row in rows] == \
        [("smtp", sandbox.external_address), ("pop3", sandbox.external_address)]
    for row in rows:
        assert re.fullmatch(TIME, row["created"]) and re.fullmatch(TIME, row["last_use"])
    assert re.fullmatch(TIME, rows[0]["expires"]) and rows[1]["expires"] == ""
    row, = http_rows(sandbox, "posternPasswordRevoke", users=account, number=1)
    assert (row["status"], row["number"]) == ("revoked", 1)
    row, = sandbox.doveadm("postern", "password", "revoke", "--number", "1", account)
    assert row["status"] == "already-ended"
    assert refusal(sandbox.pop3(), account, first)
    with sandbox.smtps() as client:
        client.login(account, second)
    rows = http_rows(sandbox, "posternPasswordList", users=account)
    assert [(row["number"], row["state"]) for row in rows] == [(2, "working"), (1, "ended")]


def test_app_password_expires(sandbox, account):
    """A10"""
    sandbox.on(account)
    short = add(sandbox, account, expires="2s")
    with sandbox.smtps() as client:
        client.login(account, short)

    def has_expired():
        newest = sandbox.doveadm("postern", "password", "list", account)[0]
        return newest["state"] == "expired"

    wait_until(has_expired, "the app password to expire")
    with sandbox.smtps() as client:
        assert refusal(client, account, short)


def test_app_passwords_at_most(sandbox, account):
    """A10: twenty."""
    sandbox.on(account)
    for _ in range(19):
        add(sandbox, account)
    rows, status = rows_and_status(sandbox, "postern", "password", "add", account)
    assert (status, rows[0]["status"], rows[0]["password"]) == (EX_UNAVAILABLE, "too-many", "")
    for number in range(1, 7):
        sandbox.doveadm("postern", "password", "revoke", "--number", str(number), account)
        add(sandbox, account)
    rows = sandbox.doveadm("postern", "password", "list", account)
    assert [row["state"] for row in rows] == ["working"] * 20 + ["ended"] * 5
    line = export(sandbox, account)
    sandbox.doveadm("postern", "erase", account)
    assert run_import(sandbox, line)[1] == 0
    assert sandbox.doveadm("postern", "password", "list", account) == rows


@pytest.mark.parametrize("words, expected", [
    (["add", "--label", "x" * 49], "label: expected at most 48 bytes"),
    (["add", "--label", "ü" * 25], "label: expected at most 48 bytes"),
    (["add", "--label", "a\nb"], "label: expected UTF-8"),
    (["add", "--label", b"\xff"], "label: expected UTF-8"),
    (["add", "--protocols", "ftp"], "protocols: expected"),
    (["add", "--protocols", ""], "protocols: expected"),
    (["add", "--expires", "90"], "expires: expected"),
    (["add", "--expires", "4000d"], "expires: expected"),
    (["revoke"], "number: expected"),
    (["revoke", "--number", "x"], "number: expected"),
    (["revoke", "--number", "-1"], "number: expected"),
    (["revoke", "--number", "99999999999"], "number: expected"),
])
def test_app_password_mistakes(sandbox, account, words, expected):
    sandbox.on(account)
    done = sandbox.run_doveadm("postern", "password", *words, account)
    assert done.returncode == EX_USAGE and expected in done.stderr
    assert len(sandbox.doveadm("postern", "password", "list", account)) == 1


def test_app_passwords_that_are_not_there(sandbox, account):
    rows, status = rows_and_status(sandbox, "postern", "password", "add", account)
    assert (status, rows[0]["status"]) == (EX_UNAVAILABLE, "disabled")
    rows, status = rows_and_status(sandbox, "postern", "password", "revoke", "--number", "7",
                                   account)
    assert (status, rows[0]["status"]) == (EX_NOUSER, "unknown-password")
    assert sandbox.doveadm("postern", "password", "list", account) == []


# Erase

def test_erase(sandbox, account):
    password = sandbox.on(account)
    login(sandbox, account, password)
    row, = support_rows(sandbox, "posternErase", users=account, by="webmail")
    assert (row["user"], row["status"]) == (account, "erased")
    assert not [key for key in sandbox.redis().scan_iter(f"*{account}*")]
    row, = sandbox.doveadm("postern", "erase", account)
    assert row["status"] == "unknown"
    assert refusal(sandbox.pop3(), account, password)
