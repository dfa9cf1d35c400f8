"""Questions about long work and about messages that wait to leave."""

from datetime import datetime, timedelta
from hashlib import file_digest
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from portal.jobs import rules
from portal.jobs.models import Job, JobState, OutboxMessage
from portal.kit.actor import Actor
from portal.kit.finding import Finding
from portal.kit.paging import PAGE_SIZE, Cursor, Page, cut

# How long a message or a dead worker's job may wait for the sweep before something is wrong.
LATE = timedelta(seconds=60)
FOLDER = "jobs"


class NoResult(Exception):
    """The job has no file to hand out: not finished, failed, or kept long enough."""


def get_job(actor: Actor, job_id: UUID) -> Job:
    """Return one job.

    :raises Job.DoesNotExist: if there is none the actor may see
    """
    return Job.objects.visible_to(actor).get(pk=job_id)


def list_jobs(actor: Actor, *, cursor: Cursor | None = None) -> Page[Job]:
    """Return a page of the actor's own jobs, newest first."""
    rows = Job.objects.visible_to(actor)
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        at, pk = datetime.fromisoformat(cursor.keys[0]), UUID(cursor.keys[1])
        after = "gt" if backwards else "lt"
        rows = rows.filter(
            Q(**{f"created_at__{after}": at}) | Q(created_at=at, **{f"id__{after}": pk})
        )
    order = ("created_at", "id") if backwards else ("-created_at", "-id")
    found = list(rows.order_by(*order)[: PAGE_SIZE + 1])
    return cut(found, cursor=cursor, keys=lambda job: (job.created_at.isoformat(), str(job.pk)))


def folder() -> Path:
    """Return the directory that holds what jobs made."""
    return Path(settings.MEDIA_ROOT) / FOLDER


def expires_at(job: Job) -> datetime | None:
    """Return until when the job's file is kept; None if it made none."""
    if job.state != JobState.DONE or job.finished_at is None or "file" not in job.result:
        return None
    return job.finished_at + rules.RESULT_KEPT


def get_result_file(job: Job, *, now: datetime) -> Path:
    """Return where the job's file lies.

    :raises NoResult: if there is none, or no longer
    """
    until = expires_at(job)
    if until is None or now >= until:
        raise NoResult(str(job.pk))
    path = folder() / str(job.result["file"])
    if not path.is_file():
        raise NoResult(str(job.pk))
    return path


def find_strays(*, now: datetime, older_than: timedelta) -> list[Path]:
    """Return the files, old enough to tell, that no running or finished job needs."""
    until = (now - older_than).timestamp()
    files = folder().iterdir() if folder().is_dir() else ()
    old = [path for path in files if path.stat().st_mtime < until]
    owners = {path: path.name.lstrip(".").split(".")[0] for path in old}
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=set(owners.values()))}
    return [path for path in old if not _needed(path, jobs.get(owners[path]), now=now)]


def _needed(path: Path, job: Job | None, *, now: datetime) -> bool:
    if job is None:
        return False
    if job.state == JobState.RUNNING:
        return True
    until = expires_at(job)
    return until is not None and now < until and job.result["file"] == path.name


def compare_results(*, now: datetime) -> Finding:
    """Check that each finished job's file is there, byte for byte, and no file is a stranger."""
    jobs = Job.objects.filter(
        state=JobState.DONE,
        result__has_key="file",
        finished_at__gt=now - rules.RESULT_KEPT + rules.STRAY,
    )
    checked, breaches = 0, []
    for job in jobs.iterator():
        checked += 1
        path = folder() / str(job.result["file"])
        if not path.is_file():
            breaches.append(f"job {job.pk}: file missing")
        elif _digest(path) != job.result.get("sha256"):
            breaches.append(f"job {job.pk}: file differs from its sha256")
    # the hourly sweep has had its turn
    strays = find_strays(now=now, older_than=3 * rules.STRAY)
    breaches += [f"file {path.name} belongs to no job" for path in strays]
    return Finding(checked, tuple(breaches))


def compare_queue(*, now: datetime) -> Finding:
    """Check that no message waits longer than a minute, and no job outlives its lease."""
    late = OutboxMessage.objects.filter(sent_at=None, created_at__lt=now - LATE)
    lost = Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now - LATE)
    breaches = [f"message {pk} is unsent" for pk in late.values_list("pk", flat=True)[:100]]
    breaches += [f"job {pk} is past its lease" for pk in lost.values_list("pk", flat=True)[:100]]
    unfinished = OutboxMessage.objects.filter(sent_at=None).count()
    unfinished += Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()
    return Finding(unfinished, tuple(breaches))


def count_waiting() -> dict[str, int]:
    """Count what waits: jobs by state, and messages that have not left."""
    open_states = (JobState.QUEUED, JobState.RUNNING)
    counts = {f"jobs_{s.lower()}": Job.objects.filter(state=s).count() for s in open_states}
    return {**counts, "outbox_unsent": OutboxMessage.objects.filter(sent_at=None).count()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
