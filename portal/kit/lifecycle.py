"""New rows and moves between states: one statement each, which the database decides."""

from collections.abc import Mapping
from typing import TypeVar

from django.db import IntegrityError
from django.db.models import Model
from django.db.transaction import atomic
from psycopg.errors import UniqueViolation

Moves = Mapping[str, frozenset[str]]
M = TypeVar("M", bound=Model)


class IllegalMove(Exception):
    """The table of moves does not allow this one."""

    def __init__(self, label: str, was: str, to: str) -> None:
        super().__init__(f"{label}: {was} -> {to}")
        self.was, self.to = was, to


class LostRace(Exception):
    """Somebody else moved the row first."""


def insert_new(row: Model, *, otherwise: Exception) -> None:
    """Insert a row whose key nobody has.

    :raises otherwise: if somebody has it
    """
    try:
        with atomic():
            row.save(force_insert=True)
    except IntegrityError as refused:
        if isinstance(refused.__cause__, UniqueViolation):
            raise otherwise from refused
        raise


def move(row: M, to: str, *, moves: Moves, **changes: object) -> M:
    """Move a row to a state, exactly once however many try.

    :raises IllegalMove: if the table does not allow it
    :raises LostRace: if the row is no longer in the state it was read in
    """
    label = row._meta.label
    was = str(row.status)  # type: ignore[attr-defined]
    if to not in moves.get(was, frozenset()):
        raise IllegalMove(label, was, to)
    rows = type(row)._default_manager.filter(pk=row.pk, status=was)
    if rows.update(status=to, **changes) != 1:
        raise LostRace(f"{label} #{row.pk} is no longer {was}")
    row.refresh_from_db()
    return row
