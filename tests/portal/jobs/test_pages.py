"""The pages of long work: one's own alone, polled while it runs, handed out while it is kept."""

from collections.abc import Callable

import pytest
from django.db.transaction import atomic
from django.test import Client

from portal.audit.models import AuditEntry
from portal.jobs import actions
from portal.jobs.models import Job
from portal.kit.actor import Actor
from tests.portal.jobs.conftest import Clock

Ask = Callable[..., Job]
SignIn = Callable[[str], Client]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
HTMX = {"HX-Request": "true"}


def test_a_waiting_job_is_asked_for_each_second_and_a_finished_one_no_more(
    client_for: SignIn, lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, title="Day summary 20 November")
    client = client_for("lin")
    url = f"/jobs/{job.pk}/"

    page = client.get(url).content.decode()
    waiting = client.get(url, headers=HTMX)
    actions.run_due(clock=clock)
    done = client.get(url, headers=HTMX)

    assert "Day summary 20 November" in page
    assert '<meta http-equiv="refresh" content="3">' in page
    assert f'hx-get="{url}"' in waiting.content.decode()
    assert (waiting.status_code, done.status_code) == (200, 286)
    assert f"{url}download/" in done.content.decode()
    assert "hx-get" not in done.content.decode()


def test_the_file_goes_to_the_one_who_asked_and_to_nobody_else(
    client_for: SignIn, lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, arguments={"text": "月报"})
    actions.run_due(clock=clock)
    url = f"/jobs/{job.pk}/download/"

    answer = client_for("lin").get(url)
    others = [client_for(name).get(url).status_code for name in ("mei", "wu", "carol", "ron")]

    body = answer.streaming_content  # type: ignore[attr-defined]
    assert b"".join(body).decode() == "月报\n"
    assert answer["Content-Disposition"] == 'attachment; filename="report.csv"'
    assert others == [404, 404, 404, 404]


def test_a_download_is_an_entry(client_for: SignIn, lin: Actor, ask: Ask, clock: Clock) -> None:
    job = ask(lin)
    actions.run_due(clock=clock)

    client_for("lin").get(f"/jobs/{job.pk}/download/").close()

    entries = list_entries(job)
    assert sorted(entries) == ["job.downloaded", "job.finished", "job.requested"]


@pytest.mark.parametrize("state", ["QUEUED", "CANCELLED"])
def test_without_a_file_there_is_nothing_to_download(
    client_for: SignIn, lin: Actor, ask: Ask, clock: Clock, state: str
) -> None:
    job = ask(lin)
    if state == "CANCELLED":
        actions.cancel(job, actor=lin, now=clock())

    assert client_for("lin").get(f"/jobs/{job.pk}/download/").status_code == 404


def test_a_job_is_cancelled_with_a_button(
    client_for: SignIn, lin: Actor, wu: Actor, ask: Ask
) -> None:
    job = ask(lin)

    stranger = client_for("wu").post(f"/jobs/{job.pk}/cancel/")
    answer = client_for("lin").post(f"/jobs/{job.pk}/cancel/", follow=True)

    assert stranger.status_code == 404
    assert "Job cancelled: Report." in answer.content.decode()
    assert "Cancelled" in answer.content.decode()


def test_a_failed_job_says_why_in_words(
    client_for: SignIn, lin: Actor, ask: Ask, clock: Clock
) -> None:
    job = ask(lin, "test.refuse")
    actions.run_due(clock=clock)

    page = client_for("lin").get(f"/jobs/{job.pk}/").content.decode()

    assert "The work cannot be done." in page
    assert "Cancel this job" not in page


def test_the_list_shows_ones_own_jobs(client_for: SignIn, lin: Actor, wu: Actor, ask: Ask) -> None:
    ask(lin, title="Sales of Noodle House")
    ask(wu, title="Sales of Tea House")

    page = client_for("lin").get("/jobs/").content.decode()

    assert "Sales of Noodle House" in page
    assert "Sales of Tea House" not in page


def test_with_no_jobs_the_list_says_what_will_come(client_for: SignIn) -> None:
    assert "keeps going when you leave" in client_for("mei").get("/jobs/").content.decode()


def list_entries(job: Job) -> list[str]:
    with atomic():
        found = AuditEntry.objects.filter(subject_id=str(job.pk), subject_type="job")
        return list(found.order_by("at", "id").values_list("event", flat=True))
