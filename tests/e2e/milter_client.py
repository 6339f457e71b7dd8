"""The MTA's side of the milter protocol, version 6, as far as the tests need it.

It can say what no MTA says: any command at any time, half packets, and plain noise.
"""

import socket
import struct

CONTINUE, ACCEPT, REJECT, TEMPFAIL, REPLY = b"c", b"a", b"r", b"t", b"y"
INSERT_HEADER, CHANGE_HEADER, ADD_HEADER = b"i", b"m", b"h"
MODIFICATIONS = (INSERT_HEADER, CHANGE_HEADER, ADD_HEADER)

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF
NO_REPLY_HEADER, NO_REPLY_CONNECT = 0x80, 0x1000


class Gone(Exception):
    """The milter closed the connection."""


class MilterClient:
    """One connection to a milter, as an MTA has it for one SMTP connection."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.actions = self.steps = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone from error

    def send(self, command, data=b""):
        self.send_raw(struct.pack(">I", len(data) + 1) + command + data)

    def _receive(self, size):
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionResetError as error:
                raise Gone from error
            if not more:
                raise Gone
            data += more
        return data

    def receive(self):
        """The next packet: its code and its contents."""
        (size,) = struct.unpack(">I", self._receive(4))
        packet = self._receive(size)
        return packet[:1], packet[1:]

    def negotiate(self, actions=ALL_ACTIONS, steps=ALL_STEPS, version=6):
        self.send(b"O", struct.pack(">III", version, actions, steps))
        code, data = self.receive()
        assert code == b"O", code
        _, self.actions, self.steps = struct.unpack(">III", data[:12])
        return self

    def macros(self, stage, **values):
        data = stage
        for name, value in values.items():
            key = name if len(name) == 1 else "{" + name + "}"
            value = value if isinstance(value, bytes) else value.encode()
            data += key.encode() + b"\0" + value + b"\0"
        self.send(b"D", data)

    def connect(self, address="192.0.2.1", family=None):
        """address None is a client without one, as Postfix's own mail has."""
        self.macros(b"C", j="mail.example.org")
        if address is None:
            self.send(b"C", b"unknown\0U")
        else:
            family = family or (b"6" if ":" in address else b"4")
            port = struct.pack(">H", 4711)
            self.send(b"C", b"client\0" + family + port + address.encode() + b"\0")
        if not self.steps & NO_REPLY_CONNECT:
            return self.receive()
        return None

    def mail(self, login=None, sender="<anyone@example.net>"):
        macros = {"mail_addr": sender.strip("<>")}
        if login is not None:
            macros.update(auth_type="PLAIN", auth_authen=login)
        self.macros(b"M", **macros)
        self.send(b"M", sender.encode() + b"\0")
        return self.receive()

    def rcpt(self, recipient="<someone@remote.test>"):
        self.send(b"R", recipient.encode() + b"\0")
        return self.receive()

    def header(self, name, value):
        value = value if isinstance(value, bytes) else value.encode()
        self.send(b"L", name.encode() + b"\0" + value + b"\0")
        if not self.steps & NO_REPLY_HEADER:
            return self.receive()
        return None

    def end(self, queue_id):
        """Ends the message. The answer, and the header changes that came before it."""
        if queue_id is not None:
            self.macros(b"E", i=queue_id)
        self.send(b"E")
        changes = []
        while True:
            code, data = self.receive()
            if code not in MODIFICATIONS:
                return code, data, changes
            changes.append((code, data))

    def abort(self):
        self.send(b"A")

    def quit(self):
        self.send(b"Q")

    def message(self, login, queue_id, recipients=1, headers=()):
        """A whole message; the first answer that is no CONTINUE ends it."""
        answer = self.mail(login)
        for _ in range(recipients):
            if answer[0] != CONTINUE:
                return *answer, []
            answer = self.rcpt()
        if answer[0] != CONTINUE:
            return *answer, []
        for name, value in headers:
            self.header(name, value)
        return self.end(queue_id)


def reply_text(data):
    """The text of a REPLY packet."""
    return data.rstrip(b"\0").decode("ascii")


def inserted(changes):
    """Names and values of the headers that were put in."""
    return [tuple(part.decode() for part in data[4:].split(b"\0")[:2])
            for code, data in changes if code == INSERT_HEADER]


def removed(changes):
    """Names and places of the headers that were taken out."""
    found = []
    for code, data in changes:
        name, value = data[4:].split(b"\0")[:2]
        if code == CHANGE_HEADER and value == b"":
            found.append((name.decode(), struct.unpack(">I", data[:4])[0]))
    return found
