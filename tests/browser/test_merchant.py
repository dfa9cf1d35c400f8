"""What a merchant does in a browser: looks at the day, searches, turns pages, takes a file."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db.transaction import atomic
from django.utils import timezone
from playwright.sync_api import Page, expect

from terminals.fleet.models import Terminal
from tests.browser.conftest import PHONE, OpenAs, axe_violations, fits
from tests.cast import Cast
from tests.make import make_terminal
from tests.transactions.rows import built, prepare_months, put

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
APPEARS_MS = 4000  # two seconds between pulses, and a slow machine


@pytest.fixture
def now() -> datetime:
    """The moment at which the pages are looked at."""
    return timezone.now()


@pytest.fixture
def terminal(cast: Cast, now: datetime) -> Terminal:
    """Noodle House's terminal."""
    return make_terminal("N9A041041", merchant=cast.noodle, store=cast.noodle_store, now=now)


@pytest.fixture
def sold(terminal: Terminal, now: datetime) -> list[str]:
    """Sixty sales of the last hour, every tenth declined, one of them given back in part."""
    prepare_months(now - timedelta(days=1), now)
    rows = put(
        built(
            terminal, n, occurred_at=now - timedelta(minutes=n),
            status="DECLINED" if n % 10 == 0 else "APPROVED",
            response_code="51" if n % 10 == 0 else "00",
            card_last4="0417" if n % 2 else "0418",
        )
        for n in range(1, 61)
    )  # fmt: skip
    first = rows[0]
    put([
        built(terminal, 100, occurred_at=now, kind="REFUND", amount_minor=2500,
              original_id=first.pk, original_date=first.business_date)
    ])  # fmt: skip
    return [row.reference for row in rows]


def rows_of(page: Page) -> int:
    return page.locator("#list tbody tr").count()


def test_a_filter_is_chosen_seen_and_taken_off_again(open_as: OpenAs, sold: list[str]) -> None:
    page = open_as("lin", "/transactions/")
    expect(page.locator("#list tbody tr")).to_have_count(50)

    page.get_by_text("Status", exact=True).first.click()
    page.get_by_label("Declined").check()

    expect(page.locator("#list tbody tr")).to_have_count(6)
    assert page.url.endswith("/transactions/?status=DECLINED")
    expect(page.locator("#export a.btn")).to_have_text("Export 6")
    expect(page.locator("#views [aria-current]")).to_contain_text("Declined")
    page.locator("a.chip").click()
    expect(page.locator("#list tbody tr")).to_have_count(50)
    page.go_back()
    expect(page.locator("#list tbody tr")).to_have_count(6)


def test_the_box_understands_operators_and_the_slash_key_finds_it(
    open_as: OpenAs, sold: list[str]
) -> None:
    page = open_as("lin", "/transactions/")

    page.keyboard.press("/")
    page.keyboard.type("kind:refund amount:<100")

    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert page.url.endswith("/transactions/?kind=REFUND&max=99.99")
    expect(page.locator("#list .summary")).to_contain_text("−¥25.00")


def test_a_new_sale_appears_by_itself_on_the_list_and_on_the_overview(
    open_as: OpenAs, sold: list[str], terminal: Terminal, now: datetime
) -> None:
    pages = [open_as("lin", "/transactions/"), open_as("lin", "/overview/")]

    with atomic():
        row = put([built(terminal, 900, occurred_at=now + timedelta(seconds=1))])[0]

    for page in pages:
        expect(page.get_by_text(row.reference)).to_be_visible(timeout=APPEARS_MS)


def test_rows_that_are_ticked_stay_where_they_are(
    open_as: OpenAs, sold: list[str], terminal: Terminal, now: datetime
) -> None:
    page = open_as("lin", "/transactions/")
    boxes = page.locator("#list tbody [name=ids]")
    boxes.nth(1).check()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.locator(".bulk [data-count]")).to_have_text("3")
    expect(page.locator(".bulk [data-sum]")).to_have_text("¥300.00")

    with page.expect_download() as download:
        page.locator(".bulk button[value=export]").click()
    path = Path(download.value.path())
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [line["reference"] for line in csv.DictReader(file)] == sold[:3]


def test_the_file_holds_what_the_button_says(open_as: OpenAs, sold: list[str]) -> None:
    page = open_as("lin", "/transactions/?status=APPROVED")
    expect(page.locator("#export a.btn")).to_have_text("Export 55")

    with page.expect_download() as download:
        page.locator("#export a.btn").click()

    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 55
    assert sum(round(float(line["net"]) * 100) for line in lines) == 54 * 10_000 - 2500


def test_a_sale_is_opened_by_keyboard_and_tells_its_story(
    open_as: OpenAs, sold: list[str]
) -> None:
    page = open_as("lin", "/transactions/")

    for key in ("j", "j", "Enter"):
        page.keyboard.press(key)

    expect(page).to_have_url(f"http://{page.url.split('/')[2]}/transactions/{sold[0]}/")
    expect(page.locator("h1")).to_have_text("Sale ¥100.00")
    expect(page.get_by_text("Left to refund").locator("..")).to_contain_text("¥75.00")
    expect(page.locator(".timeline li")).to_have_count(3)


def test_columns_are_chosen_and_kept(open_as: OpenAs, sold: list[str]) -> None:
    page = open_as("lin", "/transactions/")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("RRN", exact=True).check()
    page.get_by_label("Compact rows").check()
    page.get_by_role("button", name="Save columns").click()

    expect(page.locator("#list thead")).to_contain_text("RRN")
    expect(page.locator("table.compact")).to_have_count(1)


def test_the_list_works_without_javascript(open_as: OpenAs, sold: list[str]) -> None:
    page = open_as("lin", "/transactions/", java_script_enabled=False)

    page.get_by_text("Status", exact=True).first.click()
    page.get_by_label("Declined").check()
    page.get_by_role("button", name="Apply").click()
    assert rows_of(page) == 6
    page.locator("a.row-link").first.click()
    expect(page.locator("h1")).to_have_text("Sale ¥100.00")
    expect(page.locator(".notice.bad")).to_contain_text("Not enough money on the account")


def test_the_overview_asks_and_answers(open_as: OpenAs, sold: list[str]) -> None:
    page = open_as("lin", "/overview/")

    expect(page.locator(".kpi .value").first).to_have_text("¥5,375.00")
    page.locator(".kpi details").first.click()
    expect(page.get_by_text("before fees")).to_be_visible()
    page.get_by_text("Show as table").click()
    expect(page.locator(".fold table")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("t")
    expect(page).to_have_url(page.url.partition("?")[0] + "?period=today")


PAGES = ["/transactions/", "/transactions/?q=0417&status=APPROVED&min=x", "/overview/", "DETAIL"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    open_as: OpenAs, sold: list[str], path: str, scheme: str
) -> None:
    path = f"/transactions/{sold[9]}/" if path == "DETAIL" else path
    for size in (PHONE, None):
        more = {"viewport": size} if size else {}
        page = open_as("lin", path, color_scheme=scheme, **more)
        assert fits(page)
        assert axe_violations(page) == []


def test_nothing_scrolls_sideways_on_the_narrowest_phone(open_as: OpenAs, sold: list[str]) -> None:
    for path in ("/transactions/", "/overview/", f"/transactions/{sold[0]}/"):
        assert fits(open_as("lin", path, viewport={"width": 320, "height": 640}))
