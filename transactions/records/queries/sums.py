"""Counts and sums of transactions: out of daily totals where they can tell, else counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db import connection

from portal.kit import planned
from portal.kit.actor import Actor
from portal.kit.paging import COUNT_CAP, PAGE_SIZE
from transactions.records.models import MONEY_IN, MONEY_OUT
from transactions.records.queries.rows import Row
from transactions.records.queries.where import NOBODY, Where, find_merchant_id, matching, of_actor
from transactions.records.rules.filters import Filter

HOME = "CNY"
HEAD = "select count(*) from (select from transactions_transaction where {tests} limit %s) t"
GROUPED = (
    "select kind, currency, count(*), coalesce(sum(net_minor), 0)::bigint"
    " from transactions_transaction where {tests} group by 1, 2"
)
# Of the days wanted and, beside them, of the usual days: one walk through the totals.
BY_DAY = """
select kind, status, currency,
       coalesce(sum(count) filter (where business_date between %s and %s), 0)::bigint,
       coalesce(sum(net_minor) filter (where business_date between %s and %s), 0)::bigint,
       coalesce(sum(count) filter (where business_date between %s and %s), 0)::bigint
  from transactions_dailytotal where {tests} group by 1, 2, 3
"""
MANY = """
select coalesce(sum(count), 0)
  from (select count from transactions_dailytotal where {tests} limit %s) t
"""
GROWN = "select coalesce(sum(count), 0)::bigint from transactions_dailytotal where {tests}"
NEWEST = """
select coalesce(sum(id), 0)::bigint
  from (select id from transactions_transaction where {tests}
         order by occurred_at desc, id desc limit %s) t
"""
# Filters of our own people that are known to find more than the cap, in this process.
MOST_KNOWN = 1000
_known_many: set[Filter] = set()
LAST_DAY = "select max(business_date) from transactions_dailytotal where {tests}"


@dataclass(frozen=True, slots=True)
class Sums:
    """What came in and went back in one currency, in minor units, both positive."""

    currency: str
    sales_minor: int
    refunds_minor: int

    @property
    def net_minor(self) -> int:
        """Sales less refunds and voids."""
        return self.sales_minor - self.refunds_minor

    @property
    def given_minor(self) -> int:
        """What went back, as a negative amount."""
        return -self.refunds_minor


@dataclass(frozen=True, slots=True)
class Summary:
    """How many transactions there are and what they sum to, currency by currency.

    ``capped`` says that there are more than ``count`` and that nothing was summed.
    """

    count: int
    sums: tuple[Sums, ...] = ()
    capped: bool = False

    @property
    def home(self) -> Sums:
        """The sums in yuan."""
        return next((s for s in self.sums if s.currency == HOME), Sums(HOME, 0, 0))


class Cell(NamedTuple):
    """Count and net of one kind, status and currency in the days wanted; count in the usual."""

    kind: str
    status: str
    currency: str
    rows: int
    net_minor: int
    usual_rows: int


@dataclass(frozen=True, slots=True)
class Days:
    """The daily totals of one actor: of the days of a filter, and of the usual days."""

    wanted: Filter
    cells: tuple[Cell, ...]

    @property
    def summary(self) -> Summary:
        """What a filter finds that daily totals can answer for."""
        kinds, statuses = self.wanted.kinds, self.wanted.statuses
        return summed(
            (cell.kind, cell.currency, cell.rows, cell.net_minor)
            for cell in self.cells
            if cell.rows
            and (not kinds or cell.kind in kinds)
            and (not statuses or cell.status in statuses)
        )

    @property
    def grown(self) -> int:
        """A number that grows with every transaction of the days wanted."""
        return sum(cell.rows for cell in self.cells)


def summarise(
    actor: Actor, wanted: Filter, days: "Days | None" = None, *, exact: bool = False
) -> Summary:
    """Count and sum everything the filter finds; beyond the cap only when ``exact``.

    ``days`` are the totals by day, if they were asked for already.
    """
    if wanted.rolls_up:
        if actor.merchant_id is None and not exact and _many(actor, wanted):
            return Summary(COUNT_CAP, capped=True)
        return (days or days_of(actor, wanted)).summary
    where = matching(actor, wanted)
    sql = GROUPED.format(tests=where.sql)
    with connection.cursor() as cursor:
        if not exact:
            cursor.execute(HEAD.format(tests=where.sql), [*where.values, COUNT_CAP + 1])
            if cursor.fetchall()[0][0] > COUNT_CAP:
                return Summary(COUNT_CAP, capped=True)
        cursor.execute(sql, where.values)
        return summed(cursor.fetchall())


def summary_of(rows: Iterable[Row]) -> Summary:
    """Count and sum rows that are at hand, when they are all there are."""
    return summed((row.kind, row.currency, 1, row.net_minor) for row in rows)


def summed(groups: Iterable[tuple[str, str, int, int]]) -> Summary:
    """Add up groups of (kind, currency, count, net in minor units)."""
    count = 0
    sums: dict[str, Sums] = {}
    for kind, currency, rows, net_minor in groups:
        count += rows
        was = sums.get(currency, Sums(currency, 0, 0))
        sums[currency] = Sums(
            currency,
            was.sales_minor + (net_minor if kind in MONEY_IN else 0),
            was.refunds_minor - (net_minor if kind in MONEY_OUT else 0),
        )
    return Summary(count, tuple(sums[currency] for currency in sorted(sums)))


def days_of(actor: Actor, wanted: Filter, usual: Filter | None = None) -> Days:
    """Read the daily totals of the filter's days and, in passing, those of the usual days."""
    usual = usual or wanted
    where = _of_house(actor, wanted)
    if wanted.since and usual.since:
        where = where.also("business_date >= %s", min(wanted.since, usual.since))
    if wanted.until and usual.until:
        where = where.also("business_date <= %s", max(wanted.until, usual.until))
    values = [*_span(wanted), *_span(wanted), *_span(usual), *where.values]
    cells = planned.ask(BY_DAY.format(tests=where.sql), values)
    return Days(wanted, tuple(Cell(*cell) for cell in cells))


