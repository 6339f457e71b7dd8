"""
`doveadm postern check`: on a site made of the samples nothing is wrong, and each mistake is named
by one line of its own. The files are changed and nobody is told: the check reads files.
"""

import contextlib
import os
import re
import shutil
import signal
import socket

import pytest

from conftest import wait_until
from doors import SUPPORT, http, support_rows
from test_doveadm import FORMATTERS, rows_and_status

EX_CONFIG = 78
ORDER = ["ok", "unknown", "warning", "wrong"]

# What the sandbox itself causes: it has switched on the sample's address for programs without TLS.
SANDBOX = {"postfix-tls": ("warning", r"127\.0\.0\.4:\d+/inet accepts passwords in the clear: .*")}

REDIS_INFO = ["redis-version", "redis-role", "redis-eviction", "redis-memory", "redis-log",
              "redis-writes"]
TOPICS = {
    "redis": ["redis-scripts", "redis-milter", "redis-marks", *REDIS_INFO],
    "dovecot": ["dovecot-passdb-first", "dovecot-passdb-final", "dovecot-settings",
                "dovecot-master-users", "dovecot-mechanisms", "dovecot-names", "dovecot-tls",
                "dovecot-pop3-lock", "dovecot-trusted", "dovecot-userdb", "dovecot-sessions",
                "api-address", "api-key", "api-commands", "api-worker"],
    "postfix": ["postfix-sasl", "postfix-port-25", "postfix-milter", "postfix-milter-options",
                "postfix-milter-address", "postfix-milter-action", "postfix-bounces",
                "postfix-bounces-port-25", "postfix-bounces-action", "postfix-bounces-checks",
                "postfix-filter", "postfix-tls", "postfix-dsn", "postfix-sender",
                "postfix-sendmail", "postfix-pickup", "postfix-queue-ids", "postfix-protocol"],
}
NAMES = ["settings", "internal-networks", "module", "milter",
         "secrets", "secrets-milter", "secrets-worker",
         *(name for topic, names in TOPICS.items() for name in (topic, *names))]


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """A sandbox that only these tests change, each for itself."""
    return make_module_sandbox(options=["--redis-auth"])


@contextlib.contextmanager
def changed(path, *changes):
    """The file with its text changed by (regular expression, replacement) pairs, for a while."""
    with open(path, encoding="utf-8") as file:
        before = text = file.read()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count, f"nothing in {path} is like {pattern}"
    try:
        # Not a new file: its owner and mode stay.
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        yield
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before)


def check(own):
    """What each check says: {name: (status, text)}."""
    rows, status = rows_and_status(own, "postern", "check")
    said = {row["check"]: (row["status"], row["text"]) for row in rows}
    assert len(said) == len(rows)
    assert status == (EX_CONFIG if any(word == "wrong" for word, _ in said.values()) else 0)
    for word, text in said.values():
        assert word in ORDER and text.isprintable() and text.isascii() and len(text) < 400
    return said


def complaints(said):
    """All that isn't ok, but for what the sandbox causes."""
    return {name: row for name, row in said.items() if row[0] != "ok" and not (
        name in SANDBOX and row[0] == SANDBOX[name][0] and re.fullmatch(SANDBOX[name][1], row[1]))}


def assert_only(own, name, status, text):
    """Exactly this line is added to those of a good sandbox."""
    found = complaints(check(own))
    assert list(found) == [name]
    assert found[name][0] == status and re.search(text, found[name][1]), found


# A good sandbox

def test_all_is_well(own):
    said = check(own)
    assert list(said) == NAMES
    assert not complaints(said)
    assert said["redis-version"][1].startswith(("Redis 7", "Valkey "))
    assert re.fullmatch(r"Redis at unix:\S+ answered after \d+ ms\.", said["redis"][1])
    assert said["postfix-milter"][1] == "Services that ask postern-milter: 3."


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_formatters(own, formatter):
    text = str(own.doveadm("postern", "check", formatter=formatter))
    assert all(name in text for name in NAMES)


def test_one_line_each_by_default(own):
    done = own.run_doveadm("postern", "check", formatter=None)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["check", "status", "text"]
    assert [line.split()[0] for line in lines[1:]] == NAMES


def test_http(own):
    """Where Dovecot's own process finds the configuration; and there is no exit status."""
    rows = support_rows(own, "posternCheck")
    assert not complaints({row["check"]: (row["status"], row["text"]) for row in rows})
    with changed(f"{own.directory}/etc/dovecot.conf", (r"\A", "pop3_lock_session = no\n"),
                 (r"^(!include .*)$", r"\1\npop3_lock_session = no")):
        rows = support_rows(own, "posternCheck")
        assert [row["check"] for row in rows] == NAMES
        assert [row["check"] for row in rows if row["status"] == "wrong"] == ["dovecot-pop3-lock"]
    assert http(own, ["posternCheck", {"users": "x"}], door=SUPPORT) == \
        [("error", {"type": "invalidRequest", "exitCode": 0})]


# Settings and secrets

@pytest.mark.parametrize("change, text", [
    ((r"^(help_url = ).*", r"\1nonsense"), r"etc/postern\.conf:\d+: help_url: expected "),
    ((r"^\[milter\]", "[miller]"), r"etc/postern\.conf:\d+: \[miller\]: expected "),
])
def test_settings(own, change, text):
    with changed(own.settings_file, change):
        found = complaints(check(own))
    assert found["settings"][0] == "wrong" and re.search(text, found["settings"][1])
    assert {row[0] for name, row in found.items() if name != "settings"} == {"unknown"}
    assert {"secrets", "secrets-milter", "secrets-worker", "internal-networks", "milter",
            "api-worker", *TOPICS["redis"]} <= set(found)


