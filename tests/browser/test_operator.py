"""An operator at work, in a real browser."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.transaction import atomic
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.accounts.models import User
from portal.kit.scope import through_gate
from terminals.fleet.actions import custody
from terminals.fleet.models import RegisteredSerial, Terminal, TerminalStatus
from terminals.presence.models import Link, LinkEvent, Liveness
from tests.browser.conftest import PHONE, WIDE, OpenAs, axe_violations, fits
from tests.cast import Cast
from tests.make import FLEET_MAKER, make_terminal, make_terminals

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PROVEN = ("terminal.provision", "terminal.reinstate")
FIRST, SECOND, WAITING = SERIALS = ["N9A012132", "N9A012095", "N9A011984"]


@pytest.fixture
def fleet(cast: Cast) -> None:
    """One terminal that does well, one that is suspended and silent, one to be activated."""
    now = timezone.now() - timedelta(minutes=1)
    with atomic():
        noodle, store = cast.noodle, cast.noodle_store
        well, silent = (
            make_terminal(serial, merchant=noodle, store=store, now=now)
            for serial in (FIRST, SECOND)
        )
        make_terminals([WAITING], merchant=noodle, store=store, now=now)
        custody.suspend(silent, reason="MOVED", because="x", actor=FLEET_MAKER, now=now)
        for terminal, link in ((well, Link.ONLINE), (silent, Link.OFFLINE)):
            Liveness.objects.create(
                terminal=terminal,
                merchant_id=terminal.merchant_id,
                link=link,
                last_seen_at=now,
                said={"power": {"source": "battery", "battery_pct": 9}, "net": {"type": "4g"}},
            )
        LinkEvent.objects.create(
            terminal=silent,
            merchant_id=silent.merchant_id,
            epoch=1,
            old_link="ONLINE",
            new_link="OFFLINE",
            occurred_at=now - timedelta(hours=3),
            cause="sweep",
        )


@atomic
def _statuses() -> dict[str, str]:
    return dict(Terminal.objects.values_list("serial", "status"))


def _import_list(page: Page, folder: Path) -> None:
    file = folder / "一月.csv"
    lines = ["厂商,型号,序列号", *(f"新大陆,N910,{serial}" for serial in SERIALS)]
    file.write_bytes("\r\n".join([*lines, "新大陆,N910,??"]).encode("gb18030"))
    page.get_by_label("Maker's list").set_input_files(file)
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.get_by_role("heading", name="一月.csv")).to_be_visible()
    expect(page.get_by_text("Not a serial number")).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Import 3 serial numbers").click()
    expect(page.get_by_text("3 new serial numbers.").first).to_be_visible()


def _provision(page: Page) -> None:
    page.goto("/terminals/provision/")
    page.get_by_label("Merchant number or name").fill("noodle")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Noodle House").click()
    page.get_by_label("Serial numbers").fill("\n".join([*SERIALS, "N9A000000"]))
    page.get_by_role("button", name="Provision").click()
    expect(page.get_by_role("heading", name="3 terminals ready to activate")).to_be_visible()
    expect(page.get_by_label("Serial numbers")).to_have_value("N9A000000")
    assert axe_violations(page) == []


def test_an_operator_imports_a_list_and_provisions_from_it(
    open_as: OpenAs, tmp_path: Path
) -> None:
    page = open_as("olga", "/terminals/register/", proven=PROVEN)

    _import_list(page, tmp_path)
    with atomic():
        assert RegisteredSerial.objects.count() == 3
    _provision(page)
    assert _statuses() == dict.fromkeys(SERIALS, "ALLOCATED")

    page.get_by_role("link", name="Print the codes").click()
    expect(page.locator(".label svg")).to_have_count(3)
    assert axe_violations(page) == []
    page.goto("/terminals/")
    for serial in SERIALS:
        expect(page.get_by_role("link", name=serial)).to_be_visible()


def _suspend(page: Page) -> None:
    page.get_by_role("link", name="Suspend").last.click()
    page.get_by_label("Fees in arrears").check()
    page.get_by_label("What happened").fill("September unpaid")
    page.get_by_role("button", name="Suspend terminal").click()
    expect(page.get_by_text(f"Terminal {FIRST} suspended.").first).to_be_visible()


def test_an_operator_suspends_and_reinstates_a_terminal(open_as: OpenAs, fleet: None) -> None:
    page = open_as("olga", f"/terminals/{FIRST}/", proven=PROVEN)

    _suspend(page)
    expect(page.get_by_text("Suspended: it cannot take payments")).to_be_visible()
    assert _statuses()[FIRST] == TerminalStatus.SUSPENDED

    page.get_by_role("link", name="Reinstate").click()
    page.get_by_label("Why it may take payments again").fill("paid")
    page.get_by_role("button", name="Reinstate terminal").click()
    expect(page.get_by_text("It must sign in again.").first).to_be_visible()
    assert _statuses()[FIRST] == TerminalStatus.ACTIVE


def test_without_a_fresh_proof_provisioning_asks_for_the_code(open_as: OpenAs) -> None:
    page = open_as("olga", "/terminals/provision/")

    assert "/step-up/" in page.url


def test_filters_work_live_and_stay_in_the_address(open_as: OpenAs, fleet: None) -> None:
    page = open_as("olga", "/terminals/")
    first, waiting = (page.get_by_role("link", name=serial) for serial in (FIRST, WAITING))

    page.keyboard.press("/")
    page.keyboard.type("n9a0119")
    expect(first).to_be_hidden()
    expect(page).to_have_url("/terminals/?q=n9a0119")

    page.get_by_role("link", name="Clear all").click()
    expect(first).to_be_visible()
    page.locator("summary", has_text="Status").first.click()
    page.get_by_label("Allocated").check()
    expect(page).to_have_url("/terminals/?status=ALLOCATED")
    expect(waiting).to_be_visible()
    expect(first).to_be_hidden()

    page.go_back()
    expect(first).to_be_visible()


def test_a_merchant_checks_a_serial_and_looks_after_its_own(open_as: OpenAs, fleet: None) -> None:
    page = open_as("mei", "/terminals/")
    page.get_by_role("link", name=SECOND).click()
    expect(page.get_by_text("Moved from its registered place")).to_be_visible()

    page.get_by_role("link", name="Check whether it is genuine").click()
    page.get_by_role("button", name="Check serial number").click()
    expect(page.get_by_text("Genuine, suspended")).to_be_visible()

    page.get_by_label("Serial number").fill("N9AO12132")
    page.get_by_role("button", name="Check serial number").click()
    expect(page.get_by_text("Not in the register")).to_be_visible()
    expect(page.get_by_text("Did you mean:")).to_contain_text(FIRST)


def test_everything_works_without_javascript(open_as: OpenAs, fleet: None) -> None:
    page = open_as("olga", "/terminals/", proven=PROVEN, java_script_enabled=False)

    page.locator("input[name=q]").fill("n9a01213")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name=FIRST).click()
    _suspend(page)
    assert _statuses()[FIRST] == TerminalStatus.SUSPENDED


@atomic
def _speak(cast: Cast, language: str, theme: str) -> None:
    with through_gate():
        user = cast.user("olga")
        User.objects.filter(pk=user.pk).update(language=language, theme=theme)


PAGES = (
    "",
    "?q=nothing",
    f"{FIRST}/",
    f"{SECOND}/",
    f"{FIRST}/suspend/",
    f"{SECOND}/reinstate/",
    f"{WAITING}/issue-code/",
    "register/",
    "provision/",
    "provision/?merchant=M1000000001",
    "verify/",
)


@pytest.mark.parametrize("theme", ["LIGHT", "DARK"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", ["wide", "phone"])
@pytest.mark.usefixtures("fleet")
def test_every_page_can_be_read_by_everybody(
    open_as: OpenAs, cast: Cast, language: str, theme: str, width: str
) -> None:
    _speak(cast, language, theme)
    viewport = WIDE if width == "wide" else PHONE
    page = open_as("olga", "/terminals/", proven=PROVEN, viewport=viewport)

    for path in PAGES:
        page.goto(f"/terminals/{path}")
        assert axe_violations(page) == [], path
        assert fits(page), path
