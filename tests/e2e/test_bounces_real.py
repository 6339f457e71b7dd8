"""
Real bounces (B1 to B5): accounts send through the sandbox, the servers that Debian packages fail to
deliver it, and what they send back, each in its own form, arrives and is recognised.
"""

import contextlib
import os
import re
from typing import NamedTuple

import pytest

from conftest import new_account, wait_until
from foreign_servers import Chasquid, Courier, Dma, Exim, Nullmailer, OpenSmtpd, Sendmail
from logins import compose, hang_up, sender
from next_hop import NextHop

# Each stands for a domain of the same name in .test. "own" is the sandbox's Postfix, which gives
# mail to the next hop itself, "postfix" the sandbox's remote one.
SERVERS = {
    "chasquid": (Chasquid, ""),
    "courier": (Courier, ""),
    "exim": (Exim, "delay_warning = 1s\nbounce_return_size_limit = 3K"),
    "exim-headers": (Exim, "bounce_return_body = false"),
    "opensmtpd": (OpenSmtpd, "bounce warn-interval 1s"),
    "sendmail": (Sendmail, "define(`confTO_QUEUEWARN', `1s')"),
    "sendmail-headers": (Sendmail, "define(`confPRIVACY_FLAGS', `goaway,nobodyreturn')"),
    "dma": (Dma, ""),
    "dma-whole": (Dma, "FULLBOUNCE"),
    "nullmailer": (Nullmailer, ""),
    "sendmail-text": (Sendmail, "define(`confMIME_FORMAT_ERRORS', `False')"),
}

# For both Postfix: what takes hours in the world takes seconds, and few bytes are many.
POSTFIX = ["delay_warning_time=1s", "queue_run_delay=2s", "minimal_backoff_time=2s",
           "maximal_backoff_time=2s", "maximal_queue_lifetime=4s", "bounce_size_limit=3000"]
MANY_LINES = 200  # Exim counts in steps of 8 KB


# Mailboxes for what needs SMTPUTF8, which Dovecot's LMTP doesn't know: Postfix fills them itself.
UTF8 = {"own": "utf8-own", "postfix": "utf8-postfix"}


class Form(NamedTuple):
    """How a bounce comes about, and how its form is known."""

    server: str
    recipients: list  # local parts: see next_hop.py
    failed: int  # so many of them
    text: list = []  # what stands in the bounce, in the last one if there are several
    mail: list = []  # parameters of MAIL
    rcpt: list = []  # and of each RCPT
    lines: int = 1
    bounces: int = 1

    @property
    def name(self):
        words = [self.server, *self.recipients, *self.mail, *self.rcpt,
                 "big" if self.lines > 1 else ""]
        return "-".join(re.sub("[^A-Za-z0-9]+", "-", word) for word in words if word)


HEADERS_ONLY = "(?i)^Content-Type: text/rfc822-headers"
WHOLE = "(?i)^Content-Type: message/rfc822"
REPORT = "(?i)^Content-Type: message/delivery-status"
INTERNATIONAL = "(?i)^Content-Type: message/global-delivery-status"
NO_MIME = r"\A(?!(?is:.*^Content-Type: (?!text/plain)))"
REFUSED = ["nobody", "full", "old", "listed", "spam", "policy", "long"]
REPORTED = ["NOTIFY=SUCCESS,FAILURE"]

ONE_BY_ONE = {
    **dict.fromkeys(["own", "postfix", "exim", "sendmail", "courier", "nullmailer"],
                    [REPORT, WHOLE]),
    "opensmtpd": [REPORT, HEADERS_ONLY],
    "dma": [NO_MIME, "^Message headers follow"],
}

