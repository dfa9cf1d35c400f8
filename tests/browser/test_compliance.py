"""Compliance at work: find what happened, read it, take it along with a reason."""

import json
import os
import re
from pathlib import Path

import pytest
from django.db.transaction import atomic
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.audit.actions import record
from portal.audit.models import AuditEntry, Outcome
from portal.kit.scope import through_gate
from tests.browser.conftest import PHONE, WIDE, OpenAs, axe_violations, fits
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def history(cast: Cast) -> None:
    """A day of acts and refusals."""
    now = timezone.now()
    lin, mei, olga = (cast.actor(name) for name in ("lin", "mei", "olga"))
    with atomic():
        for number in range(60):
            record(lin, "user.signed_out", cast.user("lin"), now=now.replace(second=number))
        record(
            mei,
            "access.refused",
            "page",
            now=now,
            outcome=Outcome.REFUSED,
            permission="transaction.export",
            path="/transactions/export/",
        )
        cast.noodle.status, cast.noodle.suspended_at = "SUSPENDED", now
        cast.noodle.save()
        record(olga, "merchant.suspended", cast.noodle, now=now, because="Asked by the court")


def keep(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_search_is_narrowed_by_a_click_and_read_to_the_end(
    open_as: OpenAs, history: None
) -> None:
    page = open_as("carol", "/audit/")
    expect(page.locator("tbody tr")).to_have_count(50)

    page.get_by_text("Outcome", exact=True).first.click()
    page.locator("input[name=outcome][value=REFUSED]").check()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/audit/\?outcome=REFUSED$"))
    page.locator("a.chip").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Next").click()

    expect(page.get_by_role("link", name="Previous")).to_be_visible()


def test_a_change_is_read_before_and_after(open_as: OpenAs, history: None) -> None:
    page = open_as("carol", "/audit/?event=row.update&rows=on")

    page.locator("tbody a.row-link").first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Row changed")
    expect(page.get_by_role("row", name="Status Active Suspended")).to_be_visible()


def test_the_file_is_asked_for_with_a_reason_and_holds_the_filter(
    open_as: OpenAs, history: None, complaints: list[str]
) -> None:
    page = open_as("carol", "/audit/?actor=mei", proven=("audit.export",))
    page.get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("alert").or_(page.locator(".errors")).first).to_be_visible()
    # a form that comes back with its errors is no fault of the page
    assert [text for text in complaints if "status of 422" not in text] == []
    complaints.clear()

    page.get_by_label("JSON lines, for programs").check()
    page.get_by_label("Reason").fill("Order 7 of the regulator")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()

    lines = [json.loads(line) for line in waiting.value.path().read_bytes().splitlines()]
    assert [line["event"] for line in lines] == ["access.refused"]
    with atomic():
        entry = AuditEntry.objects.get(event="audit.exported")
    assert (entry.details["rows"], entry.details["reason"]) == (1, "Order 7 of the regulator")


def test_without_a_fresh_proof_the_export_asks_for_the_code(open_as: OpenAs) -> None:
    page = open_as("ada", "/audit/export/")

    assert "/step-up/" in page.url


def test_everything_works_without_javascript(open_as: OpenAs, history: None) -> None:
    page = open_as("carol", "/audit/", java_script_enabled=False)

    page.locator("input[name=q]").fill("mei")
    page.get_by_role("button", name="Apply").click()

    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a.row-link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Access refused")


LOOKS = [
    (language, theme, width)
    for language in ("zh-hans", "en")
    for theme in ("LIGHT", "DARK")
    for width in ("wide", "phone")
]


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
def test_every_page_can_be_read_by_everybody(
    open_as: OpenAs, cast: Cast, history: None, look: tuple[str, str, str]
) -> None:
    language, theme, width = look
    with atomic():
        entry = AuditEntry.objects.filter(event="row.update").latest("at")
        act = AuditEntry.objects.get(event="merchant.suspended")
    on = f"{timezone.now():%Y-%m-%d}"
    pages = {
        "search": "/audit/",
        "filtered": "/audit/?outcome=REFUSED&since=yesterday&actor=mei",
        "empty": "/audit/?q=nobody",
        "row": f"/audit/{on}/{entry.pk}/",
        "act": f"/audit/{on}/{act.pk}/",
        "export": "/audit/export/?actor=lin",
        "files": "/jobs/",
    }
    with atomic(), through_gate():
        User.objects.filter(pk=cast.user("carol").pk).update(language=language, theme=theme)
    window = WIDE if width == "wide" else PHONE
    page = open_as("carol", "/audit/", proven=("audit.export",), viewport=window)
    for name, path in pages.items():
        page.goto(path)
        keep(page, f"audit-{name}-{language}-{theme.lower()}-{width}")

        assert axe_violations(page) == [], name
        assert fits(page), name
