"""The only place a task is sent: after commit, and never the caller's problem."""

import time

import structlog
from django.db import connection
from kombu.exceptions import OperationalError

from portal.celery import app

log = structlog.get_logger(__name__)

# After a lost nudge the broker is left alone for a while, so that one which swallows
# packets costs its time-out once, not once a request.
QUIET_SECONDS = 5.0
_quiet = {"until": 0.0}


def nudge(task: str, **ids: int | str) -> None:
    """Wake a sweep, by its dotted name, once the current transaction has committed.

    The row is the queue, so a lost nudge only means that the beat comes first. A broker
    that is down costs the request nothing. The name, not the task, because actions lie
    below the tasks that call them.
    """

    def send() -> None:
        if time.monotonic() < _quiet["until"]:
            return
        try:
            app.send_task(task, kwargs=ids, retry=False, ignore_result=True)
        except (OperationalError, OSError):
            _quiet["until"] = time.monotonic() + QUIET_SECONDS
            log.warning("nudge_lost", task=task)

    connection.on_commit(send, robust=True)
