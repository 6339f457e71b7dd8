"""
Genuine delivery failures (B2, B3) as common/decisions/failure.lua counts them, the switch-off after
them and its gate (B4). What makes a report genuine is decided before. See script_site.py for the
Redis, the clock and the calls.
"""

import random

import pytest

from script_site import (DAY, HOUR, MINUTE, START, Tier, digits_of, loaded, private_redis,
                         site)

__all__ = ["loaded", "private_redis", "site"]  # fixtures

ME = "a@example.org"
SECOND = 1000
OWN_QUEUE, INSIDE, REMOTE = "-", "@", "d364ed51"


def network(number):
    return f"{number:08x}"


def log_lines(site, account=ME):
    return (site.redis.get(site.key("failures", account)) or "").splitlines()


def fail(site, count, first=0, **more):
    """So many messages that fail with one recipient each, in ten domains; the last answer."""
    for number in range(first, first + count):
        answer = site.failure(ME, number, f"r{number}@d{number % 10}.example", **more)
    return answer


def fail_remote(site, count, first=0, domains=10, messages=None, weight=1, **more):
    """So many failures, each reported from a network of its own."""
    for number in range(first, first + count):
        message = number % messages if messages else number
        recipient = f"r{number}@d{number % domains}.example"
        answer = site.failure(ME, message, (recipient, weight, "5.1.1"), reporter=network(number),
                              **more)
    return answer


def state(site, account=ME):
    fields = site.redis.hgetall(site.key("account", account))
    return fields.get("access", "disabled"), fields.get("reason", "never-enabled")


# The threshold


def test_b3_the_tenth_failed_recipient_of_our_own_queue(site):
    _, digest = site.on(ME)
    site.later(MINUTE)
    for number in range(1, 10):
        site.later(SECOND)
        assert site.failure(ME, "one", f"r{number}@example.net") == ["counted", 1, number, 10]
    assert state(site) == ("enabled", "never-enabled")
    assert site.failure(ME, "one", "r10@example.net") == ["compromised", 1, 10, 10]
    assert state(site) == ("disabled", "compromised")
    assert site.login(ME, digest) == ["off", "compromised"]
    assert site.send(ME) == ["off", "compromised"]
    assert site.failure(ME, "one", "r11@example.net") == ["off", "compromised"]
    events = [(entry["event"], entry.get("reason"), entry["by"]) for entry in site.outbox()]
    assert events == [("on", None, "doveadm"), ("off", "compromised", "postern")]


def test_b3_many_at_once(site):
    site.on(ME)
    recipients = [f"r{number}@example.net" for number in range(100)]
    assert site.failure(ME, "one", *recipients[:9]) == ["counted", 9, 9, 10]
    assert site.failure(ME, "two", *recipients) == ["compromised", 100, 109, 10]


def test_b3_spam_weighs_double(site):
    site.on(ME)
    for number in range(4):
        answer = site.failure(ME, number, (f"r{number}@example.net", 2, "5.7.1"))
        assert answer == ["counted", 1, 2 * (number + 1), 10]
    assert site.failure(ME, "x", "x@example.net") == ["counted", 1, 9, 10]
    assert site.failure(ME, "y", ("y@example.net", 2, "-")) == ["compromised", 1, 11, 10]


def test_b3_any_hour(site):
    """The window slides: ten within an hour, never nine and one behind it."""
    site.on(ME)
    assert fail(site, 1) == ["counted", 1, 1, 10]
    site.later(30 * MINUTE)
    assert fail(site, 8, first=1) == ["counted", 1, 9, 10]
    site.later(30 * MINUTE)
    assert fail(site, 1, first=9) == ["counted", 1, 9, 10]
    assert fail(site, 1, first=10) == ["compromised", 1, 10, 10]


def test_b3_a_mailing_list_that_fails_slowly_stays_on(site):
    site.on(ME)
    for number in range(200):
        site.later(7 * MINUTE)
        assert fail(site, 1, first=number)[0] == "counted"
    assert state(site)[0] == "enabled"


def test_b3_paid_has_its_own_numbers(site):
    site.set(ME, tier="paid")
    site.on(ME)
    assert fail(site, 40) == ["counted", 1, 40, 50]
    site.later(5 * HOUR)
    assert fail(site, 9, first=40) == ["counted", 1, 49, 50]
    assert fail(site, 1, first=49) == ["compromised", 1, 50, 50]


