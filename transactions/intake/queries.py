"""Questions that intake asks, and the proof that each report is in the book once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from msgspec import UnsetType

from portal.kit.finding import Finding
from portal.kit.hot import run
from terminals.checkin.queries import Session
from transactions.intake.models import HistoryKey
from transactions.intake.rules.reports import Sale
from transactions.intake.schema import Original

MOST_TOLD = 50

GUARDS = """
select m.status, m.mcc, s.session_id, s.batch_no, s.business_date, s.expires_at, s.signed_out_at
  from merchants_merchant m
  left join lateral (
    select session_id, batch_no, business_date, expires_at, signed_out_at
      from terminals_signin
     where terminal_id = %s and session_id is not null
     order by at desc, id desc limit 1
  ) s on true
 where m.id = %s
"""

STORED = """
select k.batch_no, k.trace_no, k.body_sha256, t.reference, t.rrn, t.business_date, t.received_at
  from unnest(%(batch_no)s::int[], %(trace_no)s::int[]) as asked (batch_no, trace_no)
  join transactions_intakekey k using (batch_no, trace_no)
  join transactions_transaction t on t.merchant_id = k.merchant_id
   and t.business_date = k.business_date and t.id = k.transaction_id
 where k.terminal_id = %(terminal)s
"""

SALE_BY_NUMBER = """
select t.id, t.business_date, t.kind, t.status, t.currency, t.amount_minor
  from transactions_intakekey k
  join transactions_transaction t on t.merchant_id = k.merchant_id
   and t.business_date = k.business_date and t.id = k.transaction_id
 where k.terminal_id = %s and k.batch_no = %s and k.trace_no = %s
"""

SALE_BY_REFERENCE = """
select id, business_date, kind, status, currency, amount_minor
  from transactions_transaction where merchant_id = %s and reference = %s
"""

GIVEN_BACK = """
select is_voided from transactions_givenback
 where merchant_id = %s and original_date = %s and original_id = %s
"""

# Reports without a key, keys without their report, and sums that do not add up.
COMPARE = """
with alone as (
  select 'transaction ' || t.id || ' has no key' as why
    from transactions_transaction t
   where t.trace_no is not null
     and not exists (select from transactions_intakekey k
                      where k.merchant_id = t.merchant_id and k.terminal_id = t.terminal_id
                        and k.batch_no = t.batch_no and k.trace_no = t.trace_no
                        and k.transaction_id = t.id and k.business_date = t.business_date)
), lost as (
  select 'key ' || k.id || ' names no transaction' as why
    from transactions_intakekey k
   where not exists (select from transactions_transaction t
                      where t.merchant_id = k.merchant_id and t.business_date = k.business_date
                        and t.id = k.transaction_id)
), taken_back as (
  select merchant_id, original_date, original_id, -sum(net_minor) as minor
    from transactions_transaction
   where original_id is not null and net_minor < 0
   group by 1, 2, 3
), unlike as (
  select 'sale ' || original_id || ' was given back otherwise than noted' as why
    from transactions_givenback g full join taken_back b
         using (merchant_id, original_date, original_id)
   where g.given_back_minor is distinct from b.minor
     and (g.id is not null or exists (
           select from transactions_intakekey k
             join transactions_transaction t on t.merchant_id = k.merchant_id
              and t.business_date = k.business_date and t.id = k.transaction_id
            where t.merchant_id = b.merchant_id and t.original_date = b.original_date
              and t.original_id = b.original_id))
)
select (select count(*) from transactions_intakekey),
       (select coalesce(array_agg(why), '{}')
          from (select why from alone union all select why from lost
                union all select why from unlike limit %s) found)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the merchant stands, and the terminal's latest session."""

    merchant_status: str
    mcc: str
    session: Session | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A report that is in the book, with the hash of the message that brought it."""

    body_sha256: bytes
    reference: str
    rrn: str
    business_date: date
    received_at: datetime


def get_standing(terminal_id: int, merchant_id: int) -> Standing:
    """Return what intake must know before it takes anything from a terminal."""
    ((status, mcc, *session),) = run(GUARDS, [terminal_id, merchant_id])
    return Standing(status, mcc, Session(*session) if session[0] else None)


def find_stored(
    terminal_id: int, numbers: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Stored]:
    """Return what is in the book under a terminal's numbers (batch, trace)."""
    values: dict[str, Any] = {
        "terminal": terminal_id,
        "batch_no": [batch for batch, _trace in numbers],
        "trace_no": [trace for _batch, trace in numbers],
    }
    rows = run(STORED, values)
    return {(row[0], row[1]): Stored(bytes(row[2]), *row[3:]) for row in rows}


def find_sale(terminal_id: int, merchant_id: int, named: Original) -> Sale | None:
    """Return the transaction that a void or refund names, if the merchant has it."""
    statement: str = SALE_BY_REFERENCE
    values: list[Any] = [merchant_id, named.reference]
    if isinstance(named.reference, UnsetType):
        statement, values = SALE_BY_NUMBER, [terminal_id, named.batch_no, named.trace_no]
    rows = run(statement, values)
    return Sale(*rows[0]) if rows else None


def is_voided(merchant_id: int, sale: Sale) -> bool:
    """Say whether a sale was voided."""
    rows = run(GIVEN_BACK, [merchant_id, sale.business_date, sale.id])
    return bool(rows and rows[0][0])


def ids_of_workspace(workspace: str) -> "QuerySet[HistoryKey, int]":
    """Return the ids of the transactions that were imported into a workspace, as a query."""
    rows = HistoryKey.objects.filter(workspace=workspace)
    return rows.values_list("transaction_id", flat=True)


def compare_keys() -> Finding:
    """Compare every key of a report with the book, and what was given back with its sums."""
    with connection.cursor() as cursor:
        cursor.execute(COMPARE, [MOST_TOLD])
        checked, breaches = cursor.fetchone()
    return Finding(checked, tuple(breaches))
