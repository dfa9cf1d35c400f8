"""Pages of transactions: complete, in order, one's own, and by index at any depth."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.kit.actor import Actor
from portal.kit.paging import BadCursor, Cursor, decode
from portal.kit.scope import acting_as, scope_of
from terminals.fleet.models import Terminal
from tests.cast import Cast
from tests.transactions.rows import built, prepare_months, put, put_sales
from transactions.records.queries.rows import Row, list_transactions
from transactions.records.rules.filters import Filter

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def every_page(actor: Actor, wanted: Filter, *, ascending: bool = False) -> list[Row]:
    rows: list[Row] = []
    cursor = None
    while True:
        page = list_transactions(actor, wanted, cursor, ascending=ascending)
        rows += page.rows
        if page.next is None:
            return rows
        cursor = decode(page.next)


@pytest.fixture
def crowd(a1041: Terminal, noon: datetime) -> list[str]:
    """120 sales, ten in each second, so that pages end amid equal times."""
    prepare_months(noon, noon)
    rows = put_sales(a1041, [noon - timedelta(seconds=n // 10) for n in range(120)])
    return [row.reference for row in sorted(rows, key=lambda r: (r.occurred_at, r.pk))]


@pytest.mark.parametrize("ascending", [True, False])
def test_pages_hold_every_row_once_and_in_order(
    lin: Actor, crowd: list[str], *, ascending: bool
) -> None:
    rows = every_page(lin, Filter(), ascending=ascending)

    assert [row.reference for row in rows] == (crowd if ascending else crowd[::-1])


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("now_and_then", [(30, 80), (50, 50), (51, 1), (0, 60), (1, 1)])
def test_a_page_that_the_nearest_month_does_not_fill_goes_on_beyond(
    lin: Actor, a1041: Terminal, noon: datetime, now_and_then: tuple[int, int], *, ascending: bool
) -> None:
    prepare_months(noon - timedelta(days=130), noon)
    times = [noon - timedelta(minutes=n) for n in range(now_and_then[0])]
    times += [noon - timedelta(days=45 + n, seconds=n) for n in range(now_and_then[1])]
    rows = put_sales(a1041, times)
    year = Filter(since=(noon - timedelta(days=365)).date(), until=noon.date())

    listed = [row.reference for row in every_page(lin, year, ascending=ascending)]

    in_order = sorted(rows, key=lambda r: (r.occurred_at, r.pk), reverse=not ascending)
    assert listed == [row.reference for row in in_order]


def test_finance_filters_by_a_terminal_whose_own_page_it_may_not_see(
    cast: Cast, a1041: Terminal, crowd: list[str]
) -> None:
    found = list_transactions(cast.actor("fay"), Filter(terminal=a1041.serial))
    foreign = list_transactions(cast.actor("wu"), Filter(terminal=a1041.serial))

    assert ({row.serial for row in found.rows}, len(foreign.rows)) == ({a1041.serial}, 0)


def test_the_way_back_shows_the_same_pages(lin: Actor, crowd: list[str]) -> None:
    first = list_transactions(lin, Filter())
    second = list_transactions(lin, Filter(), decode(first.next or ""))
    third = list_transactions(lin, Filter(), decode(second.next or ""))

    back = list_transactions(lin, Filter(), decode(third.previous or ""))

    assert (len(first.rows), len(second.rows), len(third.rows)) == (50, 50, 20)
    assert third.next is None
    assert back.rows == second.rows
    assert list_transactions(lin, Filter(), decode(back.previous or "")).rows == first.rows


def test_a_sale_that_arrives_meanwhile_does_not_move_the_next_page(
    lin: Actor, crowd: list[str], a1041: Terminal, noon: datetime
) -> None:
    first = list_transactions(lin, Filter())
    put([built(a1041, 999, occurred_at=noon + timedelta(hours=1))])

    second = list_transactions(lin, Filter(), decode(first.next or ""))

    assert [row.reference for row in second.rows] == crowd[::-1][50:100]


@pytest.fixture
def _one_of_tea(b2052: Terminal, noon: datetime) -> None:
    """One sale of Tea House."""
    put([built(b2052, 1, occurred_at=noon)])


@pytest.mark.usefixtures("_one_of_tea")
def test_another_merchants_rows_are_not_there(wu: Actor, carol: Actor, crowd: list[str]) -> None:

    with acting_as(scope_of(wu)):
        assert [row.serial for row in list_transactions(wu, Filter()).rows] == ["N9A052052"]
        assert list_transactions(wu, Filter(references=(crowd[0],))).rows == []
        assert list_transactions(wu, Filter(merchant="M1000000001")).rows == []
    with acting_as(scope_of(carol)):
        assert len(every_page(carol, Filter())) == 121
        assert len(every_page(carol, Filter(merchant="M1000000002"))) == 1


def test_who_may_not_read_transactions_sees_none(cast: Cast, crowd: list[str]) -> None:
    ron = cast.actor("ron")

    assert not ron.may("transaction.read")
    assert list_transactions(ron, Filter()).rows == []


def test_a_terminal_that_moved_away_does_not_take_its_sales_along(
    lin: Actor, crowd: list[str], a1041: Terminal, cast: Cast
) -> None:
    Terminal.objects.filter(pk=a1041.pk).update(
        merchant_id=cast.tea.pk,
        store_id=cast.tea_store.pk,
    )

    with acting_as(scope_of(lin)):
        rows = every_page(lin, Filter())

    assert len(rows) == 120
    assert {row.serial for row in rows} == {""}


def test_a_place_of_another_list_is_refused(lin: Actor) -> None:
    for keys in [("x", "1"), ("1",), ("9" * 30, "1")]:
        with pytest.raises(BadCursor):
            list_transactions(lin, Filter(), Cursor(keys))


@pytest.mark.parametrize(
    ("wanted", "queries"),
    [(Filter(), 2), (Filter(terminal="N9A041041"), 3), (Filter(code="N9A041041"), 3)],
)
def test_a_page_takes_a_query_one_for_its_names_and_one_to_find_a_name(
    lin: Actor, crowd: list[str], wanted: Filter, queries: int
) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = list_transactions(lin, wanted)

    assert len(page.rows) == 50
    assert len(captured) == queries
