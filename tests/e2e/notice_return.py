"""What Postfix says to the milter when a mailbox has refused a notice of ours."""

import hashlib
import hmac
import re

from milter_client import CONTINUE, MilterClient

DISCARD, SKIP = b"d", b"s"
LABEL = b"postern notice refusal"


def site_key(sandbox):
    """The current one: the last line of [keys]."""
    with open(sandbox.secrets_file, encoding="ascii") as file:
        return bytes.fromhex(re.findall(r"^\d+ = ([0-9a-f]{64})$", file.read(), re.MULTILINE)[-1])


def sealed_sender(sandbox, account, number):
    """The envelope's sender of a notice, as common/decisions/notice-name.c makes it."""
    extracted = hmac.digest(b"\0" * 32, site_key(sandbox), hashlib.sha256)
    key = hmac.digest(extracted, LABEL + b"\x01", hashlib.sha256)
    seal = hmac.digest(key, f"{number} {account}".encode(), hashlib.sha256)
    return f"postern-notice+{number}.{seal.hex()[:24]}@{account.split('@')[1]}"


def internal_bounce(sandbox, sender, text):
    """The milter's answer to a bounce that Postfix made here, to the sender of a notice."""
    head, body = text.split("\r\n\r\n", 1)
    with MilterClient(sandbox.milter_socket) as client:
        client.negotiate()
        client.connect(None)
        assert client.mail(sender="")[0] == CONTINUE
        assert client.rcpt(sender)[0] == CONTINUE
        for line in re.sub(r"\r\n[ \t]", " ", head).split("\r\n"):
            client.header(*line.split(": ", 1))
        client.send(b"B", body.encode())
        assert client.receive()[0] in (CONTINUE, SKIP)
        return client.end("4jc1mL3t96z1bnfp")[0]
