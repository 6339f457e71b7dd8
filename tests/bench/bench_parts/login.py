"""Logins on the auth socket: passdb postern, Dovecot's static, and a Lua passdb that asks Redis."""

import base64
import hashlib

from .measure import Rounds, cpu_seconds, typical_ratio

PASSWORD = "one-for-all"


def write_lua_accounts(site, users):
    """What passdb.lua looks up: a hash of as many fields as Postern's."""
    digest = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()
    site.redis(stdin="".join(
        f"HSET bench:account:{user} password {{SHA256}}{digest} access enabled since 1700000000000 "
        "by admin from 192.0.2.1 tier paid numbers 1 seen 1700000000000\n" for user in users))


def contestants(site, accounts):
    """(rounds, socket, pid, accounts) of each."""
    with open(accounts, encoding="utf-8") as file:
        users = [line.split("\t")[0] for line in file]
    write_lua_accounts(site, users)
    same = site.write_accounts("same-password", ((user, PASSWORD) for user in users))
    site.fill_in("passdb.lua", "passdb.lua", SOCKET=site.variables["REDIS_SOCKET"])
    passdbs = [("postern", "/mnt/postern/etc/postern.conf", accounts),
               ("static", f"password={PASSWORD}", same),
               ("lua", f"file={site.path('passdb.lua')} blocking=yes", same)]
    return [(Rounds(f"passdb {driver}"), *site.start_dovecot(driver, driver, arguments), listed)
            for driver, arguments, listed in passdbs]


def measure(site, report, options):
    accounts = site.make_accounts("login", 5000, "paid")
    all_of_them = contestants(site, accounts)
    for _, socket, _, listed in all_of_them:  # workers start, scripts are loaded
        site.load_logins(socket, listed, 0.5)
    for _ in range(options.rounds):
        for rounds, socket, pid, listed in all_of_them:
            before = cpu_seconds(pid), site.redis_cpu()
            load = site.load_logins(socket, listed, options.seconds)
            rounds.add(load, cpu_seconds(pid) - before[0], site.redis_cpu() - before[1])

    postern, static, lua = [each[0] for each in all_of_them]
    report.rounds("Logins, 200 in flight: median of the rounds (and the best)", "login",
                  [postern, static, lua])
    for other, limit in (static, 0.35), (lua, 3):
        ratio = typical_ratio(postern.rates, other.rates)
        report.goal(f"logins per second, postern / {other.name.split()[1]}", ratio, f"{ratio:.2f}",
                    ">=", limit)
