"""Noticing silence: on time, once, and never because of ourselves."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from portal.audit.models import AuditEntry
from terminals.fleet.models import Terminal
from terminals.presence import actions, tasks
from terminals.presence.models import IngestWatermark, LinkEvent, Liveness
from terminals.presence.queries import find_impossible_links
from terminals.presence.rules import ENOUGH_TO_JUDGE_BY, ON_MAINS, OUR_SILENCE
from tests.cast import Cast
from tests.make import make_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

LATE, OFFLINE = timedelta(seconds=300), timedelta(seconds=900)
MISSING = timedelta(hours=72)
SECOND = timedelta(seconds=1)
TICK = timedelta(seconds=15)


def _watch(cast: Cast, count: int, *, now: datetime) -> list[Terminal]:
    """Make terminals that were heard just now."""
    serials = [f"A{number:07}" for number in range(count)]
    terminals = make_terminals(serials, merchant=cast.noodle, store=cast.noodle_store, now=now)
    for terminal in terminals:
        actions.arm(terminal, challenge="c" * 22, message_id="", rhythm=ON_MAINS, now=now)
    IngestWatermark.objects.update(resumed_at=now - timedelta(days=30), swept_at=now)
    return terminals


def _sweep_each_tick(start: datetime, end: datetime) -> list[actions.Swept]:
    swept = []
    now = start
    while now <= end:
        swept.append(actions.sweep(now=now))
        now += TICK
    return swept


def _events(terminal: Terminal) -> list[tuple[str, str, datetime]]:
    rows = LinkEvent.objects.filter(terminal=terminal, cause="sweep").order_by("epoch")
    return list(rows.values_list("old_link", "new_link", "occurred_at"))


def test_a_silent_terminal_is_late_then_offline_then_missing(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)
    for moment in (LATE - SECOND, LATE, OFFLINE - SECOND, OFFLINE, MISSING - SECOND, MISSING):
        IngestWatermark.objects.update(swept_at=noon + moment - TICK)
        actions.sweep(now=noon + moment)

    assert _events(terminal) == [
        ("ONLINE", "LATE", noon + LATE),
        ("LATE", "OFFLINE", noon + OFFLINE),
        ("OFFLINE", "MISSING", noon + MISSING),
    ]
    row = Liveness.objects.get()
    assert (row.link, row.check_at, row.epoch) == ("MISSING", None, 4)
    assert LinkEvent.objects.filter(merchant_id=cast.noodle.pk).count() == 4
    assert find_impossible_links().breaches == ()


def test_events_are_dated_when_they_were_due_not_when_they_were_seen(
    cast: Cast, noon: datetime
) -> None:
    (terminal,) = _watch(cast, 1, now=noon)
    IngestWatermark.objects.update(swept_at=noon + OFFLINE)

    actions.sweep(now=noon + OFFLINE + timedelta(seconds=40))

    assert _events(terminal) == [("ONLINE", "OFFLINE", noon + OFFLINE)]


def test_falling_silent_leaves_one_entry(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)

    _sweep_each_tick(noon, noon + OFFLINE + 4 * TICK)

    entry = AuditEntry.objects.get(event="terminal.fell_silent")
    assert (entry.actor_kind, entry.subject_label, entry.merchant_id) == (
        "SYSTEM",
        terminal.serial,
        cast.noodle.pk,
    )
    assert datetime.fromisoformat(str(entry.details["since"])) == noon


def test_a_heartbeat_puts_the_deadline_off_without_touching_it(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)
    armed_for = Liveness.objects.get().check_at
    actions.note_activity(terminal.pk, now=noon + timedelta(seconds=200))

    assert Liveness.objects.get().check_at == armed_for == noon + LATE
    IngestWatermark.objects.update(swept_at=noon + LATE)
    assert actions.sweep(now=noon + LATE) == actions.Swept(examined=1)
    assert Liveness.objects.get().check_at == noon + LATE + timedelta(seconds=200)


def test_time_never_runs_backwards(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)

    actions.note_activity(terminal.pk, now=noon - timedelta(minutes=5))

    assert Liveness.objects.get().last_seen_at == noon


def test_a_terminal_that_comes_back_is_online_with_an_event(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)
    _sweep_each_tick(noon, noon + OFFLINE)
    back = noon + timedelta(hours=1)

    actions.note_activity(terminal.pk, now=back)

    last = LinkEvent.objects.order_by("-epoch")[0]
    assert (last.old_link, last.new_link, last.occurred_at) == ("OFFLINE", "ONLINE", back)
    assert Liveness.objects.get().check_at == back + LATE


def test_after_our_own_outage_nobody_is_late(cast: Cast, noon: datetime) -> None:
    """Server, worker and all: nothing swept and nothing heard for two hours."""
    _watch(cast, 300, now=noon)
    back = noon + timedelta(hours=2)

    assert actions.sweep(now=back).changed == 0
    assert sum(swept.changed for swept in _sweep_each_tick(back, back + LATE - TICK)) == 0
    assert Liveness.objects.filter(link="ONLINE").count() == 300


def test_while_nobody_can_reach_us_nobody_is_blamed(cast: Cast, noon: datetime) -> None:
    """Only the door is down: the sweeps go on."""
    _watch(cast, 20, now=noon)

    swept = _sweep_each_tick(noon, noon + timedelta(hours=1))

    assert sum(step.changed for step in swept) == 0
    assert {step.ours for step in swept[4:]} == {True}


def test_whether_enough_should_speak_is_asked_of_no_more_than_enough(
    cast: Cast, noon: datetime
) -> None:
    _watch(cast, 60, now=noon)
    later = noon + timedelta(minutes=2)
    values: dict[str, Any] = {
        "now": later,
        "silence": OUR_SILENCE,
        "enough": ENOUGH_TO_JUDGE_BY,
    }

    with connection.cursor() as cursor:
        cursor.execute("explain (analyze, costs off) " + actions.GUARD, values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    read = re.findall(r"Scan (?:using \w+ )?on terminals_liveness.* rows=([\d.]+)", plan)
    assert {float(rows) for rows in read} == {ENOUGH_TO_JUDGE_BY}


def test_once_we_are_back_the_deadlines_start_again(cast: Cast, noon: datetime) -> None:
    terminals = _watch(cast, 20, now=noon)
    _sweep_each_tick(noon, noon + timedelta(hours=1))
    back = noon + timedelta(hours=1)
    actions.note_activity(terminals[0].pk, now=back)

    for step in range(70):
        now = back + step * TICK
        IngestWatermark.objects.update(last_any_at=now)  # others are heard
        actions.sweep(now=now)

    assert Liveness.objects.filter(link="OFFLINE").count() == 20
    first = LinkEvent.objects.filter(new_link="OFFLINE").order_by("occurred_at")[0]
    assert back + OFFLINE - TICK <= first.occurred_at <= back + OFFLINE + TICK


def test_our_own_outage_brings_nobody_back(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)
    _sweep_each_tick(noon, noon + OFFLINE)
    back = noon + MISSING + timedelta(minutes=5)

    actions.sweep(now=back)

    row = Liveness.objects.get()
    assert (row.link, row.check_at) == ("OFFLINE", back + MISSING)
    assert [new for _old, new, _at in _events(terminal)] == ["LATE", "OFFLINE"]


def test_a_small_estate_still_notices_its_only_terminal(cast: Cast, noon: datetime) -> None:
    (terminal,) = _watch(cast, 1, now=noon)

    swept = _sweep_each_tick(noon, noon + OFFLINE)

    assert {step.ours for step in swept} == {False}
    assert [new for _old, new, _at in _events(terminal)] == ["LATE", "OFFLINE"]


def test_a_full_batch_is_followed_by_another(cast: Cast, noon: datetime) -> None:
    _watch(cast, 7, now=noon)
    IngestWatermark.objects.update(swept_at=noon + LATE)

    assert actions.sweep_all(now=noon + LATE, batch=3).changed == 7


def test_the_task_sweeps_what_is_due_by_the_clock(cast: Cast) -> None:
    now = timezone.now()
    _watch(cast, 3, now=now - OFFLINE)
    IngestWatermark.objects.update(swept_at=now)

    assert tasks.sweep_overdue() == {"changed": 3, "fell_silent": 3}


def test_links_that_contradict_their_history_are_found(cast: Cast, noon: datetime) -> None:
    one, two, three, four = _watch(cast, 4, now=noon)
    Liveness.objects.filter(terminal=one).update(link="LATE")
    Liveness.objects.filter(terminal=two).update(epoch=F("epoch") + 1)
    Liveness.objects.filter(terminal=three).update(check_at=None)
    Liveness.objects.filter(terminal=four).update(last_seen_at=None)

    finding = find_impossible_links()

    assert (finding.checked, finding.holds) == (4, False)
    assert sorted(finding.breaches) == sorted(
        [
            f"terminal {one.pk} has another link than its last event",
            f"terminal {two.pk} has changes without events",
            f"terminal {three.pk} is not watched as its link demands",
            f"terminal {four.pk} was heard and never heard at once",
        ]
    )
