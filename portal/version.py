"""The version, read from the changelog: its one source."""

import re
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def _newest(text: str) -> str:
    found = re.search(r"^## v(\d+\.\d+(?:\.\d+)?)", text, re.MULTILINE)
    return found.group(1) if found else "0"


VERSION = _newest(CHANGELOG.read_text(encoding="utf-8"))
