"""Pages of long work: one's own jobs, one job's progress, its file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.jobs import actions, queries, rules
from portal.jobs.models import Job, JobState
from portal.kit.http import ActorRequest, found_or_404
from portal.kit.paging import BadCursor, Cursor, decode

# htmx stops asking when it gets this status
STOP_POLLING = 286


@dataclass(frozen=True, slots=True)
class Card:
    """A job as its card shows it."""

    id: UUID
    title: str
    status: str
    status_label: str
    running: bool
    done: int
    total: int | None
    percent: int
    seconds_left: int | None
    poll_url: str
    cancel_url: str
    download_url: str
    expires_at: datetime | None
    sha256: str
    failure: str
    created_at: datetime


def card_of(job: Job, *, now: datetime) -> Card:
    """Put a job into the words and figures of its card."""
    until = queries.expires_at(job)
    kept = until is not None and now < until
    lapsed = until is not None and not kept
    failure = _(job.failure) if job.state == JobState.FAILED and job.failure else ""
    return Card(
        id=job.pk,
        title=job.title,
        status=job.state,
        status_label=str(JobState(job.state).label),
        running=job.state in actions.UNFINISHED,
        done=job.done,
        total=job.total,
        percent=rules.percent(job.done, job.total),
        seconds_left=rules.seconds_left(
            began=job.started_at, now=now, done=job.done, total=job.total
        ),
        poll_url=reverse("jobs:detail", args=[job.pk]),
        cancel_url=reverse("jobs:cancel", args=[job.pk]),
        download_url=reverse("jobs:download", args=[job.pk]) if kept else "",
        expires_at=until,
        sha256=str(job.result.get("sha256", "")),
        failure=_("The file was kept for seven days. Ask for it again.") if lapsed else failure,
        created_at=job.created_at,
    )


@require_GET
def list_page(request: ActorRequest) -> HttpResponse:
    """Show the person's own jobs."""
    now = timezone.now()
    page = queries.list_jobs(request.actor, cursor=_cursor(request))
    cards = [card_of(job, now=now) for job in page.rows]
    context = {"cards": cards, "page": page, "busy": any(card.running for card in cards)}
    return render(request, "portal/jobs/page.html", context)


@require_GET
def detail(request: ActorRequest, job_id: UUID) -> HttpResponse:
    """Show one job; to htmx its card alone, and 286 once there is nothing more to ask."""
    job = found_or_404(queries.get_job, request.actor, job_id)
    card = card_of(job, now=timezone.now())
    if request.htmx:
        status = 200 if card.running else STOP_POLLING
        return render(request, "portal/jobs/_card.html", {"job": card}, status=status)
    return render(request, "portal/jobs/detail.html", {"job": card})


@require_POST
def cancel(request: ActorRequest, job_id: UUID) -> HttpResponse:
    """Stop a job that has not ended."""
    job = found_or_404(queries.get_job, request.actor, job_id)
    try:
        actions.cancel(job, actor=request.actor, now=timezone.now())
    except actions.AlreadyFinished:
        messages.info(request, _("The job had already ended."))
    else:
        messages.success(request, _("Job cancelled: %(title)s.") % {"title": job.title})
    return redirect("jobs:detail", job_id)


@require_GET
def download(request: ActorRequest, job_id: UUID) -> HttpResponse | FileResponse:
    """Hand out the file to the one who asked for it; to anybody else it does not exist."""
    job = found_or_404(queries.get_job, request.actor, job_id)
    try:
        path = actions.hand_out(job, actor=request.actor, now=timezone.now())
    except queries.NoResult as nothing:
        raise Http404 from nothing
    return FileResponse(
        Path(path).open("rb"),
        as_attachment=True,
        filename=str(job.result["filename"]),
        content_type=str(job.result["content_type"]),
    )


def _cursor(request: ActorRequest) -> Cursor | None:
    text = request.GET.get("cursor", "")
    if not text:
        return None
    try:
        return decode(text)
    except BadCursor as foreign:
        raise Http404 from foreign
