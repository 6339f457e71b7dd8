"""What Redis spends on a decision, and keeps of an account."""

import collections
import re
import statistics
import subprocess

from .measure import BenchError, typical_ratio
from .site import run

# A line of MONITOR; what a script calls comes from "lua" in place of an address.
MONITORED = re.compile(r'^\S+ \[\d+ (\S+)\] "([^"]*)"')


class Watch:
    """Counts the commands that clients send, and so the round trips."""

    def __init__(self, site):
        self.site = site

    def __enter__(self):
        self.process = subprocess.Popen(
            ["redis-cli", "-s", self.site.variables["REDIS_SOCKET"], "monitor"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "OK\n":
            raise BenchError("redis-cli monitor does not start")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def commands(self):
        """What came until now, by name."""
        self.site.redis("echo", "the end of the watch")
        counted = collections.Counter()
        for line in self.process.stdout:
            found = MONITORED.match(line)
            if '"the end of the watch"' in line:
                return counted
            if found and found[1] != "lua":
                counted[found[2].upper()] += 1
        raise BenchError("redis-cli monitor ended early")


class Yardstick:
    """A script that does nothing, called by a client that does nothing else: tells how fast the
    machine is just now."""

    CALLS = 5000

    def __init__(self, site):
        self.site = site
        self.digest = site.redis("script", "load", "return { 'allow' }").strip()

    def run(self):
        """Calls with as many keys and arguments as a decision has."""
        words = ["2", "postern:{0}:mark", "postern:{0}:account:nobody", *["argument"] * 16]
        run(["redis-benchmark", "-s", self.site.variables["REDIS_SOCKET"], "-q", "-c", "4",
             "-P", "50", "-n", str(self.CALLS), "evalsha", self.digest, *words])
        return self.CALLS


def cpu_of(site, load):
    """Microseconds of Redis's CPU for each decision that load() makes and counts."""
    before = site.redis_cpu()
    decisions = load()
    return (site.redis_cpu() - before) / decisions * 1e6


def ask(load, seconds, decisions_each):
    done = load(seconds)
    if done["refused"]:
        raise BenchError(f"{done['refused']} decisions were refusals")
    return done["ok"] * decisions_each


def measure_decisions(site, report, options):
    logins = site.make_accounts("decided", 2000, "metered")
    socket, _ = site.start_dovecot("decisions", "postern", "/mnt/postern/etc/postern.conf")
    kinds = [
        ("login", 1, lambda seconds: site.load_logins(socket, logins, seconds)),
        ("send", 2, lambda seconds: site.load_messages(site.variables["MILTER_SOCKET"], logins,
                                                       seconds, 50)),
    ]
    yardstick = Yardstick(site)
    rows, goals = [], []
    for name, each, load in kinds:
        load(0.3)  # connections, scripts
        with Watch(site) as watch:
            asked = ask(load, 0.2, each)
            commands = watch.commands()
        cpu, nothing = [], []
        for _ in range(options.rounds):
            cpu.append(cpu_of(site, lambda: ask(load, options.seconds, each)))
            nothing.append(cpu_of(site, yardstick.run))
        rows.append([name, f"{statistics.median(cpu):.1f} ({min(cpu):.1f})",
                     f"{statistics.median(nothing):.1f} ({min(nothing):.1f})",
                     f"{typical_ratio(cpu, nothing):.1f}", asked,
                     ", ".join(f"{count} {word}" for word, count in sorted(commands.items()))])
        goals += [(f"{name}: Redis CPU us a decision, best round", min(cpu), f"{min(cpu):.1f}",
                   "<=", 25),
                  (f"{name}: commands a decision", commands.total() / asked,
                   f"{commands.total() / asked:.3f}", "<=", 1)]
    report.table("Decisions in Redis (a message takes two: one at MAIL, one at its end), and a "
                 "script that does nothing: median (and best)",
                 ["", "CPU us a decision", "nothing", "ratio", "decisions watched",
                  "commands watched"], rows)
    for goal in goals:
        report.goal(*goal)
    return socket


def bytes_of(site, users):
    """Of all keys that are an account's: the mean, the most, and the mean of each kind."""
    kinds = collections.defaultdict(int)
    totals = []
    for user in users:
        total = 0
        for key in site.redis("--scan", "--pattern", f"postern:*:{user}").split():
            size = int(site.redis("memory", "usage", key, "samples", "0"))
            kinds[key.split(":")[2]] += size
            total += size
        totals.append(total)
    return (statistics.mean(totals), max(totals),
            ", ".join(f"{kind} {size / len(users):.0f}" for kind, size in sorted(kinds.items())))


def first_users(accounts, count):
    with open(accounts, encoding="utf-8") as file:
        return [line.split("\t")[0] for line in file][:count]


def measure_memory(site, report, socket):
    milter = site.variables["MILTER_SOCKET"]
    rows = []
    full = site.make_accounts("full", 50, "full")
    users = first_users(full, 10)
    rows.append(["switched on, given a tier", *bytes_of(site, users)])
    for service in "pop3", "imap", "smtp":
        site.load_logins(socket, full, 0.2, service=service)
    rows.append(["logged in by POP3, IMAP and SMTP", *bytes_of(site, users)])
    site.load_messages(milter, full, 0.5, 50)
    rows.append(["15 messages sent within the hour", *bytes_of(site, users)])

    before = int(site.redis("dbsize"))
    strangers = site.write_accounts("strangers", ((f"stranger{i}@{site.variables['DOMAIN']}",
                                                   "abcd-efgh-ijkm-npqr") for i in range(500)))
    refused = site.load_logins(socket, strangers, 0.2)["refused"]
    refused += site.load_messages(milter, strangers, 0.2)["refused"]
    new_keys = int(site.redis("dbsize")) - before

    report.table("Bytes an account with access on (MEMORY USAGE of all its keys)",
                 ["", "mean", "most", "of which"],
                 [[name, f"{mean:.0f}", most, kinds] for name, mean, most, kinds in rows])
    for name, _, most, _ in rows:
        report.goal(f"bytes, {name}", most, str(most), "<=", 600)
    report.goal(f"keys after {refused} refusals of accounts never switched on", new_keys,
                str(new_keys), "<=", 0)


def measure(site, report, options):
    measure_memory(site, report, measure_decisions(site, report, options))