def test_b3_unlimited_records_nothing(site):
    tiers = [Tier("free")]
    site.on(ME)
    assert fail(site, 50, tiers=tiers) == ["unlimited"]
    assert log_lines(site) == [] and state(site)[0] == "enabled"


def test_b3_the_held_tier_does_not_matter(site):
    site.set(ME, hold=2 * DAY, tier="paid")
    site.on(ME)
    assert fail(site, 12) == ["counted", 1, 12, 50]


def test_b3_the_longest_window_and_the_highest_threshold(site):
    tiers = [Tier("free", failure=(1000, 7 * DAY))]
    site.on(ME)
    for number in range(9):
        site.later(18 * HOUR)
        recipients = [f"r{number}.{one}@example.net" for one in range(100)]
        assert site.failure(ME, number, *recipients, tiers=tiers)[:2] == ["counted", 100]
    recipients = [f"x{one}@example.net" for one in range(99)]
    assert site.failure(ME, "x", *recipients, tiers=tiers) == ["counted", 99, 999, 1000]
    assert site.failure(ME, "y", "y@example.net", tiers=tiers) == ["compromised", 1, 1000, 1000]


# What others report


def test_b3_remote_reports_take_three_messages_and_three_domains(site):
    site.on(ME)
    assert fail_remote(site, 40, messages=2) == ["counted", 1, 40, 10]
    assert fail_remote(site, 1, first=50) == ["compromised", 1, 41, 10]


def test_b3_remote_reports_of_two_domains_are_not_enough(site):
    site.on(ME)
    assert fail_remote(site, 40, domains=2) == ["counted", 1, 40, 10]
    assert site.failure(ME, "x", "unknown", reporter=network(100)) == ["counted", 1, 41, 10]
    assert state(site)[0] == "enabled"
    assert site.failure(ME, "y", "y@third.example", reporter=network(101))[0] == "compromised"


def test_b3_one_of_our_own_queue_among_them_is_enough(site):
    site.on(ME)
    assert fail_remote(site, 9, domains=1, messages=1) == ["counted", 1, 9, 10]
    assert site.failure(ME, 0, "own@example.net") == ["compromised", 1, 10, 10]


def test_b3_one_of_our_own_queue_before_them_too(site):
    site.on(ME)
    assert site.failure(ME, 0, "own@example.net")[0] == "counted"
    assert fail_remote(site, 9, domains=1, messages=1) == ["compromised", 1, 10, 10]


def test_b3_one_of_our_own_queue_before_the_window_is_not(site):
    site.on(ME)
    assert site.failure(ME, 0, "own@example.net")[0] == "counted"
    site.later(HOUR)
    assert fail_remote(site, 10, domains=1, messages=1) == ["counted", 1, 10, 10]


def test_b3_one_report_from_afar_counts_once(site):
    """Whatever it names; the heaviest of it."""
    site.on(ME)
    recipients = [(f"r{number}@d{number}.example", 2 if number == 7 else 1, "5.1.1")
                  for number in range(100)]
    assert site.failure(ME, "one", *recipients, reporter=REMOTE) == ["counted", 1, 2, 10]
    assert digits_of("r7@d7.example") in log_lines(site)[0]


def test_b3_inside_each_domain_counts_once(site):
    site.on(ME)
    recipients = [f"r{number}@d{number % 3}.example" for number in range(100)]
    assert site.failure(ME, "one", *recipients, reporter=INSIDE) == ["counted", 3, 3, 10]
    assert site.failure(ME, "two", *recipients, reporter=INSIDE) == ["known", 0, 3, 10]
    assert [line.split()[3] for line in log_lines(site)] == ["@d0.example", "@d1.example",
                                                             "@d2.example"]
    for message in range(3, 5):
        recipients = [f"s@e{message}.{number}.example" for number in range(3)]
        answer = site.failure(ME, message, *recipients, reporter=INSIDE)
    assert answer == ["counted", 3, 9, 10]
    assert site.failure(ME, 5, "t@last.example", reporter=INSIDE) == ["compromised", 1, 10, 10]


def test_b3_inside_takes_three_messages_too(site):
    site.on(ME)
    recipients = [f"r@d{number}.example" for number in range(50)]
    assert site.failure(ME, "one", *recipients, reporter=INSIDE) == ["counted", 50, 50, 10]
    assert state(site)[0] == "enabled"