def test_settings_of_the_rule_before(own):
    """D4: what the sample once had means something else now, and the owner of the file hears it."""
    old = (r"\Z", "\n[tier old]\nwrong_passwords = 50\nwrong_password_networks = 3\n")
    with changed(own.settings_file, old):
        assert_only(own, "settings", "warning",
                    r"\[tier old\]: .* 3 networks that try 50 each now switch access off")
        own.restart("dovecot")
        own.wait_for_log("dovecot", "postern: /mnt/postern/etc/postern.conf: [tier old]: ")
        done = own.inside("/mnt/postern/bin/postern-worker", "--check", "-c",
                          "/mnt/postern/etc/postern.conf")
        assert done.returncode == 0 and "[tier old]: wrong_passwords" in done.stderr


def test_settings_missing(own):
    os.rename(own.settings_file, own.settings_file + ".away")
    try:
        assert check(own)["settings"] == \
            ("wrong", "/mnt/postern/etc/postern.conf: No such file or directory")
    finally:
        os.rename(own.settings_file + ".away", own.settings_file)


@pytest.mark.parametrize("networks, status", [
    ("0.0.0.0/0 ::/0", "warning"), ("::/0", "warning"), ("0.0.0.0/0", "warning"),
    ("127.0.0.0/8", "ok"), ("", "ok")])
def test_introduction_mode(own, networks, status):
    with changed(own.settings_file,
                 (r"^internal_networks = .*", f"internal_networks = {networks}")):
        found = complaints(check(own))
    assert {name: row[0] for name, row in found.items()} == \
        ({} if status == "ok" else {"internal-networks": status})


@pytest.mark.parametrize("mode, uid, text", [
    (0o644, 0, r"expected a file that others can't open: chmod 0640"),
    (0o660, 0, r"is writable by its group: chmod g-w"),
    (0o640, 8, r"belongs to a user other than root.*: chown root"),
])
def test_secrets_mode(own, mode, uid, text):
    before = os.stat(own.secrets_file)
    os.chmod(own.secrets_file, mode)
    os.chown(own.secrets_file, uid, -1)
    try:
        found = complaints(check(own))
    finally:
        os.chmod(own.secrets_file, before.st_mode)
        os.chown(own.secrets_file, before.st_uid, -1)
    assert found.pop("secrets")[0] == "wrong"
    # Without secrets nobody logs in to Redis.
    assert {row[0] for row in found.values()} <= {"unknown"}


@pytest.mark.parametrize("change, text", [
    ((r"^\d+ = .*\n", ""), "at least one key.*postern key add"),
    ((r"^(\d+ = ..).*", r"\1"), r"etc/secrets:\d+: 1: expected 64 hexadecimal digits"),
    ((r"^password = .*", ""), "user: expected a password for "),
])
def test_secrets(own, change, text):
    with changed(own.secrets_file, change):
        status, said = check(own)["secrets"]
    assert status == "wrong" and re.search(text, said)


@contextlib.contextmanager
def access_changed(path, mode, uid, gid):
    before = os.stat(path)
    os.chown(path, uid, gid)
    os.chmod(path, mode)
    try:
        yield
    finally:
        os.chown(path, before.st_uid, before.st_gid)
        os.chmod(path, before.st_mode)


# Of nobody, who is the milter here, and of daemon, who is the worker.
NOBODY, DAEMON, PEOPLE = 65534, 1, 8


@pytest.mark.parametrize("what, mode, uid, gid, status, text", [
    ("secrets", 0o640, 0, PEOPLE, "ok", ""),
    ("secrets", 0o640, 0, NOBODY, "wrong", "secrets can be read by nobody"),
    ("secrets", 0o640, 0, DAEMON, "wrong", "secrets can be read by daemon"),
    ("secrets", 0o600, 0, NOBODY, "ok", ""),
    ("milter", 0o640, 0, DAEMON, "wrong", r"secrets\.milter can be read by daemon"),
    ("milter", 0o600, 0, NOBODY, "wrong", "can't be read by nobody, so postern-milter doesn't"),
    ("worker", 0o640, 0, NOBODY, "wrong", r"secrets\.worker can be read by nobody, who should have "
                                          "no secrets other than those of postern-milter"),
    ("worker", 0o600, 0, 0, "wrong", "can't be read by daemon, so postern-worker doesn't start"),
    ("worker", 0o660, 0, DAEMON, "wrong", "is writable by its group"),
    ("worker", 0o640, DAEMON, DAEMON, "wrong", "belongs to a user other than root"),
])
def test_who_reads_secrets(own, what, mode, uid, gid, status, text):
    name, path = ("secrets", own.secrets_file) if what == "secrets" else \
        (f"secrets-{what}", f"{own.secrets_file}.{what}")
    with access_changed(path, mode, uid, gid):
        found = check(own)
    assert found[name][0] == status and re.search(text, found[name][1])
    assert set(complaints(found)) == ({name} if status != "ok" else set())


