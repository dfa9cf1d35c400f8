"""Lists of transactions: pages for people, streams for files, one filter behind both."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import starmap
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from portal.kit import planned
from portal.kit.actor import Actor
from portal.kit.paging import PAGE_SIZE, Cursor, Page, cut
from transactions.records.models import MONEY_OUT, TransactionQuerySet
from transactions.records.queries.where import (
    SHANGHAI,
    Where,
    beyond,
    keys_of,
    matching,
    place_of,
)
from transactions.records.rules.filters import Filter

CHUNK = 2000
# A page is looked for in so many days first: two partitions are planned and opened, not all.
NEAR_DAYS = 31
# The order of Row's first fields.
FIELDS = (
    "id", "merchant_id", "terminal_id", "business_date", "reference", "rrn", "batch_no",
    "trace_no", "kind", "status", "method", "card_type", "entry_mode", "card_bin", "card_last4",
    "amount_minor", "net_minor", "currency", "response_code", "mcc", "operator_no",
    "original_date", "original_id", "occurred_at", "received_at", "store_id",
)  # fmt: skip
PLACES = tuple(FIELDS.index(name) for name in ("terminal_id", "store_id", "merchant_id"))
FOUND = "select {columns} from transactions_transaction where {tests}"
# The names on a page, looked up once it is cut: to plan a join of partitions takes longer.
NAMES = """
select 'terminal', id, serial, terminal_no, '' from terminals_terminal
 where id = any(%s::bigint[])
union all
select 'store', id, code, name, '' from merchants_store where id = any(%s::bigint[])
union all
select 'merchant', id, code, name, name_en from merchants_merchant where id = any(%s::bigint[])
"""
# For a file, which may be long. A terminal or store that is no longer the merchant's own stays
# hidden by row security, and must not take the transaction with it. The merchant is always
# there; joined loosely, it does not tell the planner to expect a single row.
JOINED = (
    "select t.*, coalesce(terminal.serial, ''), coalesce(terminal.terminal_no, ''),"
    " coalesce(store.code, ''), coalesce(store.name, ''), merchant.code, merchant.name,"
    " merchant.name_en from ({inner}) t"
    " left join merchants_merchant merchant on merchant.id = t.merchant_id"
    " left join terminals_terminal terminal on terminal.id = t.terminal_id"
    " left join merchants_store store on store.id = t.store_id"
)


class Row(NamedTuple):
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
    where = matching(actor, wanted)
    if cursor is not None:
        where = beyond(where, cursor, rising=rising)
    edge = _edge(wanted, cursor, rising=rising)
    near = _near(where, wanted, edge, rising=rising)
    found = _read(near, wanted, rising=rising, size=size) if near else []
    if near is None or len(found) <= size:
        found = _read(where, wanted, rising=rising, size=size)
    found.sort(key=_place, reverse=not rising)
    return cut(found, cursor=cursor, keys=_keys, size=size)


def stream_rows(
    actor: Actor, wanted: Filter, *, among: "QuerySet[Any, Any] | None" = None
) -> Iterator[Row]:
    """Yield every transaction wanted, newest first, out of a cursor on the server.

    ``among`` is a query of ids that narrows them further. Memory does not grow with rows.
    """
    where = matching(actor, wanted)
    if among is not None:
        ids, values = among.query.sql_with_params()
        where = where.also(f"id in ({ids})", *values)
    sql = JOINED.format(inner=_found(where))
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"{sql} order by t.occurred_at desc, t.id desc", where.values)
        while chunk := cursor.fetchmany(CHUNK):
            yield from starmap(Row, chunk)


def fetch(rows: TransactionQuerySet) -> list[Row]:
    """Run a query of transactions and dress its rows; their order is not promised."""
    try:
        inner, parameters = rows.values_list(*FIELDS).query.sql_with_params()
    except EmptyResultSet:  # the actor may see none at all
        return []
    return _named(_run(inner, parameters))


def _edge(wanted: Filter, cursor: Cursor | None, *, rising: bool) -> date | None:
    """Return the day at which a page begins, if that can be told."""
    if cursor is not None:
        return place_of(cursor)[0].astimezone(SHANGHAI).date()
    return wanted.since if rising else wanted.until


def _near(where: Where, wanted: Filter, edge: date | None, *, rising: bool) -> Where | None:
    """Return the tests with the days next to the edge alone, None if that saves nothing.

    The day follows from the time (a constraint of the table), so no row further away can
    come before one of these.
    """
    if edge is None or _has_key(wanted):
        return None
    far = wanted.until if rising else wanted.since
    if far is not None and abs((edge - far).days) <= NEAR_DAYS:
        return None
    days = timedelta(days=NEAR_DAYS)
    if rising:
        return where.also("business_date <= %s", edge + days)
    return where.also("business_date >= %s", edge - days)


def _has_key(wanted: Filter) -> bool:
    """Tell whether an index finds the few rows there are, in whatever month."""
    return bool(wanted.rrn or wanted.code or wanted.references or wanted.last4)


def _read(where: Where, wanted: Filter, *, rising: bool, size: int) -> list[Row]:
    way = "occurred_at, id" if rising else "occurred_at desc, id desc"
    sql = f"{_found(where)} order by {way} limit {size + 1}"
    return _named((planned.ask if _has_key(wanted) else _run)(sql, where.values))


def _found(where: Where) -> str:
    return FOUND.format(columns=", ".join(FIELDS), tests=where.sql)


def _run(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        planned.hasten(cursor.cursor)
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _named(found: Sequence[tuple[Any, ...]]) -> list[Row]:
    """Add the names of terminal, store and merchant; empty where they may not be seen."""
    if not found:
        return []
    terminal, store, merchant = PLACES
    wanted = [list({row[place] for row in found} - {None}) for place in PLACES]
    names = {(kind, key): said for kind, key, *said in planned.ask(NAMES, wanted)}
    nothing = ["", "", ""]
    return [
        Row(
            *row,
            *names.get(("terminal", row[terminal]), nothing)[:2],
            *names.get(("store", row[store]), nothing)[:2],
            *names.get(("merchant", row[merchant]), nothing),
        )
        for row in found
    ]


def _place(row: Row) -> tuple[datetime, int]:
    return row.occurred_at, row.id


def _keys(row: Row) -> tuple[str, ...]:
    return keys_of(row.occurred_at, row.id)
