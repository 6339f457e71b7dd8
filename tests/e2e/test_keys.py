"""
Keys that open only what they must: doveadm's three listeners, each component's secrets, and what a
milter that is taken over gets hold of (A2).
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import urllib.request

import pytest
import redis

from bounces import bring, dsn
from conftest import new_account, wait_until
from doors import (DOORS, SUPPORT, WEBMAIL, WORKER, encode, http, http_rows, key, post, url,
                   worker_password)
from logins import pop3_login
from script_site import script_text
from test_check import changed
from test_redis_users import answers, MILTER
from test_worker import wait_for_end

EX_CONFIG = 78

WEBMAILS = ["postern on", "postern off", "postern status", "postern password add",
            "postern password list", "postern password revoke", "postern password-changed"]
SUPPORTS = WEBMAILS + ["postern set", "postern history", "postern list", "postern erase",
                       "postern check", "postern system"]
COMMANDS = {WEBMAIL: WEBMAILS, SUPPORT: SUPPORTS,
            WORKER: ["postern sessions end", "postern notice delivered"]}


@pytest.fixture(scope="module", name="box")
def fixture_box(make_module_sandbox):
    return make_module_sandbox(options=["--no-penalty", "--redis-auth"])


# Doors

def camel(command):
    """As Dovecot names commands over HTTP."""
    first, *rest = re.split("[ -]", command)
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def all_commands(box):
    request = urllib.request.Request(url(box, WEBMAIL),
                                     headers={"Authorization": key(box, WEBMAIL)})
    with urllib.request.urlopen(request, timeout=20) as response:
        return [row["command"] for row in json.load(response)]


@pytest.mark.parametrize("door", DOORS)
def test_each_door_has_its_list(box, door):
    """Of all commands that doveadm knows, those of Postern's plugin among them."""
    known = all_commands(box)
    allowed = {camel(command) for command in COMMANDS[door]}
    assert len(known) > 100 and allowed <= set(known)
    opened = {name for name in known if name not in allowed
              and http(box, [name, {}], door=door) !=
              [("error", {"type": "unAuthorized", "exitCode": 0})]}
    assert not opened
    for name in allowed:
        (kind, content), = http(box, [name, {}], door=door)
        assert kind == "doveadmResponse" or content["type"] != "unAuthorized", name


@pytest.mark.parametrize("door", DOORS)
def test_no_key_opens_another_door(box, door):
    """Nor does a key in another scheme, half a key, or none."""
    command = camel(COMMANDS[door][0])
    passwords = {WEBMAIL: box.doveadm_api_key, SUPPORT: box.doveadm_support_password,
                 WORKER: worker_password(box)}
    keys = [scheme + encode(user + password) for password in (*passwords.values(), "")
            for scheme, user in (("X-Dovecot-API ", ""), ("Basic ", "doveadm:"), ("Basic ", ""))]
    keys += [key(box, door)[:-4], "X-Dovecot-API", "Basic", "Basic " + encode("doveadm"), ""]
    right = key(box, door)
    assert right in keys
    for one in keys:
        status, _ = post(url(box, door), one, [[command, {}, "1"]])
        assert (one, status) == (one, 200 if one == right else 401)


def test_webmails_key_reads_no_mail(box, account):
    """A PIN in a message was read digit by digit with search; kick took masks."""
    with box.mx() as client:
        client.sendmail("bank@remote.test", [account], "Subject: PIN\r\n\r\nIt is 4711.\r\n")
    box.wait_for_mail(account)
    for name, parameters in [
            ("search", {"user": account, "query": ["body", "4711"]}),
            ("fetch", {"user": account, "field": ["text"], "query": ["all"]}),
            ("who", {"mask": ["*"]}), ("kick", {"mask": ["*"]}),
            ("mailboxList", {"user": account}), ("expunge", {"user": account, "query": ["all"]})]:
        assert http(box, [name, parameters]) == \
            [("error", {"type": "unAuthorized", "exitCode": 0})]


# The secrets of each piece

def subkey(master, label):
    """HKDF-SHA256 (RFC 5869), of one block."""
    extracted = hmac.new(bytes(32), master, hashlib.sha256).digest()
    return hmac.new(extracted, label.encode() + b"\1", hashlib.sha256).digest()


def masters(box):
    with open(box.secrets_file, encoding="ascii") as file:
        return [bytes.fromhex(found) for found in
                re.findall(r"^\d+ = ([0-9a-f]{64})$", file.read(), re.MULTILINE)]


