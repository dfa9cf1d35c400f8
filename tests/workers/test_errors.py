"""A task that breaks says so once in the journal, and the worker goes on."""

import json
from pathlib import Path

import pytest
from django.utils import timezone

from portal.celery import app
from portal.jobs.actions import request_job
from portal.kit.actor import Actor
from tests.workers.app import SECRET
from tests.workers.processes import wait_until, working
from tests.workers.test_jobs import states

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def test_a_task_that_breaks_is_logged_once_as_json(lin: Actor, tmp_path: Path) -> None:
    with working(tmp_path / "one") as worker:
        app.send_task("test.break_down")
        wait_until(lambda: SECRET in worker.log.read_text(), what="it broke", log=worker.log)
        request_job(
            actor=lin,
            kind="test.write",
            title="Report",
            arguments={},
            effect_key="1",
            now=timezone.now(),
        )
        wait_until(lambda: states() == {"DONE": 1}, what="the next is done", log=worker.log)
        lines = [line for line in worker.log.read_text().splitlines() if SECRET in line]

    assert len(lines) == 1
    said = json.loads(lines[0])
    assert said["level"] == "error"
    assert "ZeroDivisionError" in said["exception"]
