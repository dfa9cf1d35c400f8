"""The page, its summary, all its pages and the file agree, whatever is asked."""

import csv
import io
import random
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kit.actor import Actor
from portal.kit.paging import decode
from portal.kit.scope import acting_as, scope_of
from terminals.fleet.models import Terminal
from tests.cast import Cast
from tests.make import make_terminals
from tests.transactions.rows import built, prepare_months, put
from transactions.records.actions.exports import FileForm, export
from transactions.records.models import CardType, EntryMode, Kind, Method, Status
from transactions.records.queries import sums
from transactions.records.queries.rows import Row, list_transactions
from transactions.records.queries.sums import Sums, find_last_day, summarise, watermark
from transactions.records.rules.filters import Asked, Filter, parse

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
ROWS = 400


@pytest.fixture
def book(a1041: Terminal, b2052: Terminal, noon: datetime) -> Terminal:
    """400 transactions of every sort over forty days, most of them Noodle House's."""
    prepare_months(noon - timedelta(days=45), noon)
    assert a1041.merchant is not None
    assert a1041.store is not None
    other = make_terminals(["N9A041042"], merchant=a1041.merchant, store=a1041.store, now=noon)[0]
    dice = random.Random(7)
    put(
        built(
            dice.choice([a1041, a1041, other, b2052]),
            n,
            occurred_at=noon - timedelta(minutes=dice.randrange(40 * 24 * 60)),
            kind=dice.choice(Kind.values),
            status=dice.choice([*Status.values, "APPROVED", "APPROVED"]),
            method=dice.choice(Method.values),
            card_type=dice.choice([*CardType.values, ""]),
            entry_mode=dice.choice([*EntryMode.values, ""]),
            card_last4=dice.choice(["0417", "0418", ""]),
            amount_minor=dice.choice([100, 1250, 10_000, 100_000]),
            currency=dice.choice(["CNY", "CNY", "HKD"]),
            operator_no=dice.choice(["01", "02"]),
        )
        for n in range(ROWS)
    )
    return a1041


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "period": st.sampled_from(["today", "7d", "30d"]),
        "from": st.sampled_from(["2026-10-12", "2026-11-01"]),
        "to": st.sampled_from(["2026-11-01", "2026-11-20"]),
        "status": st.sampled_from(Status.values),
        "kind": st.sampled_from(Kind.values),
        "method": st.sampled_from(Method.values),
        "card_type": st.sampled_from(CardType.values),
        "entry_mode": st.sampled_from(EntryMode.values),
        "terminal": st.sampled_from(["N9A041041", "n9a041042", "N9A052052", "NOTHING"]),
        "store": st.sampled_from(["S1", "S2"]),
        "merchant": st.sampled_from(["M1000000001", "M1000000002"]),
        "operator": st.sampled_from(["01", "02"]),
        "min": st.sampled_from(["1", "12.50"]),
        "max": st.sampled_from(["12.50", "100"]),
        "q": st.sampled_from(["0417", "12.50", "amount:>100", "N9A041041"]),
    },
)


def every_row(actor: Actor, wanted: Filter) -> list[Row]:
    page = list_transactions(actor, wanted)
    rows = list(page.rows)
    while page.next:
        page = list_transactions(actor, wanted, decode(page.next))
        rows += page.rows
    return rows


def added_up(rows: list[Row]) -> dict[str, int]:
    net: dict[str, int] = {}
    for row in rows:
        net[row.currency] = net.get(row.currency, 0) + row.net_minor
    return net


@pytest.mark.usefixtures("book")
def test_rows_pages_summary_and_file_are_equal(lin: Actor, carol: Actor, noon: datetime) -> None:
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(query=QUERIES, actor=st.sampled_from([lin, carol]))
    def equal(query: dict[str, str], actor: Actor) -> None:
        asked = parse({k: [v] for k, v in query.items()}, today=noon.date())
        with acting_as(scope_of(actor)):
            check(actor, asked, noon)

    equal()


