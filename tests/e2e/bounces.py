"""Bounces as other mail servers write them, for messages that were really sent."""

import re

BOUNDARY = "=_bounce"


def dsn(trace, *recipients, action="failed", status="5.1.1", reply="550 5.1.1 no such user",
        reporter="mx.remote.test", queue_id=None, headers=()):
    """A delivery status (RFC 3464) about a message with that trace, None for a message without."""
    about = [f"Reporting-MTA: dns; {reporter}"]
    if queue_id is not None:
        about.append(f"X-Postfix-Queue-ID: {queue_id}")
    fields = [about] + [[f"Final-Recipient: rfc822; {recipient}", f"Action: {action}",
                         f"Status: {status}", f"Diagnostic-Code: smtp; {reply}"]
                        for recipient in recipients]
    return report("delivery-status", "\r\n\r\n".join("\r\n".join(group) for group in fields),
                  trace, headers)


def abuse_report(trace, kind="abuse", recipient=None, headers=()):
    """A feedback report (RFC 5965). Many say nothing of who complains."""
    fields = [f"Feedback-Type: {kind}", "User-Agent: test/1", "Version: 1"]
    if recipient is not None:
        fields.append(f"Original-Rcpt-To: <{recipient}>")
    return report("feedback-report", "\r\n".join(fields), trace, headers)


def report(kind, fields, trace, headers=()):
    return "\r\n".join([
        *headers, "From: MAILER-DAEMON@remote.test", "Subject: Undelivered mail",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="{BOUNDARY}"', "",
        "--" + BOUNDARY, "Content-Type: text/plain", "", "Your message was not delivered.",
        "--" + BOUNDARY, f"Content-Type: message/{kind}", "", fields, "",
        "--" + BOUNDARY, "Content-Type: message/rfc822", "", quoted(trace), "",
        "--" + BOUNDARY + "--", ""])


def quoted(trace):
    """The header of the message that came back."""
    lines = ["Received: from mail.example.test by mx.remote.test; today"]
    if trace is not None:
        lines.append(f"Postern-Trace: {trace}")
    return "\r\n".join([*lines, "Subject: hello", "", "Hello."])


def words(trace, text, headers=()):
    """A bounce in words alone, as of old."""
    return "\r\n".join([*headers, "From: MAILER-DAEMON@remote.test", "Subject: failure notice", "",
                        text, "", "--- Below this line is a copy of the message.", "",
                        quoted(trace), ""])


def bring(sandbox, text, recipient, source=None, mail_from="<>"):
    """As the remote server does, from an address of its own: what the MX answers to each step."""
    with sandbox.mx(source) as client:
        client.ehlo_or_helo_if_needed()
        assert client.mail(mail_from)[0] == 250
        assert client.rcpt(f"<{recipient}>")[0] == 250
        code, answer = client.data(text)
        assert code == 250, answer
    return re.search(r"queued as (\S+)", answer.decode()).group(1)


def network(number):
    """An address in a network of its own: one remote site."""
    return f"127.{1 + number // 250}.{1 + number % 250}.1"