@pytest.mark.parametrize("what", ["milter", "worker"])
def test_secrets_of_a_daemon(own, what):
    """The file is missing, or has other keys than the site's."""
    path, name = f"{own.secrets_file}.{what}", f"secrets-{what}"
    os.rename(path, path + ".away")
    try:
        found = complaints(check(own))
    finally:
        os.rename(path + ".away", path)
    assert found[name][0] == "wrong"
    assert "No such file or directory: \"doveadm postern key files\" makes" in found[name][1]
    assert set(found) - {name} == ({"redis-milter"} if what == "milter" else set())
    with changed(path, (r"^1 = .*", "1 = " + "5a" * 32)):
        assert_only(own, name, "wrong", "has other keys than .*etc/secrets: run 'doveadm postern")
    with changed(own.secrets_file, (r"^1 = .*", r"\g<0>\n2 = " + "5a" * 32)):
        found = complaints(check(own))
        assert {row[0] for row in found.values()} == {"wrong"}
        assert set(found) == {"secrets-milter", "secrets-worker"}


def test_one_user_for_both(own):
    with changed(own.settings_file, (r"^user = daemon", "user = nobody")):
        found = complaints(check(own))
    assert {"secrets-milter", "secrets-worker"} <= set(found)
    assert "give the daemons different users" in found["secrets-milter"][1]


# Redis

@pytest.fixture
def redis_config(own):
    """Sets what redis.conf says, and sets it back."""
    client, before = own.redis(), {}

    def set_config(name, value):
        before.setdefault(name, client.config_get(name)[name])
        client.config_set(name, value)
    yield set_config
    for name, value in before.items():
        client.config_set(name, value)


def test_redis_evicts(own, redis_config):
    redis_config("maxmemory-policy", "allkeys-lru")
    assert_only(own, "redis-eviction", "wrong", "allkeys-lru.*: set it to noeviction")


def test_redis_keeps_no_log(own, redis_config):
    redis_config("appendonly", "no")
    assert_only(own, "redis-log", "warning", "appendonly is off")


@pytest.mark.parametrize("percent, status, text", [
    (50, "ok", r"\d+ % of maxmemory is used"),
    (90, "warning", r"\d+ % of maxmemory is used.*raise it"),
])
def test_redis_memory(own, redis_config, percent, status, text):
    used = own.redis().info("memory")["used_memory"]
    redis_config("maxmemory", used * 100 // percent)
    found = check(own)["redis-memory"]
    assert found[0] == status and re.match(text, found[1])


def test_redis_disk(own, redis_config):
    """A snapshot that can't be written: its name is a directory's. Redis then takes no writes."""
    client = own.redis()
    path = f"{own.directory}/redis/dump.rdb"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    os.mkdir(path)
    try:
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err",
                   "the snapshot to fail")
        status, text = check(own)["redis"]
        assert status == "wrong"
        assert re.search("MISCONF .*; check its log and its disk", text)
        redis_config("stop-writes-on-bgsave-error", "no")
        assert_only(own, "redis-writes", "wrong",
                    "can't write to its disk .*rdb_last_bgsave_status")
    finally:
        os.rmdir(path)
        wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"],
                   "the end of it")
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok",
                   "a snapshot")


def test_redis_is_a_replica(own):
    client = own.redis()
    client.replicaof("127.0.0.1", "1")
    try:
        said = check(own)
    finally:
        client.replicaof("NO", "ONE")
    assert said["redis-role"][0] == "wrong" and "at the master" in said["redis-role"][1]


@pytest.mark.parametrize("rule, expected", [
    ("-info", dict.fromkeys(REDIS_INFO, "unknown")),
    ("-@scripting", {"redis-scripts": "wrong", "redis-milter": "unknown"}),
    ("-get", {"redis-marks": "wrong", "redis-scripts": "wrong"}),
])
def test_redis_user_may_not(own, rule, expected):
    client = own.redis()
    client.execute_command("ACL", "SETUSER", "postern", rule)
    try:
        found = complaints(check(own))
    finally:
        client.execute_command("ACL", "SETUSER", "postern", "+@all", "-@admin", "-@dangerous",
                               "+info")
    assert {name: row[0] for name, row in found.items()} == expected
    for _, text in found.values():
        assert "NOPERM" in text or "The user executing the script can't" in text
    if rule == "-info":
        assert "add +info" in found["redis-memory"][1]


def test_redis_milter(own):
    client = own.redis()
    client.execute_command("ACL", "SETUSER", "postern-milter", "-evalsha")
    try:
        assert_only(own, "redis-milter", "wrong", "NOPERM.*; give the milter's user of Redis what")
    finally:
        client.execute_command("ACL", "SETUSER", "postern-milter", "+evalsha")
    with changed(own.milter_secrets_file, (r"^password = .*", "password = another")):
        assert_only(own, "redis-milter", "wrong", r"WRONGPASS.* to /mnt/\S+secrets\.milter$")
    with changed(own.settings_file, (r"^redis_user = .*", "redis_user =")), \
            changed(own.milter_secrets_file, (r"^password = .*",
                                              f"password = {own.redis_password}")):
        assert_only(own, "redis-milter", "warning", "give it a user of its own")
    with changed(own.milter_secrets_file, (r"^password = .*", "")):
        assert_only(own, "redis-milter", "wrong", "expected a password for postern-milter in")
    # Nobody has run its scripts since Redis was started: the check gives them.
    client.script_flush()
    assert not complaints(check(own))


