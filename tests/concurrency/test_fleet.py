"""Many at once on the fleet: each serial once, one winner, nothing half done."""

from collections import Counter
from collections.abc import Callable
from copy import copy
from datetime import datetime
from itertools import count
from uuid import uuid4

import pytest
from django.db.models import Model
from django.db.transaction import atomic

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor
from terminals.fleet import queries
from terminals.fleet.actions import custody, provisioning, registry, sheets
from terminals.fleet.models import ActivationCode, CodeSheet, RegisteredSerial, Terminal
from tests.cast import Cast
from tests.make import make_register, make_terminal, make_terminals

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

SERIALS = [f"082{n:07}" for n in range(100)]
Together = Callable[[int, Callable[[], object]], dict[str, int]]


@atomic
def _count(model: type[Model], **which: str) -> int:
    return model._default_manager.filter(**which).count()


def test_of_operators_who_provision_the_same_hundred_each_serial_goes_to_one(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    make_register(SERIALS, now=noon)
    turn = count()
    done: list[provisioning.Provisioned] = []
    outcomes: Counter[str] = Counter()

    def provision() -> None:
        # every second operator pastes the list the other way round
        serials = SERIALS if next(turn) % 2 else SERIALS[::-1]
        mine, rows = provisioning.provision_ready(
            serials, merchant=cast.noodle, store=cast.noodle_store, actor=olga, now=noon
        )
        done.extend(mine)
        outcomes.update(row.outcome.value for row in rows)

    assert together(4, provision) == {"done": 4}

    assert outcomes == {"PROVISIONED": 100, "ALREADY_ALLOCATED": 300}
    _each_serial_once(done)


@atomic
def _each_serial_once(done: list[provisioning.Provisioned]) -> None:
    assert sorted(row.serial for row in done) == SERIALS
    assert Terminal.objects.filter(status="ALLOCATED").count() == 100
    hashes = set(ActivationCode.objects.values_list("code_hash", flat=True))
    assert hashes == {provisioning.code_hash(row.code) for row in done}
    assert ActivationCode.objects.count() == 100
    for event in ("terminal.registered", "terminal.allocated", "terminal.code_issued"):
        assert AuditEntry.objects.filter(event=event).count() == 100


def test_two_merchants_never_share_a_serial(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    make_register(SERIALS, now=noon)
    places = [(cast.noodle, cast.noodle_store), (cast.tea, cast.tea_store)] * 2

    def provision() -> None:
        merchant, store = places.pop()
        provisioning.provision_ready(SERIALS, merchant=merchant, store=store, actor=olga, now=noon)

    assert together(4, provision) == {"done": 4}

    with atomic():
        terminals = list(Terminal.objects.select_related("store"))
    assert len(terminals) == 100
    for terminal in terminals:
        assert terminal.store is not None
        assert terminal.store.merchant_id == terminal.merchant_id


def test_a_double_click_provisions_once_and_both_see_the_same_sheet(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    make_register(SERIALS, now=noon)
    key = uuid4()
    seen: list[list[queries.ShownRow]] = []

    def send() -> None:
        sheet = sheets.provision_once(
            key,
            serials=SERIALS[:5],
            merchant=cast.noodle,
            store=cast.noodle_store,
            actor=olga,
            now=noon,
        )
        seen.append(queries.read_sheet(sheet, now=noon))

    assert together(8, send) == {"done": 8}

    assert all(rows == seen[0] for rows in seen)
    assert all(row.code for row in seen[0])
    assert (_count(CodeSheet), _count(ActivationCode)) == (1, 5)


def test_of_eight_operators_one_suspends(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    terminal = make_terminal("A1041000", merchant=cast.noodle, store=cast.noodle_store, now=noon)
    copies = [copy(terminal) for _ in range(8)]

    def suspend() -> None:
        custody.suspend(copies.pop(), reason="RISK", because="x", actor=olga, now=noon)

    assert together(8, suspend) == {"done": 1, "LostRace": 7}

    assert _count(AuditEntry, event="terminal.suspended") == 1


def test_of_codes_issued_at_once_one_stays_open(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    terminal = make_terminals(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, now=noon
    )[0]
    issued: list[provisioning.Provisioned] = []

    def issue() -> None:
        issued.append(provisioning.issue_code(terminal, actor=olga, now=noon))

    assert together(8, issue) == {"done": 8}

    with atomic():
        still_open = ActivationCode.objects.get(used_at=None, voided_at=None)
    assert still_open.code_hash in {provisioning.code_hash(row.code) for row in issued}
    assert _count(ActivationCode) == 9


def test_a_list_taken_in_by_many_at_once_is_taken_in_once(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    text = "\n".join(["maker,model,serial", *(f"PAX,A920,{serial}" for serial in SERIALS)])
    handed = registry.hand_in(
        actor=olga, file_name="list.csv", content=text.encode(), maker="", now=noon
    )
    copies = [copy(handed) for _ in range(6)]

    def take_in() -> None:
        registry.take_in(copies.pop(), actor=olga, now=noon)

    assert together(6, take_in) == {"done": 1, "LostRace": 5}

    assert _count(RegisteredSerial) == 100
    assert _count(AuditEntry, event="registry.imported") == 1


def test_lists_that_overlap_are_imported_at_once_without_a_deadlock(
    cast: Cast, olga: Actor, noon: datetime, together: Together
) -> None:
    turn = count()
    figures: list[tuple[int, int]] = []

    def take_in() -> None:
        serials = SERIALS if next(turn) % 2 else SERIALS[::-1]
        handed = make_register(serials, now=noon)
        figures.append((handed.new, handed.known))

    assert together(4, take_in) == {"done": 4}

    assert sorted(figures) == [(0, 100), (0, 100), (0, 100), (100, 0)]
    assert _count(RegisteredSerial) == 100
