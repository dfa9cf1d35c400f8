"""The terminal that reports."""

import pytest

from terminals.management.simulator.device import Device
from tests.cast import Cast
from tests.device import signed_in


@pytest.fixture
def device(cast: Cast) -> Device:
    """A terminal of Noodle House that is signed in."""
    return signed_in("A1041000", merchant=cast.noodle, store=cast.noodle_store)
