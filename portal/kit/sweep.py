"""The only claim loop: rows are taken by changing them, so no two sweeps take the same."""

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import DatabaseError, connection
from django.db.models import Model, QuerySet
from django.db.transaction import atomic

from portal.kit.scope import WORKER, acting_as

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=Model)
HOLD_SECONDS = 1.0


def claim(rows: "QuerySet[M]", *, limit: int, **changes: object) -> list[M]:
    """Take up to ``limit`` of the rows, change them, and return them as changed.

    Rows that another sweep holds are passed over, not waited for. PostgreSQL looks at the
    condition of a locked row again only if the row was changed, so ``changes`` must make
    the row fall out of ``rows``. The claim is committed before any work begins.
    """
    with atomic():
        keys = [row.pk for row in rows.select_for_update(skip_locked=True)[:limit]]
        if not keys:
            return []
        taken = type_of(rows).filter(pk__in=keys)
        taken.update(**changes)
        order = {key: place for place, key in enumerate(keys)}
        return sorted(taken, key=lambda row: order[row.pk])


def type_of(rows: "QuerySet[M]") -> "QuerySet[M]":
    """Return all rows of the same table, in no order and under no condition."""
    return rows.model._default_manager.using(rows.db).all()


class Hold:
    """Keeps a claimed row ours while the work on it goes on.

    A thread writes ``changes()`` to the row every second on a connection of its own,
    because the work may sit in a long transaction. ``lost`` is set once the row is no
    longer among ``rows``.
    """

    def __init__(self, rows: "QuerySet[M]", changes: Callable[[], dict[str, object]]) -> None:
        self.rows, self.changes = rows, changes
        self.lost = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="hold", daemon=True)

    def __enter__(self) -> "Hold":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        with acting_as(WORKER):
            while not self._over.wait(HOLD_SECONDS) and not self.lost.is_set():
                self._write()
        connection.close()

    def _write(self) -> None:
        try:
            with atomic():
                kept = self.rows.all().update(**self.changes())
        except DatabaseError:
            # The database may be back before the lease is over; if not, the row tells.
            log.warning("hold_not_written")
            connection.close()
            return
        if not kept:
            self.lost.set()
