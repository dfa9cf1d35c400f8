"""Taking in what terminals report: each report once, in one statement for a unit of work."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import msgspec
from django.db import IntegrityError
from django.db.transaction import atomic
from msgspec import UnsetType, structs

from merchants.profiles.models import MerchantStatus
from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.hot import run
from terminals.authentication.door import terminal_of
from terminals.authentication.queries import Speaker
from terminals.authentication.refusals import Refused
from terminals.checkin.rules.business_day import business_date
from terminals.fleet.models import SuspendReason, TerminalStatus
from terminals.presence import actions as presence
from transactions.intake import queries
from transactions.intake.actions.cards import keyed
from transactions.intake.actions.statements import GIVE_BACK, TAKE_IN
from transactions.intake.queries import Standing, Stored
from transactions.intake.rules.reports import (
    SALE,
    Sale,
    check_original,
    check_report,
    gives_back,
    net_minor,
    new_reference,
)
from transactions.intake.schema import Report

NAMED_IN_AUDIT = 20
WITHIN_SALE = "given_back_within_sale"
ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('transactions.give_back'), %s::int)"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A report that is in the book; ``is_new`` says that this call brought it there."""

    reference: str
    rrn: str
    business_date: str
    received_at: str
    is_new: bool


Outcome = Receipt | Refused


@dataclass(frozen=True, slots=True)
class _Unit:
    """One unit of work: everything that is the same for all of its reports."""

    speaker: Speaker
    mcc: str
    now: datetime


@dataclass(frozen=True, slots=True)
class _Item:
    """One report on its way in, its card token keyed, under the terminal's own number for it."""

    number: tuple[int, int]
    report: Report
    body_sha256: bytes
    business_date: date
    reference: str
    sale: Sale | None = None


@atomic
def take_in(
    reports: Sequence[Report | Refused], *, actor: Actor, speaker: Speaker, now: datetime
) -> list[Outcome]:
    """Take reports into the book and return what became of each, in their order.

    A report under a number that was taken before gets the first answer if it is the same,
    and is refused if it is another. What could not even be read comes as Refused and is
    returned in its place.

    :raises MissingPermission: if the actor is no terminal
    :raises Refused: if the terminal or its merchant may not trade now
    """
    actor.require("device.report")
    standing = queries.get_standing(speaker.id, speaker.merchant_id)
    _check_standing(standing, speaker, now)
    # Locks the terminal's row: its own messages are taken one after the other.
    presence.note_activity(speaker.id, now=now)
    unit = _Unit(speaker, standing.mcc, now)
    outcomes: list[Outcome | None] = [_judge(report, now) for report in reports]
    items = {
        place: _item(report)
        for place, report in enumerate(reports)
        if outcomes[place] is None and not isinstance(report, Refused)
    }
    sales = {place: item for place, item in items.items() if item.report.kind == SALE}
    for place, outcome in _take(sales, unit).items():
        outcomes[place] = outcome
    if len(sales) < len(items):
        _queue_behind_others(speaker.merchant_id)
    for place, item in items.items():
        if place not in sales:
            outcomes[place] = _follow(place, item, unit)
    done = [outcome for outcome in outcomes if outcome is not None]
    _record(done, actor=actor, unit=unit)
    return done


def _check_standing(standing: Standing, speaker: Speaker, now: datetime) -> None:
    if speaker.status == TerminalStatus.SUSPENDED:
        reason = SuspendReason(speaker.suspended_reason)
        raise Refused(
            "TERMINAL_SUSPENDED", title_values={"reason": reason.label}, reason=reason.value
        )
    if speaker.status != TerminalStatus.ACTIVE:
        raise Refused("TERMINAL_NOT_ACTIVE")
    if standing.merchant_status != MerchantStatus.ACTIVE:
        raise Refused("MERCHANT_INACTIVE")
    if standing.session is None or standing.session.state(now) != "signed_in":
        raise Refused("NOT_SIGNED_IN")


def _judge(report: Report | Refused, now: datetime) -> Refused | None:
    if isinstance(report, Refused):
        return report
    try:
        check_report(report, now=now)
    except Refused as refused:
        return refused
    return None


def _item(report: Report) -> _Item:
    """Hash the report in its one canonical form, so that spacing makes no other message.

    The token is keyed before: a plain hash over it would let it be tried out.
    """
    day = business_date(report.occurred_at)
    kept = report
    if token := _stated(report.card_token):
        kept = structs.replace(report, card_token=keyed(token))
    return _Item(
        number=(report.batch_no, report.trace_no),
        report=kept,
        body_sha256=sha256(msgspec.json.encode(kept)).digest(),
        business_date=day,
        reference=new_reference(day),
    )