def forms(secret):
    """What a secret may look like; of bytes, or of a text."""
    if isinstance(secret, str):
        return [secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")[:-1]]
    return [secret, secret.hex().encode(), secret.hex().upper().encode(),
            base64.b64encode(secret).rstrip(b"=")]


def secrets_beside_the_milters(box):
    """By name: all that the milter has no need of."""
    found = {"the API's key": box.doveadm_api_key, "support's": box.doveadm_support_password,
             "the worker's": worker_password(box), "Redis's": box.redis_password}
    for number, master in enumerate(masters(box)):
        found[f"master {number}"] = master
        found[f"password {number}"] = subkey(master, "postern app password")
        found[f"notice {number}"] = subkey(master, "postern notice")
    return found


def traces(box):
    return [subkey(master, "postern trace header") for master in masters(box)]


def holds(data, secrets):
    """The names of those that are in there."""
    return {name for name, secret in secrets.items() if any(form in data for form in forms(secret))}


def as_milter(box, *words):
    """As what the milter's unit runs as: its user, also in Postfix's group."""
    groups = box.inside("id", "-g", "postfix").stdout.strip()
    gid = box.inside("id", "-g", box.milter_user).stdout.strip()
    return box.inside("setpriv", f"--reuid={box.milter_user}", f"--regid={gid}",
                      f"--groups={groups}", "--no-new-privs", *words)


def test_milters_user_reads_no_key(box):
    """Of all files of the site, and of what processes tell."""
    done = as_milter(box, "find", "/mnt/postern", "/proc", "-maxdepth", "8", "-type", "f",
                     "-readable", "(", "-path", "/mnt/*", "-o", "-name", "cmdline", "-o", "-name",
                     "environ", ")", "-print0")
    paths = [path for path in done.stdout.split("\0") if path]
    # The way that this test would find something.
    assert f"/mnt/postern/{os.path.relpath(box.milter_secrets_file, box.directory)}" in paths
    assert any(path.startswith("/proc/") for path in paths)
    found = {}
    for path in paths:
        try:
            with open(path.replace("/mnt/postern", box.directory), "rb") as file:
                names = holds(file.read(), secrets_beside_the_milters(box))
        except OSError:
            continue  # a process that has ended
        if names and str(os.getpid()) not in path:
            found[path] = names
    assert not found
    for path in "secrets", "secrets.worker", "secrets.doveadm", "doveadm-api.conf", \
            "doveadm-support.conf":
        done = as_milter(box, "cat", f"/mnt/postern/etc/{path}")
        assert "Permission denied" in done.stderr


def memory_of(pid):
    """All that the process has written to."""
    pieces = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            # A sanitizer's shadow of the memory has terabytes.
            if line.split()[1].startswith("rw") and end - start < 1 << 30:
                try:
                    mem.seek(start)
                    pieces.append(mem.read(end - start))
                except (OSError, OverflowError):
                    pass  # nothing is there
    return b"".join(pieces)


def test_milters_memory_has_no_key(make_sandbox, account):
    """Also after messages, a bounce, a reload and a new key: only what it uses is in there."""
    box = make_sandbox(options=["--redis-auth"])
    password = box.on(account)
    client = box.smtp()
    client.login(account, password)
    client.sendmail(account, ["friend@remote.test"], f"Subject: {account}\r\n\r\nHi\r\n")
    client.quit()
    message, = box.wait_for_remote_mail(1, account)
    bring(box, dsn(message["Postern-Trace"], "friend@remote.test"), account)
    box.wait_for_log("milter", f"bounce=genuine account={account}")
    box.doveadm("postern", "key", "add")
    assert len(masters(box)) >= 2
    before = box.log("milter").count("settings reloaded")
    subprocess.run(["kill", "-USR1", str(box.milter_pid)], check=True)
    box.wait_for_log("milter", "settings reloaded", before + 1)
    data = memory_of(box.milter_pid)
    assert all(trace in data for trace in traces(box))
    assert box.milter_redis_password.encode() in data
    assert holds(data, secrets_beside_the_milters(box)) == set()


def test_worker_has_no_key_for_app_passwords(make_sandbox):
    own = make_sandbox(options=["--redis-auth"], worker=True)
    wait_until(lambda: "started" in own.log("worker"), "the worker")
    (master,) = masters(own)
    data = memory_of(own.worker_pid)
    assert subkey(master, "postern notice") in data and worker_password(own).encode() in data
    assert holds(data, {"master": master, "password": subkey(master, "postern app password"),
                        "trace": traces(own)[0], "the API's key": own.doveadm_api_key,
                        "support's": own.doveadm_support_password,
                        "the milter's": own.milter_redis_password}) == set()


# A milter that is taken over

def account_key(box, user):
    found, = box.redis().scan_iter(f"postern:*:account:{user}")
    return found


def digests(user, password, keys):
    """The fields under which an app password would stand, if one of the keys were the right one."""
    plain = password.replace("-", "").encode()
    for material in keys:
        mac = hmac.new(material, user.encode() + b"\0" + plain, hashlib.sha256).digest()[:16]
        yield "app:1:" + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def test_milter_taken_over_makes_no_app_password(box):
    """It may write accounts, but doesn't know what is written of a password."""
    victim, other = new_account("victim"), new_account("other")
    password, others = box.on(victim), box.on(other)
    chosen = "aaaa-bbbb-cccc-dddd"
    redis_as_milter = redis.Redis(port=box.redis_port, username=MILTER, decode_responses=True,
                                  password=box.milter_redis_password)
    name = account_key(box, victim)
    value = next(value for field, value in redis_as_milter.hgetall(name).items()
                 if field.startswith("app:"))
    with open(box.milter_secrets_file, encoding="ascii") as file:
        known = [bytes.fromhex(found) for found in re.findall("[0-9a-f]{64}", file.read())]
    assert set(traces(box)) <= set(known)
    known += [bytes(32), b"", box.milter_redis_password.encode()]
    for field in digests(victim, chosen, known):
        redis_as_milter.hset(name, field, value)
    # Another account's, whose password a thief may know.
    for field, theirs in redis_as_milter.hgetall(account_key(box, other)).items():
        if field.startswith("app:"):
            redis_as_milter.hset(name, field, theirs)
    for guess in chosen, others:
        assert pop3_login(box.pop3(), victim, guess).startswith("-ERR [AUTH]")
    assert pop3_login(box.pop3(), victim, password).startswith("+OK")
    # With the right key it would have worked.
    right = [subkey(master, "postern app password") for master in masters(box)]
    for field in digests(victim, chosen, right[:1]):
        box.redis().hset(name, field, value)
    own = box.pop3()
    assert pop3_login(own, victim, chosen).startswith(("+OK", "-ERR [LOGIN-DELAY]"))


@pytest.mark.parametrize("command", [
    ["DEL", "ACCOUNT"], ["SET", "ACCOUNT", "x"], ["RENAME", "ACCOUNT", "postern:{1}:account:x"],
    ["HINCRBY", "ACCOUNT", "numbers", "1"], ["EXPIRE", "ACCOUNT", "1"], ["SCAN", "0"],
    ["ZRANGE", "UNUSED", "0", "-1"], ["ZADD", "UNUSED", "0", "x"], ["DEL", "SENT"],
    ["SET", "MARK", "x"], ["DEL", "MARK"], ["XRANGE", "OUTBOX", "-", "+"],
    ["XTRIM", "OUTBOX", "MAXLEN", "0"], ["GET", "GUESSES"], ["HGETALL", "WORKERS"],
    ["HSET", "WORKERS", "x", "y"], ["HDEL", "TRACED", "x"], ["HSET", "TRACED", "x", "y"],
    ["EVAL", "return 1", "0"], ["SCRIPT", "LOAD", "return 1"],
    ["FCALL", "x", "0"], ["FUNCTION", "LOAD", "#!lua name=x"], ["INFO"],
])
def test_milter_taken_over_does_no_more_in_redis(box, account, command):
    box.on(account)
    name = account_key(box, account)
    partition = name.split("account")[0]
    names = {"ACCOUNT": name, "MARK": partition + "mark", "UNUSED": partition + "unused",
             "OUTBOX": partition + "outbox", "SENT": f"{partition}sent:{account}",
             "GUESSES": f"{partition}guesses:{account}", "TRACED": partition + "traced",
             "WORKERS": "postern:{0}:workers"}
    client = redis.Redis(port=box.redis_port, username=MILTER, password=box.milter_redis_password)
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*(names.get(word, word) for word in command))


