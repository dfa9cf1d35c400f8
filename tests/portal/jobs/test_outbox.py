"""Messages: left in the transaction, sent after it, once, and again until they are."""

import smtplib
from collections.abc import Callable
from datetime import timedelta
from email.message import Message

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db.transaction import atomic, set_rollback
from pytest_django import Settings

from portal.jobs import actions, rules
from portal.jobs.models import OutboxMessage
from portal.kit.actor import Actor
from portal.kit.scope import acting_as, scope_of
from tests.portal.jobs.conftest import Clock

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
NOTICES = ["password_changed", "recovery_code_used", "authenticator_added", "recovery_codes_made"]


class Deaf(EmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, _messages: object) -> int:
        """Refuse."""
        raise smtplib.SMTPServerDisconnected


@atomic
def leave(clock: Clock, *, notice: str = "password_changed", **over: str) -> None:
    words = {"to": "lin@noodle.example", "language": "en", "effect_key": notice, **over}
    actions.enqueue_mail(notice=notice, now=clock(), **words)


@atomic
def rows() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.order_by("created_at"))


def sent() -> list[Message]:
    return [message.message() for message in mail.outbox]


def test_a_notice_is_sent_once_and_marked(clock: Clock) -> None:
    leave(clock)

    assert (actions.relay(clock=clock), actions.relay(clock=clock)) == (1, 0)

    [message] = rows()
    [letter] = sent()
    assert (message.sent_at, message.lease_until, message.attempts) == (clock(), None, 1)
    assert letter["To"] == "lin@noodle.example"
    assert letter["Message-ID"] == f"<{message.pk}@localhost>"
    assert letter["Subject"] == "Your Countinghouse password was changed"
    assert "at 2026-11-20 12:00:00 UTC+8." in mail.outbox[0].body


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_each_notice_reads_well_in_both_languages(
    clock: Clock, notice: str, language: str
) -> None:
    leave(clock, notice=notice, language=language)

    actions.relay(clock=clock)

    [letter] = mail.outbox
    assert "\n" not in letter.subject
    assert "2026-11-20 12:00:00" in letter.body
    assert "{" not in f"{letter.subject}{letter.body}"
    assert "&#" not in f"{letter.subject}{letter.body}"


def test_the_same_key_leaves_one_message(clock: Clock) -> None:
    leave(clock)
    leave(clock, to="other@noodle.example")

    assert [row.payload["to"] for row in rows()] == ["lin@noodle.example"]


def test_what_is_rolled_back_sends_nothing(clock: Clock) -> None:
    with atomic():
        leave(clock)
        set_rollback(True)

    assert actions.relay(clock=clock) == 0
    assert mail.outbox == []


def test_somebody_without_an_address_gets_none(clock: Clock) -> None:
    leave(clock, to="")

    assert rows() == []


def test_a_person_leaves_a_message_under_the_merchants_own_role(lin: Actor, clock: Clock) -> None:
    with acting_as(scope_of(lin)):
        leave(clock)

    assert len(rows()) == 1


def test_with_the_mail_server_away_it_is_tried_again_ever_later(
    clock: Clock, settings: Settings
) -> None:
    leave(clock)
    before, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Deaf"
    waits = []
    for _try in range(8):
        actions.relay(clock=clock)
        [row] = rows()
        waits.append((row.due_at - clock()).total_seconds())
        clock.at = row.due_at
    settings.EMAIL_BACKEND = before

    assert waits == [5, 20, 80, 320, 1280, 3600, 3600, 3600]
    assert (row.failure, row.sent_at) == ("SMTPServerDisconnected", None)
    assert actions.relay(clock=clock) == 1
    assert rows()[0].failure == ""


def test_of_eight_relays_at_once_each_message_leaves_once(
    clock: Clock, together: Callable[..., dict[str, int]]
) -> None:
    for number in range(30):
        leave(clock, effect_key=str(number))

    assert together(8, lambda: actions.relay(clock=clock)) == {"done": 8}

    identities = [letter["Message-ID"] for letter in sent()]
    assert (len(identities), len(set(identities))) == (30, 30)


def test_what_a_lost_relay_held_is_sent_after_its_lease(clock: Clock) -> None:
    leave(clock)
    actions._take_messages(clock())

    assert actions.relay(clock=clock) == 0
    clock.at += rules.MESSAGE_LEASE + timedelta(seconds=1)
    assert actions.relay(clock=clock) == 1


def test_messages_are_forgotten_a_month_after_they_left(clock: Clock) -> None:
    leave(clock)
    actions.relay(clock=clock)
    leave(clock, notice="recovery_code_used")

    assert actions.forget_sent(now=clock.move(days=30)) == 0
    assert actions.forget_sent(now=clock.move(seconds=1)) == 1
    assert [row.sent_at for row in rows()] == [None]
