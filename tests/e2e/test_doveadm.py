"""
The `doveadm postern` commands, on the command line and over HTTP: what support staff, the webmail
developer and the postmaster see (A1 to A3, D1, D6, S6).
"""

import json
import os
import re
import shlex
import signal
import subprocess

import pytest
import redis

from conftest import DoveadmFailed, new_account, wait_until
from doors import SUPPORT, http, http_rows, support_rows

FORMATTERS = ["json", "tab", "flow", "pager", "table"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
# Letters and digits that aren't taken for one another.
PASSWORD = re.compile(r"([a-km-z2-9]{4}-){3}[a-km-z2-9]{4}")

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_CONFIG = 64, 65, 67, 75, 78

HOSTILE = [
    "",
    "a" * 255,
    "a" * 10000,
    "a" * 242 + "@example.test",
    "a\nInfo: forged",
    "a\r\nInfo: forged",
    "\x1b[31mred",
    "a\tb",
    "*",
    "*@example.test",
    "a\"b'c@example.test",
    "a}{17}:mark@example.test",
    "jānis@example.test",
    "a@b@example.test",
    "a b@example.test",
    "../../etc/passwd",
    "%s%n@example.test",
]


def rows_and_status(sandbox, *words):
    """What the command line prints as rows, and its exit status."""
    done = sandbox.run_doveadm(*words, formatter="json")
    return json.loads(done.stdout), done.returncode


# Every command in every formatter

@pytest.mark.parametrize("formatter", FORMATTERS)
@pytest.mark.parametrize("words, expected", [
    (["on"], "enabled"),
    (["off", "--reason", "owner"], "already-disabled"),
    (["set", "--tier", "paid"], "changed"),
    (["status"], "never-enabled"),
])
def test_formatters(sandbox, formatter, words, expected):
    user = new_account("formatter")
    text = sandbox.doveadm("postern", *words, user, formatter=formatter)
    if formatter == "json":
        text = json.dumps(text)
    assert user in text and expected in text


def test_formatters_agree(sandbox, account):
    sandbox.on(account)
    row = sandbox.status(account)
    pager = sandbox.doveadm("postern", "status", account, formatter="pager")
    tab = sandbox.doveadm("postern", "status", account, formatter="tab").splitlines()
    assert dict(line.split(": ", 1) for line in pager.splitlines()) == \
        {name: str(value) for name, value in row.items()}
    assert dict(zip(tab[0].split("\t"), tab[1].split("\t"))) == \
        {name: str(value) for name, value in row.items()}


def test_default_formatter_has_a_line_for_each_column(sandbox, account):
    done = subprocess.run([*shlex.split(sandbox.doveadm_command), "postern", "status", account],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"user: {account}\nstatus: ok\ntext: External access is off")


def test_numbers_are_json_numbers(sandbox, account):
    row = sandbox.status(account)
    numbers = {name for name, value in row.items() if not isinstance(value, str)}
    assert numbers == {"sent_last_minute", "sent_last_hour", "pop3_wait", "shut_out", "break_ins",
                       "failures"}


# On and off

def test_on_shows_the_app_password_once(sandbox, account):
    """A2, A3"""
    row, = sandbox.doveadm("postern", "on", account)
    assert (row["user"], row["status"], row["access"]) == (account, "enabled", "enabled")
    assert PASSWORD.fullmatch(row["password"])
    again, = sandbox.doveadm("postern", "on", account)
    assert (again["status"], again["access"]) == ("already-enabled", "enabled")
    assert again["password"] == ""
    assert re.search(f"on since {TIME}.*password add", again["text"])
    client = sandbox.pop3()
    client.user(account)
    client.pass_(row["password"])
    client.quit()


def test_off_twice_and_on_again(sandbox, account):
    """A3"""
    first = sandbox.on(account)
    row = sandbox.off(account)
    assert (row["status"], row["access"], row["reason"]) == ("disabled", "disabled", "admin")
    row = sandbox.off(account)
    assert (row["status"], row["access"], row["reason"]) == \
        ("already-disabled", "disabled", "admin")
    second = sandbox.on(account)
    assert second != first
    passwords = sandbox.status(account)["app_passwords"].split("; ")
    assert re.fullmatch(f"2 created {TIME}", passwords[0])
    assert re.fullmatch(f"1 created {TIME} ended {TIME}", passwords[1])


@pytest.mark.parametrize("reason, text", [("owner", "it was switched off in webmail"),
                                          ("admin", "your mail provider switched it off")])
def test_off_keeps_the_reason(sandbox, account, reason, text):
    sandbox.on(account)
    sandbox.doveadm("postern", "off", "--reason", reason, account)
    row = sandbox.status(account)
    assert (row["access"], row["reason"], row["reason_text"]) == ("disabled", reason, text)
    assert text in row["text"] and re.fullmatch(TIME, row["since"])


def test_on_sets_the_language(sandbox, account):
    sandbox.doveadm("postern", "on", "--language", "et_EE", account)
    assert sandbox.status(account)["language"] == "et_EE"


def test_bare_names_case_and_spaces(sandbox, account):
    """A6"""
    name = account.split("@")[0]
    for variant in name, name.upper(), f"  {account.upper()} ":
        assert sandbox.status(variant)["user"] == account


# Set

@pytest.mark.parametrize("option, value, expected", [
    ("tier", "paid", {"tier": "paid", "protocols": "pop3 imap smtp",
                      "logins_per_hour": "600", "logins_per_day": "5000",
                      "messages_per_minute": "unlimited", "messages_per_hour": "unlimited",
                      "recipients_per_message": "unlimited"}),
    ("tls", "exempt", {"tls": "exempt"}),
    ("language", "lv", {"language": "lv"}),
    ("sending", "blocked", {"sending": "blocked"}),
    ("activity", "passive", {"activity": "passive"}),
])
def test_set(sandbox, account, option, value, expected):
    before = sandbox.status(account)
    assert sandbox.set(account, **{option: value})["status"] == "changed"
    assert sandbox.set(account, **{option: value})["status"] == "unchanged"
    after = sandbox.status(account)
    history = after.pop("history")
    assert re.fullmatch(f"{TIME} set {option}={value} by doveadm:\\S+", history)
    before.pop("history")
    assert after == {**before, **expected}


def test_set_several_at_once(sandbox, account):
    assert sandbox.set(account, tier="paid", tls="exempt", language="ru")["status"] == "changed"
    row = sandbox.status(account)
    assert (row["tier"], row["tls"], row["language"]) == ("paid", "exempt", "ru")


def test_passive_switches_off(sandbox, account):
    """D1"""
    sandbox.on(account)
    row = sandbox.set(account, activity="passive")
    assert (row["status"], row["access"], row["reason"]) == ("changed", "disabled", "passive")
    assert "External access is off" in row["text"]
    assert sandbox.status(account)["activity"] == "passive"


@pytest.mark.parametrize("command, option, value, expected", [
    ("set", "tier", "gold", "tier: expected"),
    ("set", "activity", "asleep", "activity: expected active or passive"),
    ("set", "tls", "no", "tls: expected required or exempt"),
    ("set", "language", "English", "language: expected"),
    ("set", "language", "en\n", "language: expected"),
    ("set", "sending", "", "sending: expected allowed or blocked"),
    ("set", "by", "anna", "expected at least one of"),
    ("on", "language", "EN", "language: expected"),
    ("off", "reason", "send-limit", "reason: expected owner, admin or compromised"),
    ("off", "reason", "break-in", "reason: expected owner, admin or compromised"),
    ("off", "reason", "", "reason: expected owner, admin or compromised"),
])
def test_mistakes(sandbox, account, command, option, value, expected):
    done = sandbox.run_doveadm("postern", command, f"--{option}", value, account)
    assert done.returncode == EX_USAGE and expected in done.stderr
    row, = support_rows(sandbox, f"postern {command}", users=account, **{option: value})
    assert row["status"] == "invalid" and expected in row["text"]
    assert sandbox.status(account)["history"] == ""


@pytest.mark.parametrize("words", [["on"], ["off"], ["set", "--tls", "exempt"], ["status"],
                                   ["on", "--nonsense", "x"], ["sideways"]])
def test_usage(sandbox, words):
    done = sandbox.run_doveadm("postern", *words)
    assert done.returncode == EX_USAGE and done.stderr


# Status

def test_status_of_an_account_never_heard_of(sandbox, account):
    """A1"""
    row = sandbox.status(account)
    expected = {"user": account, "status": "ok", "access": "disabled", "reason": "never-enabled",
                "since": "", "tier": "free", "protocols": "pop3 smtp", "messages_per_minute": "5",
                "messages_per_hour": "15", "sent_last_hour": 0,
                "recipients_per_message": "100", "activity": "active",
                "tls": "required", "sending": "allowed", "app_passwords": "", "history": "",
                "failed_recipients": "10", "failed_recipients_window": "1h", "failures": 0,
                "failure_log": "", "wrong_passwords": "10", "wrong_password_networks": "10",
                "shut_out": 0, "break_ins": 0, "shut_out_networks": ""}
    assert {name: row[name] for name in expected} == expected
    assert not list(sandbox.redis().scan_iter(f"*{account}*"))


def test_status_shows_use(sandbox, account):
    """P1, P3, S1, S2"""
    password = sandbox.on(account)
    with sandbox.smtp() as client:
        client.login(account, password)
        client.sendmail(account, account, "Subject: use\n\nHello\n")
    client = sandbox.pop3()
    client.user(account)
    client.pass_(password)
    client.quit()
    row = sandbox.status(account)
    assert (row["sent_last_minute"], row["sent_last_hour"]) == (1, 1)
    for protocol in "pop3", "smtp":
        assert re.fullmatch(TIME, row[f"{protocol}_last_use"])
        assert row[f"{protocol}_address"] == sandbox.external_address
    assert (row["imap_last_use"], row["imap_address"]) == ("", "")
    assert 240 < row["pop3_wait"] <= 285


def test_status_shows_held_limits(make_sandbox, account):
    """S5"""
    own = make_sandbox({"tier paid": {"upgrade_hold": "2d"}})
    own.set(account, tier="paid")
    row = own.status(account)
    assert (row["tier"], row["held_tier"]) == ("paid", "free")
    assert (row["protocols"], row["messages_per_hour"]) == ("pop3 imap smtp", "15")
    assert re.fullmatch(TIME, row["held_until"])


# Who did it

def test_actor(sandbox, account):
    """D6"""
    sandbox.doveadm("postern", "on", account)
    sandbox.doveadm("postern", "off", "--by", "anna", "--from", "192.0.2.7", account)
    row = sandbox.status(account)
    assert (row["by"], row["from"]) == ("anna", "192.0.2.7")
    off, on = row["history"].split("; ")
    assert re.fullmatch(f"{TIME} off admin by anna from 192.0.2.7", off)
    assert re.fullmatch(f"{TIME} on by doveadm:\\S+", on)


def test_actor_is_the_one_behind_sudo(sandbox, account):
    # Without the second variable `doveadm -c`, unlike doveadm, forgets the first.
    environment = {**os.environ, "SUDO_USER": "anna", "DOVECOT_PRESERVE_ENVS": "SUDO_USER"}
    assert sandbox.run_doveadm("postern", "on", account, env=environment).returncode == 0
    assert sandbox.status(account)["by"] == "doveadm:anna"


def test_hostile_actor(sandbox, account):
    http_rows(sandbox, "posternOn", users=account, by="x\n\r\t\x1b;ā", **{"from": "y" * 10000})
    row = sandbox.status(account)
    assert (row["by"], row["from"]) == ("x???????", "y" * 64)
    http_rows(sandbox, "posternOff", users=account, by="a b=\"c\nInfo: forged-by")
    sandbox.wait_for_log("dovecot", f"account={account} access=disabled reason=admin "
                                    "by=a?b=?c?Info:?forged-by from=-")


def test_history_is_bounded(sandbox, account):
    for number in range(20):
        sandbox.set(account, tls=["exempt", "required"][number % 2], by=f"n{number}")
    lines = sandbox.status(account)["history"].split("; ")
    assert [line.split(" by ")[1] for line in lines] == \
        [f"n{i}" for i in range(19, 19 - len(lines), -1)]
    assert 8 <= len(lines) <= 16


# Names that are none

@pytest.mark.parametrize("words", [["on"], ["off"], ["set", "--tier", "paid"], ["status"]])
def test_hostile_names(sandbox, words):
    rows, status = rows_and_status(sandbox, "postern", *words, "--", *HOSTILE)
    assert status == EX_NOUSER
    assert [row["status"] for row in rows] == ["invalid-user"] * len(HOSTILE)
    for row in rows:
        assert row["text"] and len(row["user"]) <= 80
        assert row["user"] == "" or row["user"].isprintable()


def test_hostile_bytes(sandbox):
    rows, status = rows_and_status(sandbox, "postern", "on", b"\xff\xfe\x80@example.test")
    assert status == EX_NOUSER and rows[0]["status"] == "invalid-user"


def test_hostile_names_over_http(sandbox):
    rows = http_rows(sandbox, "posternOn", users=HOSTILE)
    assert [row["status"] for row in rows] == ["invalid-user"] * len(HOSTILE)
    for name in HOSTILE:
        http_rows(sandbox, "posternStatus", users=name)
    assert not re.search("^.*Info: (forged|.*forged$)", sandbox.log("dovecot"), re.MULTILINE)


def test_several_users_and_the_worst_exit_status(sandbox, account):
    other = new_account("other")
    rows, status = rows_and_status(sandbox, "postern", "on", account, "*", other)
    assert [(row["user"], row["status"]) for row in rows] == \
        [(account, "enabled"), ("*", "invalid-user"), (other, "enabled")]
    assert status == EX_NOUSER
    with pytest.raises(DoveadmFailed):
        sandbox.off("*")


# HTTP

def test_http(sandbox, account):
    """Several commands in one request, in order."""
    answers = http(sandbox,
                   ["posternOn", {"users": account, "by": "webmail", "from": "192.0.2.7"}],
                   ["posternOn", {"users": [account]}],
                   ["posternSet", {"users": [account], "tier": "paid"}],
                   ["posternOff", {"users": account, "reason": "owner"}],
                   ["posternStatus", {"users": [account, new_account(), ""]}], door=SUPPORT)
    assert {kind for kind, _ in answers} == {"doveadmResponse"}
    on, again, changed, off, status = [rows for _, rows in answers]
    assert on[0]["status"] == "enabled" and PASSWORD.fullmatch(on[0]["password"])
    assert (again[0]["status"], again[0]["password"]) == ("already-enabled", "")
    assert (changed[0]["status"], changed[0]["access"]) == ("changed", "enabled")
    assert (off[0]["status"], off[0]["reason"]) == ("disabled", "owner")
    assert [row["status"] for row in status] == ["ok", "ok", "invalid-user"]
    assert [line.split(" by ")[1] for line in status[0]["history"].split("; ")] == \
        ["api", "api", "webmail from 192.0.2.7"]
    sandbox.wait_for_log("dovecot", f"postern: account={account} access=enabled by=webmail "
                                    "from=192.0.2.7")


@pytest.mark.parametrize("parameters", [{}, {"users": []}, {"by": "webmail"}])
def test_http_without_users(sandbox, parameters):
    row, = http_rows(sandbox, "posternOff", **parameters)
    assert row["status"] == "invalid" and "users" in row["text"]


def test_http_null_is_not_given(sandbox, account):
    row, = support_rows(sandbox, "posternSet", users=account, tier=None, tls="exempt", by=None)
    assert row["status"] == "changed"
    assert sandbox.status(account)["by"] == ""


@pytest.mark.parametrize("command, parameters, kind", [
    ("posternInit", {}, "unAuthorized"),
    ("posternKeyAdd", {}, "unAuthorized"),
    ("posternOn", {"users": "refused", "password": "x"}, "invalidRequest"),
    ("posternSideways", {"users": "refused"}, "unknownMethod"),
])
def test_http_refuses(sandbox, command, parameters, kind):
    assert http(sandbox, [command, parameters]) == [("error", {"type": kind, "exitCode": 0})]
    assert sandbox.status("refused")["history"] == ""


# When there is no answer

def freeze_and_check(own, user):
    os.kill(own.redis_pid, signal.SIGSTOP)
    try:
        rows, status = rows_and_status(own, "postern", "on", user, new_account())
        assert status == EX_TEMPFAIL
        assert [row["status"] for row in rows] == ["unavailable"] * 2
        assert "Redis" in rows[0]["text"] and rows[0]["password"] == ""
    finally:
        os.kill(own.redis_pid, signal.SIGCONT)


def test_redis_away(make_sandbox, account):
    own = make_sandbox()
    freeze_and_check(own, account)
    os.kill(own.redis_pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(own.redis_socket), "Redis to end")
    for words in ["on"], ["off"], ["set", "--tier", "paid"], ["status"]:
        rows, status = rows_and_status(own, "postern", *words, account)
        assert status == EX_TEMPFAIL
        assert rows[0]["user"] == account and rows[0]["status"] == "unavailable"
        assert rows[0]["text"].startswith("Redis at unix:")
    row, = http_rows(own, "posternOn", users=account)
    assert row["status"] == "unavailable" and row["text"].startswith("Redis at unix:")
    rows, status = rows_and_status(own, "postern", "init")
    assert (status, rows[0]["status"]) == (EX_TEMPFAIL, "unavailable")


def test_mark(make_sandbox, account):
    """An empty or foreign Redis is an outage."""
    own = make_sandbox(options=["--no-init"])
    for words in ["on"], ["off"], ["set", "--tier", "paid"], ["status"]:
        rows, status = rows_and_status(own, "postern", *words, account)
        assert (status, rows[0]["status"]) == (EX_TEMPFAIL, "unavailable")
        assert "doveadm postern init" in rows[0]["text"]
    row, = http_rows(own, "posternStatus", users=account)
    assert row["status"] == "unavailable"
    assert own.doveadm("postern", "init")[0]["status"] == "marked"
    assert own.doveadm("postern", "init")[0]["status"] == "was-marked"
    assert own.status(account)["status"] == "ok"
    own.redis().delete("postern:{5}:mark")
    row, = own.doveadm("postern", "init")
    assert row["status"] == "marked" and "63 of its 64" in row["text"]
    own.redis().set("postern:{5}:mark", "another")
    rows, status = rows_and_status(own, "postern", "init")
    assert (status, rows[0]["status"]) == (EX_DATAERR, "unknown-format")
    assert own.redis().get("postern:{5}:mark") == "another"


def test_wrong_types_in_redis(make_sandbox, account):
    own = make_sandbox()
    own.on(account)
    key, = own.redis().scan_iter(f"*:account:{account}")
    own.redis().delete(key)
    own.redis().set(key, "not a hash")
    for words in ["on"], ["off"], ["set", "--tier", "paid"], ["status"]:
        rows, status = rows_and_status(own, "postern", *words, account)
        assert (status, rows[0]["status"]) == (EX_TEMPFAIL, "unavailable")
        assert "WRONGTYPE" in rows[0]["text"]


# Settings and keys

def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_key_add(make_sandbox, account):
    own = make_sandbox()
    own.on(account)
    rows = own.doveadm("postern", "key", "add")
    assert {row["id"] for row in rows} == {2}
    assert [(row["status"], row["file"]) for row in rows] == [
        (status, f"/mnt/postern/etc/secrets{suffix}") for status, suffix in
        [("added", ""), ("written", ".milter"), ("written", ".worker"), ("written", ".doveadm")]]
    keys = dict(re.findall("^([12]) = ([0-9a-f]{64})$", read(own.secrets_file), re.MULTILINE))
    assert sorted(keys) == ["1", "2"]
    assert not any(key in json.dumps(rows) for key in keys.values())
    assert os.stat(own.secrets_file).st_mode & 0o777 == 0o600
    own.off(account)
    own.on(account)
    key, = own.redis().scan_iter(f"*:account:{account}")
    digests = [name for name in own.redis().hkeys(key) if name.startswith("app:")]
    assert sorted(name.split(":")[1] for name in digests) == ["1", "2"]
    own.inside("mv", "/mnt/postern/etc/secrets", "/mnt/postern/etc/elsewhere")
    done = own.run_doveadm("postern", "status", account)
    assert done.returncode == EX_CONFIG and "secrets" in done.stderr


def test_mistake_in_the_settings(make_sandbox, account):
    own = make_sandbox()
    with open(own.settings_file, "a", encoding="utf-8") as file:
        file.write("\n[tier free]\nmessages_per_hour = many\n")
    for words in ["init"], ["key", "add"], ["on", account], ["status", account]:
        done = own.run_doveadm("postern", *words)
        assert done.returncode == EX_CONFIG
        assert re.search(r"postern\.conf:\d+: .*messages_per_hour", done.stderr)
    row, = http_rows(own, "posternOn", users=account)
    assert row["status"] == "unavailable" and row["text"].startswith("settings: ")


# Secrets

def redis_values(client):
    """Every key with everything in it. Some of it is packed, and no text."""
    client = redis.Redis(port=client.connection_pool.connection_kwargs["port"])
    readers = {b"string": client.get, b"hash": client.hgetall, b"stream": client.xrange,
               b"zset": lambda key: client.zrange(key, 0, -1)}
    for key in client.scan_iter():
        yield repr(key)
        yield repr(readers[client.type(key)](key))


def test_no_secret_is_kept_or_logged(make_sandbox, account):
    """A2: only a keyed digest is stored."""
    own = make_sandbox(options=["--no-penalty"])
    passwords = [own.on(account), http_rows(own, "posternOn", users=new_account())[0]["password"]]
    client = own.pop3()
    client.user(account)
    client.pass_(passwords[0])
    client.quit()
    own.redis().config_set("loglevel", "debug")
    secrets = passwords + [word.replace("-", "") for word in passwords]
    secrets += re.findall("[0-9a-f]{64}", read(own.secrets_file))
    seen = list(redis_values(own.redis()))
    for folder, _, names in os.walk(own.log_dir):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                seen.append(file.read())
    assert any(account in text for text in seen)
    assert not [secret for secret in secrets if any(secret in text for text in seen)]