def test_milter_taken_over_runs_no_other_script(box, account):
    """Those of Dovecot and doveadm are known to Redis, by names that anybody can compute."""
    box.on(account)
    box.doveadm("postern", "erase", new_account("erased"))
    name = account_key(box, account)
    partition = name.split("account")[0]
    client = redis.Redis(port=box.redis_port, username=MILTER, password=box.milter_redis_password)
    keys = [partition + "mark", name, f"{partition}history:{account}", partition + "unused",
            partition + "outbox", f"{partition}guesses:{account}", f"{partition}sent:{account}",
            f"{partition}failures:{account}", partition + "traced", partition + "expiries"]
    digest = hashlib.sha1(script_text("erase").encode()).hexdigest()
    assert box.redis().script_exists(digest) == [True]
    with pytest.raises(redis.exceptions.ResponseError, match="NOPERM|permission"):
        client.evalsha(digest, len(keys), *keys, "1", "")
    assert box.status(account)["access"] == "enabled"


# A site that had one file

def test_a_site_of_before(make_sandbox):
    """Its keys, app passwords and headers go on; the daemons say which command they need."""
    own = make_sandbox({"tier free": {"messages_per_minute": "unlimited"}}, ["--no-penalty"], True)
    user = new_account("before")
    password = own.on(user)
    own.set(user, tier="paid")
    with own.smtp() as client:
        client.login(user, password)
        client.sendmail(user, ["friend@remote.test"], f"Subject: {user}\r\n\r\nHi\r\n")
    message, = own.wait_for_remote_mail(1, user)
    with open(own.secrets_file, encoding="ascii") as file:
        keys = file.read()
    for suffix in "milter", "worker", "doveadm":
        os.unlink(f"{own.secrets_file}.{suffix}")
    with open(own.secrets_file, "a", encoding="ascii") as file:
        file.write("[doveadm]\napi_key = the old one\n")
    os.chown(own.secrets_file, 0, 65534)
    os.chmod(own.secrets_file, 0o640)

    for program in "milter", "worker":
        done = own.inside(f"/mnt/postern/bin/postern-{program}", "--foreground", "--settings",
                          "/mnt/postern/etc/postern.conf")
        assert done.returncode == EX_CONFIG
        assert f'etc/secrets.{program}: No such file or directory: "doveadm postern key files"' in \
            done.stderr
    # Dovecot's auth and doveadm don't mind.
    assert pop3_login(own.pop3(), user, password).startswith("+OK")
    assert own.status(user)["access"] == "enabled"

    rows = own.doveadm("postern", "key", "files")
    assert [(row["status"], row["file"].rpartition("/")[2]) for row in rows] == [
        ("written", name) for name in
        ("secrets", "secrets.milter", "secrets.worker", "secrets.doveadm")]
    assert "until now; now only root can" in rows[0]["text"]
    assert own.doveadm_as(own.milter_user, "nogroup", "postern", "status", user).returncode != 0
    with open(own.secrets_file, encoding="ascii") as file:
        assert file.read().startswith(keys)
    assert os.stat(own.secrets_file).st_mode & 0o777 == 0o600
    own.doveadm("reload", formatter="flow")
    for part in "milter", "worker":
        own.restart(part)

    bring(own, dsn(message["Postern-Trace"], "friend@remote.test"), user)
    own.wait_for_log("milter", f"bounce=genuine account={user}")
    client = own.imap()
    client.login(user, password)
    own.off(user)
    wait_for_end(client)


