"""Raw lines to the test database, and two merchants to look at through them."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests import psql
from tests.psql import House, Link, connect


@pytest.fixture(scope="module")
def houses(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[House, House]]:
    """Two merchants, with a row of each in every table of merchants' rows."""
    with psql.furnished(django_db_blocker) as made:
        yield made


@pytest.fixture
def link(django_db_setup: None) -> Iterator[Link]:
    """A line of the application's login."""
    with connect() as line:
        yield line


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[Link]:
    """A line of the owner of the tables."""
    with connect("owner") as line:
        yield line
