"""Long work seen from a browser: it goes on alone, and the page tells when it is ready."""

from pathlib import Path

import pytest
from django.db.transaction import atomic
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django import Settings

from portal.jobs import actions
from portal.jobs.models import Job
from tests.browser.conftest import OpenAs, axe_violations, fits
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def job(cast: Cast, settings: Settings, tmp_path: Path) -> Job:
    """A job of Lin's that waits."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.JOB_HANDLERS = {"test.write": "tests.portal.jobs.handlers.write"}
    return actions.request_job(
        actor=cast.actor("lin"),
        kind="test.write",
        title="Day summary, 20 November 2026",
        arguments={"text": "figures"},
        effect_key="1",
        now=timezone.now(),
    )


def test_one_watches_it_become_ready_and_takes_the_file(open_as: OpenAs, job: Job) -> None:
    page = open_as("lin", f"/jobs/{job.pk}/")
    expect(page.get_by_text("You can leave this page; we keep going.")).to_be_visible()
    assert axe_violations(page) == []

    actions.run_due(clock=timezone.now)

    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel this job")).to_have_count(0)
    assert axe_violations(page) == []
    assert fits(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    assert waiting.value.path().read_text() == "figures\n"
    assert waiting.value.suggested_filename == "report.csv"


def test_one_leaves_and_finds_it_again(open_as: OpenAs, job: Job) -> None:
    open_as("lin", f"/jobs/{job.pk}/").close()
    actions.run_due(clock=timezone.now)

    page = open_as("lin", "/jobs/")

    expect(page.get_by_role("heading", name="Day summary, 20 November 2026")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_be_visible()


def test_without_javascript_the_page_asks_by_itself(open_as: OpenAs, job: Job) -> None:
    page = open_as("lin", f"/jobs/{job.pk}/", java_script_enabled=False)

    actions.run_due(clock=timezone.now)

    expect(page.get_by_role("link", name="Download")).to_be_visible()


def test_one_changes_ones_mind(open_as: OpenAs, job: Job) -> None:
    page = open_as("lin", f"/jobs/{job.pk}/")

    page.get_by_role("button", name="Cancel this job").click()

    expect(page.get_by_text("Job cancelled: Day summary, 20 November 2026.")).to_be_visible()
    with atomic():
        assert Job.objects.get(pk=job.pk).state == "CANCELLED"
