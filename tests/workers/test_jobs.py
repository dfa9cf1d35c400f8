"""Jobs with a real worker, a real broker, and both of them killed."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db.transaction import atomic
from django.utils import timezone

from portal import embedded, servers
from portal.audit.models import AuditEntry
from portal.celery import app
from portal.jobs import actions
from portal.jobs.models import Job
from portal.kit import nudge
from portal.kit.actor import Actor
from tests.workers.processes import wait_until, working

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@atomic
def states() -> dict[str, int]:
    found = list(Job.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


@atomic
def ends() -> dict[str, int]:
    """How often each job was finished, by the log."""
    found = list(
        AuditEntry.objects.filter(event="job.finished").values_list("subject_id", flat=True)
    )
    return {job: found.count(job) for job in found}


def ask(actor: Actor, kind: str = "test.write", key: str = "1", **arguments: str) -> Job:
    return actions.request_job(
        actor=actor,
        kind=kind,
        title="Report",
        arguments=dict(arguments),
        effect_key=key,
        now=timezone.now(),
    )


def files() -> list[str]:
    folder = Path(settings.MEDIA_ROOT) / "jobs"
    return sorted(p.name.split(".")[0] for p in folder.iterdir()) if folder.exists() else []


def test_a_nudge_has_a_job_done_well_before_the_timetable_comes(
    lin: Actor, tmp_path: Path
) -> None:
    with working(tmp_path / "one") as worker:
        began = time.monotonic()
        ask(lin)
        wait_until(lambda: states() == {"DONE": 1}, what="the job is done", log=worker.log)

    assert time.monotonic() - began < 4
    assert len(files()) == 1


@pytest.mark.parametrize("victim", ["child", "worker"])
def test_a_job_whose_worker_is_killed_is_done_exactly_once_after_the_lease(
    lin: Actor, tmp_path: Path, victim: str
) -> None:
    busy, go = tmp_path / "busy", tmp_path / "go"
    with working(tmp_path / "one") as worker:
        job = ask(lin, "test.wait_for", busy=str(busy), go=str(go))
        wait_until(lambda: busy.exists() and busy.read_text(), what="at work", log=worker.log)

        if victim == "child":
            os.kill(int(busy.read_text()), signal.SIGKILL)
        else:
            worker.kill()
        go.touch()

        with working(tmp_path / "two") as other:
            wait_until(lambda: states() == {"DONE": 1}, what="the job is done", log=other.log)

    assert ends() == {str(job.pk): 1}
    assert files() == [str(job.pk)]


def test_two_workers_with_two_timetables_do_each_job_once(lin: Actor, tmp_path: Path) -> None:
    with working(tmp_path / "one") as worker, working(tmp_path / "two"):
        jobs = [ask(lin, key=str(number)) for number in range(40)]
        wait_until(lambda: states() == {"DONE": 40}, what="all are done", log=worker.log)

    assert ends() == {str(job.pk): 1 for job in jobs}
    assert files() == sorted(str(job.pk) for job in jobs)


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """A broker that this test may kill and bring back, to which this process sends."""
    folder = tmp_path / "broker"
    folder.mkdir()
    server = embedded.valkey(folder)
    url = embedded.broker_url(folder)
    running = [servers.start(server)]
    servers.wait_ready(server, running[0])
    before = app.conf.broker_url

    def kill() -> None:
        running[0].kill()
        running[0].wait()

    def bring_back() -> None:
        running[0] = servers.start(server)
        servers.wait_ready(server, running[0])

    _send_to(url)
    yield url, kill, bring_back
    _send_to(before)
    kill()


def _send_to(url: str) -> None:
    app.conf["broker_url"] = url
    app._after_fork()  # type: ignore[attr-defined]
    nudge._quiet["until"] = 0.0


def test_with_the_broker_down_asking_takes_milliseconds_and_the_sweep_catches_up(
    lin: Actor,
    tmp_path: Path,
    own_broker: tuple[str, Callable[[], None], Callable[[], None]],
) -> None:
    url, kill, bring_back = own_broker
    with working(tmp_path / "one", BROKER_URL=url) as worker:
        ask(lin, key="0")
        wait_until(lambda: states() == {"DONE": 1}, what="the first is done", log=worker.log)

        kill()
        took = []
        for number in range(1, 11):
            began = time.perf_counter()
            ask(lin, key=str(number))
            took.append(time.perf_counter() - began)
        waiting = states()
        bring_back()

        def all_done() -> bool:
            # Celery itself ends when the broker goes while a message is in its hands
            worker.bring_back()
            return states() == {"DONE": 11}

        wait_until(all_done, what="all are done", log=worker.log)

    assert waiting == {"DONE": 1, "QUEUED": 10}
    assert sorted(took)[5] < 0.05
    assert max(took) < 0.5
    assert set(ends().values()) == {1}
