"""Transactions that tests stand on, put straight into the book with their daily totals."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.transaction import atomic

from terminals.fleet.models import Terminal
from transactions.intake.rules.history import net_of
from transactions.records.models import Transaction

SHANGHAI = ZoneInfo("Asia/Shanghai")
TOTALS = """
insert into transactions_dailytotal
  (merchant_id, business_date, kind, status, currency, count, amount_minor, net_minor)
select merchant_id, business_date, kind, status, currency, count(*), sum(amount_minor),
       sum(net_minor)
  from transactions_transaction group by 1, 2, 3, 4, 5
on conflict (merchant_id, business_date, kind, status, currency) do update
  set count = excluded.count, amount_minor = excluded.amount_minor,
      net_minor = excluded.net_minor
"""


@atomic
def prepare_months(first: datetime, last: datetime) -> None:
    """Make the monthly partitions between two moments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pos_prepare_months('transactions_transaction', %s, %s)",
            [first.date(), last.date()],
        )


def built(terminal: Terminal, number: int, **over: Any) -> Transaction:
    """One transaction of a terminal, not yet stored: an approved sale of 100.00 by card."""
    at: datetime = over.pop("occurred_at")
    kind, status = over.pop("kind", "SALE"), over.pop("status", "APPROVED")
    amount = over.pop("amount_minor", 10_000)
    values = {
        "merchant_id": terminal.merchant_id,
        "store_id": terminal.store_id,
        "terminal": terminal,
        "business_date": at.astimezone(SHANGHAI).date(),
        "reference": f"REF{terminal.pk:04d}{number:09d}",
        "rrn": f"{at.astimezone(SHANGHAI):%y%m%d}{number % 1_000_000:06d}",
        "method": "CARD",
        "card_type": "DEBIT",
        "entry_mode": "CHIP",
        "card_bin": "622588",
        "card_last4": "0417",
        "currency": "CNY",
        "response_code": "00",
        "operator_no": "01",
        "batch_no": 1,
        "trace_no": number,
        "received_at": at + timedelta(seconds=1),
    }
    return Transaction(
        kind=kind,
        status=status,
        amount_minor=amount,
        net_minor=net_of(kind, status, amount),
        occurred_at=at,
        **(values | over),
    )


@atomic
def put(rows: Iterable[Transaction]) -> Sequence[Transaction]:
    """Store transactions and bring the daily totals up to date."""
    stored = Transaction.objects.bulk_create(rows, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute(TOTALS)
    return stored


def put_sales(terminal: Terminal, times: Iterable[datetime], **over: Any) -> Sequence[Transaction]:
    """Store one sale at each of the times."""
    return put(built(terminal, n, occurred_at=at, **over) for n, at in enumerate(times, 1))
