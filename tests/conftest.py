"""The cast, the clock and the database under the roles that production uses."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import OperationalError, connections
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from portal.accounts.models import User
from portal.kit.actor import Actor
from portal.kit.scope import WORKER, acting_as
from portal.templatetags.kept import Kept
from tests import cast as people
from tests.claims import together, unchanged

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLEANINGS = 5
OF_MIGRATIONS = (
    "insert into terminals_ingestwatermark (id, resumed_at) values (1, now())"
    " on conflict do nothing"
)


@pytest.fixture(autouse=True, scope="session")
def _plain_static() -> Iterator[None]:
    """Name static files without the digests that collecting them would give."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        yield


@pytest.fixture(autouse=True, scope="session")
def _compare_what_is_kept() -> None:
    """Render parts of pages that are kept again, and compare: a key that lacks a value fails."""
    Kept.compare = True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Hang up before the test database is dropped; only the owner's own line is closed for us."""
    yield
    with django_db_blocker.unblock():
        connections["default"].close()


@pytest.fixture(autouse=True)
def _as_worker(_django_db_marker: None) -> Iterator[None]:
    """Run each test as the worker's role; pages and doors take their own."""
    with acting_as(WORKER):
        yield


@pytest.fixture(autouse=True)
def _swept(request: pytest.FixtureRequest, _as_worker: None) -> Iterator[None]:
    """Give a test that commits the row that a migration made, and take away what it left.

    Given before and not put back after: Django empties every table once more behind us.
    """
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits:
        with connections["owner"].cursor() as cursor:
            cursor.execute(OF_MIGRATIONS)
    yield
    if commits:
        _clean()


def _clean() -> None:
    """Empty every table as the owner: the application may not, which is the point.

    A server that a test started may still be finishing a request; then one of the two is
    the database's choice to give way, and it is tried again.
    """
    for _attempt in range(CLEANINGS):
        try:
            _empty()
        except OperationalError as locked:
            refused = locked
        else:
            return
    raise refused


def _empty() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "select string_agg(quote_ident(relname), ', ') from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
            " and not relispartition and relname not in"
            " ('django_migrations', 'django_content_type', 'auth_permission')"
        )
        tables = cursor.fetchone()[0]
        cursor.execute(f"truncate {tables}")


@pytest.fixture
def noon() -> datetime:
    """A moment: 2026-11-20 12:00 in Shanghai."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=SHANGHAI)


@pytest.fixture
def cast(_as_worker: None) -> people.Cast:
    """Everybody, and the two merchants they belong to."""
    return people.assemble()


@pytest.fixture
def lin(cast: people.Cast) -> Actor:
    """Owner of Noodle House."""
    return cast.actor("lin")


@pytest.fixture
def mei(cast: people.Cast) -> Actor:
    """Cashier of Noodle House."""
    return cast.actor("mei")


@pytest.fixture
def wu(cast: people.Cast) -> Actor:
    """Owner of Tea House, a stranger to Noodle House."""
    return cast.actor("wu")


@pytest.fixture
def olga(cast: people.Cast) -> Actor:
    """Operator."""
    return cast.actor("olga")


@pytest.fixture
def carol(cast: people.Cast) -> Actor:
    """Compliance."""
    return cast.actor("carol")


@pytest.fixture
def client_for(cast: people.Cast) -> Callable[[str], Client]:
    """Return a browser-less client signed in with both factors as one of the cast."""

    def sign_in(name: str) -> Client:
        return people.signed_in(cast.user(name))

    return sign_in


@pytest.fixture(name="together")
def _together() -> Callable[..., dict[str, int]]:
    """Run one function in many threads and count how each ended."""
    return together


@pytest.fixture(name="unchanged")
def _unchanged() -> Callable[..., AbstractContextManager[None]]:
    """Assert that a block changes neither the rows given nor the log."""
    return unchanged


__all__ = ["User"]
