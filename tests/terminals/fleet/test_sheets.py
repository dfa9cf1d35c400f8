"""Codes on a page: once for each form, readable for minutes by one person."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from terminals.fleet import queries
from terminals.fleet.actions import provisioning, sheets
from terminals.fleet.models import ActivationCode, CodeSheet, Terminal
from terminals.fleet.tasks import forget_read_codes
from tests.cast import Cast
from tests.make import make_register, make_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

SERIALS = ["0820000001", "0820000002"]
Unchanged = Callable[..., AbstractContextManager[None]]


def _once(
    key: UUID, cast: Cast, *, actor: Actor, now: datetime, serials: list[str] = SERIALS
) -> CodeSheet:
    return sheets.provision_once(
        key, serials=serials, merchant=cast.noodle, store=cast.noodle_store, actor=actor, now=now
    )


def test_the_codes_on_the_sheet_are_those_that_were_issued(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    sheet = _once(uuid4(), cast, actor=olga, now=noon, serials=[*SERIALS, "NOPE0001"])

    rows = queries.read_sheet(sheet, now=noon)
    assert [(row.serial, row.outcome.value, bool(row.code)) for row in rows] == [
        ("0820000001", "PROVISIONED", True),
        ("0820000002", "PROVISIONED", True),
        ("NOPE0001", "NOT_IN_REGISTER", False),
    ]
    hashes = set(ActivationCode.objects.values_list("code_hash", flat=True))
    assert {provisioning.code_hash(row.code) for row in rows if row.code} == hashes
    stored = CodeSheet.objects.values().get()
    assert not any(row.code in str(stored) for row in rows if row.code)


def test_a_form_that_is_sent_twice_provisions_once_and_shows_the_same_codes(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    key = uuid4()

    first = _once(key, cast, actor=olga, now=noon)
    second = _once(key, cast, actor=olga, now=noon + timedelta(seconds=1))

    assert first.pk == second.pk
    assert queries.read_sheet(first, now=noon) == queries.read_sheet(second, now=noon)
    assert Terminal.objects.count() == 2
    assert ActivationCode.objects.count() == 2


def test_a_list_of_which_nothing_is_ready_leaves_nothing(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(provisioning.NotReady), unchanged():
        _once(uuid4(), cast, actor=olga, now=noon)
    assert CodeSheet.objects.count() == 0


def test_the_key_of_somebody_else_opens_nothing(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)
    key = uuid4()
    sheet = _once(key, cast, actor=olga, now=noon)
    other = replace(olga, id=(olga.id or 0) + 1000)

    with pytest.raises(CodeSheet.DoesNotExist), unchanged(sheet):
        _once(key, cast, actor=other, now=noon)
    with pytest.raises(CodeSheet.DoesNotExist):
        queries.get_sheet(other, sheet.pk)


def test_after_ten_minutes_the_codes_cannot_be_read(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    sheet = _once(uuid4(), cast, actor=olga, now=noon)
    last = noon + timedelta(minutes=10)

    assert all(row.code for row in queries.read_sheet(sheet, now=last - timedelta(seconds=1)))
    assert not any(row.code for row in queries.read_sheet(sheet, now=last))


def test_the_sweep_forgets_what_may_no_longer_be_read(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register([*SERIALS, "0820000003"], now=noon)
    old = _once(uuid4(), cast, actor=olga, now=noon)
    fresh = _once(
        uuid4(), cast, actor=olga, now=noon + timedelta(minutes=5), serials=["0820000003"]
    )
    then = noon + timedelta(minutes=10)

    assert sheets.forget_read_codes(now=then) == 1
    assert sheets.forget_read_codes(now=then) == 0

    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (old.sealed_codes, old.forgotten_at) == ("", then)
    assert fresh.sealed_codes != ""
    assert fresh.forgotten_at is None


def test_the_clock_of_the_task_is_the_real_one(cast: Cast, olga: Actor, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    _once(uuid4(), cast, actor=olga, now=noon - timedelta(days=3650))

    assert forget_read_codes() == {"forgotten": 1}


def test_codes_can_be_put_away_at_once(cast: Cast, olga: Actor, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    sheet = _once(uuid4(), cast, actor=olga, now=noon)

    assert sheets.put_away(sheet, actor=olga, now=noon) == 1
    assert sheets.put_away(sheet, actor=olga, now=noon) == 0

    sheet.refresh_from_db()
    assert not any(row.code for row in queries.read_sheet(sheet, now=noon))
    noted = AuditEntry.objects.filter(event="terminal.codes_put_away")
    assert [entry.details for entry in noted] == [{"count": 2}]


def test_printing_is_noted(cast: Cast, olga: Actor, noon: datetime) -> None:
    make_register(SERIALS, now=noon)
    sheet = _once(uuid4(), cast, actor=olga, now=noon)

    sheets.print_codes(sheet, actor=olga, now=noon)

    noted = AuditEntry.objects.get(event="terminal.codes_printed")
    assert (noted.actor_label, noted.merchant_id, noted.details) == (
        "olga",
        cast.noodle.pk,
        {"count": 2},
    )


def test_a_code_is_issued_again_once_for_each_form(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    terminal = make_terminals(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, now=noon
    )[0]
    key = uuid4()

    for _ in range(2):
        sheet = sheets.reissue_once(key, terminal=terminal, actor=olga, now=noon)

    rows = queries.read_sheet(sheet, now=noon)
    assert [(row.serial, row.outcome.value) for row in rows] == [("0820000001", "REISSUED")]
    open_codes = ActivationCode.objects.filter(voided_at=None)
    assert [code.code_hash for code in open_codes] == [provisioning.code_hash(rows[0].code)]
    assert ActivationCode.objects.count() == 2


@pytest.mark.parametrize("who", ["lin", "carol", "ron"])
def test_nobody_but_an_operator_handles_codes(
    who: str, cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)
    sheet = _once(uuid4(), cast, actor=olga, now=noon)
    actor = cast.actor(who)

    with unchanged(sheet):
        with pytest.raises(MissingPermission):
            _once(uuid4(), cast, actor=actor, now=noon)
        with pytest.raises(MissingPermission):
            sheets.print_codes(sheet, actor=actor, now=noon)
        with pytest.raises(MissingPermission):
            sheets.put_away(sheet, actor=actor, now=noon)
        with pytest.raises(MissingPermission):
            sheets.reissue_once(uuid4(), terminal=Terminal.objects.all()[0], actor=actor, now=noon)
