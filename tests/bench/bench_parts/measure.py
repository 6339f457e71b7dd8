"""What is measured of one round, and how rounds are put together and judged."""

import os
import statistics

TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Why there are no figures."""


def stat(pid):
    """(parent, seconds of CPU of the process and of its children that have ended)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) / TICKS


def cpu_seconds(root):
    """Of a process and all that descend from it, so far."""
    rows = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                rows[int(name)] = stat(name)
            except OSError:
                pass
    if root not in rows:
        raise BenchError(f"process {root} has ended")
    ours = {root}
    while more := {pid for pid, (parent, _) in rows.items() if parent in ours} - ours:
        ours |= more
    return sum(rows[pid][1] for pid in ours)


class Rounds:
    """The rounds of one contestant."""

    def __init__(self, name):
        self.name = name
        self.rates, self.cpu, self.redis_cpu, self.p50, self.p99 = [], [], [], [], []

    def add(self, load, cpu, redis_cpu):
        """load is what the generator printed; the others are seconds of CPU."""
        if load["refused"] or not load["ok"]:
            raise BenchError(f"{self.name}: {load['refused']} refused, {load['ok']} let through")
        self.rates.append(load["ok"] / load["seconds"])
        self.cpu.append(cpu / load["ok"] * 1e6)
        self.redis_cpu.append(redis_cpu / load["ok"] * 1e6)
        self.p50.append(load["p50_ms"])
        self.p99.append(load["p99_ms"])


def typical_ratio(over, under):
    """The median of the ratios of rounds that ran one after the other."""
    return statistics.median(a / b for a, b in zip(over, under))


class Report:
    """Tables, and goals that are met or missed."""

    def __init__(self):
        self.missed = []

    def table(self, title, columns, rows):
        print(f"\n{title}", flush=True)
        widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]
        for row in [columns, *rows]:
            cells = [str(row[0]).ljust(widths[0])]
            cells += [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  " + "  ".join(cells), flush=True)

    def goal(self, what, value, text, sign, limit):
        """sign is <= or >= or <; value is compared, text is shown."""
        met = {"<=": value <= limit, ">=": value >= limit, "<": value < limit}[sign]
        print(f"  {'met   ' if met else 'MISSED'}  {what}: {text} (goal {sign} {limit:g})",
              flush=True)
        if not met:
            self.missed.append(what)

    def rounds(self, title, unit, contestants):
        """One row for each; median and, behind it, the best of the rounds."""
        def both(values, best, digits):
            return f"{statistics.median(values):.{digits}f} ({best(values):.{digits}f})"

        self.table(title,
                   ["", f"{unit}s/s", f"CPU us/{unit}", f"Redis us/{unit}", "p50 ms", "p99 ms"],
                   [[each.name, both(each.rates, max, 0), both(each.cpu, min, 1),
                     both(each.redis_cpu, min, 1), both(each.p50, min, 2), both(each.p99, min, 2)]
                    for each in contestants])
