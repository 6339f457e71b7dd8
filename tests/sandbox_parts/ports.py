"""Ports that no other sandbox and nothing else on the machine uses."""

import random
import socket

# Below the ports that Linux gives to outgoing connections (32768 and up).
FIRST, LAST, BLOCK = 20000, 32000, 16


def claim(addresses, count):
    """
    Returns (port numbers, claim). Whoever holds the claim, an abstract unix socket, has the block
    of ports to itself among sandboxes; the kernel gives it up with the last process that has it.
    """
    bases = list(range(FIRST, LAST, BLOCK))
    random.shuffle(bases)
    for base in bases:
        holding = socket.socket(socket.AF_UNIX)
        try:
            holding.bind(f"\0postern-sandbox-{base}")
        except OSError:
            holding.close()
            continue
        ports = range(base, base + count)
        if all(is_free(address, port) for address in addresses for port in ports):
            return list(ports), holding
        holding.close()
    raise OSError(f"no free ports between {FIRST} and {LAST}")


def is_free(address, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
