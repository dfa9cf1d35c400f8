"""A terminal of each merchant of the cast."""

from datetime import datetime

import pytest

from terminals.fleet.models import Terminal
from tests.cast import Cast
from tests.make import make_terminal


@pytest.fixture
def a1041(cast: Cast, noon: datetime) -> Terminal:
    """Noodle House's terminal."""
    return make_terminal("N9A041041", merchant=cast.noodle, store=cast.noodle_store, now=noon)


@pytest.fixture
def b2052(cast: Cast, noon: datetime) -> Terminal:
    """Tea House's terminal."""
    return make_terminal("N9A052052", merchant=cast.tea, store=cast.tea_store, now=noon)
