"""Taking in what terminals report."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from merchants.profiles.models import Merchant
from portal.audit.models import AuditEntry
from portal.kit.actor import ANONYMOUS
from portal.kit.scope import acting_as, scope_of
from portal.kit.secrets import fingerprint
from terminals.authentication.identity import as_actor
from terminals.authentication.queries import find_key
from terminals.authentication.refusals import Refused
from terminals.checkin.rules.business_day import SHANGHAI, business_date
from terminals.fleet.models import Terminal
from terminals.management.simulator.device import Device, Reply
from terminals.presence.models import Liveness
from tests.cast import Cast
from tests.device import activate, refusals, send, signed_in
from transactions.intake.actions.reports import Receipt, take_in
from transactions.intake.models import IntakeKey
from transactions.intake.queries import compare_keys
from transactions.intake.schema import Report
from transactions.records.models import DailyTotal, Transaction

pytestmark = pytest.mark.django_db(databases=["default", "owner"])


def _report(device: Device, report: dict[str, Any]) -> Reply:
    return send(device.signed("transactions", report))


def _batch(device: Device, reports: list[Any]) -> Reply:
    return send(device.signed("transactions/batch", {"transactions": reports}))


def _book() -> tuple[int, int, list[tuple[Any, ...]]]:
    totals = DailyTotal.objects.order_by("business_date", "kind", "status").values_list(
        "kind", "status", "count", "amount_minor", "net_minor"
    )
    return Transaction.objects.count(), IntakeKey.objects.count(), list(totals)


def test_a_sale_is_taken_in_and_counted(device: Device, cast: Cast) -> None:
    Merchant.objects.update(mcc="5812")
    said = device.report(amount_minor=12_345, rrn="632412345678")

    reply = _report(device, said)

    assert reply.status == 201
    assert reply.body["rrn"] == "632412345678"
    assert reply.body["business_date"] == business_date(timezone.now()).isoformat()
    row = Transaction.objects.get()
    assert (row.reference, row.merchant_id, row.store_id) == (
        reply.body["reference"],
        cast.noodle.pk,
        cast.noodle_store.pk,
    )
    assert (row.kind, row.status, row.amount_minor, row.net_minor, row.currency, row.mcc) == (
        "SALE",
        "APPROVED",
        12_345,
        12_345,
        "CNY",
        "5812",
    )
    assert (row.card_bin, row.card_last4) == ("622202", said["card_last4"])
    assert row.received_at.isoformat() == reply.body["server_time"]
    assert _book() == (1, 1, [("SALE", "APPROVED", 1, 12_345, 12_345)])
    entry = AuditEntry.objects.get(event="transaction.taken_in")
    assert (entry.actor_label, entry.merchant_id, entry.details) == (
        "A1041000",
        cast.noodle.pk,
        {"count": 1, "references": [reply.body["reference"]]},
    )


def test_a_token_is_kept_only_under_our_own_key(device: Device) -> None:
    said = device.report(card_token="acquirer-token-4711")

    _report(device, said)

    kept = Transaction.objects.get().card_token
    assert kept == fingerprint("acquirer-token-4711", purpose="card token")
    open_hash = sha256(msgspec.json.encode(msgspec.convert(said, Report))).digest()
    assert bytes(IntakeKey.objects.get().body_sha256) != open_hash


def test_a_record_whose_channel_gave_no_number_gets_one_of_ours(device: Device) -> None:
    before = timezone.now().astimezone(SHANGHAI)
    numbers = {_report(device, device.report()).body["rrn"] for _ in range(3)}

    after = timezone.now().astimezone(SHANGHAI)
    hours = {f"{local:%Y}"[-1] + f"{local:%j%H}" for local in (before, after)}
    assert len(numbers) == 3
    assert {number[:6] for number in numbers} <= hours
    assert {len(number) for number in numbers} == {12}


def test_the_same_report_gets_the_same_answer_and_counts_once(device: Device) -> None:
    said = device.report()
    first = _report(device, said)
    before = _book()

    replies = [_report(device, said), _report(device, dict(reversed(said.items())))]

    assert [(reply.status, reply.body) for reply in replies] == [(200, first.body)] * 2
    assert _book() == before
    assert AuditEntry.objects.filter(event="transaction.taken_in").count() == 1
    assert refusals() == []


def test_another_report_under_the_same_number_is_refused(device: Device) -> None:
    said = device.report()
    _report(device, said)
    before = _book()

    reply = _report(device, said | {"amount_minor": said["amount_minor"] + 1})

    assert (reply.status, reply.code, reply.body["retry"]) == (422, "KEY_REUSED", "no")
    assert _book() == before
    assert refusals() == [
        ("device.refused", "TERMINAL", {"code": "KEY_REUSED", "door": "transactions"})
    ]


def test_two_terminals_may_use_the_same_numbers(device: Device, cast: Cast) -> None:
    other = signed_in("B2000000", merchant=cast.tea, store=cast.tea_store)

    assert _report(device, device.report()).status == 201
    assert _report(other, other.report()).status == 201
    assert list(DailyTotal.objects.values_list("count", flat=True)) == [1, 1]


def test_a_declined_sale_is_in_the_book_but_not_in_the_takings(device: Device) -> None:
    _report(device, device.report(status="DECLINED", response_code="51"))

    assert _book() == (1, 1, [("SALE", "DECLINED", 1, 1000, 0)])


def test_a_batch_is_answered_in_its_order(device: Device) -> None:
    first = device.report()
    _report(device, first)
    sale = device.report(amount_minor=500)
    void = device.report(
        "VOID",
        500,
        original={"batch_no": sale["batch_no"], "trace_no": sale["trace_no"]},
    )
    bad = device.report() | {"amount_minor": 0}
    last = device.report(amount_minor=700)

    reply = _batch(device, [void | {}, sale, first, bad, sale, first | {"currency": "USD"}, last])

    results = reply.body["results"]
    told = [(r["status"], r.get("code", ""), r.get("field", "")) for r in results]
    assert told == [
        (201, "", ""),
        (201, "", ""),
        (200, "", ""),
        (422, "INVALID", "amount_minor"),
        (200, "", ""),
        (422, "KEY_REUSED", ""),
        (201, "", ""),
    ]
    assert results[4]["reference"] == results[1]["reference"]
    assert _book() == (
        4,
        4,
        [("SALE", "APPROVED", 3, 2200, 2200), ("VOID", "APPROVED", 1, 500, -500)],
    )
    assert compare_keys().breaches == ()


def test_a_batch_leaves_one_entry_that_names_at_most_twenty(device: Device) -> None:
    reply = _batch(device, [device.report() for _ in range(200)])

    assert [r["status"] for r in reply.body["results"]] == [201] * 200
    details = AuditEntry.objects.get(event="transaction.taken_in").details
    assert (details["count"], len(details["references"])) == (200, 20)


@pytest.mark.parametrize("reports", [[], [{}] * 201])
def test_a_batch_of_none_or_too_many_is_refused(reports: list[Any], device: Device) -> None:
    reply = _batch(device, reports)

    assert (reply.status, reply.code, reply.body["field"]) == (422, "INVALID", "transactions")


@pytest.mark.parametrize(
    ("case", "moved", "status"),
    [
        ("ten minutes ahead", timedelta(minutes=9, seconds=50), 201),
        ("further ahead", timedelta(minutes=10, seconds=10), 422),
        ("thirty days late", -timedelta(days=29, hours=23), 201),
        ("later", -timedelta(days=30, seconds=10), 422),
        ("2099", timedelta(days=365 * 73), 422),
    ],
)
def test_a_time_that_cannot_be_right_is_refused(
    case: str, moved: timedelta, status: int, device: Device
) -> None:
    when = timezone.now() + moved

    reply = _report(device, device.report(occurred_at=when.isoformat()))

    assert (case, reply.status) == (case, status)
    if status == 422:
        assert (reply.code, reply.body["field"]) == ("CLOCK_SKEW", "occurred_at")
        assert abs(datetime.fromisoformat(reply.body["server_time"]) - timezone.now()) < timedelta(
            minutes=1
        )
        assert _book() == (0, 0, [])


def test_1970_is_refused(device: Device) -> None:
    reply = _report(device, device.report(occurred_at="1970-01-01T00:00:00Z"))

    assert (reply.status, reply.code) == (422, "CLOCK_SKEW")
    assert _book() == (0, 0, [])


def test_the_business_day_is_that_of_shanghai(device: Device) -> None:
    local = timezone.now().astimezone(SHANGHAI) - timedelta(days=2)
    late = local.replace(hour=23, minute=59, second=59, microsecond=0)
    early = late + timedelta(seconds=2)

    days = [
        _report(device, device.report(occurred_at=moment.isoformat())).body["business_date"]
        for moment in (late, early)
    ]

    assert days == [late.date().isoformat(), early.date().isoformat()]


NOT_AS_AGREED: list[tuple[dict[str, Any], str | None]] = [
    ({"amount_minor": 0}, "amount_minor"),
    ({"amount_minor": -5}, "amount_minor"),
    ({"amount_minor": 10.5}, "amount_minor"),
    ({"amount_minor": "1000"}, "amount_minor"),
    ({"amount_minor": True}, "amount_minor"),
    ({"amount_minor": 10**12}, "amount_minor"),
    ({"amount_minor": 10**40}, "amount_minor"),
    ({"batch_no": 1_000_000}, "batch_no"),
    ({"trace_no": 0}, "trace_no"),
    ({"trace_no": 1_000_000}, "trace_no"),
    ({"kind": "sale"}, "kind"),
    ({"kind": "PREAUTH"}, "kind"),
    ({"status": "OK"}, "status"),
    ({"method": "CHEQUE"}, "method"),
    ({"currency": "XXX"}, "currency"),
    ({"card_last4": "12345"}, "card_last4"),
    ({"card_last4": "１２３４"}, "card_last4"),
    ({"card_bin": "62220"}, "card_bin"),
    ({"card_token": "short"}, "card_token"),
    ({"card_token": "a b c d e f"}, "card_token"),
    ({"rrn": "12345678901"}, "rrn"),
    ({"rrn": "12345678901\n"}, None),
    ({"operator_no": "1"}, "operator_no"),
    ({"response_code": "'; drop"}, "response_code"),
    ({"occurred_at": "2026-11-20 12:00"}, "occurred_at"),
    ({"occurred_at": "2026-11-20T12:00:00"}, "occurred_at"),
    ({"original": {"batch_no": 1, "trace_no": 1}}, "original"),
    ({"kind": "VOID"}, "original"),
    ({"kind": "REFUND", "original": {}}, "original"),
    ({"kind": "REFUND", "original": {"batch_no": 1}}, "original"),
    ({"kind": "REFUND", "original": {"batch_no": 1, "reference": "A" * 12}}, "original"),
    ({"kind": "VOID", "original": {"reference": "*"}}, "original.reference"),
]


def test_a_field_that_is_not_as_agreed_is_named(device: Device) -> None:
    for change, field in NOT_AS_AGREED:
        reply = _report(device, device.report() | change)

        code = "INVALID" if field else "MALFORMED"
        told = (reply.status // 100, reply.code, reply.body.get("field"))
        assert (change, *told) == (change, 4, code, field)
    assert _book() == (0, 0, [])


def test_a_field_that_is_missing_is_named(device: Device) -> None:
    for field in ("batch_no", "kind", "amount_minor", "occurred_at", "response_code"):
        said = device.report()
        del said[field]

        assert _report(device, said).body["field"] == field


def test_what_a_wallet_leaves_out_may_be_left_out(device: Device) -> None:
    said = device.report(method="WECHAT")
    for name in ("card_type", "entry_mode", "card_bin", "card_last4", "card_token", "operator_no"):
        del said[name]

    assert _report(device, said).status == 201


def test_who_has_not_signed_in_may_not_trade(cast: Cast) -> None:
    device = activate("A1041000", merchant=cast.noodle, store=cast.noodle_store)

    reply = _report(device, device.report())

    assert (reply.status, reply.code, reply.body["retry"]) == (409, "NOT_SIGNED_IN", "after")
    assert _book() == (0, 0, [])


def test_who_has_signed_out_may_not_trade(device: Device) -> None:
    send(device.sign_out())

    assert _report(device, device.report()).code == "NOT_SIGNED_IN"


@pytest.mark.parametrize(("hours", "outcome"), [(27, "taken"), (29, "NOT_SIGNED_IN")])
def test_a_session_ends_four_hours_after_its_day(hours: int, outcome: str, device: Device) -> None:
    terminal_no, generation = device.keyid.split(":")
    known = find_key(terminal_no, int(generation))
    assert known is not None
    actor = as_actor(known.speaker, ANONYMOUS)
    midnight = timezone.now().astimezone(SHANGHAI).replace(hour=0, minute=0, second=0)
    later = midnight + timedelta(hours=hours)
    said = msgspec.convert(device.report(occurred_at=later.isoformat()), Report, strict=False)

    with acting_as(scope_of(actor)):
        try:
            (taken,) = take_in([said], actor=actor, speaker=known.speaker, now=later)
            ended = "taken" if isinstance(taken, Receipt) else taken.code
        except Refused as refused:
            ended = refused.code

    assert ended == outcome


@pytest.mark.parametrize(
    ("code", "terminal", "merchant"),
    [
        ("TERMINAL_SUSPENDED", {"status": "SUSPENDED", "suspended_reason": "RISK"}, {}),
        ("TERMINAL_NOT_ACTIVE", {"status": "RETIRED"}, {}),
        ("MERCHANT_INACTIVE", {}, {"status": "SUSPENDED"}),
        ("MERCHANT_INACTIVE", {}, {"status": "CLOSED"}),
    ],
)
def test_who_may_not_trade_is_told_why(
    code: str, terminal: dict[str, Any], merchant: dict[str, Any], device: Device
) -> None:
    for model, change in ((Terminal, terminal), (Merchant, merchant)):
        suspended = {"suspended_at": timezone.now()} if "SUSPENDED" in change.values() else {}
        if change:
            model.objects.update(**change, **suspended)

    reply = _report(device, device.report())

    assert (reply.status, reply.code) == (403, code)
    assert _book() == (0, 0, [])
    assert refusals() == [("device.refused", "TERMINAL", {"code": code, "door": "transactions"})]


def test_a_report_proves_that_its_terminal_lives(device: Device) -> None:
    Liveness.objects.update(link="OFFLINE", last_seen_at=timezone.now() - timedelta(hours=1))

    _report(device, device.report())

    row = Liveness.objects.get()
    assert row.link == "ONLINE"
    assert row.last_seen_at is not None
    assert timezone.now() - row.last_seen_at < timedelta(minutes=1)
