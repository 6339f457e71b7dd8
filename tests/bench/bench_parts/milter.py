"""Messages through postern-milter, through a filter that does nothing, and through rspamd."""

import os
import shutil

from .measure import Rounds, cpu_seconds, typical_ratio
from .site import wait_for

MANY = 50


def start_null(site):
    pid = site.spawn("null-milter", site.program("null-milter"), site.path("null.sock"))
    wait_for(site.path("null.sock"))
    return site.path("null.sock"), pid


def start_rspamd(site):
    folder = site.path("rspamd")
    os.makedirs(folder)
    shutil.chown(folder, "_rspamd")
    site.write("rspamd/domains", "com\norg\ntest\n")
    site.fill_in("rspamd.conf", "rspamd.conf", REDIS=site.variables["REDIS_SOCKET"])
    pid = site.spawn("rspamd", "rspamd", "-f", "-c", site.path("rspamd.conf"), "-u", "_rspamd",
                     "-g", "_rspamd")
    wait_for(f"{folder}/milter.sock")
    return f"{folder}/milter.sock", pid


class Contestant(Rounds):
    """A milter, the accounts that send through it, how many messages a connection carries, how
    many connections there are at once, and what the messages are."""

    def __init__(self, name, milter, accounts, per_connection=1, connections=10, kind=()):
        super().__init__(name)
        self.socket, self.pid = milter
        self.accounts = accounts
        self.per_connection = per_connection
        self.connections = connections
        self.kind = kind

    def run(self, site, seconds):
        return site.load_messages(self.socket, self.accounts, seconds, self.per_connection,
                                  self.connections, self.kind)

    def measure(self, site, seconds):
        before = cpu_seconds(self.pid), site.redis_cpu()
        load = self.run(site, seconds)
        self.add(load, cpu_seconds(self.pid) - before[0], site.redis_cpu() - before[1])


def judge(report, postern, null, rspamd):
    ratio = typical_ratio(postern.cpu, null.cpu)
    report.goal("CPU per message, postern / null", ratio, f"{ratio:.2f}", "<=", 1.6)
    ratio = typical_ratio(postern.rates, rspamd.rates)
    report.goal("messages per second, postern / rspamd", ratio, f"{ratio:.1f}", ">=", 5)
    best = min(postern.p99)
    report.goal("p99 of MAIL to verdict in ms, best round", best, f"{best:.2f}", "<", 3)


def measure(site, report, options):
    metered = site.make_accounts("metered", 2000, "metered")
    unlimited = site.make_accounts("unlimited", 2000, "paid")
    ours = site.variables["MILTER_SOCKET"], int(site.variables["MILTER_PID"])
    null, rspamd = start_null(site), start_rspamd(site)

    groups = []
    for per_connection in 1, MANY:
        groups.append([Contestant("postern, limits counted", ours, metered, per_connection),
                       Contestant("null libmilter filter", null, metered, per_connection),
                       Contestant("rspamd, only ratelimit", rspamd, metered, per_connection),
                       Contestant("postern, unlimited tier", ours, unlimited, per_connection)])
    for each in groups[0]:
        each.run(site, 0.5)
    for _ in range(options.rounds):
        for group in groups:
            for each in group:
                each.measure(site, options.seconds)
    for group, title in zip(groups, ("one message a connection", f"{MANY} messages a connection")):
        report.rounds(f"Messages of 4 KB, 10 connections, {title}: median of the rounds "
                      "(and the best)", "message", group)
        judge(report, *group[:3])