@pytest.mark.parametrize("change, text", [
    (lambda client: client.delete("postern:{3}:mark"), "1 of 64 partitions have no format stamp"),
    (lambda client: client.set("postern:{3}:mark", "999"),
     "1 of 64 partitions hold data of another version"),
])
def test_redis_marks(own, change, text):
    client = own.redis()
    before = client.get("postern:{3}:mark")
    change(client)
    try:
        assert_only(own, "redis-marks", "wrong", text)
    finally:
        client.set("postern:{3}:mark", before)


def test_redis_empty(make_sandbox):
    own = make_sandbox(options=["--no-init"])
    assert_only(own, "redis-marks", "wrong", "restore it, or run 'doveadm postern init'")
    own.doveadm("postern", "init", formatter="flow")
    assert not complaints(check(own))


def assert_redis_away(own, text):
    found = complaints(check(own))
    assert list(found) == ["redis", *TOPICS["redis"]]
    status, said = found.pop("redis")
    assert status == "wrong" and re.search(text, said)
    assert {row for row in found.values()} == {("unknown", "Redis doesn't answer: see 'redis'.")}


def test_redis_away(make_sandbox):
    own = make_sandbox(options=["--redis-auth"])
    with changed(own.secrets_file, (r"^password = .*", "password = wrong")):
        assert_redis_away(own, "refused us: WRONGPASS.*the password in /mnt/postern/etc/secrets")
    os.kill(own.redis_pid, signal.SIGSTOP)
    try:
        assert_redis_away(own, "no answer within 1000 ms; start it")
    finally:
        os.kill(own.redis_pid, signal.SIGCONT)
    os.kill(own.redis_pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(own.redis_socket), "Redis to end")
    assert_redis_away(own, r"Redis at unix:\S+: No such file or directory; start it")


# Dovecot

# Where Postern's lines are, and behind them a site's own, which win.
POSTERN, SITE = "etc/dovecot-postern.conf", "etc/dovecot.conf"

