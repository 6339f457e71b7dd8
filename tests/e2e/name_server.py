"""A DNS server that knows every name and nothing about any, for programs that insist on asking."""

import socketserver
import struct
import threading


class Query(socketserver.BaseRequestHandler):
    """RFC 1035, section 4.1."""

    def handle(self):
        query, client = self.request
        question = query[12:query.index(b"\0", 12) + 5]
        is_response, one_question = 0x8180, 1
        header = struct.pack(">HHHHH", is_response, one_question, 0, 0, 0)
        client.sendto(query[:2] + header + question, self.client_address)


class NameServer(socketserver.ThreadingUDPServer):
    """Answers at port 53 of the address until the with block ends."""

    daemon_threads = True

    def __init__(self, address):
        super().__init__((address, 53), Query)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
