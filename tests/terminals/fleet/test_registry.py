"""Taking makers' lists into the register."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.audit.models import AuditEntry
from portal.kit.actor import Actor, MissingPermission
from portal.kit.lifecycle import IllegalMove
from terminals.fleet.actions import registry
from terminals.fleet.models import RegisteredSerial, RegistryImport
from terminals.fleet.rules.maker_lists import EmptyList
from tests.make import make_register

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

HEAD = "maker,model,serial,tusn\r\n"
Unchanged = Callable[..., AbstractContextManager[None]]


def _import(text: str | bytes, *, actor: Actor, now: datetime) -> RegistryImport:
    content = text.encode() if isinstance(text, str) else text
    handed = registry.hand_in(
        actor=actor, file_name="list.csv", content=content, maker="", now=now
    )
    return registry.take_in(handed, actor=actor, now=now)


def _counts(handed: RegistryImport) -> tuple[int, int, int, int, int]:
    return (handed.new, handed.changed, handed.known, handed.flagged, handed.rejected)


def _register() -> list[tuple[str, str, str, str]]:
    rows = RegisteredSerial.objects.order_by("maker", "serial")
    return list(rows.values_list("maker", "model", "serial", "tusn"))


def test_one_bad_line_among_fifty_thousand_is_named_and_the_rest_is_taken(
    olga: Actor, noon: datetime
) -> None:
    lines = [f"百富,A920,082{n:07},0000570228{n:010}" for n in range(50_000)]
    lines[41_336] = "百富,A920,08*0041336,"
    content = ("厂商,型号,序列号,TUSN\r\n" + "\r\n".join(lines)).encode("gb18030")

    began = time.monotonic()
    first = _import(content, actor=olga, now=noon)
    took = time.monotonic() - began

    assert first.encoding == "GBK"
    assert _counts(first) == (49_999, 0, 0, 0, 1)
    assert [(r.line, r.code, r.cell) for r in registry.read_remarks(first)] == [
        (41_338, "BAD_SERIAL", "08*0041336")
    ]
    assert RegisteredSerial.objects.count() == 49_999
    # A few seconds on an idle machine; the bound only catches work that is row by row.
    assert took < 60


def test_a_second_run_changes_no_row(olga: Actor, noon: datetime) -> None:
    text = HEAD + "PAX,A920,0820000001,\r\nPAX,A920,0820000002,00000570228011763\r\n"
    _import(text, actor=olga, now=noon)
    before = list(RegisteredSerial.objects.order_by("pk").values())

    again = _import(text, actor=olga, now=noon + timedelta(days=1))

    assert _counts(again) == (0, 0, 2, 0, 0)
    assert list(RegisteredSerial.objects.order_by("pk").values()) == before


def test_a_preview_changes_nothing_and_says_what_the_import_then_does(
    olga: Actor, noon: datetime
) -> None:
    make_register(["0820000001", "0820000002"], now=noon)
    before = _register()
    text = HEAD + "PAX,A930,0820000001,\r\nPAX,A920,0820000002,\r\nPAX,A920,0820000003,\r\n"

    handed = registry.hand_in(
        actor=olga, file_name="list.csv", content=text.encode(), maker="", now=noon
    )

    assert _register() == before
    assert _counts(handed) == (1, 1, 1, 0, 0)
    assert [(r.line, r.code, r.cell) for r in registry.read_remarks(handed)] == [
        (2, "CHANGED", "0820000001: A920  -> A930 ")
    ]
    assert _counts(registry.take_in(handed, actor=olga, now=noon)) == (1, 1, 1, 0, 0)
    assert [row[1] for row in _register()] == ["A930", "A920", "A920"]


def test_a_missing_tusn_does_not_erase_the_one_that_is_known(olga: Actor, noon: datetime) -> None:
    tusn = "00000570228011763"
    _import(HEAD + f"PAX,A920,0820000001,{tusn}\r\n", actor=olga, now=noon)

    again = _import(HEAD + "PAX,A920,0820000001,\r\n", actor=olga, now=noon)

    assert _counts(again) == (0, 0, 1, 0, 0)
    assert _register() == [("PAX", "A920", "0820000001", tusn)]


def test_a_serial_under_two_makers_is_taken_and_flagged(olga: Actor, noon: datetime) -> None:
    make_register(["0820000001"], now=noon)

    handed = _import(
        HEAD + "Verifone,V400,0820000001,\r\nSpire,S1,SP0000001,\r\nLandi,L1,SP0000001,\r\n",
        actor=olga,
        now=noon,
    )

    assert _counts(handed) == (3, 0, 0, 3, 0)
    assert [(r.line, r.code.value) for r in registry.read_remarks(handed)] == [
        (2, "TWO_MAKERS"),
        (3, "TWO_MAKERS"),
        (4, "TWO_MAKERS"),
    ]


def test_a_tusn_of_another_serial_is_refused(olga: Actor, noon: datetime) -> None:
    tusn = "00000570228011763"
    _import(HEAD + f"PAX,A920,0820000001,{tusn}\r\n", actor=olga, now=noon)

    handed = _import(
        HEAD + f"PAX,A920,0820000002,{tusn}\r\nPAX,A920,0820000003,\r\n", actor=olga, now=noon
    )

    assert _counts(handed) == (1, 0, 0, 0, 1)
    assert [(r.line, r.code.value) for r in registry.read_remarks(handed)] == [(2, "TUSN_TAKEN")]


def test_a_maker_keeps_the_spelling_that_the_register_has(olga: Actor, noon: datetime) -> None:
    make_register(["0820000001"], now=noon, maker="PAX")

    handed = _import(HEAD + "Pax,A920,0820000001,\r\n", actor=olga, now=noon)

    assert _counts(handed) == (0, 0, 1, 0, 0)


def test_the_import_is_noted_with_its_figures(olga: Actor, noon: datetime) -> None:
    _import(HEAD + "PAX,A920,0820000001,\r\nPAX,A920,?,\r\n", actor=olga, now=noon)

    entries = AuditEntry.objects.filter(event__startswith="registry.").order_by("event")
    assert [(e.event, e.actor_label, e.subject_label, e.details) for e in entries] == [
        (
            event,
            "olga",
            "list.csv",
            {"file": "list.csv", "new": 1, "changed": 0, "known": 0, "rejected": 1},
        )
        for event in ("registry.handed_in", "registry.imported")
    ]


def test_a_list_is_taken_in_once(olga: Actor, noon: datetime, unchanged: Unchanged) -> None:
    handed = _import(HEAD + "PAX,A920,0820000001,\r\n", actor=olga, now=noon)

    with pytest.raises(IllegalMove), unchanged(handed):
        registry.take_in(handed, actor=olga, now=noon)
    assert RegisteredSerial.objects.count() == 1


def test_what_is_kept_of_a_list_holds_no_refused_line(olga: Actor, noon: datetime) -> None:
    card = "4" + "1" * 15
    handed = registry.hand_in(
        actor=olga,
        file_name="list.csv",
        content=(HEAD + f"PAX,A920,0820000001,\r\nPAX,A920,{card},\r\n").encode(),
        maker="",
        now=noon,
    )

    assert handed.remarks == [[3, "CARD_NUMBER", ""]]
    assert [e.serial for e in registry.read_entries(handed)] == ["0820000001"]
    assert bytes(registry.take_in(handed, actor=olga, now=noon).packed) == b""


@pytest.mark.parametrize("who", ["lin", "mei", "carol", "ron"])
def test_nobody_but_an_operator_imports(
    who: str, request: pytest.FixtureRequest, noon: datetime, unchanged: Unchanged
) -> None:
    actor = request.getfixturevalue("cast").actor(who)

    with pytest.raises(MissingPermission), unchanged():
        registry.hand_in(
            actor=actor, file_name="list.csv", content=b"maker,model,serial\n", maker="", now=noon
        )
    assert RegistryImport.objects.count() == 0


def test_who_lost_the_permission_cannot_finish_an_import(
    olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    handed = registry.hand_in(
        actor=olga,
        file_name="list.csv",
        content=(HEAD + "PAX,A920,0820000001,\r\n").encode(),
        maker="",
        now=noon,
    )

    with pytest.raises(MissingPermission), unchanged(handed):
        registry.take_in(handed, actor=replace(olga, permissions=frozenset()), now=noon)
    assert RegisteredSerial.objects.count() == 0


def test_a_file_that_is_no_list_leaves_nothing(
    olga: Actor, noon: datetime, unchanged: Unchanged
) -> None:
    with pytest.raises(EmptyList), unchanged():
        registry.hand_in(
            actor=olga, file_name="list.csv", content=HEAD.encode(), maker="", now=noon
        )
    assert RegistryImport.objects.count() == 0
