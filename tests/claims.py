"""Two ways to make a claim: nothing changed, and exactly one of many."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.models import Model
from django.db.transaction import atomic

from portal.audit.models import AuditEntry
from portal.jobs.models import Job, OutboxMessage
from portal.kit.scope import WORKER, acting_as


@contextmanager
def unchanged(*rows: Model) -> Iterator[None]:
    """Assert that the rows, the log, the jobs and the outbox are as they were."""
    before = _picture(rows)
    yield
    with acting_as(WORKER):
        assert _picture(rows) == before


@atomic
def _picture(rows: tuple[Model, ...]) -> dict[str, object]:
    values = {
        f"{row._meta.label} {row.pk}": type(row)._default_manager.filter(pk=row.pk).values().get()
        for row in rows
    }
    return {
        **values,
        "audit": AuditEntry.objects.count(),
        "jobs": Job.objects.count(),
        "outbox": OutboxMessage.objects.count(),
    }


def together(times: int, act: Callable[[], object]) -> dict[str, int]:
    """Run ``act`` in threads that start at once; count "done" and the names of errors."""
    barrier = threading.Barrier(times)
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def run() -> None:
        barrier.wait()
        try:
            with acting_as(WORKER):
                act()
            outcome = "done"
        except Exception as error:  # noqa: BLE001 - the claim is about which errors came
            outcome = type(error).__name__
        finally:
            connections.close_all()
        with lock:
            outcomes[outcome] += 1

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(outcomes)
