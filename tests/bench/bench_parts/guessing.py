"""What it takes to switch a stranger off by guessing (D4), with Dovecot's delays and penalties."""

import base64
import concurrent.futures
import itertools
import socket
import ssl
import threading
import time

from .measure import BenchError

GUESSES = 10  # different ones that shut a network out: the default
NETWORKS = [10, 20, 40, 80, 80]  # shut out, that switch off for the first time, the second, ...
AT_ONCE = 50
IN_VAIN = 1000


class Victim:
    """A mailbox with external access, and its owner, who lets no switch-off stand."""

    def __init__(self, site, name):
        self.site, self.name = site, f"{name}@{site.variables['DOMAIN']}"
        self.site.doveadm("on", self.name)

    def is_on(self):
        header, row = self.site.doveadm("status", self.name).splitlines()
        return dict(zip(header.split("\t"), row.split("\t")))["access"] == "enabled"

    def comes_back(self):
        self.site.doveadm("password-changed", self.name)
        self.site.doveadm("on", self.name)


class Wire:
    """IMAP over TLS, from addresses of the host itself."""

    def __init__(self, site):
        self.port = int(site.variables["IMAPS_PORT"])
        self.tls = ssl.create_default_context(cafile=site.variables["CA_FILE"])
        self.numbers = itertools.count()

    def guess(self, user, address):
        with socket.create_connection(("127.0.0.1", self.port), 120, (address, 0)) as plain, \
                self.tls.wrap_socket(plain, server_hostname="localhost") as client, \
                client.makefile("rb") as lines:
            lines.readline()
            client.sendall(f"a LOGIN {user} guess-{next(self.numbers)}\r\n".encode())
            while not (line := lines.readline()).startswith(b"a "):
                if not line:
                    raise BenchError(f"IMAP ended a guess from {address}")
            if not line.startswith(b"a NO [AUTHENTICATIONFAILED]"):
                raise BenchError(f"a guess was answered {line}")


class AuthSocket:
    """As Postfix asks for an SMTP client, so that it may have any address. No TLS and no network:
    what limits this attacker is Dovecot's auth process."""

    def __init__(self, site):
        self.path = site.variables["AUTH_SOCKET"]
        self.numbers = itertools.count(1)

    def guess_all(self, user, addresses):
        with socket.socket(socket.AF_UNIX) as client, client.makefile("rb") as lines:
            client.settimeout(120)
            client.connect(self.path)
            client.sendall(b"VERSION\t1\t1\nCPID\t%d\n" % threading.get_native_id())
            while lines.readline() != b"DONE\n":
                pass
            for address in addresses:
                number = next(self.numbers)
                password = base64.b64encode(f"\0{user}\0guess-{number}".encode()).decode()
                client.sendall(f"AUTH\t{number}\tPLAIN\tservice=smtp\trip={address}\tsecured"
                               f"\tresp={password}\n".encode())
            for _ in addresses:
                if not lines.readline().startswith(b"FAIL\t"):
                    raise BenchError("a guess was right, or is not answered")


def ipv4(network, number):
    """An address for each guess: whoever has a /24 has them all, and no address waits."""
    return f"127.{1 + network // 250}.{network % 250}.{1 + number}"


def ipv6(network, number):
    return f"2001:db8:{network:x}:{number:x}::1"


def by_wire(wire, user, networks, address=ipv4):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda one: wire.guess(user, address(*one)),
                      itertools.product(networks, range(GUESSES))))


def by_auth_socket(door, user, networks, address=ipv6):
    door.guess_all(user, [address(*one) for one in itertools.product(networks, range(GUESSES))])


def timed(guess, user, what):
    began = time.monotonic()
    guess(user, what)
    return time.monotonic() - began


def measure_ways(site, report):
    """The same attack by each way in: networks, guesses, and the seconds of all of them."""
    wire, door = Wire(site), AuthSocket(site)
    ways = [
        ("IMAP, /24s, each address once", "wire", lambda *words: by_wire(wire, *words)),
        ("SMTP AUTH, IPv6 /48s", "ipv6", lambda *words: by_auth_socket(door, *words)),
    ]
    rows = []
    for title, name, guess in ways:
        victim, fresh = Victim(site, name), itertools.count()
        for turn, needed in enumerate(NETWORKS, 1):
            networks = list(itertools.islice(fresh, needed))
            seconds = timed(guess, victim.name, networks[:-1])
            was_on = victim.is_on()
            seconds += timed(guess, victim.name, networks[-1:])
            rows.append([title if turn == 1 else "", f"{turn}.", needed, needed * GUESSES,
                         f"{seconds:.1f}"])
            report.goal(f"{name}, time {turn}: off with {needed} networks, and with one less not",
                        int(was_on and not victim.is_on()), "it is so" if was_on else "sooner",
                        ">=", 1)
            victim.comes_back()
    victim = Victim(site, "patient")
    seconds = timed(lambda user, networks: by_wire(wire, user, networks, lambda network, _:
                                                   ipv4(network, 0)), victim.name, range(200, 210))
    rows.append(["IMAP, one address of each /24", "1.", 10, 100, f"{seconds:.1f}"])
    if victim.is_on():
        raise BenchError("ten networks with an address each were not enough")
    report.table("Switching a stranger off, who changes the webmail password and comes back each "
                 "time", ["", "time", "networks", "guesses", "seconds"], rows)


def measure_in_vain(site, report):
    door, rows = AuthSocket(site), []
    vain = [
        ("nine /48s", "nine", lambda number: ipv6(number % 9, number)),
        ("one /48, all its /64s", "one", lambda number: ipv6(7, number)),
        ("five hundred /48s, two guesses each", "many", lambda number: ipv6(number % 500, 1)),
        ("an account with access off", "off", lambda number: ipv6(number % 20, 1)),
    ]
    for title, name, address in vain:
        victim = Victim(site, name)
        if name == "off":
            site.doveadm("off", victim.name)
        seconds = timed(door.guess_all, victim.name, [address(number) for number in range(IN_VAIN)])
        stored = sum(int(site.redis("memory", "usage", key, "samples", "0"))
                     for key in site.redis("--scan", "--pattern",
                                           f"postern:*:guesses:{victim.name}").split())
        rows.append([title, IN_VAIN, f"{seconds:.1f}", "on" if victim.is_on() else "off", stored])
        report.goal(f"{title}: access as it was", int(victim.is_on() == (name != "off")),
                    rows[-1][3], ">=", 1)
    report.table("Guesses that switch nothing off, and what Redis keeps of them",
                 ["", "guesses", "seconds", "access", "bytes"], rows)


def measure(site, report, options):
    own = site.another("guessing")
    measure_ways(own, report)
    measure_in_vain(own, report)
