"""Terminals into stock, to a merchant, and their activation codes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission, ProofNeeded
from portal.kit.ids import read_checked_code
from portal.kit.lifecycle import IllegalMove
from terminals.fleet.actions import provisioning
from terminals.fleet.models import ActivationCode, Terminal, TerminalStatus
from terminals.fleet.rules.allotment import Outcome
from terminals.fleet.rules.moves import MOVES
from tests.cast import Cast
from tests.make import make_register, make_terminal, make_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

SERIALS = ["0820000001", "0820000002", "0820000003"]
Unchanged = Callable[..., AbstractContextManager[None]]


def _provision(serials: list[str], cast: Cast, *, actor: Actor, now: datetime) -> dict[str, str]:
    _done, rows = provisioning.provision_ready(
        serials, merchant=cast.noodle, store=cast.noodle_store, actor=actor, now=now
    )
    return {row.serial: row.outcome.value for row in rows}


def _events(terminal: Terminal) -> list[tuple[str, dict[str, object]]]:
    rows = AuditEntry.objects.filter(subject_type="terminal", subject_id=str(terminal.pk))
    return list(rows.order_by("id").values_list("event", "details"))


def test_serials_of_the_register_go_to_a_store_each_with_a_code(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    done = provisioning.provision(
        [" 0820000002", "0820000001"],
        merchant=cast.noodle,
        store=cast.noodle_store,
        actor=olga,
        now=noon,
    )

    assert [row.serial for row in done] == ["0820000001", "0820000002"]
    for row in done:
        terminal = Terminal.objects.get(serial=row.serial)
        assert (terminal.maker, terminal.model, terminal.status) == ("PAX", "A920", "ALLOCATED")
        assert (terminal.merchant_id, terminal.store_id) == (cast.noodle.pk, cast.noodle_store.pk)
        assert terminal.provisioned_at == noon
        assert terminal.terminal_no == row.terminal_no
        assert row.terminal_no.isdigit()
        assert len(row.terminal_no) == 8
        assert len(row.code) == 13
        assert read_checked_code(row.code.lower()) == row.code
    assert len({row.terminal_no for row in done}) == 2
    assert not Terminal.objects.filter(serial="0820000003").exists()


def test_a_code_is_stored_as_a_keyed_hash_and_holds_for_a_day(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    done = provisioning.provision(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, actor=olga, now=noon
    )

    code = ActivationCode.objects.get()
    assert code.code_hash == provisioning.code_hash(done[0].code)
    assert done[0].code not in code.code_hash
    assert (code.issued_at, code.expires_at) == (noon, noon + timedelta(hours=24))
    assert (code.tries, code.used_at, code.voided_at) == (0, None, None)


def test_each_step_is_noted_and_never_the_code(cast: Cast, olga: Actor, noon: datetime) -> None:
    make_register(SERIALS, now=noon)

    done = provisioning.provision(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, actor=olga, now=noon
    )

    terminal = Terminal.objects.get()
    assert sorted(_events(terminal), key=lambda entry: entry[0]) == [
        ("terminal.allocated", {"store": "S1", "terminal_no": terminal.terminal_no}),
        ("terminal.code_issued", {"expires_at": "2026-11-21T12:00:00+08:00"}),
        ("terminal.registered", {"maker": "PAX", "model": "A920"}),
    ]
    everything = str(list(AuditEntry.objects.values("details", "subject_label")))
    assert done[0].code not in everything
    assert provisioning.code_hash(done[0].code) not in everything


def test_of_a_mixed_list_the_ready_ones_are_provisioned_and_the_others_say_why(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register([*SERIALS, "0820000004"], now=noon)
    make_register(["0820000004"], now=noon, maker="Landi", model="E350")
    make_terminal(
        "0829999999",
        merchant=cast.tea,
        store=cast.tea_store,
        now=noon,
        status=TerminalStatus.RETIRED,
    )
    make_terminals(["0828888888"], merchant=cast.tea, store=cast.tea_store, now=noon)

    became = _provision(
        [
            "0820000001",
            "0820000004",
            "0829999999",
            "0828888888",
            "0827777777",
            "08*",
            "0820000002",
        ],
        cast,
        actor=olga,
        now=noon,
    )

    assert became == {
        "0820000001": "PROVISIONED",
        "0820000004": "TWO_MAKERS",
        "0829999999": "RETIRED",
        "0828888888": "ALREADY_ALLOCATED",
        "0827777777": "NOT_IN_REGISTER",
        "08*": "BAD_SHAPE",
        "0820000002": "PROVISIONED",
    }
    mine = Terminal.objects.filter(merchant=cast.noodle).order_by("serial")
    assert [terminal.serial for terminal in mine] == ["0820000001", "0820000002"]


def test_a_serial_that_stands_twice_in_the_list_is_provisioned_once(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)

    done, rows = provisioning.provision_ready(
        ["0820000001", "0820000001"],
        merchant=cast.noodle,
        store=cast.noodle_store,
        actor=olga,
        now=noon,
    )

    assert [row.serial for row in done] == ["0820000001"]
    assert [row.outcome for row in rows] == [Outcome.PROVISIONED, Outcome.DUPLICATE_IN_LIST]
    assert ActivationCode.objects.count() == 1


def test_provision_is_all_or_none(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)

    with pytest.raises(provisioning.NotReady) as refused, unchanged():
        provisioning.provision(
            [*SERIALS, "0827777777"],
            merchant=cast.noodle,
            store=cast.noodle_store,
            actor=olga,
            now=noon,
        )

    assert [row.serial for row in refused.value.rows] == ["0827777777"]
    assert Terminal.objects.count() == 0


def test_five_hundred_go_at_once_and_one_more_is_refused(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    serials = [f"082{n:07}" for n in range(501)]
    make_register(serials, now=noon)

    with pytest.raises(provisioning.TooManySerials) as refused, unchanged():
        _provision(serials, cast, actor=olga, now=noon)
    assert refused.value.given == 501

    became = _provision(serials[:500], cast, actor=olga, now=noon)

    assert set(became.values()) == {"PROVISIONED"}
    assert Terminal.objects.filter(status="ALLOCATED").count() == 500
    numbers = Terminal.objects.values_list("terminal_no", flat=True)
    assert len(set(numbers)) == 500


def test_a_merchant_that_is_not_active_gets_none(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)
    cast.noodle.status, cast.noodle.suspended_at = "SUSPENDED", noon
    cast.noodle.save()

    with pytest.raises(provisioning.MerchantNotActive), unchanged():
        _provision(SERIALS, cast, actor=olga, now=noon)
    assert Terminal.objects.count() == 0


def test_a_store_of_another_merchant_is_refused(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)

    with pytest.raises(provisioning.StoreElsewhere), unchanged():
        provisioning.provision(
            SERIALS, merchant=cast.noodle, store=cast.tea_store, actor=olga, now=noon
        )
    assert Terminal.objects.count() == 0


@pytest.mark.parametrize("who", ["lin", "mei", "carol", "ada", "ron"])
def test_nobody_but_an_operator_provisions(
    who: str, cast: Cast, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)

    with pytest.raises(MissingPermission), unchanged():
        _provision(SERIALS, cast, actor=cast.actor(who), now=noon)
    assert Terminal.objects.count() == 0


def test_an_operator_must_have_proven_itself(
    cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    make_register(SERIALS, now=noon)
    held = frozenset({"terminal.provision"})
    unproven = replace(olga, permissions=olga.permissions - held, provable=held)

    with pytest.raises(ProofNeeded), unchanged():
        _provision(SERIALS, cast, actor=unproven, now=noon)
    assert Terminal.objects.count() == 0


def test_a_new_code_voids_the_one_before(cast: Cast, olga: Actor, noon: datetime) -> None:
    terminal = make_terminals(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, now=noon
    )[0]
    later = noon + timedelta(hours=1)

    issued = provisioning.issue_code(terminal, actor=olga, now=later)

    codes = ActivationCode.objects.order_by("issued_at")
    assert [(code.issued_at, code.voided_at) for code in codes] == [(noon, later), (later, None)]
    assert codes[1].code_hash == provisioning.code_hash(issued.code)


@pytest.mark.parametrize("status", ["ENROLLED", "ACTIVE", "RETIRED"])
def test_only_a_terminal_that_waits_gets_a_code(
    status: str, cast: Cast, olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    terminal = make_terminal(
        SERIALS[0],
        merchant=cast.noodle,
        store=cast.noodle_store,
        now=noon,
        status=TerminalStatus(status),
    )

    with pytest.raises(IllegalMove), unchanged(terminal):
        provisioning.issue_code(terminal, actor=olga, now=noon)
    assert ActivationCode.objects.count() == 1


def test_serials_are_taken_into_stock_once(cast: Cast, olga: Actor, noon: datetime) -> None:
    make_register(SERIALS, now=noon)

    first = provisioning.register_into_stock(SERIALS[:2], actor=olga, now=noon)
    again = provisioning.register_into_stock(SERIALS, actor=olga, now=noon)

    assert [t.status for t in first] == ["REGISTERED", "REGISTERED"]
    assert [t.terminal_no for t in again[:2]] == [t.terminal_no for t in first]
    assert AuditEntry.objects.filter(event="terminal.registered").count() == 3


def test_a_terminal_in_stock_keeps_its_number_when_it_is_provisioned(
    cast: Cast, olga: Actor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    stocked = provisioning.register_into_stock(SERIALS[:1], actor=olga, now=noon)[0]

    done = provisioning.provision(
        SERIALS[:1], merchant=cast.noodle, store=cast.noodle_store, actor=olga, now=noon
    )

    assert done[0].terminal_no == stocked.terminal_no


def test_a_serial_that_is_not_listed_does_not_come_into_stock(
    olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(provisioning.NotReady), unchanged():
        provisioning.register_into_stock(["0827777777"], actor=olga, now=noon)
    assert Terminal.objects.count() == 0


def test_the_table_of_moves_is_the_agreed_one() -> None:
    assert {status: sorted(to) for status, to in MOVES.items()} == {
        "REGISTERED": ["ALLOCATED", "RETIRED"],
        "ALLOCATED": ["ENROLLED", "REGISTERED", "RETIRED"],
        "ENROLLED": ["ACTIVE", "ALLOCATED", "RETIRED"],
        "ACTIVE": ["RETIRED", "SUSPENDED"],
        "SUSPENDED": ["ACTIVE", "RETIRED"],
        "RETIRED": ["REGISTERED"],
    }
    assert set(MOVES) == set(TerminalStatus)
