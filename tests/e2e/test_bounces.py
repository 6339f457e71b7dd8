"""
Cracked accounts, on the whole site: what an account sent comes back, and switches it off (B2, B3,
B5), whoever tries to make it look so.
"""

import re
import time

import pytest

from conftest import new_account, wait_until
from logins import compose, send, sender

WITHIN_SECONDS = 2  # of the last bounce


@pytest.fixture(scope="module")
def own(make_module_sandbox):
    """With a tier for those who send more than a free mailbox may."""
    return make_module_sandbox({"tier free": {"messages_per_minute": "unlimited",
                                              "messages_per_hour": "unlimited"}})


def lines_about(own, user):
    return re.findall(rf"bounce=genuine account={re.escape(user)} .*", own.log("milter"))


def send_to(own, user, password, *recipients):
    client = sender(own, user, password)
    for recipient in recipients:
        assert send(client, user, to=recipient).accepted
    client.quit()


def test_ten_bounces_switch_off(own):
    user = new_account()
    password = own.on(user)
    send_to(own, user, password, *[f"nobody{i}@reject.test" for i in range(9)])
    wait_until(lambda: len(lines_about(own, user)) == 9, "nine bounces")
    assert own.status(user)["access"] == "enabled"
    send_to(own, user, password, "nobody9@reject.test")
    own.wait_for_mail(user, 10)
    came = time.monotonic()
    wait_until(lambda: own.status(user)["access"] == "disabled", "the switch-off")
    assert time.monotonic() - came < WITHIN_SECONDS
    assert own.status(user)["reason"] == "compromised"
