"""How long after a switch-off the last session of the account ends (D5)."""

import base64
import imaplib
import json
import select
import ssl
import statistics
import time
import urllib.request

from .measure import BenchError

ACCOUNTS = 100
SESSIONS = 3  # of each account, from outside
P99_MAX = 2.0


def open_session(site, user, password):
    client = imaplib.IMAP4_SSL("localhost", int(site.variables["IMAPS_PORT"]),
                               ssl_context=ssl.create_default_context(
                                   cafile=site.variables["CA_FILE"]))
    client.login(user, password)
    return client


def switch_off(site, user):
    """Over HTTP, as webmail does; the moment at which it was done."""
    request = urllib.request.Request(
        site.variables["DOVEADM_HTTP_URL"],
        json.dumps([["posternOff", {"users": user}, "1"]]).encode(),
        {"Authorization": "X-Dovecot-API " +
         base64.b64encode(site.variables["DOVEADM_API_KEY"].encode()).decode()})
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    if answer[0][1][0]["status"] != "disabled":
        raise BenchError(f"{user}: {answer}")
    return time.monotonic()


def wait_for_end(clients, since):
    """Seconds until the last of them has heard that it is over."""
    for client in clients:
        sock = client.socket()
        sock.settimeout(30)
        while True:
            if not sock.pending():
                select.select([sock], [], [], 30)
            if not sock.recv(4096):
                break
    return time.monotonic() - since


def measure(site, report, options):
    own = site.another("sessions", "--no-penalty")
    accounts = own.make_accounts("session", ACCOUNTS, "paid")
    with open(accounts, encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("\t") for line in file]
    took = []
    for user, password in pairs:
        clients = [open_session(own, user, password) for _ in range(SESSIONS)]
        took.append(wait_for_end(clients, switch_off(own, user)))
    took.sort()
    p99 = took[int(len(took) * 0.99) - 1]
    report.table(f"Seconds from a switch-off to the end of the last of {SESSIONS} IMAP sessions, "
                 f"{ACCOUNTS} accounts", ["", "p50", "p99", "most"],
                 [["sessions", f"{statistics.median(took):.3f}", f"{p99:.3f}", f"{took[-1]:.3f}"]])
    report.goal("seconds to the end of the last session, p99", p99, f"{p99:.3f}", "<=", P99_MAX)