FORMS = [
    *[Form(server, [recipient], 1, text)
      for server, text in ONE_BY_ONE.items() for recipient in REFUSED],
    *[Form(server, ["nobody", "friend", "full"], 2)
      for server in ("own", "postfix", "exim", "opensmtpd", "sendmail", "courier", "chasquid")],
    *[Form(server, ["nobody"], 1, [HEADERS_ONLY], mail=["RET=HDRS"])
      for server in ("own", "postfix", "exim", "sendmail", "courier")],
    *[Form(server, ["nobody"], 1, [WHOLE], mail=["RET=FULL"])
      for server in ("own", "postfix", "exim", "sendmail", "courier")],
    *[Form(server, ["nobody"], 1, [HEADERS_ONLY], lines=MANY_LINES)
      for server in ("own", "postfix", "exim")],
    *[Form(server, ["team"], 2, ["^Action: failed(?s:.*)^Action: failed"])
      for server in ("own", "postfix", "exim")],
    *[Form(server, ["nobody+žan"], 1, [INTERNATIONAL], mail=["SMTPUTF8"])
      for server in ("own", "postfix")],
    # Delays, and a message that has been given up: nothing has permanently failed.
    *[Form(server, ["later"], 0, ["^Action: delayed"])
      for server in ("exim", "opensmtpd", "sendmail")],
    *[Form(server, ["later"], 0, ["^Action: failed", r"^Status: 4\.2\.1"], bounces=2)
      for server in ("own", "postfix")],
    *[Form(server, ["friend"], 0, ["^Action: relayed"], rcpt=REPORTED)
      for server in ("own", "postfix", "sendmail", "courier")],
    Form("exim", ["friend"], 0, ["^Action: delivered"], rcpt=REPORTED),
    # What each has beside.
    Form("exim", ["unmailable"], 1, [REPORT]),
    Form("exim", ["pipe"], 1, [REPORT]),
    # It doesn't say who was to get the message.
    Form("exim", ["inline"], 0, [NO_MIME, "^------ This is a copy of your message"]),
    Form("exim-headers", ["nobody"], 1, [REPORT, HEADERS_ONLY]),
    Form("sendmail", ["pipe"], 1, [REPORT]),
    Form("sendmail-headers", ["nobody"], 1, [REPORT, HEADERS_ONLY]),
    Form("sendmail-text", ["nobody"], 1, [NO_MIME, "----- Original message follows -----"]),
    # What is no report is read carefully: one failure in it is sure.
    Form("sendmail-text", ["nobody", "friend", "full"], 1, [NO_MIME]),
    Form("chasquid", ["nobody"], 1, [INTERNATIONAL, WHOLE]),
    Form("dma", ["nobody", "friend"], 1),
    Form("dma-whole", ["nobody"], 1, [NO_MIME, "^Original message follows"]),
    # It has one answer for the whole message.
    Form("nullmailer", ["nobody", "friend"], 2, [REPORT]),
]


