"""Asking for long work, doing it under a lease, handing out what it made; sending messages."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.transaction import atomic
from django.template.loader import render_to_string
from django.utils.module_loading import import_string
from django.utils.translation import override

from portal.audit.actions import record
from portal.jobs import rules
from portal.jobs.models import Job, JobState, OutboxMessage
from portal.jobs.queries import expires_at, find_strays, folder, get_result_file
from portal.kit.actor import Actor, ActorKind
from portal.kit.files import write_whole
from portal.kit.nudge import nudge
from portal.kit.sweep import Hold, claim

log = structlog.get_logger(__name__)

SWEEP = "portal.jobs.tasks.run_due_jobs"
RELAY = "portal.jobs.tasks.relay_outbox"
MAIL = "mail.security"
WORKER_ACTOR = Actor(kind=ActorKind.SYSTEM, label="jobs", via="TASK")
UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class AlreadyFinished(Exception):
    """The job has ended, so there is nothing left to cancel."""


@atomic
def request_job(
    *,
    actor: Actor,
    kind: str,
    title: str,
    arguments: dict[str, object],
    effect_key: str,
    now: datetime,
    merchant_id: int | None = None,
) -> Job:
    """Ask for a piece of long work; the same ``effect_key`` is the same job.

    The key is the requester's own: two people who ask for the same thing get a job each,
    because each job answers only to the one who asked. A job that failed, was cancelled or
    whose file has expired starts anew. ``title`` is in the requester's language.

    :raises MissingPermission: if the actor is not signed in
    """
    if actor.kind is not ActorKind.SYSTEM:
        actor.require("account.own")
    key = f"{actor.key}:{kind}:{effect_key}"
    mine = Job(
        id=uuid4(),
        kind=kind,
        title=title[:120],
        effect_key=key,
        requested_by_id=actor.id if actor.kind is ActorKind.PERSON else None,
        merchant_id=merchant_id if merchant_id is not None else actor.merchant_id,
        arguments=arguments,
        created_at=now,
        due_at=now,
    )
    Job.objects.bulk_create([mine], ignore_conflicts=True)
    job = Job.objects.visible_to(actor).get(effect_key=key)
    if job.pk == mine.pk or _begin_anew(job, now):
        record(actor, "job.requested", job, now=now, kind=kind)
        nudge(SWEEP)
    return job


def _begin_anew(job: Job, now: datetime) -> bool:
    """Queue an ended job again; of several who try, the update lets one through."""
    until = expires_at(job)
    ended = job.state in (JobState.FAILED, JobState.CANCELLED)
    if not ended and (until is None or now < until):
        return False
    rows = Job.objects.filter(pk=job.pk, state=job.state, finished_at=job.finished_at)
    fresh: dict[str, object] = dict.fromkeys(("started_at", "finished_at", "total"))
    fresh |= {"created_at": now, "due_at": now, "attempts": 0, "done": 0}
    fresh |= {"result": {}, "failure": ""}
    won = rows.update(state=JobState.QUEUED, **fresh) == 1
    job.refresh_from_db()
    return won


@atomic
def cancel(job: Job, *, actor: Actor, now: datetime) -> None:
    """Stop a job that has not ended; a worker that is busy with it notices within seconds.

    :raises MissingPermission: if the actor is not signed in
    :raises AlreadyFinished: if it ended first
    """
    if actor.kind is not ActorKind.SYSTEM:
        actor.require("account.own")
    rows = Job.objects.visible_to(actor).filter(pk=job.pk, state__in=UNFINISHED)
    if rows.update(state=JobState.CANCELLED, lease_until=None, finished_at=now) != 1:
        raise AlreadyFinished(str(job.pk))
    record(actor, "job.cancelled", job, now=now, kind=job.kind)


@atomic
def hand_out(job: Job, *, actor: Actor, now: datetime) -> str:
    """Note that the job's file is taken, and return its path.

    :raises NoResult: if there is no file, or no longer
    """
    actor.require("account.own")
    path = get_result_file(job, now=now)
    record(actor, "job.downloaded", job, now=now, kind=job.kind)
    return str(path)


def store_file(
    job: Job, *, filename: str, content_type: str, blocks: Iterable[bytes]
) -> dict[str, object]:
    """Keep a file that a handler made, whole or not at all; return the result to hand back.

    Each try writes under a name of its own, so that a worker that lost its lease cannot
    replace what the next one made.

    :raises OSError: if the disk is full
    """
    name = f"{job.pk}.{secrets.token_hex(8)}"
    whole = write_whole(folder() / name, blocks)
    return {
        "file": name,
        "filename": filename,
        "content_type": content_type,
        "size": whole.size,
        "sha256": whole.sha256,
    }


def run_due(*, clock: rules.Clock, lease: timedelta = rules.LEASE) -> int:
    """Do jobs one after another until none is due or the time is up; return how many."""
    ran, stop_at = 0, clock() + rules.BUDGET
    while clock() < stop_at and (job := _take_next(now=clock(), lease=lease)) is not None:
        if job.attempts > rules.MAX_ATTEMPTS:
            _fail(job, words=rules.INTERRUPTED, now=clock())
        else:
            _carry_out(job, clock=clock, lease=lease)
        ran += 1
    return ran


def _take_next(*, now: datetime, lease: timedelta) -> Job | None:
    """Claim the job that has waited longest, or one whose worker was lost.

    Only so many run at once that the other sweeps always find a free process.
    """
    due = Q(state=JobState.QUEUED, due_at__lte=now)
    left = Q(state=JobState.RUNNING, lease_until__lt=now)
    with atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('portal_job'))")
        busy = Job.objects.filter(state=JobState.RUNNING, lease_until__gte=now).count()
        taken = claim(
            Job.objects.filter(due | left).order_by("due_at"),
            limit=max(0, min(1, settings.JOB_SLOTS - busy)),
            state=JobState.RUNNING,
            attempts=F("attempts") + 1,
            started_at=now,
            lease_until=now + lease,
            done=0,
            total=None,
        )
    return taken[0] if taken else None


def _carry_out(job: Job, *, clock: rules.Clock, lease: timedelta) -> None:
    """Run the handler under a hold; whatever it raises is the job's, not the sweep's."""
    far: dict[str, int | None] = {"done": 0, "total": None}
    hold = Hold(_mine(job), lambda: {**far, "lease_until": clock() + lease})

    def progress(done: int, total: int | None = None) -> None:
        if hold.lost.is_set():
            raise rules.Stopped(str(job.pk))
        far.update(done=done, total=total)

    try:
        with hold:
            handler = import_string(settings.JOB_HANDLERS[job.kind])
            result = handler(job, progress, clock())
    except rules.Stopped:
        _forget_cancelled(job)
    except Exception as error:  # noqa: BLE001 - one broken job must not stop the others
        _retry_or_fail(job, error, now=clock())
    else:
        _finish(job, result, far, now=clock())


def _finish(
    job: Job, result: dict[str, object], far: dict[str, int | None], *, now: datetime
) -> None:
    """Commit the outcome together with the end of the job, if the lease is still ours."""
    ended = {"state": JobState.DONE, "lease_until": None, "finished_at": now, "failure": ""}
    with atomic():
        won = _mine(job).update(**ended, **far, result=result)
        if won:
            record(
                WORKER_ACTOR, "job.finished", job, now=now, kind=job.kind, attempts=job.attempts
            )
    name = str(result.get("file", ""))
    if won:
        _remove_files(job, keep=name)
    elif name:
        (folder() / name).unlink(missing_ok=True)


@atomic
def _forget_cancelled(job: Job) -> None:
    """Delete what a cancelled job left; if another worker has the job, that one tidies up."""
    if Job.objects.filter(pk=job.pk, state=JobState.CANCELLED).exists():
        _remove_files(job, keep="")


@atomic
def _retry_or_fail(job: Job, error: Exception, *, now: datetime) -> None:
    """Queue the job again a little later, or end it when that has been done enough."""
    words = rules.failure_of(error)
    log.error("job_failed", job_id=str(job.pk), kind=job.kind, tries=job.attempts, exc_info=error)
    if rules.is_final(error) or job.attempts >= rules.MAX_ATTEMPTS:
        _fail(job, words=words, now=now)
        return
    _mine(job).update(
        state=JobState.QUEUED,
        lease_until=None,
        due_at=now + rules.retry_delay(job.attempts),
        failure=words,
    )


@atomic
def _fail(job: Job, *, words: str, now: datetime) -> None:
    changes = {"lease_until": None, "finished_at": now, "failure": words[:200]}
    if _mine(job).update(state=JobState.FAILED, **changes):
        record(WORKER_ACTOR, "job.failed", job, now=now, kind=job.kind, attempts=job.attempts)
        _remove_files(job, keep="")


def _mine(job: Job) -> "QuerySet[Job]":
    """Return the job's row while this run still holds it: same try, same start."""
    return Job.objects.filter(
        pk=job.pk, state=JobState.RUNNING, attempts=job.attempts, started_at=job.started_at
    )


