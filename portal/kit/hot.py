"""Statements of the hottest paths: bound by the server, and planned once a connection.

Django's cursors write the values into the text, so PostgreSQL parses and plans each time,
which for a long statement under row-level security costs more than running it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import Cursor

PREPARE_AFTER = 3  # uses of one statement on one connection


def run(statement: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one statement in the current transaction and return its rows, if it has any.

    Behind a pooler that hands out connections by transaction nothing is prepared.
    """
    connection.ensure_connection()
    raw = connection.connection
    pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS", False)
    with connection.wrap_database_errors:
        raw.prepare_threshold = None if pooled else PREPARE_AFTER
        try:
            with Cursor(raw) as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            raw.prepare_threshold = None
