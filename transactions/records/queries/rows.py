"""Lists of transactions: pages for people, streams for files, one filter behind both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import starmap
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

from merchants.profiles.models import Merchant, Store
from portal.kit.actor import Actor
from portal.kit.paging import PAGE_SIZE, BadCursor, Cursor, Page, cut
from terminals.fleet.models import Terminal
from transactions.records.models import MONEY_OUT, Transaction, TransactionQuerySet
from transactions.records.rules.filters import Filter

SHANGHAI = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CHUNK = 2000
NOBODY = -1
# The order of Row's first fields.
FIELDS = (
    "id", "merchant_id", "terminal_id", "business_date", "reference", "rrn", "batch_no",
    "trace_no", "kind", "status", "method", "card_type", "entry_mode", "card_bin", "card_last4",
    "amount_minor", "net_minor", "currency", "response_code", "mcc", "operator_no",
    "original_date", "original_id", "occurred_at", "received_at", "store_id",
)  # fmt: skip
# Joined after the page is cut. A terminal or store that is no longer the merchant's own stays
# hidden by row security, and must not take the transaction with it.
JOINED = (
    "select t.*, coalesce(terminal.serial, ''), coalesce(terminal.terminal_no, ''),"
    " coalesce(store.code, ''), coalesce(store.name, ''), merchant.code, merchant.name,"
    " merchant.name_en from ({inner}) t"
    " join merchants_merchant merchant on merchant.id = t.merchant_id"
    " left join terminals_terminal terminal on terminal.id = t.terminal_id"
    " left join merchants_store store on store.id = t.store_id"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One transaction as lists, files and pages show it; amounts in minor units."""

    id: int
    merchant_id: int
    terminal_id: int
    business_date: date
    reference: str
    rrn: str
    batch_no: int | None
    trace_no: int | None
    kind: str
    status: str
    method: str
    card_type: str
    entry_mode: str
    card_bin: str
    card_last4: str
    amount_minor: int
    net_minor: int
    currency: str
    response_code: str
    mcc: str
    operator_no: str
    original_date: date | None
    original_id: int | None
    occurred_at: datetime
    received_at: datetime
    store_id: int | None
    serial: str
    terminal_no: str
    store_code: str
    store_name: str
    merchant_code: str
    merchant_name: str
    merchant_name_en: str

    @property
    def signed_minor(self) -> int:
        """The amount of the slip as it moves money: what goes back is negative."""
        return -self.amount_minor if self.kind in MONEY_OUT else self.amount_minor


def list_transactions(
    actor: Actor,
    wanted: Filter,
    cursor: Cursor | None = None,
    *,
    ascending: bool = False,
    size: int = PAGE_SIZE,
) -> Page[Row]:
    """Return one page of the transactions wanted, newest first unless ``ascending``.

    :raises BadCursor: if the cursor is not of such a list
    """
    backwards = cursor is not None and cursor.backwards
    rising = ascending != backwards
    rows = matching(actor, wanted)
    if cursor is not None:
        rows = _beyond(rows, cursor, rising=rising)
    order = ("occurred_at", "id") if rising else ("-occurred_at", "-id")
    found = fetch(rows.order_by(*order)[: size + 1])
    found.sort(key=_place, reverse=not rising)
    return cut(found, cursor=cursor, keys=_keys, size=size)


def stream_rows(
    actor: Actor, wanted: Filter, *, among: "QuerySet[Any, Any] | None" = None
) -> Iterator[Row]:
    """Yield every transaction wanted, newest first, out of a cursor on the server.

    ``among`` is a query of ids that narrows them further. Memory does not grow with rows.
    """
    rows = matching(actor, wanted)
    if among is not None:
        rows = rows.filter(id__in=among)
    try:
        sql, parameters = _joined(rows.order_by())
    except EmptyResultSet:
        return
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"{sql} order by t.occurred_at desc, t.id desc", parameters)
        while chunk := cursor.fetchmany(CHUNK):
            yield from starmap(Row, chunk)


def matching(actor: Actor, wanted: Filter) -> TransactionQuerySet:
    """Return the transactions an actor may see that pass the filter, in no order.

    The day bounds are said twice: the date picks the partitions, the time the index range.
    """
    rows = Transaction.objects.visible_to(actor)
    if wanted.since:
        began_at = datetime.combine(wanted.since, time(), SHANGHAI)
        rows = rows.filter(business_date__gte=wanted.since, occurred_at__gte=began_at)
    if wanted.until:
        ended_at = datetime.combine(wanted.until + timedelta(days=1), time(), SHANGHAI)
        rows = rows.filter(business_date__lte=wanted.until, occurred_at__lt=ended_at)
    return rows.filter(_codes(wanted) & _amounts(wanted) & _named(actor, wanted))


