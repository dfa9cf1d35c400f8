"""What the portal refuses to start with."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.checks import run_checks
from django.db import connections
from pytest_django import Settings

from portal import checks
from tests.architecture.tree import ROOT
from tests.workers.processes import environment

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def found(tag: str = "portal") -> list[str]:
    messages = run_checks(tags=[tag], databases=["default"])
    return sorted(message.id or "" for message in messages)


@contextmanager
def owner_says(now: str, afterwards: str) -> Iterator[None]:
    """Have the owner change the database for the length of a block."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(now)
    try:
        yield
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute(afterwards)


@pytest.fixture(autouse=True)
def _own_host(settings: Settings) -> None:
    """Without the host name that Django's test runner adds."""
    settings.ALLOWED_HOSTS = ["localhost"]


def test_this_installation_is_sound() -> None:
    assert (found(), found(checks.DATABASE_TAG)) == ([], [])


@pytest.mark.parametrize("key", ["short", "a" * 80, "django-insecure-" + "abcdefgh" * 10])
def test_a_secret_key_that_can_be_guessed_is_refused(settings: Settings, key: str) -> None:
    settings.SECRET_KEY = key

    assert found() == ["portal.E001"]


@pytest.mark.parametrize("host", ["*", "portal.example", ".example", "192.0.2.1"])
def test_development_is_for_this_machine_alone(settings: Settings, host: str) -> None:
    settings.DEVELOPMENT = True
    settings.ALLOWED_HOSTS = ["localhost", host]

    assert found() == ["portal.E002"]


@pytest.mark.parametrize(
    ("case", "url", "expected"),
    [
        ("guest of our own", "amqp://guest:guest@127.0.0.1/", ["portal.E003"]),
        ("readable", "amqp://pos:x@broker.example/", ["portal.E004"]),
        ("readable too", "redis://:x@broker.example/0", ["portal.E004"]),
        ("both", "amqp://guest@broker.example/", ["portal.E003", "portal.E004"]),
        ("sound", "amqps://pos:x@broker.example/", []),
        ("our own", "redis://:x@127.0.0.1:7000/0", []),
    ],
)
def test_the_way_to_the_broker(
    settings: Settings, case: str, url: str, expected: list[str]
) -> None:
    settings.BROKER_URL = url

    assert found() == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("", ["portal.E005"]), ("prefer", ["portal.E005"]), ("verify-full", [])],
)
def test_the_way_to_a_database_elsewhere(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, mode: str, expected: list[str]
) -> None:
    elsewhere = {"HOST": "db.example", "OPTIONS": {"sslmode": mode}}
    monkeypatch.setitem(settings.DATABASES, "elsewhere", elsewhere)

    assert found() == expected


def test_without_a_chinese_font_it_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert found() == ["portal.W001"]


@pytest.mark.parametrize(
    ("case", "now", "afterwards", "expected"),
    [
        (
            "no row-level security",
            "alter table merchants_store disable row level security",
            "alter table merchants_store enable row level security",
            ["portal.E014"],
        ),
        (
            "not for the owner",
            "alter table transactions_transaction no force row level security",
            "alter table transactions_transaction force row level security",
            ["portal.E014"],
        ),
        (
            "a partition apart",
            "alter table transactions_transaction_rest disable row level security",
            "alter table transactions_transaction_rest enable row level security",
            ["portal.E014"],
        ),
        (
            "a view that asks as its owner",
            "create view peep as select * from merchants_store",
            "drop view peep",
            ["portal.E014"],
        ),
        (
            "a role that stands above rows",
            "alter role pos_staff createdb",
            "alter role pos_staff nocreatedb",
            ["portal.E011"],
        ),
    ],
)
def test_a_database_whose_guards_are_down_is_refused(
    case: str, now: str, afterwards: str, expected: list[str]
) -> None:
    with owner_says(now, afterwards):
        assert found(checks.DATABASE_TAG) == expected

    assert found(checks.DATABASE_TAG) == []


def test_a_login_that_owns_the_tables_is_refused() -> None:
    messages = checks._look(connections["owner"])

    assert sorted(message.id or "" for message in messages) == ["portal.E011", "portal.E013"]


def run(*command: str, **over: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**environment(), **over},
        capture_output=True,
        check=False,
        text=True,
    )


def test_in_production_form_no_check_has_anything_to_say() -> None:
    key = secrets.token_urlsafe(60)

    done = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING", "--database", "default"),
        DEBUG="0",
        SECRET_KEY=key,
        APP_DATABASE_PASSWORD="x",
    )

    assert (done.returncode, done.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    ), done.stderr


def test_without_a_key_production_does_not_start() -> None:
    done = run("manage.py", "check", DEBUG="0", SECRET_KEY="")

    assert done.returncode == 1
    assert "SECRET_KEY (or SECRET_KEY_FILE) must be set when DEBUG=0" in done.stderr


@pytest.mark.parametrize("program", ["web", "worker"])
def test_no_server_starts_on_a_database_without_guards(program: str) -> None:
    start = {
        "web": ("-c", "import portal.wsgi"),
        "worker": ("-m", "celery", "-A", "portal", "worker", "-c", "1"),
    }
    with owner_says(
        "alter table merchants_store no force row level security",
        "alter table merchants_store force row level security",
    ):
        done = run(*start[program], PATH=os.environ["PATH"])

    assert done.returncode != 0
    assert "Row-level security is not in force on: merchants_store." in done.stderr


def test_a_database_that_is_away_does_not_stop_the_web_server() -> None:
    done = run("-c", "import portal.wsgi", DATABASE_URL="postgres://x@127.0.0.1:1/x")

    assert done.returncode == 0, done.stderr
