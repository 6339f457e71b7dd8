"""A DNS server that knows every name and nothing about any, for programs that insist on asking."""

import socketserver
import struct

from serving import Serving


class Query(socketserver.BaseRequestHandler):
    """RFC 1035, section 4.1."""

    def handle(self):
        query, client = self.request
        question = query[12:query.index(b"\0", 12) + 5]
        is_response, one_question = 0x8180, 1
        header = struct.pack(">HHHHH", is_response, one_question, 0, 0, 0)
        client.sendto(query[:2] + header + question, self.client_address)


class NameServer(Serving, socketserver.ThreadingUDPServer):
    """Answers at port 53 of the address until the with block ends."""

    def __init__(self, address):
        super().__init__((address, 53), Query)
