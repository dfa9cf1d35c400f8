"""Handlers that the tests register as kinds of jobs."""

import os
import threading
import time
from datetime import datetime
from pathlib import Path

from portal.jobs import actions, rules
from portal.jobs.models import Job
from portal.kit import pdf

CALLS: list[str] = []
DEADLINE_SECONDS = 30


def write(job: Job, progress: rules.Progress, now: datetime) -> dict[str, object]:
    """Make a small file."""
    CALLS.append(str(job.pk))
    progress(1, 2)
    blocks = [str(job.arguments.get("text", "")).encode(), b"\n"]
    progress(2, 2)
    return actions.store_file(
        job, filename="report.csv", content_type="text/csv; charset=utf-8", blocks=blocks
    )


def fail(job: Job, progress: rules.Progress, now: datetime) -> dict[str, object]:
    """Break, as code does."""
    CALLS.append(str(job.pk))
    raise ZeroDivisionError


def refuse(job: Job, progress: rules.Progress, now: datetime) -> dict[str, object]:
    """Say that the work can never succeed."""
    CALLS.append(str(job.pk))
    raise rules.CannotFinish("The work cannot be done.")


def misspell(job: Job, progress: rules.Progress, now: datetime) -> dict[str, object]:
    """Ask for a document that no font here can draw."""
    pdf.press("<html><body><p>\U00020164</p></body></html>")
    raise AssertionError


def wait_for(job: Job, progress: rules.Progress, now: datetime) -> dict[str, object]:
    """Say who is at it, then go on once the file named ``go`` is there."""
    Path(str(job.arguments["busy"])).write_text(str(os.getpid()))
    until = time.monotonic() + DEADLINE_SECONDS
    while not Path(str(job.arguments["go"])).exists() and time.monotonic() < until:
        progress(1, 10)
        threading.Event().wait(0.02)
    return write(job, progress, now)
