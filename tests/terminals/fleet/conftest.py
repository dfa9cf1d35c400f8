"""Who works on the fleet's pages."""

import pytest
from django.test import Client

from tests.cast import Cast
from tests.door import open_session


@pytest.fixture
def operator(cast: Cast) -> Client:
    """Olga, who has just proven herself."""
    client = Client()
    proven = ("terminal.provision", "terminal.reinstate")
    open_session(client, cast.user("olga"), proven=proven)
    return client
