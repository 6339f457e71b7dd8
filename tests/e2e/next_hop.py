"""
SMTP servers of the tests' own. NextHop is the server behind somebody else's mail server, which
accepts mail and then finds out here that it can't deliver it. The local part of a recipient says
what is wrong with it: see REFUSALS.
"""

import re
import smtplib
import socketserver
import sys

from serving import Serving

# Local part: the command that is refused, and with what. Who isn't named here gets the message.
REFUSALS = {
    "nobody": ("RCPT", "550 5.1.1 <{}>: Recipient address rejected: User unknown"),
    "full": ("RCPT", "552 5.2.2 <{}>: The mailbox is full"),
    "old": ("RCPT", "550 no such user here"),
    "listed": ("RCPT", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using "
                       "zen.example.net"),
    "later": ("RCPT", "450 4.2.1 <{}>: The mailbox is busy, try again later"),
    "spam": ("DATA", "550 5.7.1 Message rejected as spam by content filtering"),
    "policy": ("DATA", "554 5.7.0 Reject, id=04311-09: policy violation"),
    "long": ("RCPT", "550-5.1.1 The email account that you tried to reach does not exist.\r\n"
                     "550-5.1.1 Please try double-checking the recipient's address for typos\r\n"
                     "550 5.1.1 or unnecessary spaces. n0-20020a05 - gsmtp"),
}

PATH = re.compile(r"<(.*?)>")


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    timeout = 60

    def handle(self):
        self.answer("220 next-hop.test ESMTP")
        self.sender, self.recipients = None, []
        while line := self.rfile.readline(4096):
            verb = line[:4].upper().decode("ascii", "replace").strip()
            if verb == "QUIT":
                self.answer("221 2.0.0 Bye")
                return
            getattr(self, f"on_{verb.lower()}", self.on_other)(line.decode().strip())

    def answer(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def on_other(self, _line):
        self.answer("250 2.0.0 Ok")

    def on_ehlo(self, _line):
        self.answer("250-next-hop.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
                    "250-8BITMIME\r\n250 SMTPUTF8")

    def on_mail(self, line):
        self.sender, self.recipients = PATH.search(line)[1], []
        self.answer("250 2.1.0 Ok")

    def on_rcpt(self, line):
        recipient = PATH.search(line)[1]
        refusal = self.server.refusal("RCPT", recipient)
        if not refusal:
            self.recipients.append(recipient)
        self.answer(refusal or "250 2.1.5 Ok")

    def on_data(self, _line):
        if not self.recipients:
            self.answer("554 5.5.1 Error: no valid recipients")
            return
        self.answer("354 End data with <CR><LF>.<CR><LF>")
        message = b""
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            message += line.removeprefix(b".")
        refusals = [self.server.refusal("DATA", recipient) for recipient in self.recipients]
        self.answer(next(filter(None, refusals), None)
                    or self.server.deliver(self.sender, self.recipients, message))


class SmtpServer(Serving, socketserver.ThreadingTCPServer):
    """Listens at .port until the with block ends, and accepts everything for deliver()."""

    allow_reuse_address = True
    request_queue_size = 50

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Session)
        self.port = self.server_address[1]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def refusal(self, _command, _recipient):
        """What the command is refused with, or None."""
        return None

    def deliver(self, sender, recipients, message):
        """Returns the answer to the end of DATA."""
        raise NotImplementedError


class NextHop(SmtpServer):
    """It is a smarthost as well: bounces go on to mx_port."""

    def __init__(self, mx_port):
        super().__init__()
        self.mx_port = mx_port

    def refusal(self, command, recipient):
        """nobody+anything@... is nobody, too."""
        refused, text = REFUSALS.get(re.split("[+@]", recipient)[0], (None, None))
        return text.format(recipient) if command == refused else None

    def deliver(self, sender, recipients, message):
        if sender == "":
            with smtplib.SMTP("127.0.0.1", self.mx_port, timeout=30) as client:
                client.sendmail("", recipients, message)
        return "250 2.0.0 Ok: queued"
