"""Mail that nobody logged in to send, through postern-milter: inbound messages, and bounces."""

import re
import shlex

from .measure import BenchError, typical_ratio
from .milter import MANY, Contestant, start_null
from .site import wait_for

SMALL, SOME, BIG = 4096, 300 * 1024, 10 * 1024 * 1024
AT_ONCE = 10
CPU_MAX_US = 250
CPU_RATIO_MAX = 3
MEMORY_MAX_MB = 2


class Milter:
    """One beside the sandbox's, so that no other part's messages are in its memory."""

    def __init__(self, site):
        self.log = site.path("bounces-milter.log")
        self.socket = site.path("bounces.sock")
        with open(site.variables["SETTINGS_FILE"], encoding="utf-8") as file:
            settings = re.sub("(?m)^socket = .*", f"socket = {self.socket}", file.read())
        site.write("bounces.conf", settings)
        self.pid = site.spawn("bounces-milter", *shlex.split(site.variables["NSENTER"]),
                              "/mnt/postern/bin/postern-milter", "--foreground", "--settings",
                              site.path("bounces.conf"))
        wait_for(self.socket)
        self.address = self.socket, self.pid

    def memory(self):
        """MB that it has now, and the most that it had since forget_peak()."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            sizes = dict(line.split(":", 1) for line in file)
        return [int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def counted(self):
        """Bounces that it found genuine and counted."""
        with open(self.log, encoding="utf-8") as file:
            return sum(" verdict=counted " in line for line in file)


def bounces(site, name, milter, accounts, size, connections=1):
    kind = ["bounce", str(size), site.variables["SECRETS_FILE"], site.variables["DOMAIN"]]
    name += f", {size // 1024:,} KB" + (f", {connections} at once" if connections > 1 else "")
    return Contestant(name, milter, accounts, connections=connections, kind=kind)


def take_turns(site, options, contestants):
    for each in contestants:
        each.run(site, 0.3)
    for _ in range(options.rounds):
        for each in contestants:
            each.measure(site, options.seconds)


def measure_inbound(site, report, options, milter, null, accounts):
    pairs = [[Contestant(f"{name}, {count} a connection", filter_, accounts, count,
                         kind=["inbound"])
              for name, filter_ in (("postern", milter.address), ("null", null))]
             for count in (1, MANY)]
    take_turns(site, options, [each for pair in pairs for each in pair])
    report.rounds("Inbound messages, accepted at MAIL, 10 connections: median of the rounds (and "
                  "the best)", "message", [each for pair in pairs for each in pair])
    for (ours, nothing), count in zip(pairs, (1, MANY)):
        ratio = typical_ratio(ours.cpu, nothing.cpu)
        report.goal(f"CPU per inbound message, postern / null, {count} a connection", ratio,
                    f"{ratio:.2f}", "<=", 1.1)


def evalsha_calls(site):
    calls = site.redis_info("commandstats").get("cmdstat_evalsha", "calls=0,")
    return int(re.match(r"calls=(\d+),", calls)[1])


def measure_small(site, report, options, milter, null, accounts):
    contestants = [bounces(site, name, filter_, accounts, SMALL, count)
                   for count in (1, AT_ONCE)
                   for name, filter_ in (("postern", milter.address), ("null", null))]
    take_turns(site, options, contestants)
    before = evalsha_calls(site), milter.counted()
    sent = contestants[0].run(site, options.seconds)["ok"]
    asked, counted = evalsha_calls(site) - before[0], milter.counted() - before[1]
    if counted != sent:
        raise BenchError(f"of {sent} bounces {counted} were counted: {milter.log}")
    report.rounds("Bounces of 4 KB, each on a connection of its own: median of the rounds (and the "
                  "best)", "bounce", contestants)
    ratio = typical_ratio(contestants[0].cpu, contestants[1].cpu)
    print(f"  (CPU per bounce, postern / null: {ratio:.2f})")
    best = min(contestants[0].cpu)
    report.goal("CPU us per bounce of 4 KB, best round", best, f"{best:.0f}", "<=", CPU_MAX_US)
    report.goal("calls of Redis per bounce", asked / sent, f"{asked / sent:.3f}", "<=", 1)


def measure_big(site, report, options, milter, accounts):
    """After measure_small(), so that threads, scripts and connections are there."""
    some, big, many = [bounces(site, "postern", milter.address, accounts, size, count)
                       for size, count in ((SOME, 1), (BIG, 1), (BIG, AT_ONCE))]
    idle, _ = milter.memory()
    milter.forget_peak()
    take_turns(site, options, [some, big])
    after, peak = milter.memory()
    milter.forget_peak()
    take_turns(site, options, [many])
    after_many, peak_many = milter.memory()

    report.rounds("Bounces of 300 KB and of 10 MB: median of the rounds (and the best)", "bounce",
                  [some, big, many])
    report.table("Memory of postern-milter in MB, above what it has before",
                 ["", "after many", "at most"],
                 [["one at a time", f"{after - idle:.2f}", f"{peak - idle:.2f}"],
                  [f"{AT_ONCE} at once", f"{after_many - idle:.2f}", f"{peak_many - idle:.2f}"]])
    ratio = typical_ratio(big.cpu, some.cpu)
    report.goal("CPU per bounce, 10 MB / 300 KB", ratio, f"{ratio:.2f}", "<=", CPU_RATIO_MAX)
    report.goal("MB that bounces of 10 MB leave behind", after - idle, f"{after - idle:.2f}", "<",
                MEMORY_MAX_MB)
    report.goal("MB that bounces of 10 MB take, one at a time", peak - idle, f"{peak - idle:.2f}",
                "<", MEMORY_MAX_MB)
    report.goal(f"MB that they leave behind, {AT_ONCE} at once", after_many - idle,
                f"{after_many - idle:.2f}", "<", MEMORY_MAX_MB)


def measure(site, report, options):
    milter, null = Milter(site), start_null(site)
    accounts = site.make_accounts("bounced", 5000, "bounced")
    measure_inbound(site, report, options, milter, null, accounts)
    measure_small(site, report, options, milter, null, accounts)
    measure_big(site, report, options, milter, accounts)