DOVECOT = {
    "passdb of the site first": (
        SITE, [(r"^(!include .*dovecot-postern.conf)$",
                r"passdb {\n  driver = pam\n}\n\1")],
        "dovecot-passdb-first", "wrong", "passdb pam is asked before"),
    "passdb in a block": (
        SITE, [(r"\Z", "\nprotocol smtp {\n  passdb {\n    driver = pam\n  }\n}\n")],
        "dovecot-passdb-first", "warning", "inside a protocol block"),
    "refusals aren't final": (
        POSTERN, [(r"^  result_failure = .*\n", "")],
        "dovecot-passdb-final", "wrong", "result_failure = continue.*set .* return-fail"),
    "failures aren't final": (
        POSTERN, [(r"^  result_internalfail = .*", "  result_internalfail = continue")],
        "dovecot-passdb-final", "wrong", "result_internalfail = continue"),
    "only some names are asked": (
        POSTERN, [(r"^  result_failure", "  username_filter = *@example.org\n  result_failure")],
        "dovecot-passdb-final", "wrong", r"username_filter = \*@example\.org"),
    "another settings file": (
        POSTERN, [(r"^  args = .*", "  args = /etc/postern/other.conf")],
        "dovecot-settings", "wrong", "args = /etc/postern/other.conf.*the same file in all"),
    "another settings file in the userdb": (
        POSTERN, [(r"^(userdb {\n  driver = postern\n  args) = .*",
                   r"\1 = /etc/postern/other.conf")],
        "dovecot-settings", "wrong", "userdb postern has args = /etc/postern/other.conf"),
    "no userdb": (
        POSTERN, [(r"^userdb {\n  driver = postern\n  args = .*\n}", "")],
        "dovecot-userdb", "wrong", "No userdb has driver = postern"),
    "userdb of the site first": (
        SITE, [(r"^(!include .*dovecot-postern.conf)$",
                r"userdb {\n  driver = passwd\n}\n\1")],
        "dovecot-userdb", "wrong", "userdb passwd is asked before"),
    "no userdb of the site": (
        SITE, [(r"^userdb {\n(.*\n)*?}", "")],
        "dovecot-userdb", "wrong", "there is no other"),
    "sessions in one process": (
        SITE, [(r"\Z", "\nservice pop3 {\n  client_limit = 5\n}\n")],
        "dovecot-sessions", "warning", "service pop3 has client_limit = 5"),
    "hibernation": (
        SITE, [(r"\Z", "\nprotocol imap {\n  imap_hibernate_timeout = 30 s\n}\n")],
        "dovecot-sessions", "warning", "imap_hibernate_timeout is set"),
    "master users from outside": (
        SITE, [(r"\Z", "\npassdb {\n  driver = passwd-file\n  args = /etc/masters\n"
                       "  master = yes\n}\n")],
        "dovecot-master-users", "warning", "add result_success = continue"),
    "another mechanism": (
        SITE, [(r"\Z", "\nauth_mechanisms = plain login cram-md5\n")],
        "dovecot-mechanisms", "wrong", "offers cram-md5"),
    "no LOGIN": (
        SITE, [(r"\Z", "\nauth_mechanisms = plain\n")],
        "dovecot-mechanisms", "warning", "lacks login"),
    "Dovecot's own characters": (
        POSTERN, [(r"^auth_username_chars = .*\n", "")],
        "dovecot-names", "warning", r'lacks "\+=&\'~ "'),
    "no digits": (
        POSTERN, [(r"^auth_username_chars = .*",
                   "auth_username_chars = abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@.")],
        "dovecot-names", "wrong", "lacks '0'"),
    "passwords in the clear": (
        SITE, [(r"\Z", "\ndisable_plaintext_auth = no\n")],
        "dovecot-tls", "wrong", "set disable_plaintext_auth = yes"),
    "ssl = yes": (
        SITE, [(r"\Z", "\nssl = yes\n")], "dovecot-tls", "warning", "set ssl = required"),
    "ssl = no": (
        SITE, [(r"\Z", "\nssl = no\n")], "dovecot-tls", "wrong", "set ssl = required"),
    "two POP3 sessions": (
        SITE, [(r"\Z", "\nprotocol pop3 {\n  pop3_lock_session = no\n}\n")],
        "dovecot-pop3-lock", "wrong", "set pop3_lock_session = yes"),
    "trusted, and not internal": (
        SITE, [(r"\Z", "\nlogin_trusted_networks = 127.0.0.3 192.0.2.0/24\n")],
        "dovecot-trusted", "warning", "^192.0.2.0/24 in login_trusted_networks isn't internal"),
    "API for everybody": (
        POSTERN, [(r"^    address = 127.0.0.1\n", "")],
        "api-address", "warning", "listens on all addresses without TLS"),
    "API without a key": (
        POSTERN, [(r"^!include_try .*api.conf", "")], "api-key", "wrong",
        "doveadm_api_key isn't set.* at 127.0.0.1 refuses everyone"),
    "API with all commands": (
        POSTERN, [(r"^doveadm_allowed_commands = .*", "doveadm_allowed_commands =")],
        "api-commands", "wrong", "can read and delete all mail"),
    "API with a space": (
        POSTERN, [(r"^(doveadm_allowed_commands = .*),postern off", r"\1, postern off")],
        "api-commands", "wrong", "space next to a comma"),
    **{f"API with {command}": (
        POSTERN, [(r"^(doveadm_allowed_commands = .*)", rf"\1,{command}")],
        "api-commands", "wrong", f"key gives access to {command}, which {what}: remove it from")
       for command, what in [("search", "reads mail"), ("fetch", "reads mail"),
                             ("kick", "ends any session"), ("who", "shows who is logged in"),
                             ("mailbox delete", "deletes mailboxes"), ("exec", "runs programs"),
                             ("dsync-server", "reads mail")]},
    "API with something else": (
        POSTERN, [(r"^(doveadm_allowed_commands = .*)", r"\1,quota get")],
        "api-commands", "warning", "key gives access to quota get, which isn't Postern's"),
    "API with what only support has": (
        POSTERN, [(r"^(doveadm_allowed_commands = .*)", r"\1,postern history")]),
    "API with more for some clients": (
        SITE, [(r"\Z", "\nremote 192.0.2.0/24 {\n  doveadm_allowed_commands = fetch\n}\n")],
        "api-commands", "wrong", "access to fetch, .* of remote 192.0.2.0/24$"),
    "API with more at its address": (
        SITE, [(r"\Z", "\nlocal 127.0.0.0/8 {\n  doveadm_allowed_commands = fetch\n}\n")],
        "api-commands", "wrong", "access to fetch, .* of local 127.0.0.0/8$"),
    "API with more elsewhere": (
        SITE, [(r"\Z", "\nlocal 192.0.2.1 {\n  doveadm_allowed_commands = fetch\n}\n")]),
    "API with more for a protocol": (
        SITE, [(r"\Z", "\nprotocol doveadm {\n  doveadm_allowed_commands = fetch\n}\n")],
        "api-commands", "wrong", "access to fetch, .* of protocol doveadm$"),
    "webmail's key opens the worker's listener": (
        POSTERN, [(r"^  executable = doveadm-server .*", "  executable = doveadm-server")],
        "api-worker", "wrong", "key gives access to the worker's listener"),
    "support's listener without a key": (
        POSTERN, [(r"^  !include_try .*support.conf", "")], "api-key", "wrong",
        r"doveadm_password isn't set for 127\.0\.0\.9"),
    "support's listener with all commands": (
        POSTERN, [(r"^  doveadm_allowed_commands = postern on,.*", "  doveadm_allowed_commands =")],
        "api-commands", "wrong", r"of local 127\.0\.0\.9 is empty"),
    "no door for the worker": (
        SITE, [(r"\Z", "\nservice postern-worker {\n  inet_listener http {\n    port = 0\n"
                       "  }\n}\n")],
        "api-worker", "warning", r"doesn't listen on http://127\.0\.0\.8:\d+/"),
    "the worker may do too little": (
        POSTERN, [(r"^(  doveadm_allowed_commands = .*),postern notice delivered", r"\1")],
        "api-worker", "wrong", "may not run postern notice delivered on its listener"),
}


@pytest.mark.parametrize("row", DOVECOT.values(), ids=DOVECOT)
def test_dovecot(own, row):
    """Each row: the file, what is changed in it, and what is said of it: name, status and text."""
    file, changes, *said = row
    with changed(f"{own.directory}/{file}", *changes):
        found = complaints(check(own))
    expected = {said[i]: (said[i + 1], said[i + 2]) for i in range(0, len(said), 3)}
    assert set(found) == set(expected)
    for name, (status, text) in expected.items():
        assert found[name][0] == status and re.search(text, found[name][1]), found
    assert not complaints(check(own))


def test_dovecot_master_users_are_refused(own):
    with changed(f"{own.directory}/{SITE}", (
            r"\Z", "\npassdb {\n  driver = passwd-file\n  args = /etc/masters\n  master = yes\n"
                   "  result_success = continue\n}\n")):
        said = check(own)
    assert not complaints(said)
    assert said["dovecot-master-users"][1] == "Master users are refused from outside."