def fetch(rows: TransactionQuerySet) -> list[Row]:
    """Run a query of transactions and dress its rows; their order is not promised."""
    try:
        sql, parameters = _joined(rows)
    except EmptyResultSet:  # the actor may see none at all
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(starmap(Row, cursor.fetchall()))


def _joined(rows: TransactionQuerySet) -> tuple[str, Sequence[Any]]:
    inner, parameters = rows.values_list(*FIELDS).query.sql_with_params()
    return JOINED.format(inner=inner), parameters


def _codes(wanted: Filter) -> Q:
    """Test closed lists and exact keys."""
    found = Q()
    lists = {
        "status": wanted.statuses,
        "kind": wanted.kinds,
        "method": wanted.methods,
        "card_type": wanted.card_types,
        "entry_mode": wanted.entry_modes,
        "reference": wanted.references,
    }
    for name, codes in lists.items():
        if codes:
            found &= Q(**{name: codes[0]}) if len(codes) == 1 else Q(**{f"{name}__in": codes})
    exact = {
        "operator_no": wanted.operator,
        "rrn": wanted.rrn,
        "card_last4": wanted.last4,
    }
    return found & Q(**{name: text for name, text in exact.items() if text})


def _amounts(wanted: Filter) -> Q:
    found = Q()
    if wanted.min_minor is not None:
        found &= Q(amount_minor__gte=wanted.min_minor)
    if wanted.max_minor is not None:
        found &= Q(amount_minor__lte=wanted.max_minor)
    return found


def _named(actor: Actor, wanted: Filter) -> Q:
    """Turn names into keys first, so that the planner sees constants."""
    found = Q()
    if wanted.merchant:
        found &= Q(merchant_id=find_merchant_id(actor, wanted.merchant) or NOBODY)
    if wanted.store:
        stores = Store.objects.visible_to(actor).filter(code__in=_spelt(wanted.store))
        found &= Q(store_id__in=list(stores.values_list("pk", flat=True)) or [NOBODY])
    if wanted.terminal:
        found &= Q(terminal_id=_terminal_id(actor, wanted.terminal) or NOBODY)
    if wanted.code:
        terminal_id = _terminal_id(actor, wanted.code)
        found &= Q(terminal_id=terminal_id) if terminal_id else Q(reference=wanted.code.upper())
    return found


def find_merchant_id(actor: Actor, code: str) -> int | None:
    """Return the key of the merchant with this code, if the actor may see it."""
    merchants = Merchant.objects.visible_to(actor).filter(code__in=_spelt(code))
    return merchants.values_list("pk", flat=True).first()


def _terminal_id(actor: Actor, serial: str) -> int | None:
    terminals = Terminal.objects.visible_to(actor).filter(serial__in=_spelt(serial))
    return terminals.values_list("pk", flat=True).first()


def _spelt(text: str) -> list[str]:
    """Serials and codes are written in capitals; people are not."""
    return sorted({text, text.upper()})


def _beyond(rows: TransactionQuerySet, cursor: Cursor, *, rising: bool) -> TransactionQuerySet:
    """Keep the rows after a place; the first test alone bounds the index range.

    :raises BadCursor: if the place is not one of this list
    """
    try:
        microseconds, row_id = (int(key) for key in cursor.keys)
        at = EPOCH + microseconds * MICROSECOND
        on = at.astimezone(SHANGHAI).date()
    except (ValueError, OverflowError) as bad:
        raise BadCursor("not a place in a list of transactions") from bad
    if rising:
        rest = Q(occurred_at__gt=at) | Q(id__gt=row_id)
        return rows.filter(rest, business_date__gte=on, occurred_at__gte=at)
    rest = Q(occurred_at__lt=at) | Q(id__lt=row_id)
    return rows.filter(rest, business_date__lte=on, occurred_at__lte=at)


def _place(row: Row) -> tuple[datetime, int]:
    return row.occurred_at, row.id


def _keys(row: Row) -> tuple[str, ...]:
    return str((row.occurred_at - EPOCH) // MICROSECOND), str(row.id)
