"""The sweep (D2): whether it costs what is due, not what exists; and how long it holds Redis up."""

import json
import statistics
import time

from .measure import BenchError
from .site import run

DUE = 1000
FEW, MANY = 10_000, 1_000_000
DAY = 24 * 3600 * 1000
PARTITIONS = 64
BLOCKED_MAX_US = 5000


def account_line(site, name, used):
    """As `doveadm postern export` writes it: access has been on for a year."""
    since = used - 300 * DAY
    return json.dumps({"v": 1, "account": f"{name}@{site.variables['DOMAIN']}", "fields": {
        "access": "enabled", "since": str(since), "numbers": "1",
        "app:1:" + "A" * 22: f"1 {since} 0 0 *",
        "seen:pop3": f"{used} 192.0.2.1 0000 1"}, "history": []})


def bring_in(site, prefix, count, used):
    """Through the import, as a site that moves here does."""
    path = site.path(f"{prefix}.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            file.write(account_line(site, f"{prefix}{number}", used) + "\n")
    began = time.monotonic()
    site.doveadm("import", path, timeout=900)
    return time.monotonic() - began


def sweep(site):
    """Seconds that it took to switch off all that was due."""
    began = time.monotonic()
    rows = site.doveadm("sweep", timeout=300).splitlines()[1:]
    seconds = time.monotonic() - began
    found = sum(row.split("\t")[1] == "disabled" for row in rows)
    if found != DUE:
        raise BenchError(f"{found} accounts were switched off, and {DUE} were due")
    return seconds


def measure(site, report, options):
    now = int(time.time() * 1000)
    seconds, filled, existing = {}, 0, 0
    longest = 0
    for size in FEW, MANY:
        filled = bring_in(site, f"active{size}-", size - existing, now - DAY)
        existing = size
        seconds[size] = []
        for turn in range(3):
            bring_in(site, f"due{size}-{turn}-", DUE, now - 61 * DAY)
            site.redis("config", "set", "slowlog-log-slower-than", "0", "slowlog-max-len", "100000")
            site.redis("slowlog", "reset")
            seconds[size].append(sweep(site))
            longest = max(longest, longest_call(site))
            site.redis("config", "set", "slowlog-log-slower-than", "-1")
    report.table(f"A sweep that finds {DUE} accounts: seconds, median (and best) of three",
                 ["accounts with access on", "seconds"],
                 [[f"{size:,}", f"{statistics.median(each):.2f} ({min(each):.2f})"]
                  for size, each in seconds.items()])
    print(f"  (the import of {MANY - FEW:,} accounts took {filled:.0f} s)")
    ratio = min(seconds[MANY]) / min(seconds[FEW])
    report.goal(f"seconds of a sweep, {MANY:,} / {FEW:,} accounts", ratio, f"{ratio:.2f}", "<=",
                1.5)
    report.goal("us that the longest call of a sweep holds Redis up", longest, str(longest), "<=",
                BLOCKED_MAX_US)
    site.redis("flushall")
    site.doveadm("init")


def longest_call(site):
    """Microseconds of the longest script that Redis ran since the log was emptied."""
    text = run(["redis-cli", "-s", site.variables["REDIS_SOCKET"], "--json", "slowlog", "get",
                "100000"])
    return max((entry[2] for entry in json.loads(text) if entry[3][0].upper() == "EVALSHA"),
               default=0)
