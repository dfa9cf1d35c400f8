"""Writing the audit log, and handing it out."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from django.db import connection
from django.db.models import Model
from django.db.transaction import atomic

from portal.audit.events import EVENTS
from portal.audit.models import AuditEntry, Outcome
from portal.audit.queries import snapshot, was_noted
from portal.audit.rules.searches import Search
from portal.kit.actor import Actor
from portal.kit.ids import uuid7
from portal.kit.masking import without_card_numbers
from portal.kit.snapshot import Snapshot

AT_ONCE = 1000


class FileForm(StrEnum):
    """The forms a file of entries can take."""

    CSV = "csv"
    JSONL = "jsonl"


class UnknownEvent(ValueError):
    """An event that is not on the closed list, or without the details it must carry."""


class NoTransaction(RuntimeError):
    """An entry must be written in the transaction of the act it speaks of."""


def record(
    actor: Actor,
    event: str,
    subject: Model | str,
    *,
    now: datetime,
    outcome: Outcome = Outcome.DONE,
    **details: object,
) -> AuditEntry:
    """Write one entry in the current transaction; it fails or stands with the act.

    ``subject`` is the row acted on, or a word for what has no row.

    :raises UnknownEvent: if the event is not declared, or a declared detail is missing
    :raises NoTransaction: if none is open
    """
    entry = _entry(actor, event, subject, now=now, outcome=outcome, details=details)
    entry.save(force_insert=True)
    return entry


def record_each(
    actor: Actor,
    event: str,
    acts: Iterable[tuple[Model, dict[str, object]]],
    *,
    now: datetime,
) -> int:
    """Write one entry for each row acted on, with its details, and return how many.

    :raises UnknownEvent: if the event is not declared, or a declared detail is missing
    :raises NoTransaction: if none is open
    """
    entries = [
        _entry(actor, event, subject, now=now, outcome=Outcome.DONE, details=details)
        for subject, details in acts
    ]
    AuditEntry.objects.bulk_create(entries, batch_size=AT_ONCE)
    return len(entries)


def _entry(
    actor: Actor,
    event: str,
    subject: Model | str,
    *,
    now: datetime,
    outcome: Outcome,
    details: dict[str, object],
) -> AuditEntry:
    if event not in EVENTS or set(details) != set(EVENTS[event][1]):
        raise UnknownEvent(f"{event} with {sorted(details)}")
    if not connection.in_atomic_block:
        raise NoTransaction(event)
    entry = AuditEntry(
        id=uuid7(int(now.timestamp() * 1000)),
        at=now,
        event=event,
        outcome=outcome,
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        actor_label=actor.label[:120],
        actor_role=actor.role,
        merchant_id=actor.merchant_id,
        via=actor.via,
        ip=actor.ip or None,
        request_id=actor.request_id,
        details=without_card_numbers(details),
    )
    if isinstance(subject, Model):
        entry.subject_type = subject._meta.model_name or ""
        entry.subject_id = str(subject.pk)
        entry.subject_label = str(without_card_numbers(str(subject)))[:160]
        entry.merchant_id = actor.merchant_id or _merchant_of(subject)
    else:
        entry.subject_type = subject[:48]
    return entry


def _merchant_of(subject: Model) -> int | None:
    if subject._meta.model_name == "merchant":
        return int(subject.pk)
    merchant_id = getattr(subject, "merchant_id", None)
    return int(merchant_id) if merchant_id is not None else None


@atomic
def note_search(*, actor: Actor, search: Search, now: datetime) -> bool:
    """Leave one entry for a search of the log, however many of its pages are turned.

    Returns whether this was a new look.

    :raises MissingPermission: if the actor may not read the log
    """
    actor.require("audit.read")
    return _note(actor, search.words, now)


@atomic
def note_reading(entry: AuditEntry, *, actor: Actor, now: datetime) -> bool:
    """Leave one entry for a look at a single entry, and return whether it was a new one.

    :raises MissingPermission: if the actor may not read the log
    """
    actor.require("audit.read")
    return _note(actor, f"entry={entry.pk}", now)


def _note(actor: Actor, words: str, now: datetime) -> bool:
    if was_noted(actor, words, now=now):
        return False
    record(actor, "audit.searched", "audit", now=now, filter=words)
    return True


@atomic
def export(
    *, actor: Actor, search: Search, form: FileForm, reason: str, now: datetime
) -> Snapshot:
    """Open the entries of a search for a file; that this was done is itself an entry.

    The number of rows in that entry is taken from the snapshot that the file is read from.
    The caller closes the snapshot.

    :raises ProofNeeded: if the actor has not proven itself again
    :raises MissingPermission: if the actor may not export the log
    """
    actor.require("audit.export")
    rows = snapshot(actor, search)
    try:
        record(
            actor,
            "audit.exported",
            "audit",
            now=now,
            filter=search.words,
            format=form.value,
            reason=reason,
            rows=rows.count,
        )
    except BaseException:
        rows.close()
        raise
    return rows
