"""Doing jobs: once, under a lease, again after a failure, never half a file."""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import connections
from django.db.transaction import atomic

from portal.audit.models import AuditEntry
from portal.jobs import actions, queries, rules
from portal.jobs.models import Job
from portal.kit import pdf
from portal.kit.actor import Actor
from portal.kit.scope import WORKER, acting_as
from tests.portal.jobs import handlers
from tests.portal.jobs.conftest import Clock

Ask = Callable[..., Job]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@atomic
def ends(job: Job) -> list[str]:
    found = AuditEntry.objects.filter(subject_id=str(job.pk), actor_label="jobs").order_by("at")
    return list(found.values_list("event", flat=True))


@atomic
def read(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


@atomic
def write(job: Job, **changes: object) -> None:
    Job.objects.filter(pk=job.pk).update(**changes)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Have the system refuse files larger than ``size`` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_job_is_done_and_its_file_kept_whole(lin: Actor, ask: Ask, clock: Clock) -> None:
    job = ask(lin, arguments={"text": "月报"})

    assert actions.run_due(clock=clock) == 1

    done = read(job)
    path = queries.get_result_file(done, now=clock())
    assert (done.state, done.done, done.total, done.attempts) == ("DONE", 2, 2, 1)
    assert path.read_text() == "月报\n"
    assert done.result["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert ends(job) == ["job.finished"]
    assert actions.run_due(clock=clock) == 0


def test_of_eight_who_ask_at_once_all_get_the_same_job(
    lin: Actor, ask: Ask, together: Callable[..., dict[str, int]]
) -> None:
    assert together(8, lambda: ask(lin)) == {"done": 8}

    with atomic():
        assert Job.objects.count() == 1
        assert AuditEntry.objects.filter(event="job.requested").count() == 1


def test_of_eight_sweeps_at_once_one_does_the_job(
    lin: Actor, ask: Ask, clock: Clock, together: Callable[..., dict[str, int]]
) -> None:
    job = ask(lin)

    assert together(8, lambda: actions.run_due(clock=clock)) == {"done": 8}

    assert [str(job.pk)] == handlers.CALLS
    assert ends(job) == ["job.finished"]


def test_a_job_that_breaks_is_tried_five_times_ever_later_then_failed(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, "test.fail")
    waits = []

    while (row := read(job)).state == "QUEUED":
        waits.append((row.due_at - clock()).total_seconds())
        clock.at = row.due_at
        actions.run_due(clock=clock)

    assert waits == [0, 5, 20, 80, 320]
    assert (row.state, row.attempts, row.failure) == ("FAILED", 5, rules.BROKEN)
    assert len(handlers.CALLS) == 5
    assert ends(job) == ["job.failed"]


def test_a_job_that_can_never_succeed_fails_at_once_with_words(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, "test.refuse")

    actions.run_due(clock=clock)

    assert (read(job).state, read(job).failure) == ("FAILED", "The work cannot be done.")
    assert len(handlers.CALLS) == 1


def test_a_document_that_cannot_be_drawn_fails_at_once_with_words(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, "test.misspell")

    actions.run_due(clock=clock)

    assert (read(job).state, read(job).failure) == ("FAILED", rules.NO_GLYPH)


@pytest.mark.parametrize(
    ("case", "error", "words"),
    [
        ("no libraries", pdf.Unavailable(), rules.NO_PDF),
        ("a full disk", OSError(28, "no space"), rules.NO_SPACE),
        ("anything else", KeyError("x"), rules.BROKEN),
    ],
)
def test_what_may_pass_is_tried_again_and_has_words_too(
    case: str, error: Exception, words: str
) -> None:
    assert (rules.failure_of(error), rules.is_final(error)) == (words, False)


@pytest.mark.parametrize(
    "words",
    [rules.BROKEN, rules.INTERRUPTED, rules.NO_SPACE, rules.NO_GLYPH, rules.NO_PDF],
)
def test_the_words_of_a_failure_fit_their_column(words: str) -> None:
    assert len(words) <= 200


def test_a_broken_job_does_not_hold_up_the_next(lin: Actor, ask: Ask, clock: Clock) -> None:
    ask(lin, "test.fail", effect_key="1")
    good = ask(lin, "test.write", effect_key="2")

    assert actions.run_due(clock=clock) == 2

    assert read(good).state == "DONE"


def test_what_a_lost_worker_left_is_done_by_the_next_after_the_lease(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin)
    write(job, state="RUNNING", attempts=1, started_at=clock(), lease_until=clock() + rules.LEASE)

    assert actions.run_due(clock=clock) == 0
    clock.move(seconds=31)
    assert actions.run_due(clock=clock) == 1

    assert (read(job).state, read(job).attempts) == ("DONE", 2)


def test_a_job_that_always_loses_its_worker_is_given_up(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin)
    write(job, state="RUNNING", attempts=5, started_at=clock(), lease_until=clock())
    clock.move(seconds=1)

    actions.run_due(clock=clock)

    assert (read(job).state, read(job).failure) == ("FAILED", rules.INTERRUPTED)
    assert handlers.CALLS == []


def test_a_full_disk_leaves_no_part_of_a_file_and_the_job_succeeds_later(
    lin: Actor, ask: Ask, clock: Clock, media: Path
) -> None:
    job = ask(lin, arguments={"text": "x" * 70_000})

    with largest_file(64_000):
        actions.run_due(clock=clock)
    left = list((media / "jobs").iterdir())
    clock.move(seconds=5)
    failure = read(job).failure
    actions.run_due(clock=clock)

    assert left == []
    assert failure == rules.NO_SPACE
    assert (read(job).state, read(job).failure) == ("DONE", "")
    assert queries.get_result_file(read(job), now=clock()).stat().st_size == 70_001


def _sweep(clock: Clock) -> None:
    with acting_as(WORKER):
        actions.run_due(clock=clock)
    connections.close_all()


def _signals(tmp_path: Path) -> dict[str, str]:
    return {"busy": str(tmp_path / "busy"), "go": str(tmp_path / "go")}


def _while_running(job: Job, clock: Clock, tmp_path: Path, act: Callable[[], object]) -> None:
    """Do something while a thread is at the job, then let it go on."""
    thread = threading.Thread(target=_sweep, args=[clock])
    thread.start()
    wait = threading.Event()
    while not (tmp_path / "busy").exists() and thread.is_alive():
        wait.wait(0.02)
    act()
    (tmp_path / "go").touch()
    thread.join()


def test_a_running_job_shows_its_progress_and_keeps_its_lease(
    lin: Actor, ask: Ask, clock: Clock, tmp_path: Path
) -> None:
    job = ask(lin, "test.wait_for", arguments=_signals(tmp_path))
    seen: list[tuple[int, int | None]] = []

    def look() -> None:
        clock.move(seconds=20)
        wait = threading.Event()
        while read(job).lease_until != clock() + rules.LEASE:
            wait.wait(0.05)
        seen.append((read(job).done, read(job).total))

    _while_running(job, clock, tmp_path, look)

    assert seen == [(1, 10)]
    assert read(job).state == "DONE"


def test_a_job_cancelled_while_running_stops_and_leaves_nothing(
    lin: Actor, ask: Ask, clock: Clock, tmp_path: Path, media: Path
) -> None:
    job = ask(lin, "test.wait_for", arguments=_signals(tmp_path))

    _while_running(job, clock, tmp_path, lambda: actions.cancel(job, actor=lin, now=clock()))

    assert read(job).state == "CANCELLED"
    assert list((media / "jobs").glob("*")) == []
    assert ends(job) == []


def test_a_worker_that_lost_its_lease_changes_nothing(
    lin: Actor, ask: Ask, clock: Clock, tmp_path: Path
) -> None:
    job = ask(lin, "test.wait_for", arguments=_signals(tmp_path))

    def overtake() -> None:
        write(job, attempts=2, lease_until=clock() + timedelta(hours=1))

    _while_running(job, clock, tmp_path, overtake)

    assert (read(job).state, read(job).attempts, read(job).result) == ("RUNNING", 2, {})
    assert ends(job) == []


def test_a_file_is_forgotten_after_seven_days_and_the_job_can_be_asked_again(
    lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin)
    actions.run_due(clock=clock)
    path = queries.get_result_file(read(job), now=clock())

    os.utime(path, (clock().timestamp(), clock().timestamp()))

    assert actions.forget_results(now=clock.move(days=6)) == 0
    assert actions.forget_results(now=clock.move(days=1)) == 1

    assert not path.exists()
    with pytest.raises(queries.NoResult):
        queries.get_result_file(read(job), now=clock())
    assert ask(lin).state == "QUEUED"
