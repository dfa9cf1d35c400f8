"""Files of transactions: exactly the rows of a filter, counted while they are written."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter
from typing import Any, BinaryIO
from urllib.parse import urlencode

import msgspec
from django.db.models import QuerySet
from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from portal.kit.downloads import BLOCK, csv_blocks
from portal.kit.money import plain
from transactions.records.queries.rows import Row, stream_rows
from transactions.records.queries.sums import Sums, summed
from transactions.records.queries.where import SHANGHAI
from transactions.records.rules.columns import FILE_COLUMNS
from transactions.records.rules.filters import Asked

LONGEST_PLAIN_NUMBER = 11  # a spreadsheet shows more digits as 2.6E+11


class FileForm(StrEnum):
    """The forms a file of transactions can take."""

    CSV = "csv"
    JSONL = "jsonl"


class UnusableFilter(ValueError):
    """A filter with values that could not be read: a file of it would hold too much."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written: rows, sums by currency, bytes and their SHA-256."""

    rows: int
    sums: tuple[Sums, ...]
    size: int
    sha256: str


@atomic
def export(
    *,
    actor: Actor,
    asked: Asked,
    form: FileForm,
    target: BinaryIO,
    now: datetime,
    columns: Sequence[str] = FILE_COLUMNS,
    among: "QuerySet[Any, Any] | None" = None,
    progress: Callable[[int], None] | None = None,
) -> Export:
    """Write every transaction that was asked for into ``target``, newest first.

    Memory does not grow with rows; counts and sums are taken from the rows written.

    :raises MissingPermission: if the actor may not export
    :raises UnusableFilter: if part of the filter could not be understood
    """
    actor.require("transaction.export")
    if asked.problems:
        raise UnusableFilter(", ".join(sorted(asked.problems)))
    tally = _Tally(stream_rows(actor, asked.filter, among=among), progress)
    digest, size = sha256(), 0
    for block in BLOCKS[form](columns, tally.rows()):
        target.write(block)
        digest.update(block)
        size += len(block)
    whole = tally.summary()
    record(
        actor,
        "transaction.exported",
        "transactions",
        now=now,
        filter=urlencode(asked.parameters),
        format=form.value,
        rows=whole[0],
    )
    return Export(*whole, size=size, sha256=digest.hexdigest())


class _Tally:
    """Rows on their way into a file, counted as they pass."""

    def __init__(self, rows: Iterable[Row], progress: Callable[[int], None] | None) -> None:
        self._rows, self._progress = rows, progress
        self._net: Counter[tuple[str, str]] = Counter()
        self._count: Counter[tuple[str, str]] = Counter()

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        for row in self._rows:
            key = (row.kind, row.currency)
            self._count[key] += 1
            self._net[key] += row.net_minor
            if self._progress is not None:
                self._progress(1)
            yield row

    def summary(self) -> tuple[int, tuple[Sums, ...]]:
        """Return what has passed: the number of rows and their sums."""
        found = summed((*key, count, self._net[key]) for key, count in self._count.items())
        return found.count, found.sums


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    cells = [_CELLS[name] for name in columns]
    return csv_blocks(columns, ([cell(row) for cell in cells] for row in rows))


def _jsonl(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    block = bytearray()
    for row in rows:
        values = {name: _PLAIN.get(name, _CELLS[name])(row) for name in columns}
        block += msgspec.json.encode(values) + b"\n"
        if len(block) > BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)


BLOCKS: dict[FileForm, Callable[[Sequence[str], Iterable[Row]], Iterator[bytes]]] = {
    FileForm.CSV: _csv,
    FileForm.JSONL: _jsonl,
}


def text_cell(digits: str) -> str:
    """End a long or zero-led number with a tab, so that spreadsheets keep it as text."""
    if digits.isdecimal() and (len(digits) > LONGEST_PLAIN_NUMBER or digits[0] == "0"):
        return digits + "\t"
    return digits


def moment(at: datetime) -> str:
    """Write a moment with the offset of Shanghai: ``2026-11-20T16:33:44+08:00``."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _day(on: date) -> str:
    return on.isoformat()


def masked(row: Row) -> str:
    """Write a card as its first six and last four digits, as far as they are known."""
    if not row.card_last4:
        return ""
    return f"{row.card_bin}******{row.card_last4}" if row.card_bin else f"****{row.card_last4}"


_CELLS: dict[str, Callable[[Row], object]] = {
    "occurred_at": lambda row: moment(row.occurred_at),
    "received_at": lambda row: moment(row.received_at),
    "business_date": lambda row: _day(row.business_date),
    "reference": lambda row: text_cell(row.reference),
    "rrn": lambda row: text_cell(row.rrn),
    "merchant_code": lambda row: text_cell(row.merchant_code),
    "merchant_name": lambda row: row.merchant_name,
    "store_code": lambda row: text_cell(row.store_code),
    "store_name": lambda row: row.store_name,
    "serial": lambda row: text_cell(row.serial),
    "terminal_no": lambda row: text_cell(row.terminal_no),
    "batch_no": lambda row: row.batch_no,
    "trace_no": lambda row: row.trace_no,
    "kind": lambda row: row.kind,
    "status": lambda row: row.status,
    "response_code": lambda row: text_cell(row.response_code),
    "method": lambda row: row.method,
    "card_type": lambda row: row.card_type,
    "entry_mode": lambda row: row.entry_mode,
    "card": masked,
    "currency": lambda row: row.currency,
    "amount": lambda row: plain(row.amount_minor, row.currency),
    "net": lambda row: plain(row.net_minor, row.currency),
    "operator_no": lambda row: text_cell(row.operator_no),
    "mcc": lambda row: text_cell(row.mcc),
}
# Programs read JSON lines, so text stays as it is there.
_PLAIN: dict[str, Callable[[Row], object]] = {
    name: attrgetter(name)
    for name in (
        "reference",
        "rrn",
        "merchant_code",
        "store_code",
        "serial",
        "terminal_no",
        "response_code",
        "operator_no",
        "mcc",
    )
}
