"""A day on paper: asked for, made by a worker, handed to the one who asked."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.db.transaction import atomic
from django.test import Client
from django.utils.translation import override
from pytest_django import Settings

from merchants.profiles.models import Merchant
from portal.audit.models import AuditEntry
from portal.jobs.actions import run_due
from portal.jobs.models import Job
from portal.kit.actor import Actor, MissingPermission
from terminals.fleet.models import Terminal
from tests.claims import unchanged
from tests.portal.test_pdf import text_of
from tests.transactions.rows import built, put
from transactions.reports.actions import ask_for_day

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
DAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """An empty place for files."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "jobs"


@pytest.fixture
def _sold(a1041: Terminal, b2052: Terminal, noon: datetime) -> None:
    """A sale of 3.10 and a refund of 2.50 at Noodle House; something at Tea House."""
    alipay = {"method": "ALIPAY", "card_type": "", "card_bin": "", "card_last4": ""}
    put([
        built(a1041, 1, occurred_at=noon, amount_minor=310),
        built(a1041, 2, occurred_at=noon, kind="REFUND", amount_minor=250, **alipay),
        built(b2052, 1, occurred_at=noon, amount_minor=77_777),
    ])  # fmt: skip


@pytest.fixture
def _busy(a1041: Terminal, _sold: None, noon: datetime) -> None:
    """309 sales of 1.00 more."""
    earlier = (noon - timedelta(seconds=n) for n in range(309))
    put(built(a1041, 10 + n, occurred_at=at, amount_minor=100) for n, at in enumerate(earlier))


def made(actor: Actor, noon: datetime, language: str = "en", code: str = "") -> Job:
    with override(language):
        job = ask_for_day(actor=actor, merchant_code=code, on=DAY, now=noon)
    run_due(clock=lambda: noon)
    return kept(job)


@atomic
def kept(job: Job) -> Job:
    """The job as it stands now."""
    return Job.objects.get(pk=job.pk)


@pytest.mark.usefixtures("_sold")
def test_the_paper_holds_the_sums_of_the_day_and_of_that_merchant_alone(
    lin: Actor, noon: datetime, media: Path
) -> None:
    job = made(lin, noon)

    assert (job.state, job.failure, job.done, job.total) == ("DONE", "", 3, 3)
    assert job.result["filename"] == "day-M1000000001-20261120.pdf"
    said = text_of((media / job.result["file"]).read_bytes())
    for words in ("Day summary", "20 Nov 2026", "Noodle House", "M1000000001", "¥3.10",
                  "−¥2.50", "¥0.60", "Debit card", "Alipay", "12:00"):  # fmt: skip
        assert words in said, words
    assert "777.77" not in said


@pytest.mark.usefixtures("_busy")
def test_a_busy_day_shows_its_first_three_hundred(lin: Actor, noon: datetime, media: Path) -> None:
    job = made(lin, noon)

    said = text_of((media / job.result["file"]).read_bytes())
    assert "The first 300 of 311" in said
    assert "¥309.60" in said
    assert said.count("REF") == 300


@pytest.mark.usefixtures("_sold")
def test_it_speaks_the_language_of_who_asked(lin: Actor, noon: datetime, media: Path) -> None:
    job = made(lin, noon, "zh-hans")

    assert "面馆" in text_of((media / job.result["file"]).read_bytes())


def test_a_day_without_anything_says_so(lin: Actor, noon: datetime, media: Path) -> None:
    job = made(lin, noon)

    said = text_of((media / job.result["file"]).read_bytes())
    assert "There were no transactions on this day." in said


@pytest.mark.usefixtures("_sold")
def test_the_same_day_unchanged_is_the_same_job(
    lin: Actor, noon: datetime, a1041: Terminal
) -> None:
    first = ask_for_day(actor=lin, merchant_code="", on=DAY, now=noon)
    again = ask_for_day(actor=lin, merchant_code="", on=DAY, now=noon)
    put([built(a1041, 500, occurred_at=noon)])
    later = ask_for_day(actor=lin, merchant_code="", on=DAY, now=noon)

    assert first.pk == again.pk
    assert later.pk != first.pk


@pytest.mark.usefixtures("_sold")
def test_staff_say_of_which_merchant_and_a_merchant_cannot(
    carol: Actor, wu: Actor, noon: datetime
) -> None:
    assert made(carol, noon, code="M1000000001").state == "DONE"
    with pytest.raises(Merchant.DoesNotExist):
        ask_for_day(actor=carol, merchant_code="M9", on=DAY, now=noon)

    job = ask_for_day(actor=wu, merchant_code="M1000000001", on=DAY, now=noon)

    assert job.arguments["merchant_id"] == wu.merchant_id


def test_a_cashier_may_not(mei: Actor, noon: datetime) -> None:
    with atomic(), unchanged(), pytest.raises(MissingPermission):
        ask_for_day(actor=mei, merchant_code="", on=DAY, now=noon)


@pytest.mark.usefixtures("_sold")
def test_the_page_leads_to_the_progress_and_only_the_asker_gets_the_file(
    client_for: Callable[[str], Client], noon: datetime
) -> None:
    lin = client_for("lin")

    asked = lin.post("/transactions/day-summary/", {"on": "2026-11-20"})
    assert asked.status_code == 302
    assert 'hx-trigger="every 1s"' in lin.get(asked["Location"]).content.decode()
    run_due(clock=lambda: noon + timedelta(days=400))
    with atomic():
        job = Job.objects.get()

    file = lin.get(f"/jobs/{job.pk}/download/")
    assert b"".join(file)[:5] == b"%PDF-"
    file.close()
    assert client_for("wu").get(f"/jobs/{job.pk}/download/").status_code == 404
    with atomic():
        assert AuditEntry.objects.filter(event="job.downloaded").count() == 1


def test_a_day_that_is_none_is_explained(client_for: Callable[[str], Client]) -> None:
    lin = client_for("lin")

    response = lin.post("/transactions/day-summary/", {"on": "soon"})

    assert (response.status_code, response["Location"]) == (302, "/overview/")
    with atomic():
        assert Job.objects.count() == 0