def watermark(actor: Actor, wanted: Filter, *, since: date) -> int:
    """Return a number that grows with every transaction taken in for these days.

    Cheap enough to be asked every two seconds: only totals of days from ``since`` on are
    read; over all merchants, where those are many, only the newest transactions.
    """
    if actor.merchant_id is None and not wanted.merchant:
        where = _dated(of_actor(actor), since, wanted.until)
        return int(planned.ask(NEWEST.format(tests=where.sql), [*where.values, PAGE_SIZE])[0][0])
    where = _dated(_of_house(actor, wanted), max(since, wanted.since or since), wanted.until)
    return int(planned.ask(GROWN.format(tests=where.sql), where.values)[0][0])


def find_last_day(actor: Actor, wanted: Filter) -> date | None:
    """Return the last day on which anything happened, for a page that would be empty."""
    where = _of_house(actor, wanted)
    found: date | None = planned.ask(LAST_DAY.format(tests=where.sql), where.values)[0][0]
    return found


def _many(actor: Actor, wanted: Filter) -> bool:
    """Tell whether there are more than the cap, out of as few totals as can prove it.

    Each total counts one transaction or more. What was many once stays many: transactions
    are never taken back.
    """
    if wanted in _known_many and actor.may("transaction.read"):
        return True
    where = _dated(_of_house(actor, wanted), wanted.since, wanted.until)
    if wanted.kinds:
        where = where.also("kind = any(%s)", list(wanted.kinds))
    if wanted.statuses:
        where = where.also("status = any(%s)", list(wanted.statuses))
    rows = planned.ask(MANY.format(tests=where.sql), [*where.values, COUNT_CAP + 1])
    if rows[0][0] <= COUNT_CAP:
        return False
    if len(_known_many) >= MOST_KNOWN:
        _known_many.clear()
    _known_many.add(wanted)
    return True


def _of_house(actor: Actor, wanted: Filter) -> Where:
    where = of_actor(actor)
    if wanted.merchant:
        return where.also("merchant_id = %s", find_merchant_id(actor, wanted.merchant) or NOBODY)
    return where


def _dated(where: Where, since: date | None, until: date | None) -> Where:
    if since:
        where = where.also("business_date >= %s", since)
    return where.also("business_date <= %s", until) if until else where


def _span(wanted: Filter) -> tuple[date, date]:
    return wanted.since or date.min, wanted.until or date.max
