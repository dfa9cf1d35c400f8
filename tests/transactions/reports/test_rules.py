"""Periods and key figures."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from portal.kit.charts import Bar
from transactions.reports.rules import (
    Cell,
    Figures,
    NotAPeriod,
    Period,
    bars,
    by_day,
    change,
    declines_stand_out,
    figures,
    read_period,
)

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (("", "", ""), Period(date(2026, 11, 14), TODAY, "7d")),
        (("nonsense", "", ""), Period(date(2026, 11, 14), TODAY, "7d")),
        (("today", "", ""), Period(TODAY, TODAY, "today")),
        (("30d", "", ""), Period(date(2026, 10, 22), TODAY, "30d")),
        (("7d", "2025-02-01", "2025-02-28"), Period(date(2025, 2, 1), date(2025, 2, 28))),
        (("", "2026-11-01", ""), Period(date(2026, 11, 1), TODAY)),
        (("", "", "2025-02-28"), Period(date(2025, 2, 28), date(2025, 2, 28))),
    ],
)
def test_a_period_is_read(asked: tuple[str, str, str], wanted: Period) -> None:
    assert read_period(*asked, today=TODAY) == wanted


@pytest.mark.parametrize(
    ("since", "until"),
    [("x", ""), ("2026-11-02", "2026-11-01"), ("2026-01-01", "2026-06-01"), ("1999-12-31", "")],
)  # fmt: skip
def test_dates_that_make_no_period_are_refused(since: str, until: str) -> None:
    with pytest.raises(NotAPeriod):
        read_period("", since, until, today=TODAY)


def test_a_period_knows_the_one_before_and_what_its_chart_shows() -> None:
    week = read_period("7d", "", "", today=TODAY)

    assert week.before == Period(date(2026, 11, 7), date(2026, 11, 13))
    assert week.chart == Period(date(2026, 10, 22), TODAY)
    long = Period(date(2026, 9, 1), TODAY)
    assert long.chart == long


def cell(kind: str = "SALE", status: str = "APPROVED", net: int = 100, **over: object) -> Cell:
    values: dict[str, object] = {"on": TODAY, "currency": "CNY", "count": 1} | over
    return Cell(kind=kind, status=status, net_minor=net, **values)  # type: ignore[arg-type]


def test_figures_add_up_what_was_approved_in_yuan_within_the_period() -> None:
    found = figures(
        [
            cell(count=3, net=1000),
            cell("COMPLETION", net=500),
            cell("REFUND", net=-300),
            cell("VOID", net=-100),
            cell("PREAUTH", net=0),
            cell(status="DECLINED", net=0, count=2),
            cell(status="REVERSED", net=0),
            cell(currency="HKD", net=777),
            cell(on=TODAY - timedelta(days=1), net=999),
        ],
        Period(TODAY, TODAY),
    )

    assert found == Figures(
        count=7, sale_count=4, declined_count=2, sales_minor=1500, refunds_minor=400
    )
    assert (found.net_minor, found.ticket_minor) == (1100, 375)
    assert (found.refund_rate, found.decline_rate) == (Fraction(4, 15), Fraction(2, 9))


def test_nothing_has_no_average_and_no_rates() -> None:
    assert (Figures().ticket_minor, Figures().refund_rate, Figures().decline_rate) == (
        None, None, None,
    )  # fmt: skip


def test_each_day_has_its_bar_also_an_empty_one() -> None:
    period = Period(TODAY - timedelta(days=1), TODAY)

    drawn = bars(by_day([cell(net=700), cell("REFUND", net=-200)], period), period)

    assert drawn == [Bar(TODAY - timedelta(days=1), 0, 0), Bar(TODAY, 700, 200)]


@pytest.mark.parametrize(
    ("now", "before", "wanted"),
    [(110, 100, Fraction(1, 10)), (90, 100, Fraction(-1, 10)), (50, -100, Fraction(3, 2)),
     (1, 0, None), (None, 5, None), (5, None, None)],
)  # fmt: skip
def test_a_change_is_a_share_of_what_was(
    now: int | None, before: int | None, wanted: Fraction | None
) -> None:
    assert change(now, before) == wanted


@pytest.mark.parametrize(
    ("case", "today", "usual", "wanted"),
    [
        ("four are a handful", (6, 4), (900, 100), False),
        ("twice the usual is not more than twice", (40, 10), (900, 100), False),
        ("more than twice", (30, 10), (900, 100), True),
        ("usually none", (95, 5), (1000, 0), True),
        ("nothing today", (0, 0), (900, 100), False),
    ],
)
def test_declines_stand_out(
    case: str, today: tuple[int, int], usual: tuple[int, int], *, wanted: bool
) -> None:
    def of(pair: tuple[int, int]) -> Figures:
        return Figures(count=pair[0], declined_count=pair[1])

    assert declines_stand_out(of(today), of(usual)) is wanted