def check(actor: Actor, asked: Asked, now: datetime) -> None:
    rows = every_row(actor, asked.filter)
    summary = summarise(actor, asked.filter)
    assert (summary.count, summary.capped) == (len(rows), False)
    assert {s.currency: s.net_minor for s in summary.sums} == added_up(rows)
    asked = Asked(asked.filter)  # what could not be used is shown, and is not exported
    target = io.BytesIO()
    done = export(actor=actor, asked=asked, form=FileForm.CSV, target=target, now=now)
    lines = list(csv.DictReader(io.StringIO(target.getvalue().decode("utf-8-sig"))))
    assert (done.rows, done.sums) == (summary.count, summary.sums)
    assert [line["reference"] for line in lines] == [row.reference for row in rows]
    for one in summary.sums:
        nets = [Decimal(line["net"]) for line in lines if line["currency"] == one.currency]
        assert int(sum(nets) * 100) == one.net_minor


def test_daily_totals_answer_only_for_what_they_hold(
    book: Terminal, lin: Actor, noon: datetime
) -> None:
    month = parse({}, today=noon.date()).filter

    assert month.rolls_up
    assert not parse({"method": ["CARD"]}, today=noon.date()).filter.rolls_up
    assert not parse({"q": ["0417"]}, today=noon.date()).filter.rolls_up
    assert summarise(lin, month).count == len(every_row(lin, month))


def test_currencies_are_never_added_to_each_other(
    a1041: Terminal, lin: Actor, noon: datetime
) -> None:
    put(
        [
            built(a1041, 1, occurred_at=noon, amount_minor=500),
            built(a1041, 2, occurred_at=noon, amount_minor=300, currency="HKD", kind="REFUND"),
            built(a1041, 3, occurred_at=noon, amount_minor=900, status="DECLINED"),
        ]
    )

    summary = summarise(lin, parse({}, today=noon.date()).filter)

    assert summary.count == 3
    assert summary.sums == (Sums("CNY", 500, 0), Sums("HKD", 0, 300))
    assert summary.home.net_minor == 500


def test_beyond_the_cap_only_the_cap_is_told_until_it_is_asked_for(
    book: Terminal, lin: Actor, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = parse({"operator": ["01"]}, today=noon.date()).filter
    monkeypatch.setattr(sums, "COUNT_CAP", 10)

    assert summarise(lin, wanted) == sums.Summary(10, capped=True)
    assert summarise(lin, wanted, exact=True).count == len(every_row(lin, wanted)) > 10


def test_over_all_merchants_many_are_told_by_their_totals_and_stay_many(
    book: Terminal, cast: Cast, carol: Actor, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = parse({}, today=noon.date()).filter
    monkeypatch.setattr(sums, "_known_many", set())
    exactly = len(every_row(carol, month))
    told = {}
    for cap in (exactly, exactly - 1):
        monkeypatch.setattr(sums, "COUNT_CAP", cap)
        told[cap] = (summarise(carol, month).count, summarise(carol, month).capped)

    assert told == {exactly: (exactly, False), exactly - 1: (exactly - 1, True)}
    assert sums._known_many == {month}
    assert summarise(carol, month, exact=True) == sums.days_of(carol, month).summary
    assert summarise(cast.actor("ron"), month) == sums.Summary(0)


def test_the_watermark_grows_with_every_transaction_also_with_a_late_one(
    a1041: Terminal, b2052: Terminal, lin: Actor, noon: datetime
) -> None:
    month = parse({}, today=noon.date()).filter
    put([built(a1041, 1, occurred_at=noon)])
    before = watermark(lin, month, since=date(2026, 10, 21))
    put([built(a1041, 2, occurred_at=noon - timedelta(days=3))])
    put([built(b2052, 1, occurred_at=noon)])

    assert (before, watermark(lin, month, since=date(2026, 10, 21))) == (1, 2)


def test_the_last_day_with_anything_is_known(
    a1041: Terminal, lin: Actor, wu: Actor, noon: datetime
) -> None:
    put([built(a1041, 1, occurred_at=noon - timedelta(days=100))])

    assert find_last_day(lin, Filter()) == date(2026, 8, 12)
    assert find_last_day(wu, Filter()) is None