def test_b3_a_site_counts_again_when_the_window_is_over(site):
    site.on(ME)
    assert site.failure(ME, 1, "a@d.example", reporter=REMOTE) == ["counted", 1, 1, 10]
    site.later(HOUR - 1)
    assert site.failure(ME, 2, "b@d.example", reporter=REMOTE) == ["known", 0, 1, 10]
    site.later(1)
    assert site.failure(ME, 2, "b@d.example", reporter=REMOTE) == ["counted", 1, 1, 10]


# Attacks (B2)


def test_b2_ten_thousand_replays_count_once(site):
    site.on(ME)
    assert site.failure(ME, 1, "r@d.example", reporter=network(0)) == ["counted", 1, 1, 10]
    for number in range(10000):
        answer = site.failure(ME, 1, "r@d.example", reporter=network(number))
    assert answer == ["known", 0, 1, 10]
    assert len(log_lines(site)) == 1 and state(site)[0] == "enabled"


def test_b2_ten_thousand_reports_of_one_site_count_once(site):
    site.on(ME)
    for number in range(10000):
        answer = site.failure(ME, number, (f"r{number}@d{number}.example", 2, "5.7.1"),
                              reporter=REMOTE)
    assert answer == ["known", 0, 2, 10]
    assert len(log_lines(site)) == 1 and state(site)[0] == "enabled"


def test_b2_ten_thousand_about_one_message_count_for_its_recipients(site):
    """Of one message that somebody got hold of, reported from everywhere."""
    site.on(ME)
    for number in range(10000):
        answer = site.failure(ME, 1, (f"r{number}@d{number}.example", 2, "5.7.1"), recipients=3,
                              reporter=network(number))
    assert answer == ["known", 0, 6, 10]
    assert len(log_lines(site)) == 3 and state(site)[0] == "enabled"


@pytest.mark.parametrize("recipients, counted", [(1, 1), (2, 2), (254, 120), (255, 120), (0, 0)])
def test_b2_no_more_than_the_message_had(site, recipients, counted):
    tiers = [Tier("free", failure=(1000, HOUR))]
    site.on(ME)
    for part in range(2):
        failed = [f"r{part}.{number}@example.net" for number in range(60)]
        site.failure(ME, 1, *failed, recipients=recipients, tiers=tiers)
    assert len(log_lines(site)) == counted


def test_b2_no_more_than_255(site):
    tiers = [Tier("free", failure=(1000, HOUR))]
    site.on(ME)
    for part in range(6):
        failed = [f"r{part}.{number}@example.net" for number in range(50)]
        answer = site.failure(ME, 1, *failed, tiers=tiers)
    assert answer == ["counted", 5, 255, 1000]


def test_b2_the_cap_holds_whoever_reports(site):
    site.on(ME)
    assert site.failure(ME, 1, "a@d.example", recipients=2)[0] == "counted"
    assert site.failure(ME, 1, "b@e.example", recipients=2, reporter=REMOTE)[0] == "counted"
    assert site.failure(ME, 1, "c@f.example", recipients=2, reporter=INSIDE)[0] == "known"
    assert site.failure(ME, 1, "d@g.example", recipients=2)[0] == "known"


def test_b2_a_pair_counts_once_for_seven_days(site):
    """Whoever reports it, and however often the window has passed."""
    site.on(ME)
    sent = site.now // 1000
    assert site.failure(ME, 1, "r@d.example", sent=sent) == ["counted", 1, 1, 10]
    for hours in (2, 20, 40, 80):
        site.at(START + hours * HOUR)
        for reporter in (OWN_QUEUE, INSIDE, network(hours)):
            answer = site.failure(ME, 1, "r@d.example", sent=sent, reporter=reporter)
            assert answer == ["known", 0, 0, 10]
        assert site.failure(ME, hours, "r@d.example") == ["counted", 1, 1, 10]
    site.at(START + 7 * DAY - 1)
    assert site.failure(ME, 1, "r@d.example", sent=sent)[0] == "known"
    site.at(START + 7 * DAY)
    assert site.failure(ME, 1, "r@d.example", sent=sent) == ["old"]


