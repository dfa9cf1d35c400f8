"""Taking in labelled history: staged by COPY, then set by set, all or nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from operator import attrgetter

from django.db.transaction import atomic

from portal.audit.actions import record
from portal.kit.actor import Actor
from transactions.intake.actions import history_places, history_sets
from transactions.intake.actions.cards import keyed
from transactions.intake.actions.history_sets import LABELS, ROWS
from transactions.intake.rules.history import (
    LABEL_COLUMNS,
    REQUIRED,
    HistoryRow,
    LabelRow,
    Unfit,
    read_header,
    read_label,
    read_row,
)

FILES = {ROWS: "transactions", LABELS: "labels"}
CONFLICT = "was taken in before, or stands above, with other contents"
Progress = Callable[[int], None]
Read = Callable[[str], HistoryRow | LabelRow]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that was not taken in; nothing of the line itself is kept."""

    file: str
    line: int
    field: str
    why: str


Reject = Callable[[Rejection], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the lines of one file: the other figures add up to ``lines``."""

    lines: int
    new: int
    unchanged: int
    conflicting: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, and the merchants, stores and terminals it made for it."""

    transactions: Taken
    labels: Taken | None
    merchants: int = 0
    stores: int = 0
    terminals: int = 0


class _Account:
    """The lines of one file, from reading to the staging table, each accounted for."""

    def __init__(self, table: str, reject: Reject, progress: Progress) -> None:
        self.table, self._reject, self._progress = table, reject, progress
        self.lines = self.rejected = self.unchanged = self.conflicting = 0

    def stage(self, lines: Iterable[str], read: Read) -> None:
        """Copy the good lines into the staging table, and refuse the others."""
        history_sets.stage(self.table, self._good(lines, read))

    def _good(self, lines: Iterable[str], read: Read) -> Iterator[str]:
        values = attrgetter(
            *(part.name for part in fields(HistoryRow if self.table == ROWS else LabelRow))
        )
        for number, line in enumerate(lines, 2):  # the header was line 1
            if not line.strip():
                continue
            self.lines += 1
            self._progress(self.lines)
            try:
                row = read(line)
            except Unfit as unfit:
                self.refuse(number, unfit.field, unfit.why)
            else:
                yield f"{number}\t" + "\t".join(map(_copied, values(row))) + "\n"

    def refuse(self, line: int, field: str, why: str) -> None:
        """Give up a line."""
        self.rejected += 1
        self._reject(Rejection(FILES[self.table], line, field, why))

    def set_known_apart(self, workspace: str) -> None:
        """Take out what an earlier line or import has brought."""
        self.unchanged, conflicts = history_sets.set_known_apart(self.table, workspace)
        self.conflicting = len(conflicts)
        for line in conflicts:
            self._reject(Rejection(FILES[self.table], line, "external_id", CONFLICT))

    def closed(self, *, new: int) -> Taken:
        """Close the account."""
        return Taken(self.lines, new, self.unchanged, self.conflicting, self.rejected)


def import_history(
    *,
    actor: Actor,
    workspace: str,
    transactions: Iterator[str],
    labels: Iterator[str] | None,
    create_missing: bool,
    now: datetime,
    reject: Reject,
    progress: Progress = lambda _lines: None,
) -> Imported:
    """Take in lines of transactions and of labels; a second run changes nothing.

    A known external id with another body is reported as conflicting and left as it was.
    Stored in one database transaction, after the empty monthly partitions: no reader waits.

    :raises MissingPermission: if the actor may not
    :raises Unfit: if a header lacks a column
    """
    actor.require("history.import")
    rows = _Account(ROWS, reject, progress)
    known = None if labels is None else _Account(LABELS, reject, progress)
    with atomic():
        history_sets.begin()
        header = read_header(next(transactions, ""), required=REQUIRED)
        read = partial(read_row, header=header, workspace=workspace, latest=now, keyed=keyed)
        rows.stage(transactions, read)
        if known is not None and labels is not None:
            columns = read_header(next(labels, ""), required=LABEL_COLUMNS)
            known.stage(labels, partial(read_label, header=columns, latest=now))
    with atomic():
        history_sets.prepare_months()
    return _store(
        rows,
        known,
        actor=actor,
        workspace=workspace,
        create_missing=create_missing,
        now=now,
    )


@atomic
def _store(
    rows: _Account,
    known: _Account | None,
    *,
    actor: Actor,
    workspace: str,
    create_missing: bool,
    now: datetime,
) -> Imported:
    history_sets.hold()
    rows.set_known_apart(workspace)
    made = (0, 0, 0)
    if create_missing:
        made = history_places.create_unknown(now=now)
    else:
        history_places.refuse_unknown(rows.refuse)
    taken = rows.closed(new=history_sets.insert_rows(workspace, now=now))
    labelled = None
    if known is not None:
        for line in history_sets.drop_labels_of_nothing(workspace):
            known.refuse(line, "external_id", "is not a transaction of this workspace")
        known.set_known_apart(workspace)
        labelled = known.closed(new=history_sets.insert_labels(workspace))
    record(
        actor,
        "history.imported",
        "workspace",
        now=now,
        workspace=workspace,
        rows=taken.new,
        rejected=taken.rejected,
    )
    history_sets.end()
    return Imported(taken, labelled, *made)


def _copied(value: object) -> str:
    """Write a value for COPY; texts were read strictly, so none needs an escape."""
    return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)
