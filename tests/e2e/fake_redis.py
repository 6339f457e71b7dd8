"""
A server at Redis's unix socket that answers what no Redis would, or nothing at all.

    with FakeRedis(own) as fake:        # once Redis itself is gone
        fake.script_answer = b"*1\\r\\n:1\\r\\n"
"""

import os
import socket
import threading

DIGEST = b"$40\r\n" + b"0" * 40 + b"\r\n"
TIME = b"*2\r\n$10\r\n1760000000\r\n$6\r\n123456\r\n"


class FakeRedis:
    """
    Shakes hands and tells the time as Redis does, and then answers each call of a script with
    script_answer, and hangs up behind it if closes is set. greeting is what a new connection hears
    first, unasked.
    """

    def __init__(self, sandbox):
        self.path = sandbox.redis_socket
        self.greeting = self.script_answer = b""
        self.closes = False
        self.handshake_answers = {b"AUTH": b"+OK\r\n", b"SELECT": b"+OK\r\n", b"PING": b"+PONG\r\n",
                                  b"SCRIPT": DIGEST, b"TIME": TIME}
        self.clients = set()
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        # A path of any length: see the sandbox's own connect_unix().
        folder = os.open(os.path.dirname(self.path), os.O_PATH | os.O_DIRECTORY)
        self.listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(self.path)}")
        os.close(folder)
        os.chmod(self.path, 0o777)
        self.listener.listen(100)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        os.unlink(self.path)

    def behave(self, greeting=b"", script_answer=b"", closes=False):
        """From now on; connections that are open end, so that everybody comes again."""
        self.greeting, self.script_answer, self.closes = greeting, script_answer, closes
        self.hang_up()

    def hang_up(self):
        for client in list(self.clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.clients.add(client)
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        try:
            with client, client.makefile("rb") as stream:
                client.sendall(self.greeting)
                while command := read_command(stream):
                    self.answer(client, command[0].upper())
        except (OSError, ValueError):
            pass
        finally:
            self.clients.discard(client)

    def answer(self, client, name):
        if name in self.handshake_answers:
            client.sendall(self.handshake_answers[name])
            return
        client.sendall(self.script_answer)
        if self.closes:
            client.shutdown(socket.SHUT_RDWR)


def read_command(stream):
    """The words of the next command; None at the end."""
    head = stream.readline()
    if not head:
        return None
    words = []
    for _ in range(int(head[1:])):
        size = int(stream.readline()[1:])
        words.append(stream.read(size + 2)[:-2])
    return words