def test_b2_what_is_known_switches_nothing_off(site):
    """Though it would be enough by now, as the tier is another: a new failure does that."""
    site.set(ME, tier="paid")
    site.on(ME)
    assert fail(site, 20) == ["counted", 1, 20, 50]
    site.set(ME, tier="free")
    assert fail(site, 20) == ["known", 0, 20, 10]
    assert state(site)[0] == "enabled"
    assert fail(site, 1, first=20) == ["compromised", 1, 21, 10]


def test_b2_unknown_recipients_of_a_message_are_one(site):
    site.on(ME)
    assert site.failure(ME, 1, "", "", "r@d.example", recipients=3) == ["counted", 2, 2, 10]
    assert site.failure(ME, 1, "", recipients=3) == ["known", 0, 2, 10]
    assert site.failure(ME, 2, "") == ["counted", 1, 3, 10]


def test_b2_failures_of_others_are_not_mixed_up(site):
    site.on(ME)
    site.on("b@example.org")
    for number in range(9):
        site.failure(ME, number, "r@d.example")
    assert site.failure("b@example.org", 1, "r@d.example") == ["counted", 1, 1, 10]


# When a message was sent


@pytest.mark.parametrize("age, verdict", [
    (7 * DAY, "old"), (7 * DAY - SECOND, "counted"), (-DAY, "counted"), (-DAY - SECOND, "old"),
    (-1000 * DAY, "old"), (START, "old"),
])
def test_b3_old_messages(site, age, verdict):
    site.at(START - 10 * DAY)
    site.on(ME)
    site.at(START)
    assert site.failure(ME, 1, "r@d.example", sent=(START - age) // 1000)[0] == verdict
    assert len(log_lines(site)) == (1 if verdict == "counted" else 0)


def test_b3_not_before_access_was_switched_on(site):
    site.at(START + 500)
    site.on(ME)
    site.later(HOUR)
    second = START // 1000
    assert site.failure(ME, 1, "r@d.example", sent=second - 1) == ["old"]
    assert site.failure(ME, 1, "r@d.example", sent=second)[0] == "counted"


def test_b4_after_on_the_earlier_ones_do_not_count(site):
    site.on(ME)
    site.later(MINUTE)
    assert fail(site, 10)[0] == "compromised"
    sent = site.now // 1000
    site.later(MINUTE)
    assert site.on(ME)[0][:3] == ["gated", "disabled", "compromised"]
    assert site.password_changed(ME)[0] == "done"
    assert site.on(ME)[0][0] == "done"
    assert len(log_lines(site)) == 10 and site.failures(ME)[0] == 0
    assert fail(site, 20, sent=sent) == ["old"]
    assert fail(site, 9, first=100) == ["counted", 1, 9, 10]
    assert state(site)[0] == "enabled"


# Access that is off


def test_a1_an_account_never_heard_of_costs_nothing(site):
    assert fail(site, 3) == ["off", "never-enabled"]
    assert site.failures(ME) == (0, [])
    assert site.memory(ME) == 0


@pytest.mark.parametrize("reason", ["owner", "admin", "passive", "unused", "break-in",
                                    "compromised"])
def test_b3_off_stays_off(site, reason):
    site.on(ME)
    site.off(ME, reason)
    assert fail(site, 20) == ["off", reason]
    assert log_lines(site) == [] and len(site.history(ME)) == 2


def spam_run(site):
    """Sends until the limit; the seconds of the first message."""
    sent = site.now // 1000
    while site.send(ME)[0] != "limit":
        site.later(15 * SECOND)
    return sent


def test_b3_a_spam_run_that_met_the_limit_first_is_compromised(site):
    site.set(ME, language="et")
    _, digest = site.on(ME)
    site.later(HOUR)
    sent = spam_run(site)
    assert state(site) == ("disabled", "send-limit")
    site.later(MINUTE)
    assert fail(site, 9, sent=sent) == ["counted", 1, 9, 10]
    assert state(site) == ("disabled", "send-limit")
    assert fail(site, 1, first=9, sent=sent) == ["compromised", 1, 10, 10]
    assert state(site) == ("disabled", "compromised")
    assert site.status(ME)[2][site.status(ME)[2].index("since") + 1] == str(site.now)
    assert [row[1:3] for row in site.history(ME)][:2] == [("off", "compromised"),
                                                          ("off", "send-limit")]
    assert [entry.get("reason") for entry in site.outbox()] == [None, "send-limit", "compromised"]
    assert site.login(ME, digest) == ["off", "compromised"]
    assert site.on(ME)[0][0] == "gated"


def test_b3_after_a_connection_limit_too(site):
    site.on(ME)
    site.off(ME, "connection-limit")
    assert fail(site, 10) == ["compromised", 1, 10, 10]


def test_b3_after_a_limit_messages_of_before_it_was_on_are_old(site):
    site.on(ME)
    site.off(ME)
    before = site.now // 1000
    site.later(MINUTE)
    site.on(ME)
    site.set(ME, language="et")
    site.off(ME, "send-limit")
    assert fail(site, 20, sent=before) == ["old"]
    assert fail(site, 1)[0] == "counted"


def test_b3_when_the_history_has_forgotten_when_it_was_on(site):
    site.on(ME)
    start = site.now // 1000
    for number in range(40):
        site.later(MINUTE)
        site.set(ME, language=("et", "lv")[number % 2])
    site.off(ME, "send-limit")
    oldest = int(site.history(ME)[-1][0]) // 1000
    assert oldest > start and "on" not in [row[1] for row in site.history(ME)]
    assert fail(site, 1, sent=oldest - 1) == ["old"]
    assert fail(site, 1, sent=oldest)[0] == "counted"


def test_b3_the_window_is_closed_by_switching_on_after_a_limit(site):
    """What was counted while it was off counts no more; support still sees it."""
    site.on(ME)
    site.off(ME, "send-limit")
    assert fail(site, 9)[0] == "counted"
    sent = site.now // 1000
    site.later(SECOND)
    site.on(ME)
    assert fail(site, 1, first=9, sent=sent) == ["old"]
    score, listed = site.failures(ME)
    assert score == 0 and len(listed) == 9


# The evidence (D6)


def evidence(site):
    when, what, reason, by, where, text = site.history(ME)[0]
    assert (when, what, reason, by, where) == (str(site.now // 1000 * 1000), "off", "compromised",
                                               "postern", "")
    assert text.isascii() and text.isprintable() and len(text) <= 160 and ";" not in text
    assert site.status(ME)[4][0][5] == text
    return text


def test_d6_the_history_says_why(site):
    site.on(ME)
    for number in range(8):
        site.later(6 * MINUTE)
        domain = ("reject.test", "reject.test", "a.example", "b.example")[number % 4]
        spam = number % 4 == 0
        site.failure(ME, number % 7,
                     (f"r{number}@{domain}", 1 + spam, "5.7.1" if spam else "5.1.1"))
    assert evidence(site) == ("8 failures (score 10) of 7 messages to 3 domains in 42 min, "
                              "by own-queue 8: reject.test, a.example, b.example (5.1.1, 5.7.1)")
    assert site.history(ME)[1][1:3] == ("on", "") and len(site.history(ME)[1]) == 5


def test_d6_evidence_of_nothing_known(site):
    site.on(ME)
    for number in range(10):
        site.later(SECOND)
        site.failure(ME, number, ("", 1, "-"))
    assert evidence(site) == ("10 failures (score 10) of 10 messages to 0 domains in 9 s, "
                              "by own-queue 10")


def test_d6_evidence_of_one(site):
    site.on(ME)
    site.failure(ME, 1, ("r@d.example", 2, "5.7.1"), tiers=[Tier("free", failure=(2, HOUR))])
    assert evidence(site) == ("1 failure (score 2) of 1 message to 1 domain in 0 s, "
                              "by own-queue 1: d.example (5.7.1)")


def test_d6_the_longest_evidence(site):
    tiers = [Tier("free", failure=(1000, 7 * DAY))]
    site.on(ME)
    for number in range(10):
        site.later(16 * HOUR)
        failed = [(f"r@{'x' * 34}{number:03}{one:03}", 1, f"5.123.4567{one % 10}")
                  for one in range(100)]
        site.failure(ME, number, *failed, tiers=tiers)
    text = evidence(site)
    assert text.startswith("1000 failures (score 1000) of 10 messages to 1000 domains in 144 h, "
                           "by own-queue 1000: xxx")
    assert text.endswith("(5.123.45670, 5.123.45671)")


def test_d6_evidence_shows_the_most_frequent(site):
    tiers = [Tier("free", failure=(11, HOUR))]
    site.on(ME)
    failed = [f"r{number}@{name}.example" for number, name in enumerate("abbcccdeeee")]
    assert site.failure(ME, 1, *failed, tiers=tiers)[0] == "compromised"
    assert evidence(site).endswith(", by own-queue 11: e.example, c.example, b.example (5.1.1)")


def test_d6_evidence_says_who_reported(site):
    site.on(ME)
    for number in range(4):
        site.failure(ME, number, f"r{number}@d{number}.example", reporter=f"0000000{number}")
        site.failure(ME, 10 + number, f"r{number}@e{number}.example", reporter="@")
    site.failure(ME, 20, "a@f.example", "b@f.example")
    assert ", by own-queue 2, own-host 4, remote 4: " in evidence(site)


# What is kept


def test_b3_the_log(site):
    site.on(ME)
    site.failure(ME, "m", ("R@D.example", 2, "5.7.1"))
    assert log_lines(site) == [" ".join([f"{START:x}", digits_of("m"),
                                         digits_of("R@D.example"), "-", "2", "5.7.1", "D.example"])]
    assert 7 * DAY - 10 * SECOND < site.redis.pttl(site.key("failures", ME)) <= 7 * DAY


def test_b3_nothing_is_stored_without_failures(site):
    site.on(ME)
    assert site.failures(ME) == (0, [])
    assert not site.redis.exists(site.key("failures", ME))


def test_b3_lines_go_after_seven_days(site):
    site.on(ME)
    fail(site, 3)
    site.later(6 * DAY)
    fail(site, 1, first=3)
    assert len(log_lines(site)) == 4
    site.later(DAY)
    fail(site, 1, first=4)
    assert len(log_lines(site)) == 2


def test_b3_a_thousand_lines_at_most(site):
    site.on(ME)
    tiers = [Tier("free", failure=(1000, MINUTE))]
    for number in range(13):
        site.later(2 * MINUTE)
        failed = [f"r{number}.{one}@{'x' * 32}.example" for one in range(99)]
        assert site.failure(ME, number, *failed, tiers=tiers) == ["counted", 99, 99, 1000]
    lines = log_lines(site)
    assert len(lines) == 1000
    assert lines[-1].split()[1] == digits_of(12) and lines[0].split()[1] == digits_of(2)


def test_b3_lines_that_are_none_are_passed_over(site):
    site.on(ME)
    site.redis.set(site.key("failures", ME), "nonsense\n\n1 2 3\n" + "f" * 500)
    assert fail(site, 1) == ["counted", 1, 1, 10]
    assert len(log_lines(site)) == 1


def test_b3_a_clock_that_was_wrong(site):
    """What a clock far ahead has recorded doesn't count for ever."""
    site.on(ME)
    site.later(300 * DAY)
    assert fail(site, 5)[0] == "counted"
    site.later(-300 * DAY)
    assert fail(site, 1, first=5) == ["counted", 1, 1, 10]
    assert len(log_lines(site)) == 1


def test_b3_without_the_mark_nothing_is_decided(site):
    site.on(ME)
    site.redis.delete(site.key("mark"))
    assert fail(site, 20) == ["unavailable", "no mark"]
    assert log_lines(site) == []


def test_erase_forgets_the_failures(site):
    site.on(ME)
    fail(site, 3)
    site.erase(ME)
    assert not [key for key in site.redis.keys() if ME in key]


def test_support_sees_what_is_counted(site):
    site.on(ME)
    site.failure(ME, 1, ("a@d.example", 2, "5.7.1"))
    site.later(HOUR)
    site.failure(ME, 2, ("b@e.example", 1, "-"), reporter=INSIDE)
    site.later(MINUTE)
    site.failure(ME, 3, ("", 2, "5.1.1"), reporter=REMOTE)
    assert site.failures(ME) == (3, [[str(START + HOUR + MINUTE), REMOTE, 2, "5.1.1", "-"],
                                     [str(START + HOUR), "@e.example", 1, "-", "e.example"],
                                     [str(START), "-", 2, "5.7.1", "d.example"]])
    site.later(7 * DAY)
    assert site.failures(ME) == (0, [])


def test_support_sees_a_hundred_at_most(site):
    tiers = [Tier("free", failure=(1000, HOUR))]
    site.on(ME)
    for number in range(3):
        site.failure(ME, number, *(f"r{number}.{one}@d{number}.example" for one in range(70)),
                     tiers=tiers)
        site.later(SECOND)
    score, listed = site.failures(ME, tiers=tiers)
    assert score == 210 and len(listed) == 100 and listed[0][4] == "d2.example"


# Against a model


class Model:
    """The rules again, in the plainest way."""

    def __init__(self, threshold, window):
        self.threshold, self.window, self.log = threshold, window, []

    def report(self, now, message, sent, recipients, reporter, failed):
        if sent * 1000 > now + DAY or sent * 1000 + 7 * DAY <= now:
            return ["old"]
        second = now // 1000 * 1000
        self.log = [entry for entry in self.log if entry["at"] + 7 * DAY > now]
        new = 0
        for address, weight, _ in sorted(failed, key=lambda one: -one[1]):
            domain = address.split("@")[1]
            where = "@" + domain if reporter == "@" else reporter
            of_message = {entry["address"] for entry in self.log if entry["message"] == message}
            known = where != "-" and any(entry["site"] == where and entry["at"] + self.window > now
                                         for entry in self.log)
            if address in of_message or len(of_message) >= recipients or known:
                continue
            self.log.append({"at": second, "message": message, "address": address, "site": where,
                             "weight": weight, "domain": domain})
            new += 1
        recent = [entry for entry in self.log if entry["at"] + self.window > now]
        score = sum(entry["weight"] for entry in recent)
        enough = score >= self.threshold and (
            any(entry["site"] == "-" for entry in recent) or
            len({entry["message"] for entry in recent}) >= 3 and
            len({entry["domain"] for entry in recent}) >= 3)
        word = "known" if new == 0 else "compromised" if enough else "counted"
        return [word, new, score, self.threshold]


@pytest.mark.parametrize("seed", range(20))
def test_b3_random_reports_against_a_model(site, seed):
    generator = random.Random(seed)
    threshold, window = generator.choice([(10, HOUR), (30, DAY), (5, MINUTE), (100, 7 * DAY)])
    tiers, model = [Tier("free", failure=(threshold, window))], Model(threshold, window)
    site.at(START - 30 * DAY)
    site.on(ME)
    site.at(START)
    for _ in range(300):
        site.later(generator.choice([0, 500, 20 * SECOND, 10 * MINUTE, 5 * HOUR]))
        message = generator.randrange(30)
        sent = site.now // 1000 - generator.choice([0, 60, 3600, 6 * 86400, 8 * 86400])
        recipients = generator.choice([1, 2, 5, 255])
        reporter = generator.choice([OWN_QUEUE, INSIDE, network(1), network(2), network(3)])
        failed = [(f"r{generator.randrange(40)}@d{generator.randrange(5)}.example",
                   generator.choice([1, 1, 2]), "5.1.1") for _ in range(generator.randrange(1, 6))]
        answer = site.failure(ME, message, *failed, sent=sent, recipients=recipients,
                              reporter=reporter, tiers=tiers)
        assert answer == model.report(site.now, message, sent, recipients, reporter, failed)
        if answer[0] == "compromised":
            break


# What it costs


def usec_per_call(site):
    stats = site.redis.info("commandstats")["cmdstat_evalsha"]
    return stats["usec"] / stats["calls"]


@pytest.mark.parametrize("lines, most", [(0, 1000), (10, 1000), (1000, 20000)])
def test_a_report_costs_redis_little(site, lines, most):
    """In microseconds; with reserves, as other tests run meanwhile."""
    tiers = [Tier("free", failure=(1000, HOUR))]
    site.on(ME)
    for number in range(lines // 10):
        site.failure(ME, number, *(f"r{number}.{one}@d{one}.example" for one in range(10)),
                     tiers=tiers, reporter=OWN_QUEUE)
        site.later(5 * MINUTE)
    assert len(log_lines(site)) == lines
    costs = {}
    for name, recipients in (("one new", 1), ("a replay", 1), ("a hundred new", 100)):
        site.redis.config_resetstat()
        for number in range(20):
            failed = [f"s{number}.{one}@d.example" for one in range(recipients)]
            message = "one new 0" if name == "a replay" else f"{name} {number}"
            site.failure(ME, message, *failed[:1 if name == "a replay" else 100], tiers=tiers)
            site.later(5 * MINUTE)
        costs[name] = usec_per_call(site)
    print(f"\n{lines} lines: " + ", ".join(f"{name} {cost:.0f} us" for name, cost in costs.items()))
    assert max(costs["one new"], costs["a replay"]) < most
