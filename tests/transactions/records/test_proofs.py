"""What ``reconcile`` asks of the records."""

from datetime import date, datetime

import pytest
from django.db import IntegrityError
from django.db.transaction import atomic

from portal.kit.finding import Finding
from terminals.fleet.models import Terminal
from tests.transactions.rows import built, put
from transactions.intake.models import HistoryKey
from transactions.records.models import DailyTotal, Transaction
from transactions.records.queries.proofs import compare_daily_totals, find_foreign_rows

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


@pytest.fixture
def sold(a1041: Terminal, noon: datetime) -> Transaction:
    """One sale."""
    return put([built(a1041, 1, occurred_at=noon)])[0]


def test_a_book_that_agrees_has_no_breach(sold: Transaction) -> None:
    assert compare_daily_totals() == Finding(1, ())
    assert find_foreign_rows() == Finding(1, ())


def test_a_total_that_counts_too_much_or_nothing_is_named(sold: Transaction) -> None:
    DailyTotal.objects.update(net_minor=1)
    DailyTotal.objects.create(
        merchant_id=sold.merchant_id, business_date=sold.business_date, kind="VOID",
        status="APPROVED", currency="CNY", count=2, amount_minor=5, net_minor=-5,
    )  # fmt: skip

    found = compare_daily_totals()

    day = f"merchant #{sold.merchant_id} {sold.business_date}"
    assert found == Finding(
        2,
        (
            f"{day} SALE APPROVED CNY: 1 rows, total of 1",
            f"{day} VOID APPROVED CNY: 0 rows, total of 2",
        ),
    )


def test_a_transaction_without_its_total_is_named(a1041: Terminal, noon: datetime) -> None:
    Transaction.objects.bulk_create([built(a1041, 1, occurred_at=noon)])

    cell = f"merchant #{a1041.merchant_id} 2026-11-20 SALE APPROVED CNY"
    assert compare_daily_totals().breaches == (f"{cell}: 1 rows, total of 0",)


@pytest.mark.parametrize("time", ["2026-11-18T15:59:59.999999Z", "2026-11-19T16:00:00Z"])
def test_a_transaction_under_a_day_it_did_not_occur_on_is_refused(
    a1041: Terminal, time: str
) -> None:
    astray = built(
        a1041, 1, occurred_at=datetime.fromisoformat(time), business_date=date(2026, 11, 19)
    )

    with pytest.raises(IntegrityError, match="transaction_day_is_of_its_time"), atomic():
        put([astray])

    assert not Transaction.objects.exists()


def test_a_key_without_a_row_is_named(sold: Transaction) -> None:
    HistoryKey.objects.create(
        workspace="w", external_id="x", row_sha256=b"x", merchant_id=sold.merchant_id,
        business_date=sold.business_date, transaction_id=99,
    )  # fmt: skip

    assert find_foreign_rows().breaches == (
        f"transaction #99 of merchant #{sold.merchant_id}: key without a row",
    )
