"""Rows as they stood at one moment: counted first, then read as slowly as one likes."""

from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from psycopg import IsolationLevel

CHUNK = 2000


class Snapshot:
    """The result of a query under one snapshot, on a connection of its own.

    The count and the rows agree whatever is written meanwhile, and the transaction that
    opened it may commit before the first row is read. It takes the role and tenant that
    hold when it is made, reads only, and must be closed.
    """

    def __init__(self, rows: "QuerySet[Any, tuple[Any, ...]]") -> None:
        self._link = connection.copy()
        self._link.inc_thread_sharing()
        self._link.ensure_connection()
        raw = self._link.connection
        raw.isolation_level = IsolationLevel.REPEATABLE_READ
        raw.read_only = True
        self._link.set_autocommit(False)
        self._sql, self._params = rows.query.get_compiler(connection=self._link).as_sql()
        with self._link.cursor() as cursor:
            # the inner query is Django's own, its values are parameters
            said = f"select count(*) from ({self._sql}) c"  # nosec B608  # noqa: S608 - by Django
            cursor.execute(said, self._params)
            self.count = int(cursor.fetchone()[0])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows, a chunk in memory at a time."""
        with self._link.chunked_cursor() as cursor:
            cursor.execute(self._sql, self._params)
            while chunk := cursor.fetchmany(CHUNK):
                yield from chunk

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()