def test_check_tells_root_of_the_sites_secrets(box):
    """A mistake there would stop Dovecot's auth at the next reload, and then nobody logs in."""
    program = ["/mnt/postern/bin/postern-worker", "--check", "--settings",
               "/mnt/postern/etc/postern.conf"]
    group = box.inside("id", "-g", box.worker_user).stdout.strip()
    as_worker = ["setpriv", f"--reuid={box.worker_user}", f"--regid={group}", "--clear-groups"]
    assert box.inside(*program).returncode == box.inside(*as_worker, *program).returncode == 0
    with changed(box.secrets_file, (r"^1 = ..", "1 = ")):
        done = box.inside(*program)
        assert done.returncode == EX_CONFIG
        assert re.search(r"etc/secrets:\d+: 1: expected 64 hexadecimal digits", done.stderr)
        # Who can't read it isn't told.
        assert box.inside(*as_worker, *program).returncode == 0
    with changed(box.worker_secrets_file, (r"^\[notice-keys\]", "[keys]")):
        done = box.inside(*program)
        assert done.returncode == EX_CONFIG and "etc/secrets.worker:" in done.stderr


def test_keys_are_made_on_the_command_line_only(make_sandbox):
    own = make_sandbox()
    with changed(f"{own.directory}/etc/dovecot-postern.conf",
                 (r"^(doveadm_allowed_commands = .*)", r"\1,postern key add,postern key files")):
        own.restart("dovecot")
        for name in "posternKeyAdd", "posternKeyFiles":
            row, = http_rows(own, name)
            assert row["status"] == "invalid" and "command line" in row["text"]
    assert len(masters(own)) == 1


def test_removed_key(make_sandbox):
    """What was made under it ends with its line, when the files have been made again."""
    own = make_sandbox(options=["--no-penalty"])
    old = new_account("old")
    old_password = own.on(old)
    own.doveadm("postern", "key", "add")
    new = new_account("new")
    new_password = own.on(new)
    with changed(own.secrets_file, (r"^1 = .*\n", "")):
        own.doveadm("postern", "key", "files")
        with open(own.milter_secrets_file, encoding="ascii") as file:
            assert re.findall(r"^(\d+) = ", file.read(), re.MULTILINE) == ["2", "2"]
        own.restart("dovecot")
        own.restart("milter")
        assert pop3_login(own.pop3(), old, old_password).startswith("-ERR [AUTH]")
        assert pop3_login(own.pop3(), new, new_password).startswith("+OK")
        assert answers(own, new)[0][0] == b"c"
