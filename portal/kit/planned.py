"""Statements that PostgreSQL plans once a connection: for what every page asks.

Django writes values into the statement, so that each is parsed and planned anew. That suits
statements whose best plan follows from the values; one that has a single good plan, such as
the look-up of a key in many partitions, is planned longer than it runs.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, Self, TypeVar

import psycopg
from django.db import connection
from django.db.models import Model
from psycopg.types.datetime import TimestamptzLoader

from portal.kit import scope

# psycopg prepares only where it is told to, but not at all without a threshold.
NEVER_BY_ITSELF = 1 << 30
# Set where a pooler lends connections by the transaction: plans would stay with a stranger.
POOLED = "DISABLE_SERVER_SIDE_CURSORS"


M = TypeVar("M", bound=Model)


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that has each statement prepared; Django's wrappers do not pass that on."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, prepare=True, **options)


def hasten(cursor: Any) -> None:
    """Have a cursor of psycopg read times by its compiled loader, in UTC.

    Django's own is written in Python, and a page of fifty rows holds a hundred times.
    """
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)


def ask(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose plan is kept, under the current role.

    ``sql`` is one fixed text with ``%s`` for each value. A plan holds for one role, so the
    role is part of the text: else two roles would throw out each other's.
    """
    if connection.queries_logged:  # with the values written in, so that the log can be read
        with connection.cursor() as plain:
            plain.execute(sql, values)
            return list(plain.fetchall())
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None and not connection.settings_dict[POOLED]:
        raw.prepare_threshold = NEVER_BY_ITSELF
    cursor: Any = _Cursor(raw)
    hasten(cursor)
    now = scope.current()
    with connection.make_cursor(cursor) as wrapped:
        wrapped.execute(f"/* {now.role if now else ''} */ {sql}", values)
        rows: list[tuple[Any, ...]] = wrapped.fetchall()
    return rows


class Shape(Generic[M]):
    """How a model's row is asked for and becomes an object."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        fields = model._meta.concrete_fields
        self._names = [field.attname for field in fields]
        self._converted: list[tuple[int, Callable[..., Any]]] = [
            (place, field.from_db_value)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        ]
        table = connection.ops.quote_name(model._meta.db_table)
        names = [connection.ops.quote_name(str(field.column)) for field in fields]
        self.columns = ", ".join(f"{table}.{name}" for name in names)
        self.width = len(names)
        self.table = table

    def built(self, row: Sequence[Any]) -> M:
        """Return the object of a row that begins with ``columns``."""
        values = list(row[: self.width])
        for place, convert in self._converted:
            values[place] = convert(values[place], None, connection)
        return self._model.from_db(connection.alias, self._names, values)


@cache
def shape_of(model: type[M]) -> Shape[M]:
    """Return how a model's rows are asked for."""
    return Shape(model)


def find(model: type[M], rest: str, values: Sequence[Any] = ()) -> list[M]:
    """Return the objects that the rest of a statement keeps: ``where … order by …``."""
    shape = shape_of(model)
    rows = ask(f"select {shape.columns} from {shape.table} {rest}", values)  # noqa: S608 - ours
    return [shape.built(row) for row in rows]
