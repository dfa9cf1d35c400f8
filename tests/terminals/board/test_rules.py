"""What the fleet pages draw."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminals.board.rules import (
    CELLS,
    Change,
    Hardware,
    Network,
    PrinterState,
    Said,
    Try,
    beats,
    month,
    read_said,
    shown_columns,
    strip,
)
from terminals.presence.models import Link

NOON = datetime.fromisoformat("2026-11-20T12:00:00+08:00")
TODAY = date(2026, 11, 20)


def _ago(hours: float) -> datetime:
    return NOON - timedelta(hours=hours)


def test_without_changes_the_whole_day_was_as_now() -> None:
    spans = strip([], link="OFFLINE", until=NOON)

    assert len(spans) == CELLS
    assert {span.link for span in spans} == {"OFFLINE"}
    assert (spans[0].began_at, spans[-1].ended_at) == (_ago(24), NOON)


def test_each_half_hour_shows_the_worst_link_it_saw() -> None:
    changes = [
        Change(_ago(2), "ONLINE", "LATE"),
        Change(_ago(1.9), "LATE", "OFFLINE"),
        Change(_ago(1.4), "OFFLINE", "ONLINE"),
        Change(_ago(0.2), "ONLINE", "LATE"),
        Change(_ago(0.1), "LATE", "ONLINE"),
    ]

    links = [span.link for span in strip(changes, link="ONLINE", until=NOON)]

    assert links[:44] == ["ONLINE"] * 44
    assert links[44:] == ["OFFLINE", "OFFLINE", "ONLINE", "LATE"]


def test_a_change_on_the_edge_belongs_to_the_later_half_hour() -> None:
    spans = strip([Change(_ago(1), "ONLINE", "LATE")], link="LATE", until=NOON)

    assert [span.link for span in spans[-3:]] == ["ONLINE", "LATE", "LATE"]


@given(
    st.lists(st.floats(min_value=0.01, max_value=24), max_size=30),
    st.lists(st.sampled_from(Link.values), min_size=31, max_size=31),
)
def test_the_strip_is_whole_and_ends_as_things_are_now(
    hours: list[float], links: list[str]
) -> None:
    moments = sorted({_ago(hour) for hour in hours})
    changes = [Change(at, links[n], links[n + 1]) for n, at in enumerate(moments)]
    now = links[len(moments)]

    spans = strip(changes, link=now, until=NOON)

    assert len(spans) == CELLS
    assert all(a.ended_at == b.began_at for a, b in pairwise(spans))
    order = list(Link.values)
    assert order.index(spans[-1].link) >= order.index(now)


def test_the_strip_becomes_marks_with_their_words() -> None:
    spans = strip([], link="LATE", until=NOON)

    drawn = beats(spans, ["words"] * CELLS)

    assert {(beat.state, beat.title) for beat in drawn} == {("late", "words")}


def test_the_month_says_of_each_day_how_it_went() -> None:
    tries = [
        Try(date(2026, 11, 17), NOON, "BATTERY_LOW"),
        Try(date(2026, 11, 18), NOON, "BATTERY_LOW"),
        Try(date(2026, 11, 18), NOON, "OK"),
    ]

    days = month(tries, today=TODAY, since=date(2026, 11, 16))

    assert len(days) == 30
    assert (days[0].on, days[-1].on) == (date(2026, 10, 22), TODAY)
    assert [day.state for day in days[-6:]] == ["none", "missed", "failed", "ok", "missed", "none"]


def test_of_a_terminal_that_was_never_activated_nothing_is_owed() -> None:
    assert {day.state for day in month([], today=TODAY, since=None)} == {"none"}


def test_the_last_words_of_a_terminal_are_read() -> None:
    said = {
        "power": {"source": "battery", "battery_pct": 81, "charging": True},
        "net": {"type": "4g", "rssi_dbm": -77},
        "sw": {"firmware": "2.4.1", "app": "1.9", "config_version": 3},
        "hw": {"printer": "paper_low", "keypad": "fault", "reader_nfc": "fault"},
        "biz": {"unsent_txns": 2},
    }

    assert read_said(said) == Said(
        battery_percent=81,
        charging=True,
        network=Network.G4,
        signal_dbm=-77,
        firmware="2.4.1",
        app="1.9",
        printer=PrinterState.PAPER_LOW,
        faults=(Hardware.KEYPAD, Hardware.CONTACTLESS),
        unsent=2,
    )


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"power": None, "net": [], "hw": "x", "sw": 3, "biz": {}},
        {
            "power": {"battery_pct": "81", "charging": 1},
            "net": {"type": "pigeon", "rssi_dbm": True},
        },
    ],
)
def test_what_a_terminal_did_not_say_is_unknown(said: dict[str, object]) -> None:
    assert read_said(said) == Said()


def test_without_a_choice_the_usual_columns_are_shown() -> None:
    usual = shown_columns([], staff=True)

    assert [key for key, shown in usual.items() if not shown] == ["terminal_no"]
    assert shown_columns(["nonsense"], staff=True) == usual
    assert shown_columns([], staff=False)["merchant"] is False


def test_a_choice_of_columns_keeps_those_that_make_a_row_readable() -> None:
    chosen = shown_columns(["battery", "nonsense"], staff=True)

    assert [key for key, shown in chosen.items() if shown] == [
        "serial",
        "status",
        "link",
        "battery",
    ]
