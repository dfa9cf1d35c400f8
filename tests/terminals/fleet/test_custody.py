"""Suspending and reinstating."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission, ProofNeeded
from portal.kit.lifecycle import IllegalMove, LostRace
from terminals.fleet.actions import custody
from terminals.fleet.models import SuspendReason, Terminal, TerminalStatus
from tests.cast import Cast
from tests.make import make_terminal

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

Unchanged = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def a1041(cast: Cast, noon: datetime) -> Terminal:
    """An active terminal of Noodle House."""
    return make_terminal("A1041000", merchant=cast.noodle, store=cast.noodle_store, now=noon)


def _last_event(terminal: Terminal) -> tuple[str, str, dict[str, object]]:
    entry = AuditEntry.objects.filter(
        subject_type="terminal",
        subject_id=str(terminal.pk),
        event__in=["terminal.suspended", "terminal.reinstated"],
    ).order_by("-at", "-id")[0]
    return entry.event, entry.actor_label, entry.details


def test_an_operator_suspends_a_terminal(olga: Actor, a1041: Terminal, noon: datetime) -> None:
    custody.suspend(
        a1041, reason=SuspendReason.RISK, because="reported stolen", actor=olga, now=noon
    )

    assert (a1041.status, a1041.suspended_at, a1041.suspended_reason) == (
        "SUSPENDED",
        noon,
        "RISK",
    )
    assert _last_event(a1041) == (
        "terminal.suspended",
        "olga",
        {"reason": "RISK", "because": "reported stolen"},
    )


def test_an_operator_reinstates_it(olga: Actor, a1041: Terminal, noon: datetime) -> None:
    custody.suspend(a1041, reason="ARREARS", because="unpaid", actor=olga, now=noon)

    custody.reinstate(a1041, because="paid", actor=olga, now=noon + timedelta(hours=1))

    assert (a1041.status, a1041.suspended_at, a1041.suspended_reason) == ("ACTIVE", None, "")
    assert a1041.activated_at == noon
    assert _last_event(a1041) == ("terminal.reinstated", "olga", {"because": "paid"})


@pytest.mark.parametrize("who", ["lin", "mei", "wu", "carol", "ada", "ron"])
def test_nobody_else_may_suspend(
    who: str, cast: Cast, a1041: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(MissingPermission), unchanged(a1041):
        custody.suspend(a1041, reason="RISK", because="x", actor=cast.actor(who), now=noon)


@pytest.mark.parametrize("who", ["lin", "mei", "wu", "carol", "ada", "ron"])
def test_nobody_else_may_reinstate(
    who: str, cast: Cast, a1041: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    custody.suspend(a1041, reason="RISK", because="x", actor=cast.actor("olga"), now=noon)

    with pytest.raises(MissingPermission), unchanged(a1041):
        custody.reinstate(a1041, because="x", actor=cast.actor(who), now=noon)


def test_reinstating_needs_a_fresh_proof(
    olga: Actor, a1041: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    custody.suspend(a1041, reason="RISK", because="x", actor=olga, now=noon)
    held = frozenset({"terminal.reinstate"})
    unproven = replace(olga, permissions=olga.permissions - held, provable=held)

    with pytest.raises(ProofNeeded), unchanged(a1041):
        custody.reinstate(a1041, because="x", actor=unproven, now=noon)


def _in_status(status: str, cast: Cast, now: datetime) -> Terminal:
    return make_terminal(
        "A1042000",
        merchant=cast.noodle,
        store=cast.noodle_store,
        now=now,
        status=TerminalStatus(status),
    )


@pytest.mark.parametrize("status", ["ALLOCATED", "ENROLLED", "RETIRED"])
def test_only_an_active_terminal_is_suspended(
    status: str, cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    terminal = _in_status(status, cast, noon)

    with pytest.raises(IllegalMove), unchanged(terminal):
        custody.suspend(terminal, reason="RISK", because="x", actor=olga, now=noon)


@pytest.mark.parametrize("status", ["ALLOCATED", "ENROLLED", "ACTIVE", "RETIRED"])
def test_reinstating_activates_nothing_that_was_not_suspended(
    status: str, cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    terminal = _in_status(status, cast, noon)

    with pytest.raises(IllegalMove), unchanged(terminal):
        custody.reinstate(terminal, because="x", actor=olga, now=noon)


def test_who_read_the_terminal_before_another_moved_it_loses(
    olga: Actor, a1041: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    stale = Terminal.objects.get(pk=a1041.pk)
    custody.suspend(a1041, reason="RISK", because="first", actor=olga, now=noon)

    with pytest.raises(LostRace), unchanged(a1041):
        custody.suspend(stale, reason="MOVED", because="second", actor=olga, now=noon)


def test_a_reason_that_is_not_on_the_list_is_refused(
    olga: Actor, a1041: Terminal, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(ValueError, match="BOREDOM"), unchanged(a1041):
        custody.suspend(a1041, reason="BOREDOM", because="x", actor=olga, now=noon)
