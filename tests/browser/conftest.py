"""A real browser in front of the real server, signed in as one of the cast."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.conf import settings
from django.db.transaction import atomic
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize
from pytest_django.live_server_helper import LiveServer

from portal.kit.scope import WORKER, acting_as
from portal.testing import chromium
from tests.cast import Cast
from tests.door import open_session
from tests.surroundings import BESIDE_A_LOOP

os.environ.setdefault(BESIDE_A_LOOP, "1")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
OpenAs = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Use this machine's Chromium, which talks to nobody but us."""
    return {**browser_type_launch_args, "executable_path": chromium(), "args": FLAGS}


@pytest.fixture
def complaints() -> list[str]:
    """What the console said against a page; a test may look at it and must leave none."""
    return []


@pytest.fixture
def open_as(
    cast: Cast, browser: Browser, live_server: LiveServer, complaints: list[str]
) -> Iterator[OpenAs]:
    """Open a page as somebody, in a browser of their own; afterwards none has complained."""
    contexts = []

    def open_page(name: str, path: str, *, proven: tuple[str, ...] = (), **context: Any) -> Page:
        client = Client()
        with acting_as(WORKER), atomic():
            open_session(client, cast.user(name), proven=proven)
        wanted = {"viewport": WIDE, "locale": "zh-CN", "timezone_id": "Asia/Shanghai", **context}
        contexts.append(browser.new_context(base_url=live_server.url, **wanted))
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        contexts[-1].add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}]
        )
        page = contexts[-1].new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def axe_violations(page: Page) -> list[str]:
    """Check a page against WCAG 2.2 A and AA; return what is wrong, rule and element."""
    # evaluate, not a script tag: the policy of our pages allows no foreign script
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def fits(page: Page) -> bool:
    """Say whether nothing makes the page scroll sideways."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)
