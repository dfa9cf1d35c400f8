"""The page of one terminal."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.kit.actor import Actor
from portal.kit.scope import acting_as, scope_of
from terminals.board import queries
from terminals.checkin.models import SignIn
from terminals.fleet.actions import custody
from terminals.fleet.models import DeviceKey, Terminal
from terminals.fleet.queries import get_terminal, list_keys
from terminals.presence.models import Link, LinkEvent, Liveness
from tests.cast import Cast
from tests.make import FLEET_MAKER, make_terminal, make_terminals

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

ClientFor = Callable[[str], Client]


@pytest.fixture
def now() -> datetime:
    """The clock of the pages."""
    return timezone.now()


SAID = {
    "power": {"source": "mains", "battery_pct": 64},
    "net": {"type": "4g", "rssi_dbm": -71},
    "sw": {"firmware": "2.4.1", "app": "1.9"},
    "hw": {"printer": "paper_out", "reader_icc": "fault"},
    "biz": {"unsent_txns": 3},
}
CHANGES = [
    (30, "ONLINE", "LATE"),
    (20, "LATE", "ONLINE"),
    (2, "ONLINE", "OFFLINE"),
    (1, "OFFLINE", "ONLINE"),
]


@pytest.fixture
def a1041(cast: Cast, now: datetime) -> Terminal:
    """An active terminal of Noodle House that was heard, signed in and once suspended."""
    terminal = make_terminal(
        "A1041000", merchant=cast.noodle, store=cast.noodle_store, now=now - timedelta(days=3)
    )
    for generation, revoked in ((1, now), (2, None)):
        DeviceKey.objects.create(
            terminal=terminal,
            generation=generation,
            public_key=f"k{generation}",
            created_at=now,
            revoked_at=revoked,
        )
    _heard(terminal, now)
    olga = cast.actor("olga")
    custody.suspend(terminal, reason="MOVED", because="1.2 km away", actor=olga, now=now)
    custody.reinstate(terminal, because="moved back", actor=olga, now=now)
    return terminal


def _heard(terminal: Terminal, now: datetime) -> None:
    whose = {"terminal": terminal, "merchant_id": terminal.merchant_id or 0}
    Liveness.objects.create(
        **whose, link=Link.ONLINE, last_seen_at=now - timedelta(minutes=2), said=SAID
    )
    for epoch, (hours, was, became) in enumerate(CHANGES):
        LinkEvent.objects.create(
            **whose,
            epoch=epoch,
            old_link=was,
            new_link=became,
            occurred_at=now - timedelta(hours=hours),
            cause="sweep",
        )
    SignIn.objects.create(
        **whose,
        signin_id=uuid4().hex,
        body_sha256="0" * 64,
        business_date=timezone.localdate(now),
        at=now,
        operator_no="01",
        code="BATTERY_LOW",
    )


def test_an_operator_sees_the_whole_of_it(client_for: ClientFor, a1041: Terminal) -> None:
    page = client_for("olga").get("/terminals/A1041000/").content.decode()

    for words in (
        a1041.terminal_no,
        "PAX A920",
        "Noodle House",
        "静安店",
        "2 minutes ago",
        "64%",
        "-71 dBm",
        "out of paper",
        "Chip reader",
        "BATTERY_LOW",
        "Terminal suspended",
        "Moved from its registered place · 1.2 km away",
        "moved back",
        "In use",
        "/terminals/A1041000/suspend/",
    ):
        assert words in page, words
    assert page.count("<title>") >= 48
    assert "1.2 km away" in page


def test_its_own_merchant_sees_it_without_keys_history_or_buttons(
    client_for: ClientFor, a1041: Terminal
) -> None:
    page = client_for("lin").get("/terminals/A1041000/").content.decode()

    assert "2 minutes ago" in page
    for words in ("1.2 km away", "olga", "/suspend/", "/issue-code/", "Generation"):
        assert words not in page, words


def test_of_a_suspended_terminal_everybody_reads_why(
    cast: Cast, client_for: ClientFor, a1041: Terminal, now: datetime
) -> None:
    custody.suspend(a1041, reason="ARREARS", because="secret", actor=FLEET_MAKER, now=now)

    own = client_for("lin").get("/terminals/A1041000/").content.decode()
    operator = client_for("olga").get("/terminals/A1041000/").content.decode()

    assert "Fees in arrears" in own
    assert "secret" not in own
    assert "/terminals/A1041000/reinstate/" in operator
    assert "/terminals/A1041000/suspend/" not in operator


@pytest.mark.parametrize(
    "path", ["", "suspend/", "reinstate/", "issue-code/"], ids=lambda path: path or "page"
)
def test_a_strangers_terminal_does_not_exist(
    path: str, client_for: ClientFor, a1041: Terminal
) -> None:
    expected = 404 if path == "" else 403

    assert client_for("wu").get(f"/terminals/A1041000/{path}").status_code == expected
    assert client_for("olga").get("/terminals/NOBODY/").status_code == 404


def test_the_database_hides_it_from_a_stranger_as_well(wu: Actor, a1041: Terminal) -> None:
    with acting_as(scope_of(wu)), pytest.raises(Terminal.DoesNotExist):
        get_terminal(wu, "A1041000")
    with acting_as(scope_of(wu)):
        assert Terminal.objects.filter(serial="A1041000").exists() is False
        assert queries.find_liveness(wu, a1041) is None
        assert queries.list_changes(wu, a1041, until=timezone.now()) == []
        assert queries.list_tries(wu, a1041, today=timezone.localdate()) == []
        assert queries.list_history(wu, a1041) == []
        assert list_keys(wu, a1041) == []


def test_who_may_not_open_its_page_is_not_given_it_by_a_question(
    cast: Cast, a1041: Terminal
) -> None:
    fay = cast.actor("fay")

    with pytest.raises(Terminal.DoesNotExist):
        get_terminal(fay, "A1041000")
    assert queries.find_liveness(fay, a1041) is None
    assert queries.list_tries(fay, a1041, today=timezone.localdate()) == []


def test_only_changes_of_the_last_day_are_drawn(
    olga: Actor, a1041: Terminal, now: datetime
) -> None:
    changes = queries.list_changes(olga, a1041, until=now)

    assert [(change.was, change.became) for change in changes] == [
        ("LATE", "ONLINE"),
        ("ONLINE", "OFFLINE"),
        ("OFFLINE", "ONLINE"),
    ]


def test_history_is_told_in_the_order_of_a_terminals_life(olga: Actor, a1041: Terminal) -> None:
    events = [entry.event for entry in queries.list_history(olga, a1041)]

    assert events == [
        "terminal.reinstated",
        "terminal.suspended",
        "terminal.code_issued",
        "terminal.allocated",
        "terminal.registered",
    ]


def test_a_terminal_that_was_never_heard_has_a_page(
    cast: Cast, client_for: ClientFor, now: datetime
) -> None:
    make_terminals(["B2000001"], merchant=cast.noodle, store=cast.noodle_store, now=now)

    page = client_for("olga").get("/terminals/B2000001/").content.decode()

    assert "Not heard yet" in page
    assert "/terminals/B2000001/issue-code/" in page
    assert "/terminals/B2000001/suspend/" not in page


def test_the_page_needs_a_fixed_number_of_queries(
    olga: Actor,
    a1041: Terminal,
    now: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(6):
        terminal = get_terminal(olga, "A1041000")
        queries.find_liveness(olga, terminal)
        queries.list_changes(olga, terminal, until=now)
        queries.list_tries(olga, terminal, today=timezone.localdate(now))
        list_keys(olga, terminal)
        queries.list_history(olga, terminal)
        assert terminal.merchant is not None
        assert terminal.store is not None