class Site:
    """The sandbox, and the servers that its mail goes to."""

    def __init__(self, sandbox, folder, cache, next_port):
        self.sandbox = sandbox
        self.servers = {name: cls(f"{folder}/{name}", cache, f"{name}.test", sandbox.mx_port,
                                  next_port, options)
                        for name, (cls, options) in SERVERS.items()}
        self.running = contextlib.ExitStack()
        self.started = set()
        ports = {"own": next_port, "postfix": sandbox.remote_smtp_port,
                 **{name: server.port for name, server in self.servers.items()}}
        routes = "".join(f"{{{name}.test=smtp:[127.0.0.1]:{port}}},"
                         for name, port in ports.items())
        self.configure_own(routes)
        self.configure_remote(next_port)

    def configure_own(self, routes):
        def utf8(value):
            return ",".join(f"{{{name}@example.test={value.format(name)}}}"
                            for name in UTF8.values())

        owner = os.stat(self.sandbox.mail_home)
        self.configure("postfix", *POSTFIX,
                       f"transport_maps=inline:{{{routes}{utf8('virtual:')}}}",
                       "virtual_alias_maps=inline:{{team@own.test=nobody@own.test,full@own.test}}",
                       f"virtual_mailbox_maps=inline:{{{utf8('{}/Maildir/')}}},static:mailbox",
                       "virtual_minimum_uid=1",
                       "virtual_mailbox_base=/mnt/postern/mail",
                       f"virtual_uid_maps=static:{owner.st_uid}",
                       f"virtual_gid_maps=static:{owner.st_gid}")
        # Clients may ask for reports: the sample configuration lets none, for a cracked account
        # could then ask for none of its failures.
        service = f"127.0.0.1:{self.sandbox.submission_port}/inet"
        done = self.sandbox.inside("postconf", "-P", f"{service}/smtpd_discard_ehlo_keywords=")
        assert done.returncode == 0, done.stderr
        self.sandbox.restart("postfix")

    def configure_remote(self, next_port):
        team = "nobody@postfix.test,full@postfix.test,friend@postfix.test"
        self.configure("remote", *POSTFIX, "relay_domains=postfix.test", "transport_maps=inline:{"
                       f"{{postfix.test=smtp:[127.0.0.1]:{next_port}}},"
                       f"{{example.test=smtp:[127.0.0.1]:{self.sandbox.mx_port}}}}}",
                       f"virtual_alias_maps=inline:{{{{team@postfix.test={team}}}}}")
        self.sandbox.restart("remote")

    def configure(self, instance, *parameters):
        done = self.sandbox.inside("postconf", "-c", f"/mnt/postern/{instance}/etc", "-e",
                                   *parameters)
        assert done.returncode == 0, done.stderr

    def start(self, name):
        """Servers start when the first form of theirs comes, and run until the end."""
        if name in self.servers and name not in self.started:
            self.running.enter_context(self.servers[name])
            self.started.add(name)

    def log(self, name):
        return self.servers[name].log() if name in self.servers else self.sandbox.log("remote")

    def send(self, form, account):
        self.start(form.server)
        client = sender(self.sandbox, account, self.sandbox.on(account))
        client.ehlo()
        client.command_encoding = "utf-8"
        assert client.mail(account, form.mail)[0] == 250
        for recipient in form.recipients:
            code, answer = client.rcpt(f"{recipient}@{form.server}.test", form.rcpt)
            assert code == 250, answer
        code, answer = client.data(compose(account, "hello") + "Hello again, you all, there, here, "
                                   "and everywhere.\r\n" * (form.lines - 1))
        assert code == 250, answer
        hang_up(client)

    def bounces(self, form, account):
        """Those that arrived in the sender's mailbox. Some servers take their time."""
        try:
            return self.sandbox.wait_for_mail(account, form.bounces, seconds=60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log(form.server)[-3000:]}") from error

    def line_about(self, bounce):
        """What the milter logged of a bounce that arrived: a dictionary."""
        queue_id = queue_id_of(bounce)

        def line():
            return next((line for line in self.sandbox.log("milter").splitlines()
                         if "bounce=" in line and f" queue_id={queue_id} " in line), None)

        found = wait_until(line, f"the milter's line for {queue_id}")
        return dict(re.findall(r"(\w+)=(\S+)", found))


def queue_id_of(bounce):
    """In the sandbox's Postfix. Behind it, Dovecot has added a Received of its own."""
    received = next(text for text in bounce.get_all("Received")
                    if "by mail.example.test (Postfix)" in text)
    return re.search(r"\bid (\w+)", received)[1]


@pytest.fixture(scope="module", name="site")
def make_site(make_module_sandbox, tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packages"
    tiers = {"tier free": {"messages_per_minute": "unlimited", "messages_per_hour": "unlimited"}}
    sandbox = make_module_sandbox(tiers, ["--no-penalty"])
    with NextHop(sandbox.mx_port) as next_hop:
        site = Site(sandbox, tmp_path_factory.mktemp("servers"), cache, next_hop.port)
        with site.running:
            yield site


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_b2_real_bounces_are_recognised(site, form):
    account = (f"{UTF8[form.server]}@example.test" if "SMTPUTF8" in form.mail
               else new_account("bounces"))
    site.send(form, account)
    bounces = site.bounces(form, account)
    text = bounces[-1].as_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    for pattern in [r"^Postern-Trace: [\w-]{83}$", *form.text]:
        assert re.search(pattern, text, re.MULTILINE), f"no {pattern} in:\n{text}"
    for bounce in bounces:
        line = site.line_about(bounce)
        assert (line["bounce"], line.get("account")) == ("genuine", account)
        assert line["verdict"] == ("counted" if form.failed else "no-failure"), line
        assert int(line.get("failed", 0)) == form.failed, line
        assert line["by"] == ("own-queue" if form.server == "own" else "remote"), line