def _remove_files(job: Job, *, keep: str) -> None:
    """Delete what other tries of this job left, drafts included."""
    for pattern in (f"{job.pk}.*", f".{job.pk}.*"):
        for path in folder().glob(pattern):
            if path.name != keep:
                path.unlink(missing_ok=True)


@atomic
def forget_results(*, now: datetime) -> int:
    """Delete files that were kept long enough, or that no job names; return how many."""
    strays = find_strays(now=now, older_than=rules.STRAY)
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def enqueue(*, topic: str, effect_key: str, payload: dict[str, object], now: datetime) -> None:
    """Leave a message in the current transaction; it is sent once that has committed.

    A second message under the same ``effect_key`` is dropped: the first one stands.
    """
    message = OutboxMessage(
        topic=topic, effect_key=effect_key, payload=payload, created_at=now, due_at=now
    )
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=True)
    nudge(RELAY)


def enqueue_mail(
    *, notice: str, to: str, language: str, effect_key: str, now: datetime, **words: str
) -> None:
    """Leave a notice about somebody's account security, to be sent by mail.

    ``notice`` names a folder under templates/emails; ``words`` are what it says besides
    ``at``. Somebody without an address gets none: the security page tells the same.
    """
    if not to:
        return
    payload: dict[str, object] = {"notice": notice, "to": to, "language": language, **words}
    payload["at"] = now.isoformat()
    enqueue(topic=MAIL, effect_key=effect_key, payload=payload, now=now)