def test_dovecot_without_postern(own):
    with changed(f"{own.directory}/{POSTERN}", (r"^  driver = postern", "  driver = pam")):
        found = complaints(check(own))
    assert found["dovecot-passdb-first"][0] == found["dovecot-userdb"][0] == "wrong"
    assert "No passdb has driver = postern" in found["dovecot-passdb-first"][1]
    assert found["dovecot-passdb-final"][0] == found["dovecot-settings"][0] == "unknown"


def test_dovecot_without_an_api(own):
    with changed(f"{own.directory}/{POSTERN}", (r"^  inet_listener http {", "  inet_listener x {"),
                 (r"^doveadm_allowed_commands = .*", ""), (r"^!include_try .*", "")):
        said = check(own)
    assert list(complaints(said)) == ["api-worker"]
    assert said["api-key"] == ("ok", "There is no HTTP API.")


def test_dovecot_mistake(own):
    """doveadm itself doesn't start with one; its process that serves HTTP has started before."""
    with changed(f"{own.directory}/{SITE}", (r"\Z", "\nnonsense = 1\n")):
        rows = support_rows(own, "posternCheck")
    found = complaints({row["check"]: (row["status"], row["text"]) for row in rows})
    status, text = found.pop("dovecot")
    assert status == "wrong" and re.search(r"doveconf: .*etc/dovecot\.conf.* nonsense", text)
    assert list(found) == TOPICS["dovecot"]
    assert {status for status, _ in found.values()} == {"unknown"}


# Postfix

MAIN, MASTER = "postfix/etc/main.cf", "postfix/etc/master.cf"
FIRST = r"127\.0\.0\.1:\d+/inet "

