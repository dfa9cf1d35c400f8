"""What an overview and a day's summary are made of."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Exists, OuterRef, Q, Sum

from merchants.profiles.models import Merchant
from portal.kit.actor import Actor
from terminals.checkin.models import SignIn
from terminals.fleet.models import Terminal, TerminalStatus
from terminals.presence.models import Link
from transactions.records.models import DailyTotal, Kind, Method, Transaction
from transactions.records.queries.rows import Row, fetch
from transactions.reports.rules import Cell, Period

SILENT = (Link.OFFLINE, Link.MISSING)
DETAIL_ROWS = 300


@dataclass(frozen=True, slots=True)
class TerminalCounts:
    """A merchant's terminals in the field, each counted once: the worst that holds."""

    signed_in: int
    not_signed_in: int
    silent: int
    suspended: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.signed_in + self.not_signed_in + self.silent + self.suspended


@dataclass(frozen=True, slots=True)
class Group:
    """The transactions of a day of one kind, method and status; amounts in minor units."""

    kind: str
    method: str
    status: str
    currency: str
    count: int
    amount_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class DaySummary:
    """One merchant's day: sums by kind, method and status, and its first rows in time order."""

    merchant: Merchant
    on: date
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    count: int


def list_cells(actor: Actor, period: Period) -> list[Cell]:
    """Return the daily totals of a period, added up over the merchants the actor sees."""
    found = (
        DailyTotal.objects.visible_to(actor)
        .filter(business_date__gte=period.since, business_date__lte=period.until)
        .values_list("business_date", "kind", "status", "currency")
        .annotate(rows=Sum("count"), net=Sum("net_minor"))
        .order_by("business_date")
    )
    return [Cell(*row) for row in found]


def count_terminals(actor: Actor, *, now: datetime, today: date) -> TerminalCounts:
    """Count the terminals in the field by the worst that holds of each."""
    open_session = SignIn.objects.filter(
        terminal=OuterRef("pk"), business_date=today, signed_out_at=None, expires_at__gt=now
    )
    found = (
        Terminal.objects.visible_to(actor)
        .filter(status__in=[TerminalStatus.ACTIVE, TerminalStatus.SUSPENDED])
        .annotate(has_day=Exists(open_session))
        .aggregate(
            suspended=Count("pk", filter=Q(status=TerminalStatus.SUSPENDED)),
            silent=Count("pk", filter=_working(Q(liveness__link__in=SILENT))),
            signed_in=Count("pk", filter=_working(_heard(), has_day=True)),
            not_signed_in=Count("pk", filter=_working(_heard(), has_day=False)),
        )
    )
    return TerminalCounts(**found)


def _working(*tests: Q, **more: bool) -> Q:
    return Q(*tests, status=TerminalStatus.ACTIVE, **more)


def _heard() -> Q:
    return ~Q(liveness__link__in=SILENT) | Q(liveness=None)


def _in_order(group: Group) -> tuple[str, int, int, str]:
    """Sales before what undoes them, cards before codes: as people count a day."""
    kind, method = Kind.values.index(group.kind), Method.values.index(group.method)
    return group.currency, kind, method, group.status


def get_day(actor: Actor, merchant_id: int, on: date) -> DaySummary:
    """Return a merchant's day for its summary.

    :raises Merchant.DoesNotExist: if the actor may not see the merchant
    """
    merchant = Merchant.objects.visible_to(actor).get(pk=merchant_id)
    seen = Transaction.objects.visible_to(actor)
    rows = seen.filter(merchant_id=merchant_id, business_date=on)
    groups = (
        rows.values_list("kind", "method", "status", "currency")
        .annotate(rows=Count("id"), amount=Sum("amount_minor"), net=Sum("net_minor"))
        .order_by()
    )
    dressed = sorted((Group(*group) for group in groups), key=_in_order)
    first = fetch(rows.order_by("occurred_at", "id")[:DETAIL_ROWS])
    first.sort(key=lambda row: (row.occurred_at, row.id))
    return DaySummary(merchant, on, tuple(dressed), tuple(first), sum(g.count for g in dressed))
