"""The kinds of jobs that these tests ask for, and a clock that they turn by hand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from portal.jobs import actions
from portal.jobs.models import Job
from portal.kit.actor import Actor
from tests.portal.jobs import handlers

KINDS = ("write", "fail", "refuse", "misspell", "wait_for")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


@pytest.fixture
def clock(noon: datetime) -> Clock:
    """Noon, until it is moved."""
    return Clock(noon)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """An empty place for files, and the tests' own kinds of jobs."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.JOB_HANDLERS = {f"test.{k}": f"tests.portal.jobs.handlers.{k}" for k in KINDS}
    handlers.CALLS.clear()
    return tmp_path / "media"


@pytest.fixture
def ask(clock: Clock) -> Callable[..., Job]:
    """Ask for a job."""

    def request(actor: Actor, kind: str = "test.write", **over: object) -> Job:
        words: dict[str, object] = {"title": "Report", "effect_key": "1", "arguments": {}}
        return actions.request_job(actor=actor, kind=kind, now=clock(), **(words | over))  # type: ignore[arg-type]

    return request
