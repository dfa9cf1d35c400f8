"""Asking about a serial number: who may, what is told, what is noted."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from portal.kit.scope import acting_as, scope_of
from portal.limits.actions import OverLimit
from terminals.fleet.actions import custody
from terminals.fleet.actions.verification import Answer, CardNumberGiven, verify
from terminals.fleet.models import DeviceKey, Terminal
from terminals.presence.models import Liveness
from tests.cast import Cast
from tests.make import FLEET_MAKER, make_register, make_terminal

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

Unchanged = Callable[..., AbstractContextManager[None]]


def _ask(serial: str, *, actor: Actor, now: datetime, **stated: str) -> Answer:
    with acting_as(scope_of(actor)):
        return verify(serial, actor=actor, now=now, **stated)


def _verdict(serial: str, *, actor: Actor, now: datetime, **stated: str) -> str:
    return _ask(serial, actor=actor, now=now, **stated).judgement.verdict.value


@pytest.fixture
def heard(cast: Cast, noon: datetime) -> Terminal:
    """An active terminal of Noodle House that signed a heartbeat just now."""
    terminal = make_terminal("0820000001", merchant=cast.noodle, store=cast.noodle_store, now=noon)
    DeviceKey.objects.create(terminal=terminal, generation=1, public_key="k", created_at=noon)
    Liveness.objects.update_or_create(
        terminal=terminal, defaults={"merchant_id": cast.noodle.pk, "last_seen_at": noon}
    )
    return terminal


@pytest.mark.parametrize("who", ["lin", "max", "mei", "olga", "carol"])
def test_who_may_ask_is_told_that_it_is_genuine(
    who: str, cast: Cast, heard: Terminal, noon: datetime
) -> None:
    answer = _ask(" 0820000001", actor=cast.actor(who), now=noon, maker="pax", model="A920")

    assert answer.judgement.verdict == "GENUINE"
    assert answer.judgement.confidence == "KEY_SEEN"
    assert answer.register_version == noon


def test_another_merchant_is_told_that_it_is_not_theirs_and_never_whose(
    heard: Terminal, wu: Actor, noon: datetime
) -> None:
    answer = _ask("0820000001", actor=wu, now=noon)

    assert answer.judgement.verdict == "BOUND_ELSEWHERE"
    for name in ("Noodle House", "面馆", "M1000000001", "静安店", heard.terminal_no):
        assert name not in str(answer)


def test_a_suspended_terminal_is_told_with_its_reason_to_its_own_merchant_alone(
    heard: Terminal, lin: Actor, wu: Actor, noon: datetime
) -> None:
    custody.suspend(heard, reason="ARREARS", because="unpaid", actor=FLEET_MAKER, now=noon)

    own, other = (_ask("0820000001", actor=actor, now=noon) for actor in (lin, wu))

    assert own.judgement.verdict == "SUSPENDED"
    assert "SUSPENDED" in [evidence.code for evidence in own.judgement.evidence]
    assert other.judgement.verdict == "BOUND_ELSEWHERE"
    assert "SUSPENDED" not in [evidence.code for evidence in other.judgement.evidence]


def test_a_terminal_that_went_silent_is_unproven(
    heard: Terminal, olga: Actor, noon: datetime
) -> None:
    later = noon + timedelta(hours=73)

    assert _verdict("0820000001", actor=olga, now=later) == "GENUINE_UNPROVEN"


def test_a_listed_serial_that_we_never_had_is_genuine_on_record_alone(
    lin: Actor, noon: datetime
) -> None:
    make_register(["0820000007"], now=noon)

    assert _verdict("0820000007", actor=lin, now=noon) == "GENUINE_NOT_ACTIVATED"
    assert _verdict("0820000007", actor=lin, now=noon, model="A930") == "MODEL_MISMATCH"


def test_a_typing_slip_is_recognised(lin: Actor, noon: datetime) -> None:
    make_register(["0820000017"], now=noon)

    answer = _ask("O8200000I7", actor=lin, now=noon)

    assert answer.judgement.verdict == "UNKNOWN"
    assert answer.meant == ("0820000017",)


def test_each_question_is_noted_with_its_answer(
    heard: Terminal, olga: Actor, wu: Actor, noon: datetime
) -> None:
    _ask("0820000001", actor=olga, now=noon)
    _ask("0820000001", actor=wu, now=noon)
    _ask("NOPE", actor=wu, now=noon)

    rows = AuditEntry.objects.filter(event="terminal.verified").order_by("id")
    assert sorted(
        (e.actor_label, e.subject_type, e.subject_label, e.details["verdict"]) for e in rows
    ) == [
        ("olga", "terminal", "0820000001", "GENUINE"),
        ("wu", "serial number", "", "BOUND_ELSEWHERE"),
        ("wu", "serial number", "", "FORMAT_INVALID"),
    ]


def test_a_card_number_is_refused_and_kept_nowhere(
    lin: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    card = "4" + "1" * 15

    with pytest.raises(CardNumberGiven), unchanged():
        _ask(card, actor=lin, now=noon)


@pytest.mark.parametrize("who", ["fay", "ada", "ron"])
def test_who_has_not_the_permission_learns_nothing(
    who: str, cast: Cast, heard: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(MissingPermission), unchanged(heard):
        _ask("0820000001", actor=cast.actor(who), now=noon)


def test_sixty_questions_a_minute_are_the_limit(
    lin: Actor, mei: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    for _ in range(60):
        _ask("0820000001", actor=lin, now=noon)

    with pytest.raises(OverLimit) as refused, unchanged():
        _ask("0820000001", actor=lin, now=noon)

    assert refused.value.retry_after_seconds == 60
    assert _verdict("0820000001", actor=mei, now=noon) == "UNKNOWN"
    assert _verdict("0820000001", actor=lin, now=noon + timedelta(minutes=1)) == "UNKNOWN"