def send_mail(message: OutboxMessage) -> None:
    """Send one notice. A mail that is sent twice after a crash carries the same Message-ID.

    :raises OSError: if the mail server cannot be reached, or refuses
    """
    said = message.payload
    words = {**said, "at": datetime.fromisoformat(said["at"])}
    folder_name = f"emails/{said['notice']}"
    with override(said["language"]):
        subject = render_to_string(f"{folder_name}/subject.txt", words).strip()
        body = render_to_string(f"{folder_name}/body.txt", words)
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    headers = {"Message-ID": f"<{message.pk}@{host}>", "Auto-Submitted": "auto-generated"}
    EmailMessage(subject, body, to=[said["to"]], headers=headers).send()


def relay(*, clock: rules.Clock) -> int:
    """Send what waits, oldest first; return how many left."""
    sent, stop_at = 0, clock() + rules.BUDGET
    while clock() < stop_at and (batch := _take_messages(clock())):
        sent += sum(_send(message, clock=clock) for message in batch)
    return sent


def _take_messages(now: datetime) -> list[OutboxMessage]:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return claim(
        OutboxMessage.objects.filter(free, sent_at=None, due_at__lte=now).order_by("due_at"),
        limit=rules.BATCH,
        lease_until=now + rules.MESSAGE_LEASE,
        attempts=F("attempts") + 1,
    )


def _send(message: OutboxMessage, *, clock: rules.Clock) -> int:
    """Hand one message to its topic's handler; keep it for later if that fails."""
    try:
        import_string(settings.OUTBOX_HANDLERS[message.topic])(message)
    except Exception as error:
        log.exception("message_unsent", message_id=str(message.pk), topic=message.topic)
        later = clock() + rules.retry_delay(message.attempts)
        _settle(message, due_at=later, failure=type(error).__name__)
        return 0
    return _settle(message, sent_at=clock(), failure="")


@atomic
def _settle(message: OutboxMessage, **outcome: object) -> int:
    rows = OutboxMessage.objects.filter(pk=message.pk, sent_at=None, attempts=message.attempts)
    return rows.update(lease_until=None, **outcome)


@atomic
def forget_sent(*, now: datetime) -> int:
    """Delete the messages that left long ago and return how many."""
    return OutboxMessage.objects.filter(sent_at__lt=now - rules.MESSAGE_KEPT).delete()[0]


def prepare_months(*, now: datetime) -> int:
    """Make the partitions of this month and the next three; return how many were missing."""
    made = 0
    for table in settings.MONTHLY_TABLES:
        with atomic(), connection.cursor() as cursor:
            # behind a long reader it would block every writer: rather try again later
            cursor.execute("set local lock_timeout = '3s'")
            cursor.execute(
                "select pos_prepare_months(%s, %s::date, (%s::date + interval '3 months')::date)",
                [table, now.date(), now.date()],
            )
            made += cursor.fetchone()[0]
    return made
