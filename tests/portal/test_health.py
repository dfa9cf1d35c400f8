"""What machines ask: alive, ready, counters, schema, whom to tell."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from portal import checks, health
from portal.celery import app
from portal.jobs.actions import enqueue
from tests.cast import BORN

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
PARTS = ["broker", "database", "guards", "migrations", "storage"]


@pytest.fixture
def client() -> Client:
    """A client that nobody has signed in."""
    return Client()


def parts(client: Client) -> dict[str, dict[str, object]]:
    return dict(client.get("/readyz").json()["parts"])


def broken(client: Client) -> list[str]:
    return sorted(name for name, part in parts(client).items() if not part["ok"])


def test_the_process_answers_without_asking_anybody(
    client: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        response = client.get("/healthz")

    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_with_everything_there_it_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert sorted(response.json()["parts"]) == PARTS
    assert [part["ok"] for part in response.json()["parts"].values()] == [True] * 5


def test_without_plpgsql_it_is_not_ready(client: Client) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("alter function pos_alive() rename to pos_gone")
    try:
        response = client.get("/readyz")
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("alter function pos_gone() rename to pos_alive")

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json()["parts"]["database"]["why"] == "ProgrammingError"


def test_with_a_migration_missing_it_is_not_ready(client: Client) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "delete from django_migrations where app = 'portal' and name ~ '^0003'"
            " returning app, name, applied"
        )
        row = cursor.fetchone()
    try:
        assert broken(client) == ["migrations"]
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "insert into django_migrations (app, name, applied) values (%s, %s, %s)", row
            )


def test_with_the_broker_away_it_is_not_ready(client: Client) -> None:
    before = app.conf.broker_url
    app.conf["broker_url"] = "redis://127.0.0.1:1/0"
    try:
        assert broken(client) == ["broker"]
    finally:
        app.conf["broker_url"] = before


def test_with_no_place_for_files_it_is_not_ready(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file" / "media"

    assert broken(client) == ["storage"]


@pytest.fixture
def unguarded() -> Iterator[None]:
    """A database in which one table forgot its row-level security."""
    checks._asked["clean"] = False
    with connections["owner"].cursor() as cursor:
        cursor.execute("alter table merchants_store no force row level security")
    yield
    with connections["owner"].cursor() as cursor:
        cursor.execute("alter table merchants_store force row level security")


def test_without_row_level_security_it_is_not_ready(client: Client, unguarded: None) -> None:
    assert parts(client)["guards"]["why"] == "portal.E014"


def test_ready_says_nothing_of_the_inside(client: Client, settings: Settings) -> None:
    said = client.get("/readyz").content.decode()

    assert settings.BROKER_URL not in said
    assert "pos_" not in said


def test_the_counters_are_for_this_machine_or_the_token(
    client: Client, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "meter"
    remote = {"REMOTE_ADDR": "192.0.2.1"}

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **remote).status_code == 404  # type: ignore[arg-type]
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    wrong = client.get("/metrics", headers={"Authorization": "Bearer x"}, **remote)  # type: ignore[arg-type]
    right = client.get("/metrics", headers={"Authorization": "Bearer meter"}, **remote)  # type: ignore[arg-type]
    assert (wrong.status_code, right.status_code) == (404, 200)


def test_without_a_token_set_none_is_right(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    answer = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="192.0.2.1")

    assert answer.status_code == 404


def test_what_waits_is_counted(client: Client) -> None:
    enqueue(topic="mail.security", effect_key="1", payload={}, now=BORN)

    said = client.get("/metrics").content.decode()

    assert 'countinghouse_waiting{what="outbox_unsent"} 1.0' in said
    assert "django_http_requests_total_by_method_total" in said


def test_the_schema_is_openapi_31_of_every_endpoint(client: Client) -> None:
    health._schema.cache_clear()
    made = json.loads(client.get("/api/schema/").content)

    assert made["openapi"] == "3.1.0"
    assert set(made["paths"]) >= {
        "/api/device/v1/activate",
        "/api/device/v1/heartbeat",
        "/api/device/v1/sign-in",
        "/api/device/v1/sign-out",
        "/api/device/v1/transactions",
        "/api/device/v1/transactions/batch",
    }
    refs = set(_references(made))
    assert {
        ref for ref in refs if ref.split("/")[-1] not in made["components"]["schemas"]
    } == set()
    assert "deviceSignature" in made["components"]["securitySchemes"]


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def test_whoever_finds_a_weakness_learns_whom_to_tell(client: Client) -> None:
    response = client.get("/.well-known/security.txt")

    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert sorted(fields) == ["Canonical", "Contact", "Expires", "Preferred-Languages"]
    assert fields["Contact"] == "mailto:security@localhost"
