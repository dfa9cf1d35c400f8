"""Counts and sums of transactions: out of daily totals where they can tell, else counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet, Sum

from portal.kit.actor import Actor
from portal.kit.paging import COUNT_CAP
from transactions.records.models import MONEY_IN, MONEY_OUT, DailyTotal
from transactions.records.queries.rows import NOBODY, find_merchant_id, matching
from transactions.records.rules.filters import Filter

HOME = "CNY"
GROUPED = (
    "select kind, currency, count(*), coalesce(sum(net_minor), 0)::bigint"
    " from ({found}) t group by 1, 2"
)


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


def summarise(actor: Actor, wanted: Filter, *, exact: bool = False) -> Summary:
    """Count and sum everything the filter finds; beyond the cap only when ``exact``."""
    if wanted.rolls_up:
        return _out_of_days(actor, wanted)
    if not exact:
        head = matching(actor, wanted).order_by().values_list("id")[: COUNT_CAP + 1]
        if head.count() > COUNT_CAP:
            return Summary(COUNT_CAP, capped=True)
    found = matching(actor, wanted).order_by().values_list("kind", "currency", "net_minor")
    try:
        sql, parameters = found.query.sql_with_params()
    except EmptyResultSet:
        return Summary(0)
    with connection.cursor() as cursor:
        cursor.execute(
            GROUPED.format(found=sql),
            parameters,
        )
        return summed(cursor.fetchall())


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


def count_by_kind_and_status(actor: Actor, wanted: Filter) -> dict[tuple[str, str], int]:
    """Count the transactions of the filter's days by kind and status, for the tabs."""
    found = _totals(actor, wanted).values_list("kind", "status").annotate(rows=Sum("count"))
    return {(kind, status): rows for kind, status, rows in found.order_by()}


def watermark(actor: Actor, wanted: Filter, *, since: date) -> int:
    """Return a number that grows with every transaction taken in for these days.

    Cheap enough to be asked every two seconds: only totals of days from ``since`` on are read.
    """
    bare = Filter(
        since=max(since, wanted.since or since), until=wanted.until, merchant=wanted.merchant
    )
    return _totals(actor, bare).aggregate(rows=Sum("count"))["rows"] or 0


def find_last_day(actor: Actor, wanted: Filter) -> date | None:
    """Return the last day on which anything happened, for a page that would be empty."""
    bare = Filter(merchant=wanted.merchant)
    rows = _totals(actor, bare).order_by("-business_date")
    return rows.values_list("business_date", flat=True).first()


def _out_of_days(actor: Actor, wanted: Filter) -> Summary:
    found = (
        _totals(actor, wanted)
        .values_list("kind", "currency")
        .annotate(rows=Sum("count"), net=Sum("net_minor"))
        .order_by()
    )
    return summed(found)


def _totals(actor: Actor, wanted: Filter) -> "QuerySet[DailyTotal]":
    tests = Q()
    if wanted.since:
        tests &= Q(business_date__gte=wanted.since)
    if wanted.until:
        tests &= Q(business_date__lte=wanted.until)
    if wanted.kinds:
        tests &= Q(kind__in=wanted.kinds)
    if wanted.statuses:
        tests &= Q(status__in=wanted.statuses)
    if wanted.merchant:
        tests &= Q(merchant_id=find_merchant_id(actor, wanted.merchant) or NOBODY)
    return DailyTotal.objects.visible_to(actor).filter(tests)
