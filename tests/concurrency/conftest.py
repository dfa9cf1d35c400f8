"""Who is there when many act at once."""

import pytest
from django.db.transaction import atomic

from portal.kit.scope import WORKER, acting_as
from tests.cast import Cast, assemble


@pytest.fixture
def everybody() -> Cast:
    """The cast, committed."""
    with acting_as(WORKER), atomic():
        return assemble()
