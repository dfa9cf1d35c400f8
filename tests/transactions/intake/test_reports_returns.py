"""Voids and refunds: a sale is given back at most once and never more than it took."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from terminals.management.simulator.device import Device, Reply
from tests.cast import Cast
from tests.device import refusals, send, signed_in
from transactions.intake.models import GivenBack, IntakeKey
from transactions.intake.queries import compare_keys
from transactions.records.models import DailyTotal, Transaction

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def _report(device: Device, report: dict[str, Any]) -> Reply:
    return send(device.signed("transactions", report))


def _of(sale: dict[str, Any]) -> dict[str, int]:
    return {"batch_no": sale["batch_no"], "trace_no": sale["trace_no"]}


def _sell(device: Device, amount_minor: int = 1000, **changes: Any) -> dict[str, Any]:
    sale = device.report(amount_minor=amount_minor, **changes)
    assert _report(device, sale).status == 201
    return sale


def _back(device: Device, kind: str, amount_minor: int, original: object, **more: Any) -> Reply:
    return _report(device, device.report(kind, amount_minor, original=original, **more))


def _returned() -> list[tuple[int, int, bool]]:
    return list(GivenBack.objects.values_list("sale_minor", "given_back_minor", "is_voided"))


def test_a_void_takes_the_whole_sale_back(device: Device) -> None:
    sale = _sell(device, 1000)

    reply = _back(device, "VOID", 1000, _of(sale))

    assert reply.status == 201
    void = Transaction.objects.get(kind="VOID")
    original = Transaction.objects.get(kind="SALE")
    assert (void.net_minor, void.original_id, void.original_date) == (
        -1000,
        original.pk,
        original.business_date,
    )
    assert _returned() == [(1000, 1000, True)]
    assert dict(DailyTotal.objects.values_list("kind", "net_minor")) == {
        "SALE": 1000,
        "VOID": -1000,
    }


def test_refunds_add_up_to_the_sale_and_no_further(device: Device) -> None:
    sale = _sell(device, 1000)

    replies = [_back(device, "REFUND", minor, _of(sale)) for minor in (400, 600, 1)]

    assert [(reply.status, reply.code) for reply in replies] == [
        (201, ""),
        (201, ""),
        (422, "EXCEEDS_ORIGINAL"),
    ]
    assert _returned() == [(1000, 1000, False)]
    assert Transaction.objects.filter(kind="REFUND").count() == 2
    assert IntakeKey.objects.count() == 3
    assert refusals()[-1] == (
        "device.refused",
        "TERMINAL",
        {"code": "EXCEEDS_ORIGINAL", "door": "transactions"},
    )


def test_a_sale_is_voided_once(device: Device) -> None:
    sale = _sell(device)
    _back(device, "VOID", 1000, _of(sale))

    again = _back(device, "VOID", 1000, _of(sale))
    refund = _back(device, "REFUND", 1, _of(sale))

    assert (again.status, again.code) == (422, "ALREADY_VOIDED")
    assert (refund.status, refund.code) == (422, "ALREADY_VOIDED")
    assert Transaction.objects.count() == 2


def test_a_sale_that_was_partly_refunded_cannot_be_voided(device: Device) -> None:
    sale = _sell(device)
    _back(device, "REFUND", 1, _of(sale))

    assert _back(device, "VOID", 1000, _of(sale)).code == "EXCEEDS_ORIGINAL"


def test_a_repeated_refund_counts_once(device: Device) -> None:
    sale = _sell(device)
    refund = device.report("REFUND", 700, original=_of(sale))

    first, second = _report(device, refund), _report(device, refund)

    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    assert _returned() == [(1000, 700, False)]


def test_a_refund_may_come_from_another_till_by_reference(device: Device, cast: Cast) -> None:
    sale = device.report()
    reference = _report(device, sale).body["reference"]
    till = signed_in("B2000000", merchant=cast.noodle, store=cast.noodle_store)

    assert _back(till, "REFUND", 100, {"reference": reference}).status == 201


def test_another_merchants_sale_does_not_exist(device: Device, cast: Cast) -> None:
    sale = device.report()
    reference = _report(device, sale).body["reference"]
    stranger = signed_in("B2000000", merchant=cast.tea, store=cast.tea_store)

    replies = [
        _back(stranger, "REFUND", 100, {"reference": reference}),
        _back(stranger, "REFUND", 100, _of(sale)),
    ]

    assert [reply.code for reply in replies] == ["ORIGINAL_UNKNOWN"] * 2
    assert _returned() == []


def test_a_void_that_comes_before_its_sale_may_come_again(device: Device) -> None:
    sale = device.report()
    void = device.report("VOID", 1000, original=_of(sale))

    early = _report(device, void)
    _report(device, sale)
    late = _report(device, void)

    assert (early.status, early.code, early.body["retry"]) == (422, "ORIGINAL_UNKNOWN", "after")
    assert late.status == 201


@pytest.mark.parametrize(
    ("sold", "back", "code", "field"),
    [
        ({"status": "DECLINED"}, {}, "ORIGINAL_NOT_A_SALE", "original"),
        ({}, {"currency": "HKD"}, "ORIGINAL_NOT_A_SALE", "original"),
        ({}, {"amount_minor": 999}, "INVALID", "amount_minor"),
        ({}, {"amount_minor": 1001}, "INVALID", "amount_minor"),
    ],
)
def test_a_void_that_does_not_fit_its_sale_is_refused(
    sold: dict[str, Any], back: dict[str, Any], code: str, field: str, device: Device
) -> None:
    sale = _sell(device, **sold)

    reply = _report(device, device.report("VOID", original=_of(sale)) | back)

    assert (reply.status, reply.code, reply.body["field"]) == (422, code, field)
    assert Transaction.objects.count() == 1


def test_a_void_of_a_void_is_refused(device: Device) -> None:
    sale = _sell(device)
    void = device.report("VOID", original=_of(sale))
    _report(device, void)

    assert _back(device, "VOID", 1000, _of(void)).code == "ORIGINAL_NOT_A_SALE"


def test_a_declined_refund_is_in_the_book_and_gives_nothing_back(device: Device) -> None:
    sale = _sell(device)

    linked = _back(device, "REFUND", 5000, _of(sale), status="DECLINED", response_code="57")
    loose = _back(
        device, "REFUND", 1, {"batch_no": 9, "trace_no": 9}, status="DECLINED", response_code="57"
    )

    assert (linked.status, loose.status) == (201, 201)
    assert _returned() == []
    rows = Transaction.objects.filter(kind="REFUND").order_by("pk")
    assert [(row.net_minor, row.original_id is None) for row in rows] == [(0, False), (0, True)]


def test_what_was_given_back_before_we_counted_counts(device: Device, cast: Cast) -> None:
    sale = _sell(device, 1000)
    original = Transaction.objects.get()
    now = timezone.now()
    Transaction.objects.create(
        merchant=cast.noodle,
        terminal_id=original.terminal_id,
        business_date=original.business_date,
        reference="HISTORY00001",
        rrn="000000000001",
        kind="REFUND",
        status="APPROVED",
        method="CARD",
        amount_minor=900,
        net_minor=-900,
        original_id=original.pk,
        original_date=original.business_date,
        occurred_at=now,
        received_at=now,
    )

    replies = [_back(device, "REFUND", minor, _of(sale)) for minor in (101, 100)]

    assert [reply.code for reply in replies] == ["EXCEEDS_ORIGINAL", ""]
    assert _returned() == [(1000, 1000, False)]


def test_a_sum_that_does_not_add_up_is_found(device: Device) -> None:
    sale = _sell(device, 1000)
    _back(device, "REFUND", 900, _of(sale))
    GivenBack.objects.update(given_back_minor=1)

    (breach,) = compare_keys().breaches

    assert breach.endswith("was given back otherwise than noted")


def test_the_book_and_its_keys_agree(device: Device) -> None:
    sale = _sell(device)
    _back(device, "REFUND", 10, _of(sale))
    _sell(device, occurred_at=(timezone.now() - timedelta(days=20)).isoformat())

    finding = compare_keys()

    assert (finding.checked, finding.breaches) == (3, ())
