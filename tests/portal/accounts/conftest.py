"""The authenticators' clock, and a person with an authenticator."""

from datetime import datetime

import pytest
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from tests.cast import Cast
from tests.door import Clock, give_authenticator


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the one-time-code library reads, at a step's beginning."""
    clock = Clock(1_800_000_000)
    monkeypatch.setattr("django_otp.oath.time", clock)
    return clock


@pytest.fixture
def owner(cast: Cast) -> User:
    """Lin."""
    return cast.user("lin")


@pytest.fixture
def seed(owner: User, clock: Clock, noon: datetime) -> bytes:
    """The secret of Lin's authenticator."""
    return give_authenticator(owner, now=noon)


@pytest.fixture(autouse=True)
def _in_english(settings: Settings) -> None:
    """Let signed-out pages speak the language that these tests read."""
    settings.LANGUAGE_CODE = "en"