def _take(
    items: dict[int, _Item], unit: _Unit, statement: str = TAKE_IN, **more: int
) -> dict[int, Outcome]:
    """Take in reports with one statement, and answer those whose number is taken."""
    if not items:
        return {}
    new = {row[0]: row[1] for row in run(statement, _values(items, unit) | more)}
    taken: dict[int, Outcome] = {
        place: Receipt(
            items[place].reference,
            rrn,
            items[place].business_date.isoformat(),
            unit.now.astimezone(UTC).isoformat(),
            is_new=True,
        )
        for place, rrn in new.items()
    }
    return taken | _repeated({p: item for p, item in items.items() if p not in new}, unit)


def _repeated(items: dict[int, _Item], unit: _Unit) -> dict[int, Outcome]:
    """Answer reports whose number is taken; a new statement sees who came first."""
    if not items:
        return {}
    stored = queries.find_stored(unit.speaker.id, [item.number for item in items.values()])
    return {place: _again(item, stored.get(item.number)) for place, item in items.items()}


def _again(item: _Item, stored: Stored | None) -> Outcome:
    if stored is None or stored.body_sha256 != item.body_sha256:
        return Refused("KEY_REUSED")
    return Receipt(
        stored.reference,
        stored.rrn,
        stored.business_date.isoformat(),
        stored.received_at.astimezone(UTC).isoformat(),
        is_new=False,
    )


def _queue_behind_others(merchant_id: int) -> None:
    """Let one unit of a merchant at a time give back: two could wait for each other's sales."""
    run(ONE_AT_A_TIME, [merchant_id % 2**31])


def _follow(place: int, item: _Item, unit: _Unit) -> Outcome:
    """Take in a void or refund on its own; the database decides whether the sale covers it."""
    report = item.report
    if isinstance(report.original, UnsetType):
        return Refused("INVALID", field="original")
    speaker = unit.speaker
    sale = queries.find_sale(speaker.id, speaker.merchant_id, report.original)
    item = replace(item, sale=sale)
    if not gives_back(report):
        return _take({place: item}, unit)[place]
    try:
        check_original(report, sale)
        with atomic():
            return _take(
                {place: item},
                unit,
                GIVE_BACK,
                sale_minor=sale.amount_minor if sale else 0,
                amount=report.amount_minor,
            )[place]
    except Refused as refused:
        return refused
    except IntegrityError as broken:
        if constraint_of(broken) != WITHIN_SALE or sale is None:
            raise
        voided = queries.is_voided(speaker.merchant_id, sale)
        return Refused("ALREADY_VOIDED" if voided else "EXCEEDS_ORIGINAL", field="original")


def constraint_of(broken: IntegrityError) -> str:
    """Return the name of the constraint that the database saw broken."""
    diagnosis = getattr(broken.__cause__, "diag", None)
    return str(getattr(diagnosis, "constraint_name", ""))


def _record(outcomes: Iterable[Outcome], *, actor: Actor, unit: _Unit) -> None:
    new = [o.reference for o in outcomes if isinstance(o, Receipt) and o.is_new]
    if new:
        record(
            actor,
            "transaction.taken_in",
            terminal_of(unit.speaker),
            now=unit.now,
            count=len(new),
            references=new[:NAMED_IN_AUDIT],
        )


def _values(items: dict[int, _Item], unit: _Unit) -> dict[str, Any]:
    rows = [_row(place, item) for place, item in items.items()]
    return {
        "rows": msgspec.json.encode(rows).decode(),
        "terminal": unit.speaker.id,
        "merchant": unit.speaker.merchant_id,
        "store": unit.speaker.store_id,
        "mcc": unit.mcc,
        "now": unit.now,
    }


def _row(place: int, item: _Item) -> dict[str, Any]:
    """Return a report as the statement's COLUMNS."""
    report, sale = item.report, item.sale
    return {
        "place": place,
        "batch_no": report.batch_no,
        "trace_no": report.trace_no,
        "body_sha256": f"\\x{item.body_sha256.hex()}",
        "business_date": item.business_date,
        "reference": item.reference,
        "rrn": _stated(report.rrn),
        "kind": report.kind,
        "status": report.status,
        "method": report.method,
        "card_type": _stated(report.card_type),
        "entry_mode": _stated(report.entry_mode),
        "card_bin": _stated(report.card_bin),
        "card_last4": _stated(report.card_last4),
        "card_token": _stated(report.card_token),
        "amount_minor": report.amount_minor,
        "net_minor": net_minor(report),
        "currency": report.currency,
        "response_code": report.response_code,
        "operator_no": _stated(report.operator_no),
        "original_date": sale.business_date if sale else None,
        "original_id": sale.id if sale else None,
        "occurred_at": report.occurred_at,
    }


def _stated(value: str | UnsetType) -> str:
    return "" if isinstance(value, UnsetType) else value
