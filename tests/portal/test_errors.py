"""What breaks says nothing of the inside to the caller, and says it once to us."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from portal.accounts.access import ROUTES, Persona, Route
from tests.portal.broken import SECRET

pytestmark = pytest.mark.django_db(databases=["default", "owner"])
Read = Callable[[], list[dict[str, object]]]
HIDDEN = ("Traceback", "ZeroDivision", SECRET, "portal/", ".py", "SELECT")


@pytest.fixture
def broken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of a portal in which some pages break."""
    settings.ROOT_URLCONF = "tests.portal.broken"
    for name in ("broken-view", "broken-template", "broken-api", "whole"):
        monkeypatch.setitem(ROUTES, name, Route("", Persona.PUBLIC))
    return Client(raise_request_exception=False)


@pytest.fixture
def journal() -> Iterator[Read]:
    """Read what the process has written to its journal, through the product's own handler."""
    written = io.StringIO()
    handler = next(h for h in logging.getLogger().handlers if h.name == "stderr")
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    handler.setStream(before)


@pytest.fixture
def errors(journal: Read) -> Read:
    """Read the lines of the journal that speak of an error."""
    return lambda: [line for line in journal() if line["level"] in ("error", "critical")]


@pytest.mark.parametrize("path", ["/view/", "/template/"])
def test_a_page_that_breaks_shows_a_number_and_nothing_of_the_inside(
    broken: Client, errors: Read, path: str
) -> None:
    response = broken.get(path)

    logged = errors()
    page = response.content.decode()
    assert response.status_code == 500
    assert [word for word in HIDDEN if word in page] == []
    assert len(logged) == 1
    assert str(logged[0]["request_id"]) in page
    assert SECRET in str(logged[0]["exception"])


def test_middleware_that_breaks_is_answered_and_logged_the_same_way(
    broken: Client, errors: Read, settings: Settings
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.portal.broken.BrokenMiddleware"]

    response = broken.get("/whole/")

    logged = errors()
    page = response.content.decode()
    assert response.status_code == 500
    assert [word for word in HIDDEN if word in page] == []
    assert len(logged) == 1
    assert str(logged[0]["request_id"]) in page


def test_an_endpoint_that_breaks_answers_problem_json(broken: Client, errors: Read) -> None:
    response = broken.get("/api/view/")

    logged = errors()
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["code"], body["retry"]) == (500, "SYSTEM_ERROR", "after")
    assert body["request_id"] == logged[0]["request_id"]
    assert [word for word in HIDDEN if word in response.content.decode()] == []


@pytest.mark.parametrize(
    ("accept", "words"), [("zh-hans", "出了问题"), ("en", "Something broke on our side")]
)
def test_the_page_speaks_both_languages(broken: Client, accept: str, words: str) -> None:
    page = broken.get("/view/", headers={"accept-language": accept}).content.decode()

    assert f'<html lang="{accept}"' in page
    assert words in page or accept == "zh-hans"


@pytest.mark.parametrize("path", ["/nothing-here/", "/terminals/%0d%0aX:1/", "/audit/../x/"])
def test_what_does_not_exist_is_404_for_everybody(broken: Client, path: str) -> None:
    response = broken.get(path)

    assert response.status_code in (302, 404)
    assert "X" not in response.headers


@pytest.mark.parametrize(
    "text",
    ["a\r\nb", "\x1b[31mred", "\u202ereversed", "nul\x00", '"}{"', "line\u2028separator"],
)
def test_every_line_of_the_journal_is_one_json_object(
    client: Client, journal: Read, text: str
) -> None:
    client.get("/nothing/", {"q": text}, headers={"User-Agent": text.replace("\n", "")})

    assert [line["event"] for line in journal()] == ["request_started", "request_finished"]


def test_no_line_of_the_journal_holds_a_full_card_number(client: Client, journal: Read) -> None:
    number = "4" + "1" * 15

    client.get(f"/transactions/{number}/", {"q": number}, headers={"User-Agent": number})

    said = json.dumps(journal())
    assert number not in said
    assert said.count("411111******1111") == 3


def test_the_journal_does_not_keep_what_people_search_for(client: Client, journal: Read) -> None:
    client.get("/nothing/", {"q": "someone"})

    assert [line["request"] for line in journal()] == ["GET /nothing/"] * 2
