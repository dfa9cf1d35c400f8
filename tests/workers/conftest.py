"""What the workers of one test leave must not be found by the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings


@pytest.fixture(autouse=True)
def _no_files() -> Iterator[None]:
    """Remove the files that jobs made."""
    yield
    for path in (Path(settings.MEDIA_ROOT) / "jobs").glob("*"):
        path.unlink()
