"""What a report may say, and what it means for the merchant's takings."""

import base64
import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from msgspec import UNSET, UnsetType

from portal.kit.ids import ALPHABET
from terminals.authentication.refusals import Refused
from transactions.intake.schema import Report

AHEAD = timedelta(minutes=10)
LATE = timedelta(days=30)
SALE, VOID, APPROVED = "SALE", "VOID", "APPROVED"

_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET.encode())
_RANDOM_BYTES = 10  # 16 characters


@dataclass(frozen=True, slots=True)
class Sale:
    """The stored transaction that a void or refund names."""

    id: int
    business_date: date
    kind: str
    status: str
    currency: str
    amount_minor: int


def check_report(report: Report, *, now: datetime) -> None:
    """Let a report pass that could be true.

    :raises Refused: CLOCK_SKEW or INVALID, with the field
    """
    if not now - LATE <= report.occurred_at <= now + AHEAD:
        raise Refused("CLOCK_SKEW", status=422, field="occurred_at", server_time=now.isoformat())
    original = report.original
    if report.kind == SALE:
        if original is not UNSET:
            raise Refused("INVALID", field="original")
        return
    if isinstance(original, UnsetType):
        raise Refused("INVALID", field="original")
    by_number = original.batch_no is not UNSET and original.trace_no is not UNSET
    by_either = original.batch_no is not UNSET or original.trace_no is not UNSET
    by_reference = original.reference is not UNSET
    if by_number == by_reference or by_either != by_number:
        raise Refused("INVALID", field="original")


def check_original(report: Report, sale: Sale | None) -> None:
    """Let a void or refund pass that fits the sale it names; how much is left is not asked.

    :raises Refused: ORIGINAL_UNKNOWN, ORIGINAL_NOT_A_SALE, INVALID or EXCEEDS_ORIGINAL
    """
    if sale is None:
        raise Refused("ORIGINAL_UNKNOWN", field="original")
    if (sale.kind, sale.status) != (SALE, APPROVED) or sale.currency != report.currency:
        raise Refused("ORIGINAL_NOT_A_SALE", field="original")
    if report.kind == VOID and report.amount_minor != sale.amount_minor:
        raise Refused("INVALID", field="amount_minor")
    if report.amount_minor > sale.amount_minor:
        raise Refused("EXCEEDS_ORIGINAL", field="amount_minor")


def gives_back(report: Report) -> bool:
    """Say whether a report takes money from the merchant's takings."""
    return report.kind != SALE and report.status == APPROVED


def net_minor(report: Report) -> int:
    """Return what a report does to the merchant's takings, in the minor unit."""
    if report.status != APPROVED:
        return 0
    return report.amount_minor if report.kind == SALE else -report.amount_minor


def new_reference(day: date) -> str:
    """Make a public reference: the day, then 16 characters that nobody can guess."""
    random = base64.b32encode(os.urandom(_RANDOM_BYTES)).translate(_CROCKFORD)
    return f"{day:%y%m%d}{random.decode()}"
