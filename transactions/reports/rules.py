"""Periods and key figures of an overview, out of daily totals alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from portal.kit.charts import Bar
from transactions.records.models import MONEY_IN, MONEY_OUT, Status
from transactions.records.rules.filters import EARLIEST

HOME = "CNY"
CHART_DAYS = 30
LONGEST_DAYS = 92
USUAL = "7d"
PERIODS = {"today": 1, "7d": 7, "30d": 30}
# A share of declines is worth a word when it doubles and is not about a handful.
DECLINES_AT_LEAST = 5


class NotAPeriod(ValueError):
    """Dates that make no period: not dates, the wrong way round, or more than 92 days."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both in; ``name`` is one of today, 7d, 30d, or empty for chosen dates."""

    since: date
    until: date
    name: str = ""

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Period":
        """The same number of days just before."""
        return Period(self.since - timedelta(days=self.days), self.since - timedelta(days=1))

    @property
    def chart(self) -> "Period":
        """What the chart shows: at least thirty days that end with the period."""
        since = self.until - timedelta(days=max(self.days, CHART_DAYS) - 1)
        return Period(since, self.until)

    def each(self) -> list[date]:
        """Every day, in order."""
        return [self.since + timedelta(days=n) for n in range(self.days)]

    def __contains__(self, on: date) -> bool:
        return self.since <= on <= self.until


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of one kind and status in one currency: rows, and net in minor units."""

    on: date
    kind: str
    status: str
    currency: str
    count: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What a stretch of days comes to in yuan; amounts in fen, refunds positive."""

    count: int = 0
    sale_count: int = 0
    declined_count: int = 0
    sales_minor: int = 0
    refunds_minor: int = 0

    @property
    def net_minor(self) -> int:
        """Sales less refunds and voids."""
        return self.sales_minor - self.refunds_minor

    @property
    def ticket_minor(self) -> int | None:
        """The average sale, rounded to the fen; None without a sale."""
        if not self.sale_count:
            return None
        return round(Fraction(self.sales_minor, self.sale_count))

    @property
    def refund_rate(self) -> Fraction | None:
        """The share of sales that went back; None without sales."""
        return Fraction(self.refunds_minor, self.sales_minor) if self.sales_minor else None

    @property
    def decline_rate(self) -> Fraction | None:
        """The share of declined among all that were tried."""
        tried = self.count + self.declined_count
        return Fraction(self.declined_count, tried) if tried else None


def read_period(name: str, since: str, until: str, *, today: date) -> Period:
    """Read the choice of a period; dates win over a name.

    :raises NotAPeriod: if the dates make none
    """
    if not since and not until:
        days = PERIODS.get(name, PERIODS[USUAL])
        known = name if name in PERIODS else USUAL
        return Period(today - timedelta(days=days - 1), today, known)
    try:
        last = date.fromisoformat(until) if until else today
        first = date.fromisoformat(since) if since else last
    except ValueError as broken:
        raise NotAPeriod("not dates") from broken
    if not EARLIEST <= first <= last or (last - first).days >= LONGEST_DAYS:
        raise NotAPeriod("reversed or too long")
    return Period(first, last)


def figures(cells: Iterable[Cell], period: Period) -> Figures:
    """Add up the cells of a period that are in yuan."""
    count = sale_count = declined = sales = refunds = 0
    for cell in cells:
        if cell.on not in period or cell.currency != HOME:
            continue
        if cell.status == Status.DECLINED:
            declined += cell.count
        if cell.status != Status.APPROVED:
            continue
        count += cell.count
        if cell.kind in MONEY_IN:
            sale_count += cell.count
            sales += cell.net_minor
        elif cell.kind in MONEY_OUT:
            refunds -= cell.net_minor
    return Figures(count, sale_count, declined, sales, refunds)


def by_day(cells: Sequence[Cell], period: Period) -> list[Figures]:
    """Return the figures of each day."""
    days: dict[date, list[Cell]] = {on: [] for on in period.each()}
    for cell in cells:
        if cell.on in days:
            days[cell.on].append(cell)
    return [figures(found, Period(on, on)) for on, found in days.items()]


def bars(daily: Sequence[Figures], period: Period) -> list[Bar]:
    """Return the bars of the chart."""
    return [
        Bar(on, day.sales_minor, day.refunds_minor)
        for on, day in zip(period.each(), daily, strict=True)
    ]


def change(now: Fraction | int | None, before: Fraction | int | None) -> Fraction | None:
    """Return by what share a figure changed; None where there is nothing to compare."""
    if now is None or not before:
        return None
    was = Fraction(before)
    return (Fraction(now) - was) / abs(was)


def declines_stand_out(today: Figures, usual: Figures) -> bool:
    """Say whether today's declines are more than twice the usual share, and several."""
    if today.declined_count < DECLINES_AT_LEAST or today.decline_rate is None:
        return False
    return today.decline_rate > 2 * (usual.decline_rate or 0)
