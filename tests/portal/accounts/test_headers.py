"""What every answer carries, whatever its status; and that forms of others change nothing."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from django.db.transaction import atomic
from django.test import Client
from pytest_django import Settings

from portal.accounts.roles import STEP_UP
from portal.accounts.route_list import list_routes
from portal.kit.scope import WORKER, acting_as
from tests.addresses import UNSAFE, Answer, pages, read, sample_path
from tests.cast import Cast, assemble
from tests.door import open_session

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
POLICY = {
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
}
FORMS = "application/x-www-form-urlencoded"


def missing(answer: Answer) -> dict[str, str]:
    """The headers that are not as they should be."""
    wrong = {
        name: answer.get(name, "")
        for name, value in HEADERS.items()
        if answer.get(name, "") != value
    }
    policy = set(answer.get("Content-Security-Policy", "").split("; "))
    return wrong if policy >= POLICY else {**wrong, "Content-Security-Policy": str(policy)}


def test_every_page_carries_every_header_for_everybody(client: Client, cast: Cast) -> None:
    client.raise_request_exception = False
    wrong = {}
    for who in ("", "lin", "olga", "carol"):
        for line in pages():
            if who:
                open_session(client, cast.user(who), proven=tuple(STEP_UP))
            answer = read(client.get(sample_path(line)))
            if found := missing(answer):
                wrong[f"{line.path} {answer.status_code}"] = found

    assert wrong == {}


def statuses(client: Client, cast: Cast) -> dict[int, Answer]:
    """One answer of each kind."""
    client.raise_request_exception = False
    strict = Client(enforce_csrf_checks=True)
    signed_in = Client()
    open_session(signed_in, cast.user("lin"))
    for n in range(11):
        tired = client.post("/sign-in/", {"username": "x", "password": f"wrong {n}"})
    return {
        answer.status_code: answer
        for answer in (
            signed_in.get("/security/"),
            client.get("/security/"),
            client.get("/sign-in/", HTTP_HOST="evil.example"),
            strict.post("/sign-in/", {}),
            client.get("/no-such-page/"),
            client.put("/sign-in/"),
            client.post("/sign-in/", "a=" + "b" * 1_100_000, content_type=FORMS),
            signed_in.post("/security/preferences/", {"theme": "PINK"}),
            tired,
        )
    }


def test_every_kind_of_answer_carries_them(client: Client, cast: Cast) -> None:
    answers = statuses(client, cast)

    assert sorted(answers) == [200, 302, 400, 403, 404, 405, 413, 422, 429]
    assert {status: missing(answer) for status, answer in answers.items() if missing(answer)} == {}


def test_an_answer_to_a_failure_carries_them_too(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("django.shortcuts.render", fail)
    monkeypatch.setattr("portal.accounts.views.frame.render", fail)
    open_session(client, cast.user("lin"))
    client.raise_request_exception = False

    answer = client.get("/roles/")

    assert (answer.status_code, missing(answer)) == (500, {})
    assert "ZeroDivisionError" not in answer.content.decode()


def test_static_files_carry_them_but_may_be_kept() -> None:
    (Path(settings.STATIC_ROOT) / "probe.css").write_text("p { margin: 0 }")

    answer = read(Client().get("/static/probe.css"))

    assert answer.status_code == 200
    assert set(missing(answer)) == {"Cache-Control"}
    assert "max-age" in answer["Cache-Control"]


def test_cookies_are_locked_away_in_production(client: Client, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.LANGUAGE_COOKIE_SECURE = True
    client.get("/sign-in/")
    client.post("/language/", {"language": "en"})

    for name, cookie in client.cookies.items():
        assert (name, cookie["secure"], cookie["httponly"], cookie["samesite"]) == (
            name,
            True,
            True,
            "Lax",
        )


def unsafe_routes() -> list[tuple[str, str]]:
    """Every page that takes more than GET, with its method."""
    return [
        (sample_path(line), method)
        for line in pages()
        for method in line.methods
        if method in UNSAFE
    ]


@pytest.mark.parametrize("forged", ["no token", "another token", "another site"])
def test_a_form_of_another_site_is_refused_everywhere(cast: Cast, forged: str) -> None:
    client = Client(enforce_csrf_checks=True)
    open_session(client, cast.user("olga"), proven=tuple(STEP_UP))
    client.get("/security/")
    token = client.cookies["csrf"].value
    fields: dict[str, dict[str, str]] = {
        "no token": {},
        "another token": {"csrfmiddlewaretoken": "a" * 64},
        "another site": {"csrfmiddlewaretoken": token},
    }
    origin = {"Origin": "https://evil.example"} if forged == "another site" else {}

    passed = [
        (address, method)
        for address, method in unsafe_routes()
        if client.post(address, fields[forged], headers=origin).status_code != 403
    ]

    assert (len(unsafe_routes()) > 20, passed) == (True, [])


def test_our_own_form_passes(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    open_session(client, cast.user("lin"))
    client.get("/security/")

    answer = client.post(
        "/security/sessions/end-others/",
        {"csrfmiddlewaretoken": client.cookies["csrf"].value},
        HTTP_ORIGIN="http://testserver",
    )

    assert answer.status_code == 302


def picture() -> dict[str, str]:
    """A digest of every table; the log apart, which also notes who looked."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition"
            " and relname not in ('portal_auditentry', 'django_session')"
        )
        tables = [row[0] for row in cursor.fetchall()]
        digests = {}
        for table in tables:
            cursor.execute(
                "select md5(coalesce(string_agg(t::text, '' order by t::text), ''))"
                f" from {table} t"
            )
            digests[table] = cursor.fetchone()[0]
    return digests


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
@pytest.mark.parametrize("who", ["lin", "olga", "carol"])
def test_opening_every_page_changes_nothing(client: Client, who: str) -> None:
    with acting_as(WORKER), atomic():
        open_session(client, assemble().user(who), proven=tuple(STEP_UP))
    client.raise_request_exception = False
    before = picture()

    for line in list_routes():
        read(client.get(sample_path(line)))
        read(client.head(sample_path(line)))

    assert picture() == before