POSTFIX = {
    "another SASL": (
        MAIN, [(r"^smtpd_sasl_type = .*", "smtpd_sasl_type = cyrus")],
        "postfix-sasl", "wrong", "smtpd_sasl_type is cyrus"),
    "a socket that nobody listens on": (
        MAIN, [(r"^smtpd_sasl_path = .*", "smtpd_sasl_path = private/nobody")],
        "postfix-sasl", "wrong", "Nothing listens on .*/private/nobody"),
    "AUTH at port 25": (
        MASTER, [(r"\A", "127.0.0.1:25 inet n - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n"
                         "  -o smtpd_milters=$postern_milter\n"
                         "  -o smtpd_sender_restrictions=$postern_sender_restrictions\n"
                         "  -o smtpd_discard_ehlo_keywords=dsn\n")],
        "postfix-port-25", "wrong", "127.0.0.1:25/inet offers AUTH"),
    "AUTH at port 25 by name": (
        MASTER, [(r"\A", "smtp inet n - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n"
                         "  -o { smtpd_milters = inet:127.0.0.1:1, $postern_milter }\n"
                         "  -o smtpd_sender_restrictions=$postern_sender_restrictions\n"
                         "  -o smtpd_discard_ehlo_keywords=starttls,DSN\n")],
        "postfix-port-25", "wrong", "smtp/inet offers AUTH"),
    "AUTH behind postscreen": (
        MASTER, [(r"\A", "smtpd pass - - y - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n"
                         "  -o smtpd_milters=unix:postern/milter.sock\n"
                         "  -o smtpd_sender_restrictions=$postern_sender_restrictions\n"
                         "  -o smtpd_discard_ehlo_keywords=dsn\n")],
        "postfix-port-25", "wrong", "smtpd/pass offers AUTH"),
    "a service without the milter": (
        MASTER, [(r"(syslog_name=postfix/submissions\n(?:.*\n)*?  -o smtpd_milters=).*\n",
                  r"\1\n")],
        "postfix-milter", "wrong", FIRST + "doesn't ask postern-milter"),
    "a service with the milter of port 25": (
        MASTER, [(r"(syslog_name=postfix/submissions\n(?:.*\n)*?)  -o smtpd_milters=.*\n", r"\1")],
        "postfix-milter-action", "wrong", FIRST + "has default_action=accept"),
    "nobody can send": (
        MASTER, [(r"^  -o smtpd_sasl_auth_enable=yes\n", "")],
        "postfix-milter", "warning", "nobody can send"),
    "the milter over TCP": (
        MAIN, [("{ unix:postern/milter.sock,", "{ inet:127.0.0.1:8899,")],
        "postfix-milter-address", "warning", FIRST + ".*44 ms: use the unix socket"),
    "another socket": (
        MAIN, [("{ unix:postern/milter.sock,", "{ unix:postern/other.sock,")],
        "postfix-milter-address", "wrong", FIRST + "asks unix:postern/other.sock"),
    "the milter is away": (
        MAIN, [("default_action=tempfail", "default_action=accept")],
        "postfix-milter-action", "wrong", FIRST + "has default_action=accept"),
    "the milter is away, by default": (
        MAIN, [(" default_action=tempfail,", ""),
               (r"\Z", "\nmilter_default_action = quarantine\n")],
        "postfix-milter-action", "wrong", "has default_action=quarantine"),
    "no milters at a service": (
        MASTER, [(r"(syslog_name=postfix/submissions\n)",
                  r"\1  -o receive_override_options=no_milters\n")],
        "postfix-milter-options", "wrong", FIRST + "has no_milters"),
    "a filter before the milter": (
        MASTER, [(r"^  -o smtpd_proxy_filter=$", "  -o smtpd_proxy_filter=127.0.0.1:24")],
        "postfix-milter-options", "wrong", FIRST + "has an smtpd_proxy_filter"),
    "nobody told who logged in": (
        MAIN, [(r"\Z", "\nmilter_mail_macros = i {mail_addr} {client_addr}\n")],
        "postfix-milter-options", "wrong", FIRST + "doesn't tell the milter who logged in"),
    "clients exempt from milters": (
        MAIN, [(r"\Z", "\nsmtpd_milter_maps = cidr:/etc/postfix/milters\n")],
        "postfix-milter-options", "warning", FIRST + "looks up its milters by client"),
    "bounces that nobody sees": (
        MAIN, [(r"^non_smtpd_milters = .*", "")],
        "postfix-bounces", "wrong", "set non_smtpd_milters = "),
    "bounces that another sees": (
        MAIN, [(r"^non_smtpd_milters = .*", "non_smtpd_milters = unix:postern/other.sock")],
        "postfix-bounces", "wrong", "set non_smtpd_milters = "),
    "bounces that no milter sees": (
        MAIN, [(r"^internal_mail_filter_classes = .*", "")],
        "postfix-bounces", "wrong", "set internal_mail_filter_classes = bounce"),
    "port 25 without the milter": (
        MASTER, [(r"\A", "127.0.0.1:25 inet n - y - - smtpd\n  -o smtpd_milters=\n")],
        "postfix-bounces-port-25", "wrong", "127.0.0.1:25/inet doesn't ask postern-milter"),
    "port 25 before a filter": (
        MASTER, [(r"\A", "25 inet n - y - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:24\n"
                         "127.0.0.1:10025 inet n - y - - smtpd\n  -o smtpd_milters=\n"),
                 (r"^(127\.0\.0\.1:\d+ inet n - y - - smtpd)\n\n", r"\1 -o smtpd_milters=\n\n")],
        "postfix-bounces-port-25", "wrong", "25/inet hands mail to smtpd_proxy_filter"),
    "no milters behind postscreen": (
        MASTER, [(r"\A", "smtpd pass - - y - - smtpd\n"
                         "  -o receive_override_options=no_milters\n")],
        "postfix-bounces-port-25", "wrong", "smtpd/pass has no_milters"),
    "bounces wait": (
        MAIN, [(r"^non_smtpd_milters = .*", "non_smtpd_milters = $postern_milter")],
        "postfix-bounces-action", "wrong", "non_smtpd_milters has default_action=tempfail"),
    "mail from elsewhere waits": (
        MASTER, [(r"\A", "smtp inet n - y - - smtpd\n  -o smtpd_milters=$postern_milter\n")],
        "postfix-bounces-action", "wrong", "smtp/inet has default_action=tempfail"),
    "tables that see bounces": (
        MAIN, [(r"\Z", "\nheader_checks = regexp:/etc/postfix/header_checks\n")],
        "postfix-bounces-checks", "warning", "header_checks acts on Postfix's own bounces"),
    "tables for bodies that see bounces": (
        MAIN, [(r"\Z", "\nbody_checks = regexp:/etc/postfix/body_checks\n")],
        "postfix-bounces-checks", "warning", "body_checks acts on Postfix's own bounces"),
    "sendmail's mail is taken for a bounce": (
        MASTER, [(r"^  -o cleanup_service_name=cleanup-sendmail\n", "")],
        "postfix-pickup", "warning", "as pickup/unix leads to postern-milter: add -o cleanup_"),
    "the cleanup of its own asks Postern": (
        MASTER, [(r"^  -o non_smtpd_milters=\n", "")],
        "postfix-pickup", "warning", "as pickup/unix leads to postern-milter"),
    "the cleanup of its own isn't there": (
        MASTER, [(r"^cleanup-sendmail unix .*\n.*\n", "")],
        "postfix-pickup", "wrong", "pickup/unix hands mail to cleanup-sendmail/unix, which"),
    "pickup as it was stands there too": (
        MASTER, [(r"\Z", "\npickup unix n - y 60 1 pickup\n")],
        "postfix-pickup", "warning", "pickup/unix is in master.cf twice"),
    "a filter's way back": (
        MASTER, [(r"\A", "127.0.0.1:24 inet n - y - - smtpd\n  -o content_filter=f:127.0.0.1:26\n"
                         "127.0.0.1:10025 inet n - y - - smtpd\n  -o content_filter=\n")],
        "postfix-filter", "warning", "127.0.0.1:10025/inet takes mail back"),
    "a sender address that never bounces": (
        MASTER, [(r"^  -o smtpd_sender_restrictions=.*$", "  -o smtpd_sender_restrictions=")],
        "postfix-sender", "warning", FIRST + "accepts Postfix's own double_bounce_sender"),
    "notices": (
        MAIN, [(r"\Z", "\nauthorized_submit_users = root, www-data\n")],
        "postfix-sendmail", "warning", "postern-worker can't send notices .* daemon,"),
    "DSN": (
        MASTER, [(r"^  -o smtpd_discard_ehlo_keywords=.*\n", "")],
        "postfix-dsn", "wrong", FIRST + "offers DSN"),
    "short queue ids": (
        MAIN, [(r"^enable_long_queue_ids = .*", "enable_long_queue_ids = no")],
        "postfix-queue-ids", "wrong", "set enable_long_queue_ids = yes"),
    "another protocol": (
        MASTER, [(r"^(  -o smtpd_tls_wrappermode=yes)$",
                  r"\1\n  -o smtpd_sasl_service=submission")],
        "postfix-protocol", "wrong", FIRST + "has smtpd_sasl_service = submission"),
}


