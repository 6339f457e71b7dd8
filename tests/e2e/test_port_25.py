"""
Mail that nobody has logged in for: at port 25, and Postfix's own bounces. Both are shown to the
milter, and neither is held up by it, in whatever state it is (B5), while submission waits.
"""

import os
import signal
import smtplib
import time

import pytest

from conftest import new_account
from logins import compose, sender

# connect_timeout, command_timeout and content_timeout of postern_bounce_milter, and some to spare.
HELD_UP_SECONDS = 2 + 5 + 10 + 5


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    return make_module_sandbox()


def bring(own, recipient, mail_from="someone@remote.test"):
    """As another server does. Seconds that it took."""
    began = time.monotonic()
    with own.mx() as client:
        client.sendmail(mail_from, [recipient], compose("someone@remote.test", "from elsewhere"))
    return time.monotonic() - began


def queue_bounce(own, user):
    """Webmail's own sendmail(1): no login, so that what it sends needs no milter to come in."""
    done = own.inside("sendmail", "-f", user, "nobody@reject.test", stdin=None,
                      input=compose(user, "bounces"))
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=["killed", "frozen"])
def without_milter(own, request):
    os.kill(own.milter_pid, {"killed": signal.SIGKILL, "frozen": signal.SIGSTOP}[request.param])
    yield own
    own.restart("milter")


def test_nothing_waits_for_the_milter(without_milter):
    own, user = without_milter, new_account()
    assert bring(own, user) < HELD_UP_SECONDS
    assert bring(own, user, mail_from="<>") < HELD_UP_SECONDS
    own.wait_for_mail(user, 2)
    queue_bounce(own, user)
    subjects = [mail["Subject"] for mail in own.wait_for_mail(user, 3)]
    assert subjects[:2] == ["from elsewhere"] * 2 and "Undelivered" in subjects[2]
    assert "bounce failed" not in own.log("postfix")


def test_submission_waits_for_the_milter(own):
    user = new_account()
    password = own.on(user)
    os.kill(own.milter_pid, signal.SIGKILL)
    try:
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            client = own.smtp()
            client.login(user, password)
            client.sendmail(user, [user], compose(user, "waits"))
        assert 400 <= refused.value.smtp_code < 500
    finally:
        own.restart("milter")
    client = sender(own, user, password)
    client.sendmail(user, [user], compose(user, "waits no longer"))
    client.quit()
