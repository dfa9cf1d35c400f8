"""The doors at which terminals report transactions: one, or up to 200 at once."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from msgspec import Raw

from terminals.authentication.contents import decode
from terminals.authentication.door import Answer, Door, Message, receive
from terminals.authentication.refusals import REFUSALS, Refused, title_of
from transactions.intake.actions.reports import Outcome, take_in
from transactions.intake.schema import (
    BUNDLE,
    REPORT,
    BatchReceipt,
    ItemReceipt,
    Receipt,
    Report,
)

REPORTS = Door("transactions", "pos-txn-1")
BATCHES = Door("transactions/batch", "pos-batch-1", longest=1024 * 1024)
CREATED, OK = 201, 200


@csrf_exempt
def report(request: HttpRequest) -> HttpResponse:
    """Take one transaction in: 201 when it is new, 200 with the same answer when it is not."""
    return receive(request, REPORTS, _one)


@csrf_exempt
def report_batch(request: HttpRequest) -> HttpResponse:
    """Take up to 200 transactions in, and answer each in its place."""
    return receive(request, BATCHES, _many)


def _one(message: Message) -> Answer | Refused:
    said = decode(REPORT, message.body, message.value)
    (outcome,) = take_in([said], actor=message.actor, speaker=message.speaker, now=message.at)
    if isinstance(outcome, Refused):
        return outcome
    receipt = Receipt(outcome.reference, outcome.rrn, outcome.business_date, outcome.received_at)
    return Answer(receipt, CREATED if outcome.is_new else OK)


def _many(message: Message) -> Answer | Refused:
    bundle = decode(BUNDLE, message.body, message.value)
    values = message.value["transactions"]
    reports = [_read(raw, value) for raw, value in zip(bundle.transactions, values, strict=True)]
    outcomes = take_in(reports, actor=message.actor, speaker=message.speaker, now=message.at)
    results = [_result(said, outcome) for said, outcome in zip(reports, outcomes, strict=True)]
    refused = tuple(outcome for outcome in outcomes if isinstance(outcome, Refused))
    return Answer(BatchReceipt(results), refused=refused)


def _read(raw: Raw, value: object) -> Report | Refused:
    try:
        return decode(REPORT, bytes(raw), value)
    except Refused as refused:
        return refused


def _result(said: Report | Refused, outcome: Outcome) -> ItemReceipt:
    batch_no = said.batch_no if isinstance(said, Report) else None
    trace_no = said.trace_no if isinstance(said, Report) else None
    if isinstance(outcome, Refused):
        field = outcome.members.get("field")
        return ItemReceipt(
            outcome.status,
            batch_no,
            trace_no,
            code=outcome.code,
            title=title_of(outcome),
            retry=REFUSALS[outcome.code].retry,
            field=str(field) if field else None,
        )
    return ItemReceipt(
        CREATED if outcome.is_new else OK,
        batch_no,
        trace_no,
        reference=outcome.reference,
        rrn=outcome.rrn,
        business_date=outcome.business_date,
        server_time=outcome.received_at,
    )