@pytest.mark.parametrize("file, changes, name, status, text", POSTFIX.values(), ids=POSTFIX)
def test_postfix(own, file, changes, name, status, text):
    with changed(f"{own.directory}/{file}", *changes):
        assert_only(own, name, status, text)
    assert not complaints(check(own))


ADVICE = {
    "the samples": ("", {"postfix-sender": FIRST + "accepts any sender address .*",
                         "postfix-sendmail": "Any user of this host may send .*"}),
    "the login's own sender address": (
        "postern_sender_restrictions = check_sender_access inline:{<>=REJECT},\n"
        "  reject_sender_login_mismatch",
        {"postfix-sender": r"A login's sender address has to be its own\."}),
    "sendmail for a few": (
        "authorized_submit_users = root, daemon",
        {"postfix-sendmail": r"Only those in authorized_submit_users may use sendmail\(1\)\."}),
    "milters named by other parameters": (
        "all_milters = inet:127.0.0.1:8891, $postern_bounce_milter\n"
        "smtpd_milters = $all_milters\nnon_smtpd_milters = ${smtpd_milters}",
        {"postfix-bounces": "Postfix shows its own bounces .*",
         "postfix-bounces-port-25": r"Services on port 25 that show bounces to the milter: 1\."}),
}


@pytest.mark.parametrize("lines, expected", ADVICE.values(), ids=ADVICE)
def test_postfix_is_well(own, lines, expected):
    with changed(f"{own.directory}/{MASTER}", (r"\A", "smtp inet n - y - - smtpd\n")), \
            changed(f"{own.directory}/{MAIN}", (r"\Z", f"\n{lines}\n")):
        said = check(own)
    assert not complaints(said)
    for name, text in expected.items():
        assert re.fullmatch(text, said[name][1])


def test_postfix_tls(own):
    # Its own exception counts no longer, and here are services for everybody.
    with changed(f"{own.directory}/{MAIN}", (r"^smtpd_tls_auth_only = .*", "")), \
            changed(f"{own.directory}/{MASTER}", (r"^  -o smtpd_tls_security_level=encrypt\n", "")):
        status, text = check(own)["postfix-tls"]
    assert status == "warning" and re.match(FIRST + "accepts passwords in the clear", text)


def test_postfix_tls_everywhere(own):
    with changed(f"{own.directory}/{MASTER}", (r"^  -o smtpd_tls_auth_only=no\n", "")):
        assert check(own)["postfix-tls"] == ("ok", "SMTP AUTH needs TLS.")


def test_postfix_mistake(own):
    with changed(f"{own.directory}/{MASTER}", (r"\A", "nonsense\n")):
        found = complaints(check(own))
    status, text = found.pop("postfix")
    assert status == "wrong" and text.startswith("postconf: ") and "master.cf" in text
    assert {status for status, _ in found.values()} <= {"unknown"} and found


def test_postfix_absent(own):
    shutil.move(f"{own.directory}/{MAIN}", f"{own.directory}/main.cf.away")
    try:
        said = check(own)
    finally:
        shutil.move(f"{own.directory}/main.cf.away", f"{own.directory}/{MAIN}")
    assert not complaints(said)
    assert [name for name in said if name.startswith("postfix")] == ["postfix"]
    assert said["postfix"][1].startswith("Not on this host")


# The milter and the module

@contextlib.contextmanager
def milter_socket_replaced(own):
    folder = f"{own.directory}/postfix/spool/postern"
    os.rename(f"{folder}/milter.sock", f"{folder}/away.sock")
    try:
        yield f"{folder}/milter.sock"
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{folder}/milter.sock")
        os.rename(f"{folder}/away.sock", f"{folder}/milter.sock")


def test_milter_socket_missing(own):
    with milter_socket_replaced(own):
        found = complaints(check(own))
    assert found["milter"][0] == "wrong" and "start postern-milter" in found["milter"][1]


def test_milter_socket_is_a_file(own):
    with milter_socket_replaced(own) as path:
        open(path, "w", encoding="ascii").close()
        assert_only(own, "milter", "wrong", "is not a socket")


def test_milter_gone(own):
    """It left its socket behind."""
    with milter_socket_replaced(own) as path:
        folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(f"/proc/self/fd/{folder}/milter.sock")
        os.close(folder)
        shutil.chown(path, "nobody", "postfix")
        os.chmod(path, 0o660)
        assert_only(own, "milter", "wrong", "Connection refused: postern-milter isn't running")


@pytest.mark.parametrize("group, mode", [("root", 0o770), ("postfix", 0o700)])
def test_milter_socket_closed_to_postfix(own, group, mode):
    path = f"{own.directory}/postfix/spool/postern/milter.sock"
    before = os.stat(path)
    shutil.chown(path, group=group)
    os.chmod(path, mode)
    try:
        assert_only(own, "milter", "wrong", "isn't open to the group postfix")
    finally:
        os.chown(path, -1, before.st_gid)
        os.chmod(path, before.st_mode)


def test_module_missing(own):
    path = f"{own.directory}/modules/auth/libauthdb_postern.so"
    os.rename(path, f"{own.directory}/libauthdb_postern.so")
    try:
        assert_only(own, "module", "warning", "won't start with passdb postern")
    finally:
        os.rename(f"{own.directory}/libauthdb_postern.so", path)
